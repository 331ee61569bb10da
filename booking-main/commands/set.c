/* booking-main set: what is kept in the database for all engines. */
#include "commands/commands.h"

#include "commands/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct set_options {
    const char *database;
    bool json;
};

static const struct option_entry entries[] = {
    SESSION_DATABASE(set_options),
    {"json", NULL, OPTION_FLAG, offsetof(struct set_options, json), NULL, NULL, "as JSON"},
};

static const struct options options = {
    .program = "booking-main set",
    .usage = "[turnaround MINUTES] [OPTION]...",
    .summary =
        "Sets, or alone shows, what all engines of the database keep to:\n"
        "turnaround: the minutes between a return and the next pickup, 0 to 10080. A car's own,\n"
        "from the fleet file, goes before it. Bookings made before stay as they are.",
    .entries = entries,
    .count = sizeof entries / sizeof entries[0],
};

/* -1 when the text is no number of minutes. */
static int32_t read_minutes(const char *text)
{
    size_t size = strlen(text);
    if (!size || size > 5 || strspn(text, "0123456789") != size)
        return -1;
    long minutes = strtol(text, NULL, 10);
    return minutes <= DESK_TURNAROUND_MAX ? (int32_t)minutes : -1;
}

static int set(struct session *session, int32_t minutes, bool json)
{
    bool good = minutes < 0 ? desk_turnaround(session->desk, &minutes, &session->error)
                            : desk_set_turnaround(session->desk, minutes, &session->error);
    if (!good)
        return session_failed(session);
    printf(json ? "{\"turnaround\":%d}\n" : "turnaround %d\n", minutes);
    return session_printed(session, true);
}

int command_set(int argc, char **argv)
{
    struct set_options values = {0};
    struct session_words words;
    struct session session;
    int32_t minutes = -1;
    int status = session_parse(&options, argc, argv, &values, 0, 2, &words);
    if (status >= 0)
        return status;
    if (words.count && strcmp(words.words[0], "turnaround") != 0)
        return session_usage(&options, "setting", words.words[0],
                             "is not one: there is turnaround");
    if (words.count > 1 && (minutes = read_minutes(words.words[1])) < 0)
        return session_usage(&options, "turnaround", words.words[1],
                             "must be whole minutes, 0 to 10080");
    status = 1;
    if (session_open(&session, &options, values.database))
        status = set(&session, minutes, values.json);
    session_close(&session);
    return status;
}
