/* The table of answers, on one connection: what was answered for an idempotency key. Functions
 * return SQLITE_OK or the SQLite result code of what failed. */
#ifndef BOOKING_STORE_SQLITE_ANSWERS_H
#define BOOKING_STORE_SQLITE_ANSWERS_H

#include "store/sqlite/connection.h"
#include "store/store.h"

struct sqlite_answers {
    struct sqlite_connection *connection;
    sqlite3_stmt *find_key, *find, *insert; /* end with the connection */
};

void sqlite_answers_init(struct sqlite_answers *answers, struct sqlite_connection *connection);

/* Whether there is an answer for the request's key; false without a key. */
int sqlite_answer_exists(struct sqlite_answers *answers, const struct store_request *request,
                         bool *exists);

/* Fills `found` with the answer for the request's key. Its texts lie in *memory, which the caller
 * frees, and which is NULL when there is no answer. */
int sqlite_answer_find(struct sqlite_answers *answers, const struct store_request *request,
                       struct store_answer *found, char **memory);

/* Keeps the request's answer, if it has a key. `at` is of the store's clock. */
int sqlite_answer_insert(struct sqlite_answers *answers, const struct store_request *request,
                         int64_t at);

#endif
