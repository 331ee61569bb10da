/* The store's operations as SQL, on one connection.
 *
 * An operation reads first and writes when nothing is in its way. So it either changes nothing or
 * all that it should, and a transaction of many needs no savepoint for each; what remains, a
 * statement that fails for the disk or for memory, undoes the transaction.
 *
 * A request is not touched here; see store/outcome.h. Functions return SQLITE_OK or the SQLite
 * result code of what failed.
 */
#ifndef BOOKING_STORE_SQLITE_OPERATIONS_H
#define BOOKING_STORE_SQLITE_OPERATIONS_H

#include "store/outcome.h"
#include "store/sqlite/answers.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/events.h"
#include "store/store.h"

/* A connection with its prepared statements, which end with it. */
struct sqlite_operations {
    struct sqlite_connection *connection;
    struct sqlite_events events;
    struct sqlite_answers answers;
    int64_t time; /* of the store's clock, to be set before changing anything */
    sqlite3_stmt *begin, *commit, *find_car, *find_next, *find_booking, *find_by_number,
        *insert_booking, *set_state, *write_history;
};

void sqlite_operations_init(struct sqlite_operations *operations,
                            struct sqlite_connection *connection);

/* Carries the request out, in an open transaction unless it only reads. The outcome is to be given
 * or dropped, also on failure. */
int sqlite_operation_run(struct sqlite_operations *operations, const struct store_request *request,
                         struct store_outcome *outcome);

int sqlite_begin(struct sqlite_operations *operations); /* waits for the write lock */
int sqlite_commit(struct sqlite_operations *operations);

#endif
