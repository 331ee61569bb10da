#include "store/sqlite/upkeep.h"

#include "lib/base/timestamp.h"
#include "rental/booking.h"
#include "store/store.h"

void sqlite_upkeep_init(struct sqlite_upkeep *upkeep, struct sqlite_connection *connection,
                        unsigned history_days)
{
    *upkeep = (struct sqlite_upkeep){.connection = connection, .history_days = history_days};
}

/* --- bookings that are over ------------------------------------------------------------------ */

/* The return, in minutes, that is long enough ago. By the earlier of the two clocks: a car whose
 * booking was moved away by mistake would be sold again. */
static int64_t return_limit(const struct sqlite_upkeep_time *time)
{
    return (time->earlier - UPKEEP_GRACE_HOURS * 3600) / 60;
}

/* Goes on where it stopped, and begins anew at the end, so that each booking's turn comes however
 * many there are. */
int sqlite_upkeep_look(struct sqlite_upkeep *upkeep, const struct sqlite_upkeep_time *time)
{
    struct query query = query_begin(upkeep->connection, &upkeep->look,
                                     "SELECT number, state, return_at FROM bookings"
                                     " WHERE number > ? ORDER BY number LIMIT ?");
    query_number(&query, upkeep->looked_at);
    query_number(&query, UPKEEP_LOOK_AT);
    int looked = 0, result = SQLITE_DONE;
    upkeep->over_count = 0;
    while (upkeep->over_count < UPKEEP_PORTION && (result = query_step(&query)) == SQLITE_ROW) {
        int state = sqlite3_column_int(query.statement, 1);
        upkeep->looked_at = sqlite3_column_int64(query.statement, 0);
        looked++;
        if (state == BOOKING_CANCELLED || state == BOOKING_EXPIRED ||
            sqlite3_column_int64(query.statement, 2) <= return_limit(time))
            upkeep->over[upkeep->over_count++] = upkeep->looked_at;
    }
    if (result == SQLITE_DONE && looked < UPKEEP_LOOK_AT)
        upkeep->looked_at = 0;
    query_end(&query);
    return result == SQLITE_DONE || result == SQLITE_ROW ? SQLITE_OK : result;
}

/* Runs a statement whose parameters are a time, a booking and the latest return. */
static int run_for(struct sqlite_upkeep *upkeep, sqlite3_stmt **statement, const char *sql,
                   int64_t at, int64_t number, const struct sqlite_upkeep_time *time)
{
    struct query query = query_begin(upkeep->connection, statement, sql);
    query_number(&query, at);
    query_number(&query, number);
    query_number(&query, return_limit(time));
    return query_run(&query);
}

/* Moves a booking if it still is over. A hold that nobody confirmed has expired. */
static int move_booking(struct sqlite_upkeep *upkeep, int64_t number,
                        const struct sqlite_upkeep_time *time)
{
    int result =
        run_for(upkeep, &upkeep->expire,
                "INSERT INTO events (kind, car, pickup_at, return_at, expires_at, booking_id,"
                " at, change, by, channel) SELECT 2, car, pickup_at, return_at + turnaround, 0, id,"
                " ?, 6, 3, channel FROM bookings"
                " WHERE number = ? AND state = 1 AND return_at <= ?",
                timestamp_now_milliseconds(), number, time);
    if (result == SQLITE_OK)
        result = run_for(upkeep, &upkeep->write_history,
                         "INSERT INTO history (booking_id, number, at, what, by, actor, reason,"
                         " detail) SELECT id, coalesce((SELECT max(number) FROM history"
                         " WHERE booking_id = id), 0) + 1, ?, 'expired', 3, '', '', ''"
                         " FROM bookings WHERE number = ? AND state = 1 AND return_at <= ?",
                         time->now, number, time);
    if (result == SQLITE_OK)
        result =
            run_for(upkeep, &upkeep->move,
                    "INSERT INTO past_bookings (id, car, pickup_at, return_at, state,"
                    " expires_at, channel, reference, day_price, hour_price, total, currency,"
                    " location, category, created_at, turnaround, version, returned_at, ended_at)"
                    " SELECT id, car, pickup_at,"
                    " return_at, CASE state WHEN 1 THEN 4 ELSE state END, expires_at, channel,"
                    " reference, day_price, hour_price, total, currency, location, category,"
                    " created_at, turnaround, version + (state = 1), returned_at, ? FROM bookings"
                    " WHERE number = ? AND (state IN (3, 4) OR return_at <= ?)",
                    time->now, number, time);
    if (result != SQLITE_OK || sqlite3_changes(upkeep->connection->db) == 0)
        return result;
    struct query query =
        query_begin(upkeep->connection, &upkeep->remove, "DELETE FROM bookings WHERE number = ?");
    query_number(&query, number);
    return query_run(&query);
}

