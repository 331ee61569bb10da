/* The desk's SQL (store/desk/sql.h) on PostgreSQL. */
#ifndef BOOKING_STORE_POSTGRESQL_DESK_SQL_H
#define BOOKING_STORE_POSTGRESQL_DESK_SQL_H

#include "store/desk/sql.h"

/* NULL with a sentence when it cannot connect. `url` is borrowed. */
struct sql *pg_sql_open(const char *url, struct buffer *error);

#endif
