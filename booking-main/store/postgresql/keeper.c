#include "store/postgresql/keeper.h"

#include "lib/base/timestamp.h"
#include "store/store.h"
#include "store/upkeep.h"

#include <stdio.h>
#include <time.h>

#define INTERVAL           (10 * LOOP_SECOND)
#define INTERVAL_WITH_MORE (50 * LOOP_MILLISECOND) /* bookings go on in between */
#define PATIENCE           (10 * LOOP_SECOND)

/* Seconds: by the store's clock, and the earlier and the later of that and the wall's. */
struct keeper_time {
    int64_t now, earlier, later;
};

/* One engine at a time: the others find the lock taken. "BOOK" + 1 */
static enum pg_failure begin_upkeep(struct pg_keeper *keeper, int64_t deadline, bool *mine)
{
    PGresult *row;
    enum pg_failure failure = pg_run(&keeper->connection, deadline, "BEGIN", NULL, NULL);
    if (failure != PG_OK)
        return failure;
    failure = pg_run(&keeper->connection, deadline,
                     "SELECT pg_try_advisory_xact_lock(1112493900)::int, pg_database_size("
                     "current_database()), (SELECT value FROM meta WHERE name = 'time')",
                     NULL, &row);
    if (failure == PG_OK) {
        *mine = pg_number(row, 0, 0) == 1;
        atomic_store(&keeper->database_bytes, (uint64_t)pg_number(row, 0, 1));
        if (!keeper->clock_runs)
            store_clock_start(&keeper->clock, pg_number(row, 0, 2), loop_clock());
        keeper->clock_runs = true;
    }
    PQclear(row);
    return failure;
}

/* Moves a portion of bookings that are over. A hold that nobody confirmed has expired, which is an
 * event. Rows that others have locked are left for the next time. */
static enum pg_failure move_bookings(struct pg_keeper *keeper, int64_t deadline,
                                     const struct keeper_time *time, bool *more)
{
    struct pg_parameters look = {0}, move = {0};
    PGresult *row;
    int64_t limit = (time->earlier - UPKEEP_GRACE_HOURS * 3600) / 60;
    pg_add_number(&look, keeper->looked_at);
    pg_add_number(&look, UPKEEP_LOOK_AT);
    enum pg_failure failure =
        pg_run(&keeper->connection, deadline,
               "SELECT count(*), max(number) FROM (SELECT number FROM bookings WHERE number > $1"
               " ORDER BY number LIMIT $2) seen",
               &look, &row);
    int64_t from = keeper->looked_at, to = -1, seen = 0;
    if (failure == PG_OK) {
        seen = pg_number(row, 0, 0);
        to = pg_number(row, 0, 1);
    }
    PQclear(row);
    if (failure != PG_OK || seen == 0) {
        keeper->looked_at = 0;
        return failure;
    }
    pg_add_number(&move, from);
    pg_add_number(&move, to);
    pg_add_number(&move, limit);
    pg_add_number(&move, UPKEEP_PORTION);
    pg_add_number(&move, time->now);
    pg_add_number(&move, timestamp_now_milliseconds());
    failure = pg_run(
        &keeper->connection, deadline,
        "WITH gone AS (DELETE FROM bookings WHERE number IN (SELECT number FROM bookings"
        "  WHERE number > $1 AND number <= $2 AND (state IN (3, 4) OR return_at <= $3)"
        "  ORDER BY number LIMIT $4 FOR UPDATE SKIP LOCKED) RETURNING *),"
        " kept AS (INSERT INTO past_bookings (id, car, pickup_at, return_at, state, expires_at,"
        "  channel, reference, day_price, hour_price, total, currency, location, category,"
        "  created_at, turnaround, version, returned_at, ended_at) SELECT id, car, pickup_at, "
        "return_at,"
        "  CASE state WHEN 1 THEN 4 ELSE state END, expires_at, channel, reference, day_price,"
        "  hour_price, total, currency, location, category, created_at,"
        "  turnaround, version + (state = 1)::int, returned_at, $5 FROM gone"
        "  ORDER BY number),"
        " ended AS (SELECT *, row_number() OVER (ORDER BY number) AS place FROM gone"
        "  WHERE state = 1),"
        " n AS (UPDATE event_counter SET last = last + (SELECT count(*) FROM ended)"
        "  WHERE EXISTS (SELECT 1 FROM ended) RETURNING last),"
        " told AS (INSERT INTO events (number, kind, car, pickup_at, return_at, expires_at,"
        "  booking_id, at, change, by, channel) SELECT n.last - (SELECT count(*) FROM ended)"
        "  + e.place, 2, e.car, e.pickup_at, e.return_at + e.turnaround, 0, e.id, $6::bigint,"
        "  6, 3, e.channel FROM ended e, n),"
        " noted AS (SELECT booking_history(id, $5, 'expired', 3, '') FROM ended)"
        " SELECT count(*), (SELECT count(*) FROM noted) FROM gone",
        &move, &row);
    if (failure == PG_OK) {
        bool full = pg_number(row, 0, 0) == UPKEEP_PORTION;
        *more = *more || full;
        if (!full)
            keeper->looked_at = seen < UPKEEP_LOOK_AT ? 0 : to;
    }
    PQclear(row);
    return failure;
}