/* --- what was kept long enough --------------------------------------------------------------- */

/* Rows are stale when their time is before `from`. Those whose time is after `to` are stale too: a
 * clock that ran ahead dated them, and they would be in the way of the rows behind them. */
struct stale {
    const char *find, *purge;
    int64_t from, to;
};

/* Deletes a portion from the table's beginning, up to the first that is not stale. */
static int purge(struct sqlite_upkeep *upkeep, int which, const struct stale *stale, bool *more)
{
    struct query query = query_begin(upkeep->connection, &upkeep->find_stale[which], stale->find);
    query_number(&query, UPKEEP_PORTION);
    int64_t last = 0;
    int found = 0, result;
    while ((result = query_step(&query)) == SQLITE_ROW) {
        int64_t at = sqlite3_column_int64(query.statement, 1);
        if (at >= stale->from && at <= stale->to)
            break;
        last = sqlite3_column_int64(query.statement, 0);
        found++;
    }
    query_end(&query);
    if (result != SQLITE_ROW && result != SQLITE_DONE)
        return result;
    if (found == 0)
        return SQLITE_OK;
    *more = *more || found == UPKEEP_PORTION;
    query = query_begin(upkeep->connection, &upkeep->purge[which], stale->purge);
    query_number(&query, last);
    return query_run(&query);
}

int sqlite_upkeep_do(struct sqlite_upkeep *upkeep, const struct sqlite_upkeep_time *time,
                     int64_t behind, bool *more)
{
    const struct stale stale[3] = {
        {"SELECT number, at FROM answers ORDER BY number LIMIT ?",
         "DELETE FROM answers WHERE number <= ?", time->now - STORE_ANSWER_SECONDS, INT64_MAX},
        /* Events are dated by the wall's clock, to the millisecond. The last one stays, since the
         * next gets the number behind it. */
        {"SELECT number, at FROM events ORDER BY number LIMIT ?",
         "DELETE FROM events WHERE number <= ? AND number < (SELECT max(number) FROM events)",
         (time->earlier - STORE_EVENT_SECONDS) * 1000, (time->later + STORE_EVENT_SECONDS) * 1000},
        {"SELECT number, ended_at FROM past_bookings ORDER BY number LIMIT ?",
         "DELETE FROM past_bookings WHERE number <= ?",
         time->now - (int64_t)upkeep->history_days * 24 * 3600, INT64_MAX},
    };
    int result = SQLITE_OK;
    *more = upkeep->over_count == UPKEEP_PORTION;
    for (int i = 0; i < upkeep->over_count && result == SQLITE_OK; i++)
        result = move_booking(upkeep, upkeep->over[i], time);
    for (int i = 0; i < 3 && result == SQLITE_OK; i++)
        result = purge(upkeep, i, &stale[i], more);
    if (result != SQLITE_OK)
        return result;
    struct query query = query_begin(upkeep->connection, &upkeep->write_time,
                                     "UPDATE meta SET value = ?1 WHERE name = 'time' AND value <"
                                     " ?1 - ?2");
    query_number(&query, time->now);
    query_number(&query, behind);
    return query_run(&query);
}
