/* The tables and functions of the PostgreSQL store: making them, knowing them again, bringing them
 * up to date. */
#ifndef BOOKING_STORE_POSTGRESQL_SCHEMA_H
#define BOOKING_STORE_POSTGRESQL_SCHEMA_H

#include "store/postgresql/connection.h"

/* The steps from an empty database to the one this version works with; step i leads to version
 * i + 1, which is kept in the table meta. */
extern const char *const pg_schema_steps[];
extern const int pg_schema_version; /* how many there are */

/* Checks that the database is one of ours, and takes the steps it lacks, all or none. Engines that
 * start at once on an empty database make one schema. A database that is not ours, or is newer, is
 * left as it is. False, with a sentence added to `error`, when it cannot be used. */
bool pg_schema_prepare(struct pg_connection *connection, struct buffer *error);

/* Whether the database has our tables; *exists is left alone on failure. */
enum pg_failure pg_schema_exists(struct pg_connection *connection, int64_t deadline, bool *exists);

#endif
