#include "store/sqlite/snapshot.h"

#include <stdio.h>
#include <string.h>

/* One transaction, so one state. Both tables are read once, in the order they are stored: nothing
 * is sorted or kept, and a million rows of each take a second or two. Bookings that are over are in
 * a table of their own, and cost nothing here. */

static int read_begin(struct sqlite_connection *connection,
                      const struct store_snapshot_reader *reader, bool *go_on)
{
    int64_t cars = 0;
    int result = sqlite_read_number(connection, "SELECT count(*) FROM cars", &cars);
    if (result != SQLITE_OK)
        return result;
    sqlite3_stmt *statement = NULL;
    struct query query =
        query_begin(connection, &statement, "SELECT value FROM meta WHERE name = 'currency'");
    result = query_step(&query);
    if (result == SQLITE_ROW) {
        *go_on = reader->begin(reader->context, query_column_text(&query, 0), (size_t)cars);
        result = SQLITE_OK;
    } else if (result == SQLITE_DONE) {
        result = SQLITE_CORRUPT;
    }
    sqlite3_finalize(statement);
    return result;
}

static int read_cars(struct sqlite_connection *connection,
                     const struct store_snapshot_reader *reader, bool *go_on)
{
    sqlite3_stmt *row = NULL;
    struct query query = query_begin(connection, &row,
                                     "SELECT number, carid, location, category, day_price,"
                                     " hour_price, offered, coalesce(turnaround, (SELECT value"
                                     " FROM meta WHERE name = 'turnaround')) FROM cars");
    int result = SQLITE_DONE;
    while (*go_on && (result = query_step(&query)) == SQLITE_ROW) {
        struct store_car car = {
            .number = sqlite3_column_int64(row, 0),
            .carid = query_column_text(&query, 1),
            .location = query_column_text(&query, 2),
            .category = query_column_text(&query, 3),
            .day_price = sqlite3_column_int64(row, 4),
            .hour_price = query_column_price(&query, 5),
            .offered = sqlite3_column_int(row, 6) != 0,
            .turnaround = sqlite3_column_int(row, 7),
        };
        *go_on = reader->car(reader->context, &car);
    }
    sqlite3_finalize(row);
    return result == SQLITE_DONE || result == SQLITE_ROW ? SQLITE_OK : result;
}

static int read_taken(struct sqlite_connection *connection, int32_t since,
                      const struct store_snapshot_reader *reader, bool *go_on)
{
    sqlite3_stmt *row = NULL;
    /* The "+" keeps it off the index, which would fetch each row from another place. */
    struct query query =
        query_begin(connection, &row,
                    "SELECT car, pickup_at, return_at + turnaround, CASE state WHEN 1 THEN"
                    " expires_at ELSE 0 END, id FROM bookings WHERE +state IN (1, 2, 5)"
                    " AND (return_at + turnaround > ? OR +state = 1)");
    query_number(&query, since);
    int result = SQLITE_DONE;
    while (*go_on && (result = query_step(&query)) == SQLITE_ROW) {
        struct store_event event = {
            .kind = EVENT_TAKEN,
            .car = sqlite3_column_int64(row, 0),
            .period = {sqlite3_column_int(row, 1), sqlite3_column_int(row, 2)},
            .expires_at = sqlite3_column_int64(row, 3),
        };
        snprintf(event.booking_id, sizeof event.booking_id, "%s", query_column_text(&query, 4));
        *go_on = reader->taken(reader->context, &event);
    }
    sqlite3_finalize(row);
    return result == SQLITE_DONE || result == SQLITE_ROW ? SQLITE_OK : result;
}

bool sqlite_snapshot_read(struct sqlite_connection *connection, int32_t since,
                          const struct store_snapshot_reader *reader, int64_t *last_event,
                          struct buffer *error)
{
    bool go_on = true;
    int64_t last = 0;
    int result = sqlite_run(connection, "BEGIN");
    if (result == SQLITE_OK)
        result =
            sqlite_read_number(connection, "SELECT coalesce(max(number), 0) FROM events", &last);
    if (result == SQLITE_OK)
        result = read_begin(connection, reader, &go_on);
    if (result == SQLITE_OK)
        result = read_cars(connection, reader, &go_on);
    if (result == SQLITE_OK)
        result = read_taken(connection, since, reader, &go_on);
    if (result != SQLITE_OK)
        sqlite_describe(connection, result, error);
    else if (!go_on)
        buffer_printf(error, "database '%s': out of memory", connection->path);
    sqlite_rollback(connection); /* nothing was changed */
    if (result != SQLITE_OK || !go_on)
        return false;
    *last_event = last;
    return true;
}
