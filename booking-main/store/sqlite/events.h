/* The table of events, on one connection: writing one, and reading on from the last. Functions
 * return SQLITE_OK or the SQLite result code of what failed. */
#ifndef BOOKING_STORE_SQLITE_EVENTS_H
#define BOOKING_STORE_SQLITE_EVENTS_H

#include "store/sqlite/connection.h"
#include "store/store.h"

struct sqlite_events {
    struct sqlite_connection *connection;
    sqlite3_stmt *insert, *read, *last, *version; /* end with the connection */
};

void sqlite_events_init(struct sqlite_events *events, struct sqlite_connection *connection);

/* Writes an event, in the transaction that it tells of; its number is given by the table. */
int sqlite_event_add(struct sqlite_events *events, const struct store_event *event);

/* Changes whenever another connection has changed the database. */
int sqlite_data_version(struct sqlite_events *events, int64_t *version);

int sqlite_last_event(struct sqlite_events *events, int64_t *number);

/* Calls `take` for each event behind `last`, in order, for `limit` of them at most (-1: all).
 * Anything but SQLITE_OK that it returns ends the reading, and is returned. */
int sqlite_events_read(struct sqlite_events *events, int64_t last, int64_t limit,
                       int (*take)(void *context, const struct store_event *event), void *context);

#endif
