/* The desk's SQL on PostgreSQL. A connection that was lost is made anew by the next transaction. */
#include "store/postgresql/desk_sql.h"

#include "lib/base/container_of.h"
#include "store/postgresql/connection.h"

#include <stdlib.h>

#define PATIENCE (60 * LOOP_SECOND) /* with a statement; who asked may give up before */

struct pg_sql {
    struct sql sql;
    struct pg_connection connection;
};

static struct pg_sql *from_sql(struct sql *sql)
{
    return container_of(sql, struct pg_sql, sql);
}

static void note(struct pg_sql *own, enum pg_failure failure)
{
    if (failure == PG_OK || sql_failed(&own->sql))
        return;
    if (atomic_load(&own->sql.cancelled))
        buffer_add_text(&own->sql.error, "it took too long and was given up");
    else
        pg_describe(&own->connection, failure, &own->sql.error);
    sql_fail(&own->sql, failure == PG_AGAIN ? SQL_AGAIN : SQL_FAILED);
}

static void run(struct pg_sql *own, const char *text, const struct pg_parameters *parameters)
{
    note(own, pg_run(&own->connection, loop_clock() + PATIENCE, text, parameters, NULL));
}

static void begin(struct sql *sql, bool writes)
{
    struct pg_sql *own = from_sql(sql);
    note(own, pg_connection_open(&own->connection, loop_clock() + PG_OPEN_PATIENCE));
    if (!sql_failed(sql))
        run(own, writes ? "BEGIN" : "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
            NULL);
}

static void commit(struct sql *sql)
{
    struct pg_sql *own = from_sql(sql);
    enum pg_failure failure =
        pg_run(&own->connection, loop_clock() + PATIENCE, "COMMIT", NULL, NULL);
    note(own, failure);
    if (failure == PG_AWAY)
        buffer_add_text(&sql->error, "; whether the change was made is not known: look again");
}

static void rollback(struct sql *sql)
{
    struct pg_sql *own = from_sql(sql);
    pg_rollback(&own->connection, loop_clock() + PATIENCE);
}

static void query(struct sql *sql, struct sql_rows *rows, const char *text,
                  const struct sql_value *values, int count)
{
    struct pg_sql *own = from_sql(sql);
    struct pg_parameters parameters = {0};
    PGresult *result = NULL;
    _Static_assert((int)SQL_VALUES_MAX <= (int)PG_PARAMETERS_MAX, "they must fit");
    for (int i = 0; i < count; i++)
        if (values[i].text)
            pg_add_text(&parameters, values[i].text);
        else
            pg_add_number(&parameters, values[i].number);
    note(own, pg_run(&own->connection, loop_clock() + PATIENCE, text, &parameters, &result));
    rows->handle = result;
}

static bool next(struct sql_rows *rows)
{
    return ++rows->row < PQntuples(rows->handle);
}

static bool is_null(const struct sql_rows *rows, int column)
{
    return PQgetisnull(rows->handle, rows->row, column);
}

static int64_t number(const struct sql_rows *rows, int column)
{
    return pg_number(rows->handle, rows->row, column);
}

static const char *text(const struct sql_rows *rows, int column)
{
    return pg_text(rows->handle, rows->row, column);
}

static void end(struct sql_rows *rows)
{
    PQclear(rows->handle);
    rows->handle = NULL;
}

static void add_event(struct sql *sql, const struct store_event *event)
{
    struct pg_parameters parameters = {0};
    pg_add_number(&parameters, event->kind);
    pg_add_number(&parameters, event->car);
    pg_add_number(&parameters, event->period.pickup_at);
    pg_add_number(&parameters, event->period.return_at);
    pg_add_number(&parameters, event->expires_at);
    pg_add_text(&parameters, event->booking_id);
    pg_add_number(&parameters, event->at);
    pg_add_number(&parameters, event->change);
    pg_add_number(&parameters, event->by);
    pg_add_text(&parameters, event->channel);
    pg_add_text(&parameters, event->reason ? event->reason : "");
    run(from_sql(sql),
        "WITH n AS (UPDATE event_counter SET last = last + 1 RETURNING last)"
        " INSERT INTO events (number, kind, car, pickup_at, return_at, expires_at, booking_id, at,"
        " change, by, channel, reason) SELECT last, $1::int, $2::bigint, $3::int, $4::int,"
        " $5::bigint, $6, $7::bigint, $8::int, $9::int, $10, $11 FROM n",
        &parameters);
}

static void close_sql(struct sql *sql)
{
    struct pg_sql *own = from_sql(sql);
    pg_connection_close(&own->connection);
    buffer_free(&sql->error);
    free(own);
}

static const struct sql_driver driver = {
    .lock = " FOR NO KEY UPDATE",
    .binary = " COLLATE \"C\"",
    .now = "CAST(extract(epoch FROM clock_timestamp()) AS bigint)",
    .close = close_sql,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .query = query,
    .next = next,
    .is_null = is_null,
    .number = number,
    .text = text,
    .end = end,
    .add_event = add_event,
};

struct sql *pg_sql_open(const char *url, struct buffer *error)
{
    struct pg_sql *own = calloc(1, sizeof *own);
    if (!own) {
        buffer_add_text(error, "database: out of memory");
        return NULL;
    }
    own->sql.driver = &driver;
    buffer_init(&own->sql.error, 4096);
    bool ready = pg_connection_init(&own->connection, url, error);
    own->connection.stopping = &own->sql.cancelled;
    if (ready) {
        enum pg_failure failure =
            pg_connection_open(&own->connection, loop_clock() + PG_OPEN_PATIENCE);
        if (failure == PG_OK)
            return &own->sql;
        pg_describe(&own->connection, failure, error);
    }
    close_sql(&own->sql);
    return NULL;
}
