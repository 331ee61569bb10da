/* The desk's SQL (store/desk/sql.h) on SQLite. */
#ifndef BOOKING_STORE_SQLITE_DESK_SQL_H
#define BOOKING_STORE_SQLITE_DESK_SQL_H

#include "store/committer.h"
#include "store/desk/sql.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/events.h"

/* A connection of its own to the file; or, for a database in memory, the one that there is,
 * `shared`, for which the committer pauses. NULL with a sentence when it cannot. */
struct sql *sqlite_sql_open(const char *path, struct committer *committer,
                            struct sqlite_connection *shared, struct buffer *error);

#endif
