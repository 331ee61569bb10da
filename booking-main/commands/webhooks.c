/* booking-main webhooks: what partners are yet to be told, and what was given up. */
#include "commands/commands.h"

#include "commands/session.h"
#include "commands/table.h"
#include "lib/base/timestamp.h"
#include "lib/json/writer.h"
#include "store/changes/webhooks_document.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 50, ALL = 1000000, DOCUMENT_MAX = 1 << 30 };

struct webhooks_options {
    const char *database, *channel, *state;
    unsigned limit;
    bool json;
};

#define FIELD(name) offsetof(struct webhooks_options, name)

static const struct option_entry entries[] = {
    SESSION_DATABASE(webhooks_options),
    {"channel", NULL, OPTION_TEXT, FIELD(channel), "NAME", NULL, "this partner's only"},
    {"state", NULL, OPTION_TEXT, FIELD(state), "STATE", NULL, "waiting or given_up"},
    SESSION_LIMIT(webhooks_options),
    SESSION_JSON(webhooks_options),
};

static const struct options options = {
    .program = "booking-main webhooks",
    .usage = "[list | again ID | again all | test CHANNEL] [OPTION]...",
    .summary =
        "Lists the webhooks that wait or were given up, sends one or all that were given up\n"
        "again, or has a channel's engine send a test.",
    .entries = entries,
    .count = sizeof entries / sizeof entries[0],
};

static const struct column columns[] = {
    {"ID", 0, 0, true},        {"CHANNEL", 7, 0, false}, {"TYPE", 0, 0, false},
    {"BOOKING", 0, 2, false},  {"STATE", 0, 0, false},   {"TRIES", 0, 1, true},
    {"NEXT TRY", 0, 3, false}, {"WHY", 20, 0, false},
};

struct listing {
    struct table *table; /* NULL for JSON */
    struct buffer json;
    unsigned limit, count;
    bool more;
};

static void add_number(struct table *table, int64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)number);
    table_add(table, text);
}

static bool add_summary(void *context, const struct webhook_summary *summary)
{
    struct listing *listing = context;
    if (listing->table)
        printf("%s: %lld wait, %lld given up; %s\n", summary->channel, (long long)summary->waiting,
               (long long)summary->given_up, *summary->owner ? summary->owner : "no engine sends");
    else
        webhook_json_summary(&listing->json, summary, false);
    return true;
}

static bool add_delivery(void *context, const struct webhook_delivery *delivery)
{
    struct listing *listing = context;
    char next[TIMESTAMP_SIZE] = "";
    if (listing->count == listing->limit) {
        listing->more = true;
        return false;
    }
    if (!listing->count++ && listing->table)
        putchar('\n');
    if (!listing->table) {
        webhook_json_delivery(&listing->json, delivery);
        return !listing->json.failed;
    }
    if (delivery->state == WEBHOOK_WAITING)
        timestamp_format_seconds(delivery->next_at, next);
    add_number(listing->table, delivery->id);
    table_add(listing->table, delivery->channel);
    table_add(listing->table, delivery->type);
    table_add(listing->table, delivery->booking_id);
    table_add(listing->table, webhook_state_name(delivery->state));
    add_number(listing->table, delivery->attempts);
    table_add(listing->table, next);
    table_add(listing->table, delivery->last_error);
    return true;
}

static int list(struct session *session, const char *channel, enum webhook_state state,
                const struct webhooks_options *values)
{
    bool asked = values->limit != UINT_MAX;
    struct listing listing = {.limit = asked && values->limit  ? values->limit
                                       : asked || values->json ? ALL
                                                               : ROWS};
    buffer_init(&listing.json, DOCUMENT_MAX);
    if (!values->json)
        listing.table = table_new(columns, sizeof columns / sizeof columns[0], stdout);
    json_begin(&listing.json);
    json_open_array(&listing.json, "webhooks");
    enum desk_result result =
        webhook_summaries(session->desk, channel, add_summary, &listing, &session->error);
    json_close_array(&listing.json);
    json_open_array(&listing.json, "deliveries");
    if (result == DESK_OK)
        result = webhook_list(session->desk, channel, state, 0, listing.limit + 1, add_delivery,
                              &listing, &session->error);
    json_close_array(&listing.json);
    json_end(&listing.json);
    bool good = values->json || listing.table;
    if (listing.table)
        good = table_end(listing.table);
    else if (values->json && result == DESK_OK)
        good = session_print(&listing.json) && putchar('\n') != EOF;
    if (listing.more && !values->json)
        printf("\nThere are more: --limit 0 shows all.\n");
    buffer_free(&listing.json);
    return result == DESK_OK ? session_printed(session, good) : session_failed(session);
}

static int again(struct session *session, const char *channel, int64_t id)
{
    enum desk_result result =
        webhook_again(session->desk, channel, id, session->now, &session->error);
    if (result == DESK_FAILED)
        return session_failed(session);
    if (result != DESK_OK) {
        session_refuse(session, "no such webhook waits or was given up");
        return 1;
    }
    puts("It is sent again, within a second or two of the engine that sends.");
    return session_printed(session, true);
}

static int test(struct session *session, const char *channel)
{
    int64_t id;
    enum desk_result result =
        webhook_test(session->desk, channel, session->now, &id, &session->error);
    if (result == DESK_FAILED)
        return session_failed(session);
    if (result != DESK_OK) {
        session_refuse(session, "no engine of this channel was started with a webhook");
        return 1;
    }
    printf("Test %lld is sent. While 'webhooks list' shows it, it was not taken.\n", (long long)id);
    return session_printed(session, true);
}

static int run(struct session *session, const struct session_words *words, const char *channel,
               enum webhook_state state, const struct webhooks_options *values)
{
    if (!words->count || strcmp(words->words[0], "list") == 0)
        return list(session, channel, state, values);
    if (strcmp(words->words[0], "test") == 0)
        return test(session, words->words[1]);
    return again(session, channel, webhook_read_id(words->words[1]));
}

/* -1 when the words are what they can be, else the exit status. */
static int check_words(const struct session_words *words)
{
    const char *what = words->count ? words->words[0] : "list";
    const char *which = words->count > 1 ? words->words[1] : NULL;
    bool is_list = strcmp(what, "list") == 0, is_again = strcmp(what, "again") == 0;
    if (!is_list && !is_again && strcmp(what, "test") != 0)
        return session_usage(&options, "what to do", what, "is not one of list, again and test");
    if (is_list)
        return which ? session_usage(&options, "list", which, "is not needed") : -1;
    if (!which)
        return session_usage(&options, what, "",
                             is_again ? "needs an id, or all" : "needs a channel");
    if (is_again && strcmp(which, "all") != 0 && !webhook_read_id(which))
        return session_usage(&options, what, which, "must be an id, or all");
    return -1;
}

int command_webhooks(int argc, char **argv)
{
    struct webhooks_options values = {.limit = UINT_MAX};
    struct session_words words;
    struct session session;
    char channel[BOOKING_CHANNEL_MAX + 1] = "";
    int status = session_parse(&options, argc, argv, &values, 0, 2, &words);
    if (status < 0)
        status = check_words(&words);
    if (status >= 0)
        return status;
    if (!session_text(&options, "--channel", values.channel, channel, sizeof channel))
        return 2;
    enum webhook_state state = values.state ? webhook_state_of(values.state) : 0;
    if (values.state && !state)
        return session_usage(&options, "--state", values.state, "must be waiting or given_up");
    status = 1;
    if (session_open(&session, &options, values.database))
        status = run(&session, &words, channel, state, &values);
    session_close(&session);
    return status;
}
