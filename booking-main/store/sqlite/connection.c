#include "store/sqlite/connection.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MODE = 0640 };

bool sqlite_path_is_memory(const char *path)
{
    return strcmp(path, ":memory:") == 0;
}

/* SQLite's own handler sleeps for up to 100 ms at a time. While another engine commits group after
 * group, the lock is free for moments only, and such a sleeper would miss them all. */
static int wait_for_lock(void *context, int attempts)
{
    struct sqlite_connection *connection = context;
    int64_t now = loop_clock();
    if (attempts == 0)
        connection->deadline = now + connection->patience;
    if (now >= connection->deadline)
        return 0;
    connection->jitter = connection->jitter * 1664525U + 1013904223U;
    usleep(200 + (connection->jitter >> 16) % 800); /* not in step with the other */
    return 1;
}

/* --- failures -------------------------------------------------------------------------------- */

void sqlite_describe(const struct sqlite_connection *connection, int result, struct buffer *error)
{
    const char *path = connection->path;
    const char *message = connection->db ? sqlite3_errmsg(connection->db) : sqlite3_errstr(result);
    int system = connection->db ? sqlite3_system_errno(connection->db) : 0;
    const char *reason = system ? strerror(system) : message;
    switch (result & 0xFF) { /* the primary code */
    case SQLITE_NOMEM:
        buffer_printf(error, "database '%s': out of memory", path);
        break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        buffer_printf(error,
                      "database '%s' is locked by another program: end what holds it, such as an "
                      "open transaction in a database shell",
                      path);
        break;
    case SQLITE_FULL:
        buffer_printf(error, "database '%s': the disk is full: make room on it", path);
        break;
    case SQLITE_READONLY:
    case SQLITE_PERM:
        buffer_printf(error,
                      "database '%s' cannot be written: give this user write access to the file "
                      "and to its folder, on a file system that is not read-only",
                      path);
        break;
    case SQLITE_CANTOPEN:
        buffer_printf(error,
                      "database '%s' cannot be opened (%s): its folder must exist, and this user "
                      "needs write access to both",
                      path, reason);
        break;
    case SQLITE_NOTADB:
        buffer_printf(error,
                      "database '%s' is not an SQLite database: name another file, or move this "
                      "one away",
                      path);
        break;
    case SQLITE_CORRUPT:
        buffer_printf(error, "database '%s' is damaged (%s): stop the engine, restore a backup",
                      path, message);
        break;
    case SQLITE_IOERR:
        buffer_printf(error, "database '%s': the disk fails (%s): look at the system's log", path,
                      reason);
        break;
    default:
        buffer_printf(error, "database '%s': %s", path, message);
        break;
    }
}

/* What SQLite would put less clearly. */
static bool check_path(const char *path, struct buffer *error)
{
    struct stat status;
    if (!*path) {
        buffer_add_text(error, "database 'sqlite:' has no name: say which file, as in "
                               "sqlite:booking.db");
        return false;
    }
    if (stat(path, &status) < 0)
        return true; /* it is made, or opening it fails */
    if (S_ISDIR(status.st_mode)) {
        buffer_printf(error, "database '%s' is a folder: name a file in it, as in sqlite:%s/%s",
                      path, path, "booking.db");
        return false;
    }
    if (!S_ISREG(status.st_mode)) {
        buffer_printf(error, "database '%s' is not a regular file: name another", path);
        return false;
    }
    return true;
}

/* --- connection ------------------------------------------------------------------------------ */

/* Only what holds for this connection; nothing is written to a file that may not be ours. */
static int set_up(struct sqlite_connection *connection, int cache_kib)
{
    char pragmas[128];
    snprintf(pragmas, sizeof pragmas,
             "PRAGMA synchronous = FULL; PRAGMA cache_size = -%d; PRAGMA wal_autocheckpoint = 0",
             cache_kib);
    return sqlite_run(connection, pragmas);
}

/* SQLite would leave the mode to the umask. No descriptor is opened: to close one would end the
 * locks that this process has on the file. */
static void make_file(const char *name)
{
    if (mknod(name, S_IFREG | FILE_MODE, 0) == 0)
        (void)chmod(name, FILE_MODE); /* whatever fails here, SQLite will say why */
}

/* SQLite would count its memory under one mutex of all threads: a commit would wait for an export.
 */
static void set_up_library(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); /* fails only if SQLite is in use already */
}

