/* What a database brings to the desk: transactions, statements and events.
 *
 * The desk's SQL is what SQLite and PostgreSQL have in common, so it is written once. The few words
 * that differ are members of the driver. Parameters are $1, $2 and so on; a number that is inserted
 * by a SELECT is CAST, since PostgreSQL would take it for a text.
 *
 * Failure is sticky, as a buffer's is: after one, everything fails until sql_rollback(). So a
 * function asks once, at its end.
 */
#ifndef BOOKING_STORE_DESK_SQL_H
#define BOOKING_STORE_DESK_SQL_H

#include "lib/base/buffer.h"
#include "store/store.h"

#include <stdatomic.h>

enum { SQL_VALUES_MAX = 16, SQL_TEXT_MAX = 256 * 1024 };

struct sql_value {
    const char *text; /* NULL: the number; borrowed */
    int64_t number;
};

enum sql_failure {
    SQL_FINE,
    SQL_AGAIN,  /* undone for another transaction's sake: the whole may be tried again */
    SQL_FAILED, /* with a sentence */
};

struct sql;
struct sql_rows;

struct sql_driver {
    const char *lock;   /* behind a SELECT of rows that are to be changed */
    const char *binary; /* behind a text that is ordered by its bytes */
    const char *now;    /* seconds since 1970 by the database's clock */
    void (*close)(struct sql *sql);
    void (*begin)(struct sql *sql, bool writes); /* one that only reads sees one moment */
    void (*commit)(struct sql *sql);
    void (*rollback)(struct sql *sql);
    void (*query)(struct sql *sql, struct sql_rows *rows, const char *text,
                  const struct sql_value *values, int count);
    bool (*next)(struct sql_rows *rows);
    bool (*is_null)(const struct sql_rows *rows, int column);
    int64_t (*number)(const struct sql_rows *rows, int column);
    const char *(*text)(const struct sql_rows *rows, int column); /* until the next row */
    void (*end)(struct sql_rows *rows);
    /* The last thing before the commit: PostgreSQL's numbers of events are locked until then. */
    void (*add_event)(struct sql *sql, const struct store_event *event);
};

/* A driver's own struct embeds this as its first member. */
struct sql {
    const struct sql_driver *driver;
    enum sql_failure failure;
    struct buffer error;   /* the sentence */
    atomic_bool cancelled; /* by another thread */
};

/* Parameters, and the text of a statement as it grows with them. */
struct sql_statement {
    struct buffer text;
    struct sql_value values[SQL_VALUES_MAX];
    int count;
};

void sql_start(struct sql_statement *statement, const char *text);
void sql_add(struct sql_statement *statement, const char *text);

/* Adds `text` and behind it the parameter. */
void sql_add_number(struct sql_statement *statement, const char *text, int64_t number);
void sql_add_text(struct sql_statement *statement, const char *text, const char *value);
void sql_stop(struct sql_statement *statement);

struct sql_rows {
    struct sql *sql;
    void *handle; /* the driver's */
    int row;
};

void sql_begin(struct sql *sql, bool writes);
void sql_rollback(struct sql *sql); /* forgets the failure too, but not its sentence */

/* Commits; false when anything failed since the begin, and then all of it is undone. */
bool sql_commit(struct sql *sql);

/* Runs a statement; its rows are read with sql_next() until it is false, and ended with sql_end().
 * sql_run() is for a statement without rows. */
void sql_query(struct sql *sql, struct sql_rows *rows, const struct sql_statement *statement);
void sql_run(struct sql *sql, const struct sql_statement *statement);
bool sql_next(struct sql_rows *rows);
void sql_end(struct sql_rows *rows);

int64_t sql_number(const struct sql_rows *rows, int column);   /* NULL becomes -1 */
const char *sql_text(const struct sql_rows *rows, int column); /* NULL becomes "" */
void sql_copy_text(const struct sql_rows *rows, int column, char *out, size_t size);

/* A statement without parameters that gives one number. */
int64_t sql_one_number(struct sql *sql, const char *text);

void sql_add_event(struct sql *sql, const struct store_event *event);

/* For drivers: notes the first failure, whose sentence was added to sql->error. */
void sql_fail(struct sql *sql, enum sql_failure failure);
bool sql_failed(const struct sql *sql);

#endif
