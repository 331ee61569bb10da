/* Reading the whole state of an SQLite store at once. */
#ifndef BOOKING_STORE_SQLITE_SNAPSHOT_H
#define BOOKING_STORE_SQLITE_SNAPSHOT_H

#include "store/sqlite/connection.h"
#include "store/store.h"

/* store_read_snapshot() on a connection that no transaction is open on. */
bool sqlite_snapshot_read(struct sqlite_connection *connection, int32_t since,
                          const struct store_snapshot_reader *reader, int64_t *last_event,
                          struct buffer *error);

#endif
