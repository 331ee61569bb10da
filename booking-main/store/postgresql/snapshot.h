/* Reading the whole state of a PostgreSQL store at once. */
#ifndef BOOKING_STORE_POSTGRESQL_SNAPSHOT_H
#define BOOKING_STORE_POSTGRESQL_SNAPSHOT_H

#include "store/postgresql/connection.h"
#include "store/store.h"

/* store_read_snapshot() on a connection that no transaction is open on. */
bool pg_snapshot_read(struct pg_connection *connection, int32_t since,
                      const struct store_snapshot_reader *reader, int64_t *last_event,
                      struct buffer *error);

#endif