bool sqlite_connection_open_bare(struct sqlite_connection *connection, const char *path,
                                 struct buffer *error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, set_up_library);
    bool memory = sqlite_path_is_memory(path);
    *connection = (struct sqlite_connection){
        .path = path,
        .patience = SQLITE_OPEN_PATIENCE,
        .jitter = (uint32_t)loop_clock(),
    };
    if (!memory && !check_path(path, error))
        return false;
    /* A name that begins with "file:" or is ":x:" means something else to SQLite. */
    char *name = NULL;
    if (asprintf(&name, "%s%s", memory || path[0] == '/' ? "" : "./", path) < 0) {
        buffer_printf(error, "database '%s': out of memory", path);
        return false;
    }
    if (!memory)
        make_file(name);
    int result =
        sqlite3_open_v2(name, &connection->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    free(name);
    if (result == SQLITE_OK)
        result = sqlite3_extended_result_codes(connection->db, 1);
    if (result == SQLITE_OK)
        result = sqlite3_busy_handler(connection->db, wait_for_lock, connection);
    if (result == SQLITE_OK && sqlite3_db_readonly(connection->db, "main") == 1)
        result = SQLITE_READONLY; /* SQLite opens for reading what it may not write */
    if (result == SQLITE_OK)
        return true;
    sqlite_describe(connection, result, error);
    sqlite_connection_close(connection);
    return false;
}

bool sqlite_connection_open(struct sqlite_connection *connection, const char *path, int cache_kib,
                            struct buffer *error)
{
    if (!sqlite_connection_open_bare(connection, path, error))
        return false;
    int result = set_up(connection, cache_kib);
    if (result == SQLITE_OK)
        return true;
    sqlite_describe(connection, result, error);
    sqlite_connection_close(connection);
    return false;
}

void sqlite_connection_close(struct sqlite_connection *connection)
{
    sqlite3_stmt *statement;
    while (connection->db && (statement = sqlite3_next_stmt(connection->db, NULL)))
        (void)sqlite3_finalize(statement); /* repeats what its last step returned */
    sqlite3_close_v2(connection->db);
    connection->db = NULL;
}

void sqlite_connection_leave(struct sqlite_connection *connection)
{
    if (connection->db)
        (void)sqlite3_db_config(connection->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
}

int sqlite_run(struct sqlite_connection *connection, const char *sql)
{
    return sqlite3_exec(connection->db, sql, NULL, NULL, NULL);
}

int sqlite_read_number(struct sqlite_connection *connection, const char *sql, int64_t *number)
{
    sqlite3_stmt *statement = NULL;
    struct query query = query_begin(connection, &statement, sql);
    int result = query_step(&query);
    if (result == SQLITE_ROW) {
        *number = sqlite3_column_int64(statement, 0);
        result = SQLITE_OK;
    } else if (result == SQLITE_DONE) {
        result = SQLITE_NOTFOUND;
    }
    sqlite3_finalize(statement);
    return result;
}

void sqlite_rollback(struct sqlite_connection *connection)
{
    if (!sqlite3_get_autocommit(connection->db))
        (void)sqlite_run(connection, "ROLLBACK"); /* always ends it, whatever it returns */
}

/* --- statements ------------------------------------------------------------------------------ */

struct query query_begin(struct sqlite_connection *connection, sqlite3_stmt **statement,
                         const char *sql)
{
    struct query query = {.result = SQLITE_OK};
    if (!*statement)
        query.result =
            sqlite3_prepare_v3(connection->db, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
    query.statement = *statement;
    return query;
}

static void query_note(struct query *query, int result)
{
    if (query->result == SQLITE_OK)
        query->result = result;
}

void query_number(struct query *query, int64_t number)
{
    if (query->result == SQLITE_OK)
        query_note(query, sqlite3_bind_int64(query->statement, ++query->parameter, number));
}

void query_price(struct query *query, int64_t price)
{
    if (price >= 0)
        query_number(query, price);
    else
        query_text(query, NULL);
}

void query_text(struct query *query, const char *text)
{
    if (query->result == SQLITE_OK)
        query_note(query, sqlite3_bind_text(query->statement, ++query->parameter, text, -1,
                                            SQLITE_STATIC));
}

void query_blob(struct query *query, const void *data, size_t size)
{
    /* A NULL pointer would be a NULL, not an empty blob. */
    if (query->result == SQLITE_OK)
        query_note(query, sqlite3_bind_blob64(query->statement, ++query->parameter,
                                              data ? data : "", size, SQLITE_STATIC));
}

int query_step(struct query *query)
{
    return query->result == SQLITE_OK ? sqlite3_step(query->statement) : query->result;
}

void query_end(struct query *query)
{
    if (!query->statement)
        return;
    (void)sqlite3_reset(query->statement); /* repeats what the step returned */
    (void)sqlite3_clear_bindings(query->statement);
}

int query_run(struct query *query)
{
    int result = query_step(query);
    query_end(query);
    return result == SQLITE_DONE || result == SQLITE_ROW ? SQLITE_OK : result;
}

int64_t query_column_price(const struct query *query, int column)
{
    if (sqlite3_column_type(query->statement, column) == SQLITE_NULL)
        return -1;
    return sqlite3_column_int64(query->statement, column);
}

const char *query_column_text(const struct query *query, int column)
{
    const unsigned char *text = sqlite3_column_text(query->statement, column);
    return text ? (const char *)text : "";
}

void query_copy_text(const struct query *query, int column, char *out, size_t size)
{
    const char *text = query_column_text(query, column);
    size_t length = strnlen(text, size - 1);
    memcpy(out, text, length);
    out[length] = '\0';
}
