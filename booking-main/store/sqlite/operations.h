/* The store's operations as SQL, on one connection.
 *
 * An operation reads first and writes when nothing is in its way. So it either changes nothing or
 * all that it should, and a transaction of many needs no savepoint for each; what remains, a
 * statement that fails for the disk or for memory, undoes the transaction.
 *
 * A request is not touched here: what it will get is kept beside it, because the transaction may
 * still fail. Functions return SQLITE_OK or the SQLite result code of what failed.
 */
#ifndef BOOKING_STORE_SQLITE_OPERATIONS_H
#define BOOKING_STORE_SQLITE_OPERATIONS_H

#include "store/sqlite/connection.h"
#include "store/store.h"

enum { SQLITE_STATEMENTS = 20 };

/* A connection with its prepared statements. */
struct sqlite_operations {
    struct sqlite_connection *connection;
    sqlite3_stmt *statements[SQLITE_STATEMENTS];
};

/* What a request gets when its transaction is done. */
struct sqlite_outcome {
    enum store_result result;
    bool has_booking, has_answer;
    struct booking booking;
    struct store_answer answer;
    char *memory; /* of the answer's texts */
};

void sqlite_operations_init(struct sqlite_operations *operations,
                            struct sqlite_connection *connection);

/* Ends the statements; before the connection is closed. */
void sqlite_operations_end(struct sqlite_operations *operations);

bool sqlite_operation_reads_only(const struct store_request *request);

/* Carries the request out, in an open transaction unless it only reads. The outcome is to be given
 * or dropped, also on failure. */
int sqlite_operation_run(struct sqlite_operations *operations, const struct store_request *request,
                         struct sqlite_outcome *outcome);

/* Moves the outcome into its request, or frees it. */
void sqlite_outcome_give(struct sqlite_outcome *outcome, struct store_request *request);
void sqlite_outcome_drop(struct sqlite_outcome *outcome);

int sqlite_begin(struct sqlite_operations *operations); /* waits for the write lock */
int sqlite_commit(struct sqlite_operations *operations);

/* Changes whenever another connection has changed the database. */
int sqlite_data_version(struct sqlite_operations *operations, int64_t *version);

int sqlite_last_event(struct sqlite_operations *operations, int64_t *number);

/* Calls `take` for each event behind `last`, in order, for `limit` of them at most. What it returns
 * but SQLITE_OK ends the reading and is returned. */
int sqlite_read_events(struct sqlite_operations *operations, int64_t last, int64_t limit,
                       int (*take)(void *context, const struct store_event *event), void *context);

/* Deletes answers from before `limit` among the oldest `portion`; *deleted says how many. Writes
 * nothing when there are none. */
int sqlite_purge_answers(struct sqlite_operations *operations, int64_t limit, int portion,
                         int *deleted);

/* Until when, in seconds, a large import said it may hold the write lock; 0 for none. */
int sqlite_import_deadline(struct sqlite_operations *operations, int64_t *deadline);

/* Changes a row, to find out whether the database can be written. */
int sqlite_write_something(struct sqlite_operations *operations);

#endif
