/* A connection to an SQLite database: opening it with the settings that keep what was committed,
 * waiting for locks, running statements, and a sentence for whatever fails.
 *
 * A connection belongs to one thread at a time.
 */
#ifndef BOOKING_STORE_SQLITE_CONNECTION_H
#define BOOKING_STORE_SQLITE_CONNECTION_H

#include "lib/base/buffer.h"
#include "lib/base/loop.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

/* A connection's patience at first, in nanoseconds. */
#define SQLITE_OPEN_PATIENCE (5 * LOOP_SECOND)

struct sqlite_connection {
    sqlite3 *db;      /* NULL while closed */
    const char *path; /* as the user wrote it; borrowed */
    int64_t patience; /* nanoseconds to wait for a lock that another connection holds */

    /* The connection's own: SQLite waits for the lock until then. */
    int64_t deadline;
    uint32_t jitter;
};

bool sqlite_path_is_memory(const char *path);

/* Opens the file, or a database in memory for ":memory:". A file that is not there is made, to be
 * read by its user and group alone; SQLite gives the files beside it the same mode. The page cache
 * takes at most `cache_kib`. Nothing is checkpointed unless somebody asks for it, or this is the
 * last connection to be closed. The struct must not move while it is open. False, with a
 * sentence added to `error`, when it cannot. */
bool sqlite_connection_open(struct sqlite_connection *connection, const char *path, int cache_kib,
                            struct buffer *error);

/* Ends all statements that were prepared on it. Harmless on a closed one. */
void sqlite_connection_close(struct sqlite_connection *connection);

/* Opens the file without the settings and without reading it: reading would make the files beside
 * it. False, with a sentence added to `error`, when it cannot. */
bool sqlite_connection_open_bare(struct sqlite_connection *connection, const char *path,
                                 struct buffer *error);

/* Has sqlite_connection_close() leave the files as they are, because other files may lie at their
 * path by now. */
void sqlite_connection_leave(struct sqlite_connection *connection);

/* Runs statements that give no rows; SQLITE_OK or what failed. */
int sqlite_run(struct sqlite_connection *connection, const char *sql);

/* Runs a statement that gives one number. */
int sqlite_read_number(struct sqlite_connection *connection, const char *sql, int64_t *number);

/* Undoes the transaction if one is open: SQLite may have undone it by itself. */
void sqlite_rollback(struct sqlite_connection *connection);

/* Adds a sentence that says what `result` means for this database and what to do about it. To be
 * called before the next statement runs. */
void sqlite_describe(const struct sqlite_connection *connection, int result, struct buffer *error);

/* One use of a prepared statement. Parameters are bound in the order of the calls and not copied;
 * the first failure is kept until the step. Texts of a row are valid until the next step. */
struct query {
    sqlite3_stmt *statement;
    int parameter;
    int result;
};

/* The statement is prepared at its first use, and is the caller's to keep or to finalize. */
struct query query_begin(struct sqlite_connection *connection, sqlite3_stmt **statement,
                         const char *sql);
void query_number(struct query *query, int64_t number);
void query_price(struct query *query, int64_t price);   /* -1, none, becomes NULL */
void query_text(struct query *query, const char *text); /* NULL is NULL */
void query_blob(struct query *query, const void *data, size_t size);

/* SQLITE_ROW, SQLITE_DONE, or what failed. */
int query_step(struct query *query);

/* Makes the statement ready for its next use; after each query. */
void query_end(struct query *query);

/* For a statement that gives no row: steps and ends. SQLITE_OK or what failed. */
int query_run(struct query *query);

int64_t query_column_price(const struct query *query, int column);    /* NULL becomes -1 */
const char *query_column_text(const struct query *query, int column); /* NULL becomes "" */

/* Copies a text, cut to what fits. */
void query_copy_text(const struct query *query, int column, char *out, size_t size);

#endif