/* Deletes what is stale of a portion at the table's beginning. There is no index on times, and what
 * lies behind was written later. Stale is what is dated before `from`. What is dated after `to` is
 * stale too: a clock that ran ahead dated it, and it would be in the way of the rows behind it. */
static enum pg_failure purge(struct pg_keeper *keeper, int64_t deadline, const char *sql,
                             int64_t from, int64_t to, bool *more)
{
    struct pg_parameters parameters = {0};
    PGresult *row;
    pg_add_number(&parameters, from);
    pg_add_number(&parameters, UPKEEP_PORTION);
    pg_add_number(&parameters, to);
    enum pg_failure failure = pg_run(&keeper->connection, deadline, sql, &parameters, &row);
    *more = *more || (failure == PG_OK && pg_number(row, 0, 0) == UPKEEP_PORTION);
    PQclear(row);
    return failure;
}

/* `also` is what goes with the rows that are `gone`. */
#define PURGE(table, time, but, returned, also)                                                    \
    "WITH gone AS (DELETE FROM " table " WHERE number IN (SELECT number FROM (SELECT number,"      \
    " " time " AS dated FROM " table " ORDER BY number LIMIT $2) first"                            \
    " WHERE dated < $1 OR dated > $3)" but " RETURNING " returned ")" also                         \
    " SELECT count(*) FROM gone"

static enum pg_failure do_upkeep(struct pg_keeper *keeper, int64_t deadline, bool *more)
{
    int64_t wall = time(NULL);
    int64_t now = store_clock_move(&keeper->clock, loop_clock(), wall);
    struct keeper_time times = {now, now < wall ? now : wall, now < wall ? wall : now};
    enum pg_failure failure = move_bookings(keeper, deadline, &times, more);
    if (failure == PG_OK)
        failure = purge(keeper, deadline, PURGE("answers", "at", "", "1", ""),
                        now - STORE_ANSWER_SECONDS, INT64_MAX, more);
    if (failure == PG_OK) /* the last one stays, so that nobody thinks that the history is broken */
        failure =
            purge(keeper, deadline,
                  PURGE("events", "at", " AND number < (SELECT last FROM event_counter)", "1", ""),
                  (times.earlier - STORE_EVENT_SECONDS) * 1000,
                  (times.later + STORE_EVENT_SECONDS) * 1000, more);
    if (failure == PG_OK)
        failure = purge(keeper, deadline,
                        PURGE("past_bookings", "ended_at", "", "id",
                              ", h AS (DELETE FROM history USING gone WHERE booking_id = gone.id)"),
                        now - (int64_t)keeper->history_days * 24 * 3600, INT64_MAX, more);
    if (failure != PG_OK)
        return failure;
    struct pg_parameters parameters = {0};
    pg_add_number(&parameters, now);
    pg_add_number(&parameters, UPKEEP_TIME_SECONDS);
    return pg_run(&keeper->connection, deadline,
                  "UPDATE meta SET value = $1::bigint::text WHERE name = 'time' AND value::bigint <"
                  " $1::bigint - $2::bigint",
                  &parameters, NULL);
}

/* Whether there is more to do at once. What fails is tried again next time: whether the store is in
 * trouble only the committer decides. */
static bool keeper_round(struct pg_keeper *keeper)
{
    int64_t deadline = loop_clock() + PATIENCE;
    bool mine = false, more = false;
    enum pg_failure failure = pg_connection_open(&keeper->connection, deadline);
    if (failure == PG_OK)
        failure = begin_upkeep(keeper, deadline, &mine);
    if (failure == PG_OK && mine)
        failure = do_upkeep(keeper, deadline, &more);
    if (failure == PG_OK && mine)
        failure = pg_run(&keeper->connection, deadline, "COMMIT", NULL, NULL);
    pg_rollback(&keeper->connection, deadline);
    return failure == PG_OK && more;
}

void pg_keeper_run(struct pg_keeper *keeper)
{
    int64_t at = 0; /* the first time at once */
    while (store_queue_take(&keeper->stop, at, NULL, 0) >= 0)
        at = loop_clock() + (keeper_round(keeper) ? INTERVAL_WITH_MORE : INTERVAL);
}

void pg_keeper_stop(struct pg_keeper *keeper)
{
    atomic_store(&keeper->stopping, true);
    store_queue_close(&keeper->stop);
}

bool pg_keeper_init(struct pg_keeper *keeper, const char *url, unsigned history_days,
                    struct buffer *error)
{
    *keeper = (struct pg_keeper){.history_days = history_days};
    if (!pg_connection_init(&keeper->connection, url, error))
        return false;
    keeper->connection.stopping = &keeper->stopping;
    keeper->connection.statement_timeout = PATIENCE / LOOP_MILLISECOND;
    if (store_queue_init(&keeper->stop))
        return true;
    buffer_printf(error, "%s: out of memory", keeper->connection.name);
    return false;
}

void pg_keeper_destroy(struct pg_keeper *keeper)
{
    pg_connection_close(&keeper->connection);
    store_queue_destroy(&keeper->stop);
}
