/* booking-main cancel, change, returned: what an operator does to a booking. */
#include "commands/commands.h"

#include "commands/act.h"
#include "commands/when.h"
#include "rental/car.h"

#include <string.h>

struct change_options {
    struct act_options act;
    const char *end, *car;
};

/* --- cancel ---------------------------------------------------------------------------------- */

static const struct option_entry cancel_entries[] = {
    ACT_REASON(change_options),
    ACT_COMMON(change_options),
};

static const struct options cancel_table = {
    .program = "booking-main cancel",
    .usage = "ID --reason TEXT [OPTION]...",
    .summary =
        "Cancels a booking, or a hold, of any partner, also after its pickup. That cannot be\n"
        "undone: somebody else may have the car at once.",
    .entries = cancel_entries,
    .count = sizeof cancel_entries / sizeof cancel_entries[0],
};

int command_cancel(int argc, char **argv)
{
    struct change_options values = {0};
    struct session_words words;
    struct act act;
    int status = session_parse(&cancel_table, argc, argv, &values, 1, 1, &words);
    if (status < 0)
        status = act_begin(&act, &cancel_table, &values.act, true);
    if (status >= 0)
        return status;
    const char *id = words.words[0];
    enum desk_result result =
        desk_cancel(act.session.desk, id, &act.who, &act.outcome, &act.session.error);
    return act_end(&act, result, id, "Cancelled", "");
}

/* --- change ---------------------------------------------------------------------------------- */

static const struct option_entry change_entries[] = {
    {"return", NULL, OPTION_TEXT, offsetof(struct change_options, end), "TIME", NULL,
     "its new return: '2026-12-04 10:00' in the zone that TZ names, or\n"
     "2026-12-04T10:00:00+01:00"},
    {"car", NULL, OPTION_TEXT, offsetof(struct change_options, car), "CAR", NULL,
     "the car that it moves to"},
    ACT_REASON(change_options),
    ACT_COMMON(change_options),
};

static const struct options change_table = {
    .program = "booking-main change",
    .usage = "ID [--return TIME] [--car CAR] --reason TEXT [OPTION]...",
    .summary =
        "Ends a booking early, extends it, or moves it to another car. Its price stays. It is\n"
        "refused, and what is in the way listed, where another booking has the car.",
    .entries = change_entries,
    .count = sizeof change_entries / sizeof change_entries[0],
};

int command_change(int argc, char **argv)
{
    struct change_options values = {0};
    struct desk_change wanted = {.return_at = DESK_ANY_TIME};
    struct session_words words;
    struct act act;
    int status = session_parse(&change_table, argc, argv, &values, 1, 1, &words);
    if (status >= 0)
        return status;
    if (!values.end && !values.car)
        return session_usage(&change_table, "of booking", words.words[0],
                             "nothing is to change: say --return or --car");
    const char *problem = values.end ? when_read_time(values.end, &wanted.return_at) : NULL;
    if (problem)
        return session_usage(&change_table, "--return", values.end, problem);
    problem = values.car ? car_id_problem(values.car) : NULL;
    if (problem)
        return session_usage(&change_table, "--car", values.car, problem);
    wanted.carid = values.car;
    status = act_begin(&act, &change_table, &values.act, true);
    if (status >= 0)
        return status;
    const char *id = words.words[0];
    enum desk_result result =
        desk_change(act.session.desk, id, &wanted, &act.who, &act.outcome, &act.session.error);
    const char *subject = result == DESK_UNKNOWN_CAR && values.car ? values.car : id;
    return act_end(&act, result, subject, "Changed", "--return");
}

/* --- returned -------------------------------------------------------------------------------- */

static const struct option_entry returned_entries[] = {
    ACT_REASON(change_options),
    ACT_COMMON(change_options),
};

static const struct options returned_table = {
    .program = "booking-main returned",
    .usage = "ID [OPTION]...",
    .summary = "Says that a car is back: it is free from now on, and no late return any more.",
    .entries = returned_entries,
    .count = sizeof returned_entries / sizeof returned_entries[0],
};

int command_returned(int argc, char **argv)
{
    struct change_options values = {0};
    struct session_words words;
    struct act act;
    int status = session_parse(&returned_table, argc, argv, &values, 1, 1, &words);
    if (status < 0)
        status = act_begin(&act, &returned_table, &values.act, false);
    if (status >= 0)
        return status;
    const char *id = words.words[0];
    enum desk_result result =
        desk_returned(act.session.desk, id, &act.who, &act.outcome, &act.session.error);
    return act_end(&act, result, id, "Returned", "");
}
