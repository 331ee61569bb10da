/* A connection to a PostgreSQL server: opening it, running statements within a time, and a sentence
 * for whatever fails. No sentence ever has a password in it.
 *
 * A connection belongs to one thread at a time. Nothing here waits for ever: each wait has its end
 * on loop_clock(), after which the connection is closed, since what it was asked may yet happen.
 */
#ifndef BOOKING_STORE_POSTGRESQL_CONNECTION_H
#define BOOKING_STORE_POSTGRESQL_CONNECTION_H

#include "lib/base/buffer.h"
#include "lib/base/loop.h"

#include <libpq-fe.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* A connection's patience with opening, for a start that nobody waits for, in nanoseconds. */
#define PG_OPEN_PATIENCE (10 * LOOP_SECOND)

/* What failed. */
enum pg_failure {
    PG_OK,
    PG_AWAY,     /* no connection, or it was lost or too slow, and is closed now */
    PG_AGAIN,    /* the server undid it, for another transaction's sake: it may be tried again */
    PG_CONFLICT, /* a constraint forbids it */
    PG_REFUSED,  /* the server refused it for any other reason */
    PG_MEMORY,   /* out of memory here */
};

/* In whose words something failed; empty when nothing did. */
struct pg_error {
    char sqlstate[6];  /* the server's code, or "" */
    char message[512]; /* the server's or libpq's, one line, or "" */
};

struct pg_connection {
    PGconn *connection;           /* NULL while closed */
    const char *url;              /* borrowed */
    const _Atomic bool *stopping; /* ends every wait when it becomes true; NULL for none */
    int statement_timeout; /* milliseconds, after which the server gives a statement up; 0: never */
    char place[256];       /* postgresql://HOST:PORT/DATABASE, for logs */
    char name[256];        /* for sentences: database 'NAME' at HOST, without password */
    struct pg_error error; /* the last failure */
};

/* Sets it up, closed. False, with a sentence added to `error`, when the URL is not one libpq takes.
 */
bool pg_connection_init(struct pg_connection *connection, const char *url, struct buffer *error);

/* Connects, with the settings that keep what was committed. PG_OK, PG_AWAY or PG_REFUSED; then it
 * is closed. A connection that is open stays as it is. */
enum pg_failure pg_connection_open(struct pg_connection *connection, int64_t deadline);

/* Harmless on a closed one. */
void pg_connection_close(struct pg_connection *connection);

/* Adds a sentence that says what the last failure means and what to do about it. */
void pg_describe(const struct pg_connection *connection, enum pg_failure failure,
                 struct buffer *error);

/* Parameters of a statement, in text format and in order. */
enum { PG_PARAMETERS_MAX = 16 };

struct pg_parameters {
    int count;
    const char *values[PG_PARAMETERS_MAX];
    char numbers[PG_PARAMETERS_MAX][24];
};

void pg_add_text(struct pg_parameters *parameters, const char *text); /* borrowed; NULL is NULL */
void pg_add_number(struct pg_parameters *parameters, int64_t number);

/* Runs one statement. *result, if not NULL, becomes its rows, the caller's to PQclear(), when there
 * was no failure. */
enum pg_failure pg_run(struct pg_connection *connection, int64_t deadline, const char *sql,
                       const struct pg_parameters *parameters, PGresult **result);

/* Several statements that go out together, and come back together: one round trip. The first
 * failure is that of all. Results are the caller's to PQclear(), NULL where there is none. */
struct pg_statement {
    const char *sql;
    const struct pg_parameters *parameters; /* or NULL */
    PGresult *result;
};

enum pg_failure pg_run_together(struct pg_connection *connection, int64_t deadline,
                                struct pg_statement *statements, int count);

/* Sends rows in COPY's text format: begin, any number of portions, end. */
enum pg_failure pg_copy_begin(struct pg_connection *connection, int64_t deadline, const char *sql);
enum pg_failure pg_copy_add(struct pg_connection *connection, int64_t deadline,
                            const struct buffer *rows);
enum pg_failure pg_copy_end(struct pg_connection *connection, int64_t deadline);

/* Keeps what a result that failed says, and judges it. */
enum pg_failure pg_failure_of(struct pg_connection *connection, const PGresult *result);

/* Undoes the transaction if one is open. */
void pg_rollback(struct pg_connection *connection, int64_t deadline);

int64_t pg_number(const PGresult *result, int row, int column);   /* NULL becomes -1 */
const char *pg_text(const PGresult *result, int row, int column); /* NULL becomes "" */

/* Copies a text, cut to what fits. */
void pg_copy_text(const PGresult *result, int row, int column, char *out, size_t size);

#endif
