/* The desk's SQL on SQLite. A database in memory has one connection, so there each transaction has
 * the committer pause. */
#include "store/sqlite/desk_sql.h"

#include "lib/base/container_of.h"

#include <stdio.h>
#include <stdlib.h>

enum { CACHE_KIB = 4096, STEPS_BETWEEN_LOOKS = 4000 /* at whether it was cancelled */ };

struct sqlite_sql {
    struct sql sql;
    struct sqlite_connection own, *connection; /* its own, or the committer's */
    struct committer *committer;               /* to pause, or NULL */
    bool paused;
};

static struct sqlite_sql *from_sql(struct sql *sql)
{
    return container_of(sql, struct sqlite_sql, sql);
}

static void fail(struct sqlite_sql *own, int result)
{
    if (sql_failed(&own->sql))
        return;
    if ((result & 0xFF) == SQLITE_INTERRUPT)
        buffer_add_text(&own->sql.error, "it took too long and was given up");
    else
        sqlite_describe(own->connection, result, &own->sql.error);
    sql_fail(&own->sql, SQL_FAILED);
}

static void run(struct sqlite_sql *own, const char *text)
{
    int result = sqlite_run(own->connection, text);
    if (result != SQLITE_OK)
        fail(own, result);
}

static int was_cancelled(void *context)
{
    struct sqlite_sql *own = context;
    return atomic_load(&own->sql.cancelled);
}

static void begin(struct sql *sql, bool writes)
{
    struct sqlite_sql *own = from_sql(sql);
    if (own->committer) {
        committer_pause(own->committer);
        own->paused = true;
    }
    sqlite3_progress_handler(own->connection->db, STEPS_BETWEEN_LOOKS, was_cancelled, own);
    run(own, writes ? "BEGIN IMMEDIATE" : "BEGIN");
}

static void commit(struct sql *sql)
{
    run(from_sql(sql), "COMMIT");
}

static void rollback(struct sql *sql)
{
    struct sqlite_sql *own = from_sql(sql);
    sqlite3_progress_handler(own->connection->db, 0, NULL, NULL);
    sqlite_rollback(own->connection);
    if (own->paused)
        committer_resume(own->committer);
    own->paused = false;
}

/* --- rows ------------------------------------------------------------------------------------ */

static void bind(struct sqlite_sql *own, sqlite3_stmt *statement, const struct sql_value *values,
                 int count)
{
    for (int i = 0; i < count && !sql_failed(&own->sql); i++) {
        char name[16];
        snprintf(name, sizeof name, "$%d", i + 1);
        int place = sqlite3_bind_parameter_index(statement, name); /* of its first appearance */
        int result = values[i].text
                         ? sqlite3_bind_text(statement, place, values[i].text, -1, SQLITE_TRANSIENT)
                         : sqlite3_bind_int64(statement, place, values[i].number);
        if (result != SQLITE_OK)
            fail(own, result);
    }
}

static void query(struct sql *sql, struct sql_rows *rows, const char *text,
                  const struct sql_value *values, int count)
{
    struct sqlite_sql *own = from_sql(sql);
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(own->connection->db, text, -1, &statement, NULL);
    if (result != SQLITE_OK)
        fail(own, result);
    else
        bind(own, statement, values, count);
    rows->handle = statement;
}

static bool next(struct sql_rows *rows)
{
    int result = sqlite3_step(rows->handle);
    if (result != SQLITE_ROW && result != SQLITE_DONE)
        fail(from_sql(rows->sql), result);
    return result == SQLITE_ROW;
}

static bool is_null(const struct sql_rows *rows, int column)
{
    return sqlite3_column_type(rows->handle, column) == SQLITE_NULL;
}

static int64_t number(const struct sql_rows *rows, int column)
{
    return sqlite3_column_int64(rows->handle, column);
}

static const char *text(const struct sql_rows *rows, int column)
{
    const unsigned char *found = sqlite3_column_text(rows->handle, column);
    return found ? (const char *)found : ""; /* out of memory */
}

static void end(struct sql_rows *rows)
{
    (void)sqlite3_finalize(rows->handle); /* repeats what its last step returned */
    rows->handle = NULL;
}

static void add_event(struct sql *sql, const struct store_event *event)
{
    struct sqlite_sql *own = from_sql(sql);
    struct sqlite_events events;
    sqlite_events_init(&events, own->connection);
    int result = sqlite_event_add(&events, event);
    (void)sqlite3_finalize(events.insert);
    if (result != SQLITE_OK)
        fail(own, result);
}

/* --- opening and closing --------------------------------------------------------------------- */

static void close_sql(struct sql *sql)
{
    struct sqlite_sql *own = from_sql(sql);
    sqlite_connection_close(&own->own);
    buffer_free(&sql->error);
    free(own);
}

static const struct sql_driver driver = {
    .lock = "",
    .binary = "",
    .now = "CAST(strftime('%s', 'now') AS INTEGER)",
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

struct sql *sqlite_sql_open(const char *path, struct committer *committer,
                            struct sqlite_connection *shared, struct buffer *error)
{
    struct sqlite_sql *own = calloc(1, sizeof *own);
    if (!own) {
        buffer_printf(error, "database '%s': out of memory", path);
        return NULL;
    }
    own->sql.driver = &driver;
    buffer_init(&own->sql.error, 4096);
    own->committer = committer;
    own->connection = shared ? shared : &own->own;
    if (shared || sqlite_connection_open(&own->own, path, CACHE_KIB, error))
        return &own->sql;
    free(own);
    return NULL;
}
