#include "store/postgresql/snapshot.h"

#include <stdio.h>

#define PATIENCE (60 * LOOP_SECOND) /* for each portion */
#define PORTION  "20000"

/* Reads the rows of a query in portions, so that a million of them never lie in memory at once. */
static enum pg_failure read_rows(struct pg_connection *connection, const char *declare,
                                 const struct pg_parameters *parameters,
                                 bool (*each)(const struct store_snapshot_reader *reader,
                                              const PGresult *rows, int row),
                                 const struct store_snapshot_reader *reader, bool *go_on)
{
    int count = 1;
    enum pg_failure failure =
        pg_run(connection, loop_clock() + PATIENCE, declare, parameters, NULL);
    while (failure == PG_OK && *go_on && count > 0) {
        PGresult *rows;
        failure = pg_run(connection, loop_clock() + PATIENCE, "FETCH " PORTION " FROM portion",
                         NULL, &rows);
        count = failure == PG_OK ? PQntuples(rows) : 0;
        for (int i = 0; i < count && *go_on; i++)
            *go_on = each(reader, rows, i);
        PQclear(rows);
    }
    if (failure == PG_OK)
        failure = pg_run(connection, loop_clock() + PATIENCE, "CLOSE portion", NULL, NULL);
    return failure;
}

static bool tell_car(const struct store_snapshot_reader *reader, const PGresult *rows, int row)
{
    struct store_car car = {
        .number = pg_number(rows, row, 0),
        .carid = pg_text(rows, row, 1),
        .location = pg_text(rows, row, 2),
        .category = pg_text(rows, row, 3),
        .day_price = pg_number(rows, row, 4),
        .hour_price = pg_number(rows, row, 5),
        .offered = pg_number(rows, row, 6) != 0,
        .turnaround = (int32_t)pg_number(rows, row, 7),
    };
    return reader->car(reader->context, &car);
}

static bool tell_taken(const struct store_snapshot_reader *reader, const PGresult *rows, int row)
{
    struct store_event event = {
        .kind = EVENT_TAKEN,
        .car = pg_number(rows, row, 0),
        .period = {(int32_t)pg_number(rows, row, 1), (int32_t)pg_number(rows, row, 2)},
        .expires_at = pg_number(rows, row, 3),
    };
    pg_copy_text(rows, row, 4, event.booking_id, sizeof event.booking_id);
    return reader->taken(reader->context, &event);
}

static enum pg_failure begin_snapshot(struct pg_connection *connection,
                                      const struct store_snapshot_reader *reader, int64_t *last,
                                      bool *go_on)
{
    PGresult *row = NULL;
    int64_t deadline = loop_clock() + PATIENCE;
    enum pg_failure failure =
        pg_run(connection, deadline, "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
               NULL, NULL);
    if (failure == PG_OK)
        failure = pg_run(connection, deadline,
                         "SELECT (SELECT last FROM event_counter), (SELECT count(*) FROM cars),"
                         " (SELECT value FROM meta WHERE name = 'currency')",
                         NULL, &row);
    if (failure == PG_OK) {
        *last = pg_number(row, 0, 0);
        *go_on = reader->begin(reader->context, pg_text(row, 0, 2), (size_t)pg_number(row, 0, 1));
    }
    PQclear(row);
    return failure;
}

bool pg_snapshot_read(struct pg_connection *connection, int32_t since,
                      const struct store_snapshot_reader *reader, int64_t *last_event,
                      struct buffer *error)
{
    bool go_on = true;
    int64_t last = 0;
    struct pg_parameters parameters = {0};
    pg_add_number(&parameters, since);
    enum pg_failure failure = begin_snapshot(connection, reader, &last, &go_on);
    if (failure == PG_OK && go_on)
        failure =
            read_rows(connection,
                      "DECLARE portion CURSOR FOR SELECT number, carid, location, category,"
                      " day_price, hour_price, offered, coalesce(turnaround, (SELECT value::int"
                      " FROM meta WHERE name = 'turnaround')) FROM cars ORDER BY number",
                      NULL, tell_car, reader, &go_on);
    if (failure == PG_OK && go_on)
        failure = read_rows(connection,
                            "DECLARE portion CURSOR FOR SELECT car, pickup_at,"
                            " return_at + turnaround,"
                            " CASE state WHEN 1 THEN expires_at ELSE 0 END, id FROM bookings"
                            " WHERE state IN (1, 2, 5)"
                            " AND (return_at + turnaround > $1 OR state = 1)"
                            " ORDER BY number",
                            &parameters, tell_taken, reader, &go_on);
    if (failure != PG_OK)
        pg_describe(connection, failure, error);
    else if (!go_on)
        buffer_printf(error, "%s: out of memory", connection->name);
    pg_rollback(connection, loop_clock() + PATIENCE); /* nothing was changed */
    if (failure != PG_OK || !go_on)
        return false;
    *last_event = last;
    return true;
}
