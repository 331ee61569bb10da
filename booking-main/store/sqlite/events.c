#include "store/sqlite/events.h"

#include "store/event.h"

void sqlite_events_init(struct sqlite_events *events, struct sqlite_connection *connection)
{
    *events = (struct sqlite_events){.connection = connection};
}

int sqlite_event_add(struct sqlite_events *events, const struct store_event *event)
{
    struct query query =
        query_begin(events->connection, &events->insert,
                    "INSERT INTO events (kind, car, pickup_at, return_at, expires_at, booking_id,"
                    " at, change, by, channel, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    query_number(&query, event->kind);
    query_number(&query, event->car);
    query_number(&query, event->period.pickup_at);
    query_number(&query, event->period.return_at);
    query_number(&query, event->expires_at);
    query_text(&query, event->booking_id);
    query_number(&query, event->at);
    query_number(&query, event->change);
    query_number(&query, event->by);
    query_text(&query, event->channel);
    query_text(&query, event->reason ? event->reason : "");
    return query_run(&query);
}

/* A statement that is kept and gives one number. */
static int read_number(struct sqlite_events *events, sqlite3_stmt **statement, const char *sql,
                       int64_t *number)
{
    struct query query = query_begin(events->connection, statement, sql);
    int result = query_step(&query);
    if (result == SQLITE_ROW) {
        *number = sqlite3_column_int64(query.statement, 0);
        result = SQLITE_OK;
    }
    query_end(&query);
    return result;
}

int sqlite_data_version(struct sqlite_events *events, int64_t *version)
{
    return read_number(events, &events->version, "PRAGMA data_version", version);
}

int sqlite_last_event(struct sqlite_events *events, int64_t *number)
{
    return read_number(events, &events->last, "SELECT coalesce(max(number), 0) FROM events",
                       number);
}

int sqlite_events_read(struct sqlite_events *events, int64_t last, int64_t limit,
                       int (*take)(void *context, const struct store_event *event), void *context)
{
    struct query query = query_begin(events->connection, &events->read,
                                     "SELECT number, kind, car, pickup_at, return_at, expires_at,"
                                     " at, booking_id, change, by, channel FROM events"
                                     " WHERE number > ? ORDER BY number LIMIT ?");
    query_number(&query, last);
    query_number(&query, limit);
    int result;
    while ((result = query_step(&query)) == SQLITE_ROW) {
        sqlite3_stmt *row = query.statement;
        struct store_event event = {
            .number = sqlite3_column_int64(row, 0),
            .kind = (enum store_event_kind)sqlite3_column_int(row, 1),
            .car = sqlite3_column_int64(row, 2),
            .period = {sqlite3_column_int(row, 3), sqlite3_column_int(row, 4)},
            .expires_at = sqlite3_column_int64(row, 5),
            .at = sqlite3_column_int64(row, 6),
            .change = (enum store_change)sqlite3_column_int(row, 8),
            .by = (enum store_by)sqlite3_column_int(row, 9),
        };
        query_copy_text(&query, 7, event.booking_id, sizeof event.booking_id);
        query_copy_text(&query, 10, event.channel, sizeof event.channel);
        result = take(context, &event);
        if (result != SQLITE_OK)
            break;
    }
    query_end(&query);
    return result == SQLITE_DONE ? SQLITE_OK : result;
}
