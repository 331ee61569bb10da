/* booking-main block, unblock: a car out of service. */
#include "commands/commands.h"

#include "commands/act.h"
#include "rental/car.h"

#include <stdio.h>

struct block_options {
    struct act_options act;
    const char *from, *to;
};

static const struct option_entry block_entries[] = {
    {"from", NULL, OPTION_TEXT, offsetof(struct block_options, from), "WHEN", NULL,
     "from this day or time on: 2026-12-01, '2026-12-01 10:00', now"},
    {"to", NULL, OPTION_TEXT, offsetof(struct block_options, to), "WHEN", NULL,
     "until this day, it included, or this time"},
    ACT_REASON(block_options),
    ACT_COMMON(block_options),
};

static const struct options block_table = {
    .program = "booking-main block",
    .usage = "CAR --from WHEN --to WHEN --reason TEXT [OPTION]...",
    .summary =
        "Takes a car out of service for a period: nobody can book it. It is refused, and the\n"
        "bookings in the way listed, where there are some. Times without an offset are in the\n"
        "zone that TZ names.",
    .entries = block_entries,
    .count = sizeof block_entries / sizeof block_entries[0],
};

int command_block(int argc, char **argv)
{
    struct block_options values = {0};
    struct session_words words;
    struct period period;
    struct act act;
    int status = session_parse(&block_table, argc, argv, &values, 1, 1, &words);
    if (status >= 0)
        return status;
    const char *carid = words.words[0], *problem = car_id_problem(carid);
    if (problem)
        return session_usage(&block_table, "car", carid, problem);
    status =
        session_period(&block_table, values.from, values.to, &period.pickup_at, &period.return_at);
    if (status < 0)
        status = act_begin(&act, &block_table, &values.act, true);
    if (status >= 0)
        return status;
    enum desk_result result =
        desk_block(act.session.desk, carid, period, &act.who, &act.outcome, &act.session.error);
    return act_end(&act, result, carid, "Blocked", "--to");
}

static const struct option_entry unblock_entries[] = {
    ACT_REASON(block_options),
    ACT_COMMON(block_options),
};

static const struct options unblock_table = {
    .program = "booking-main unblock",
    .usage = "ID [OPTION]...",
    .summary =
        "Gives a blocked car back, by the block's id, which `bookings --state blocked` lists. A\n"
        "block that has begun ends now, another one is cancelled.",
    .entries = unblock_entries,
    .count = sizeof unblock_entries / sizeof unblock_entries[0],
};

int command_unblock(int argc, char **argv)
{
    struct block_options values = {0};
    struct session_words words;
    struct act act;
    int status = session_parse(&unblock_table, argc, argv, &values, 1, 1, &words);
    if (status < 0)
        status = act_begin(&act, &unblock_table, &values.act, false);
    if (status >= 0)
        return status;
    const char *id = words.words[0];
    enum desk_result result =
        desk_unblock(act.session.desk, id, &act.who, &act.outcome, &act.session.error);
    return act_end(&act, result, id, "Unblocked", "");
}
