/* The tables of the SQLite store: making them, knowing them again, bringing them up to date. */
#ifndef BOOKING_STORE_SQLITE_SCHEMA_H
#define BOOKING_STORE_SQLITE_SCHEMA_H

#include "store/sqlite/connection.h"

/* Written to the file's header (PRAGMA application_id): "BOOK". */
#define SQLITE_SCHEMA_APPLICATION_ID 0x424F4F4B

/* The steps from an empty database to the one this version works with; step i leads to version
 * i + 1, which is kept in PRAGMA user_version. */
extern const char *const sqlite_schema_steps[];
extern const int sqlite_schema_version; /* how many there are */

/* Checks that the database is one of ours, sets its journal mode, and takes the steps it lacks, all
 * or none. A database that is not ours, or is newer, is left as it is. False, with a sentence added
 * to `error`, when it cannot be used. */
bool sqlite_schema_prepare(struct sqlite_connection *connection, const char *const *steps,
                           int version, struct buffer *error);

#endif
