/* The store's operations on PostgreSQL: a group of changes as one round trip, and what only reads.
 */
#ifndef BOOKING_STORE_POSTGRESQL_GROUP_H
#define BOOKING_STORE_POSTGRESQL_GROUP_H

#include "store/outcome.h"
#include "store/postgresql/connection.h"
#include "store/store.h"

struct pg_group {
    struct store_request *const *requests; /* none that only reads */
    struct store_outcome *outcomes;        /* to be given or dropped */
    int count;
    int64_t store_time; /* seconds on the store's clock */
    int64_t last_event; /* that is known */
    bool again;         /* it may have been carried out already, see functions.h */
};

/* Carries the group out in one transaction. *events becomes the rows of the events behind
 * `last_event` up to its own, for pg_event(); the caller's to PQclear(). */
enum pg_failure pg_group_commit(struct pg_connection *connection, int64_t deadline,
                                const struct pg_group *group, PGresult **events);

/* Carries out STORE_SHOW or STORE_RECALL. */
enum pg_failure pg_read_one(struct pg_connection *connection, int64_t deadline,
                            const struct store_request *request, struct store_outcome *outcome);

/* Reads events behind `last_event` in their order, `limit` of them at most. */
enum pg_failure pg_read_events(struct pg_connection *connection, int64_t deadline,
                               int64_t last_event, int64_t limit, PGresult **events);

/* The event in a row of such a result. */
struct store_event pg_event(const PGresult *events, int row);

#endif
