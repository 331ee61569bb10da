/* Databases of tests in PostgreSQL, on the server that UNIT_POSTGRESQL is a URL of, whose user may
 * make some. A test asks for them by name, as it does for SQLite's files, and finds each empty. The
 * program keeps them for its next tests, since dropping one takes the server long. */
#ifndef TESTS_UNIT_BOOKING_MAIN_STORE_STORE_UNIT_POSTGRESQL_H
#define TESTS_UNIT_BOOKING_MAIN_STORE_STORE_UNIT_POSTGRESQL_H

#include "tests/unit/unit.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <unistd.h>

static struct unit_postgresql {
    char name[32], url[512];
    bool used; /* by the test that runs */
} unit_postgresql_databases[8];

static inline const char *unit_postgresql_server(void)
{
    const char *url = getenv("UNIT_POSTGRESQL");
    if (!url)
        fail_msg("UNIT_POSTGRESQL must be the URL of a database on a server of the tests' own");
    return url;
}

/* --- looking into them ----------------------------------------------------------------------- */

static inline PGconn *unit_postgresql_connect(const char *url)
{
    PGconn *connection = PQconnectdb(url);
    if (PQstatus(connection) != CONNECTION_OK)
        fail_msg("%s", PQerrorMessage(connection));
    return connection;
}

/* Several statements, too; the last one's result, to be cleared. */
static inline PGresult *unit_postgresql_query(PGconn *connection, const char *sql)
{
    PGresult *result = PQexec(connection, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(connection));
    return result;
}

static inline void unit_postgresql_run(const char *url, const char *sql)
{
    PGconn *connection = unit_postgresql_connect(url);
    PQclear(unit_postgresql_query(connection, sql));
    PQfinish(connection);
}

/* --- making and forgetting them -------------------------------------------------------------- */

/* Of a program whose tests have ended: a group's teardown. Not atexit(), since libpq's libraries
 * are gone by then. */
static inline int unit_postgresql_drop_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(unit_postgresql_databases); i++) {
        char sql[128];
        snprintf(sql, sizeof sql, "DROP DATABASE IF EXISTS unit_%d_%zu WITH (FORCE)", (int)getpid(),
                 i);
        if (*unit_postgresql_databases[i].name)
            unit_postgresql_run(unit_postgresql_server(), sql);
    }
    return 0;
}

/* The server's URL with the name of another database in it. */
static inline void unit_postgresql_make(struct unit_postgresql *database, const char *name)
{
    const char *server = unit_postgresql_server(), *authority = strstr(server, "://");
    const char *path = authority ? strchr(authority + 3, '/') : NULL;
    if (!path)
        fail_msg("UNIT_POSTGRESQL must be postgresql://.../NAME");
    char made[32], sql[128];
    snprintf(made, sizeof made, "unit_%d_%zu", (int)getpid(),
             (size_t)(database - unit_postgresql_databases));
    snprintf(sql, sizeof sql, "CREATE DATABASE %s", made);
    unit_postgresql_run(server, sql);
    snprintf(database->url, sizeof database->url, "%.*s/%s%s", (int)(path - server), server, made,
             strchr(path, '?') ? strchr(path, '?') : "");
    snprintf(database->name, sizeof database->name, "%s", name);
}

static inline const char *unit_postgresql_url(const char *name)
{
    struct unit_postgresql *database = unit_postgresql_databases;
    while (*database->name && strcmp(database->name, name) != 0)
        if (++database == unit_postgresql_databases + LENGTH(unit_postgresql_databases))
            fail_msg("more databases than a test has room for");
    if (!*database->name)
        unit_postgresql_make(database, name);
    else if (!database->used)
        unit_postgresql_run(database->url, "SET client_min_messages = warning;"
                                           " DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    database->used = true;
    return database->url;
}

/* The next test finds them empty. */
static inline void unit_postgresql_forget(void)
{
    for (size_t i = 0; i < LENGTH(unit_postgresql_databases); i++)
        unit_postgresql_databases[i].used = false;
}

static inline int64_t unit_postgresql_number(const char *name, const char *sql)
{
    PGconn *connection = unit_postgresql_connect(unit_postgresql_url(name));
    PGresult *result = unit_postgresql_query(connection, sql);
    assert_int_equal(PQntuples(result), 1);
    int64_t number = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    PQfinish(connection);
    return number;
}

#endif
