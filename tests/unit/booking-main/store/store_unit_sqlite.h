/* Databases of tests in SQLite: files in a folder that the test has for itself. */
#ifndef TESTS_UNIT_BOOKING_MAIN_STORE_STORE_UNIT_SQLITE_H
#define TESTS_UNIT_BOOKING_MAIN_STORE_STORE_UNIT_SQLITE_H

#include "tests/unit/unit.h"

#include <ftw.h>
#include <sqlite3.h>
#include <unistd.h>

/* --- a folder for databases ------------------------------------------------------------------ */

static char unit_folder[64];

static inline void unit_folder_make(void)
{
    strcpy(unit_folder, "/tmp/test-store-XXXXXX");
    assert_non_null(mkdtemp(unit_folder));
}

static inline int unit_remove_one(const char *path, const struct stat *status, int kind,
                                  struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

static inline void unit_folder_remove(void)
{
    if (*unit_folder)
        nftw(unit_folder, unit_remove_one, 8, FTW_DEPTH | FTW_PHYS);
    unit_folder[0] = '\0';
}

static inline const char *unit_path(const char *name)
{
    static char path[160];
    snprintf(path, sizeof path, "%s/%s", unit_folder, name);
    return path;
}

static inline const char *unit_sqlite_url(const char *name)
{
    static char url[160];
    snprintf(url, sizeof url, "sqlite:%s/%s", unit_folder, name);
    return url;
}

/* --- looking into them ----------------------------------------------------------------------- */

static inline sqlite3 *raw_open(const char *path)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    return db;
}

static inline void raw_run(sqlite3 *db, const char *sql)
{
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
}

static inline int64_t raw_number(const char *path, const char *sql)
{
    sqlite3 *db = raw_open(path);
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return number;
}

static inline int64_t unit_sqlite_number(const char *name, const char *sql)
{
    return raw_number(unit_path(name), sql);
}

#endif
