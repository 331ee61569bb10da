/* Replacing the fleet of a PostgreSQL store. */
#ifndef BOOKING_STORE_POSTGRESQL_IMPORT_H
#define BOOKING_STORE_POSTGRESQL_IMPORT_H

#include "store/postgresql/connection.h"
#include "store/store.h"

/* store_import() on a connection that no transaction is open on. */
bool pg_import_fleet(struct pg_connection *connection, const struct fleet *fleet,
                     const struct store_import_options *options, struct store_import_report *report,
                     struct buffer *error);

#endif
