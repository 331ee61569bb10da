/* Replacing the fleet of an SQLite store. */
#ifndef BOOKING_STORE_SQLITE_IMPORT_H
#define BOOKING_STORE_SQLITE_IMPORT_H

#include "store/sqlite/connection.h"
#include "store/store.h"

/* store_import() on a connection that no transaction is open on. */
bool sqlite_import_fleet(struct sqlite_connection *connection, const struct fleet *fleet,
                         const struct store_import_options *options,
                         struct store_import_report *report, struct buffer *error);

#endif
