/* Durable bookings a second: through the store, with some requests outstanding all the time, and
 * beside it a bare loop of the same statements with as many in a transaction, on the same disk.
 *
 *     bench_store [-s] [SECONDS [FOLDER]]
 *
 * -s gives the bare loop a savepoint for each booking.
 */
#include "store/digest.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/schema.h"
#include "store/store.h"
#include "tests/bench/store_load.h"

#include "lib/base/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROUNDS = 3 };

static char path[512];

static void remove_database(void)
{
    char name[600];
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        unlink(name);
    }
}

/* A new database with the fleet; its URL. */
static const char *make_database(void)
{
    static char url[600];
    snprintf(url, sizeof url, "sqlite:%s", path);
    remove_database();
    store_load_fleet(url);
    return url;
}

static double through_store(int outstanding, double seconds, double *group_size)
{
    static struct store_load_result result;
    const struct store_load load = {
        .url = make_database(), .engines = 1, .clients = outstanding, .seconds = seconds};
    store_load_run(&load, &result);
    *group_size = (double)result.bookings / (double)(result.groups ? result.groups : 1);
    return (double)result.bookings / result.seconds;
}

/* --- bare ------------------------------------------------------------------------------------ */

static sqlite3 *db;

static sqlite3_stmt *prepare(const char *sql)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        store_load_die(sql, sqlite3_errmsg(db));
    return statement;
}

static void step(sqlite3_stmt *statement)
{
    int result = sqlite3_step(statement);
    if (result != SQLITE_ROW && result != SQLITE_DONE)
        store_load_die("step", sqlite3_errmsg(db));
    sqlite3_reset(statement);
}

static void bind_text(sqlite3_stmt *statement, int parameter, const char *text)
{
    sqlite3_bind_text(statement, parameter, text, -1, SQLITE_STATIC);
}

static void bind_numbers(sqlite3_stmt *statement, int first, int count, const int64_t *numbers)
{
    for (int i = 0; i < count; i++)
        sqlite3_bind_int64(statement, first + i, numbers[i]);
}

enum { BEGIN, COMMIT, SAVE, RELEASE, KEY, CAR, NEXT, BOOKING, EVENT, ANSWER, STATEMENTS };
static sqlite3_stmt *statements[STATEMENTS];

static void book_bare(void)
{
    struct booking booking = {0};
    char key[STORE_KEY_MAX + 1];
    store_load_booking(&booking, key);
    const struct period period = booking.period;
    bind_text(statements[KEY], 1, booking.channel);
    bind_text(statements[KEY], 2, key);
    step(statements[KEY]);
    bind_numbers(statements[CAR], 1, 1, &booking.car);
    step(statements[CAR]);
    bind_numbers(statements[NEXT], 1, 2, (int64_t[]){booking.car, period.pickup_at});
    step(statements[NEXT]);
    bind_text(statements[BOOKING], 1, booking.id);
    bind_numbers(statements[BOOKING], 2, 5,
                 (int64_t[]){booking.car, period.pickup_at, period.return_at, booking.state, 0});
    bind_text(statements[BOOKING], 7, booking.channel);
    bind_text(statements[BOOKING], 8, booking.reference);
    bind_numbers(statements[BOOKING], 9, 2, (int64_t[]){5500, 1700000000});
    step(statements[BOOKING]);
    bind_numbers(statements[EVENT], 1, 3,
                 (int64_t[]){booking.car, period.pickup_at, period.return_at});
    bind_text(statements[EVENT], 4, booking.id);
    step(statements[EVENT]);
    bind_text(statements[ANSWER], 1, booking.channel);
    bind_text(statements[ANSWER], 2, key);
    struct store_answer answer = store_load_answer(key);
    unsigned char digest[STORE_DIGEST_SIZE];
    store_digest(answer.request, answer.request_size, digest);
    sqlite3_bind_blob(statements[ANSWER], 3, digest, sizeof digest, SQLITE_STATIC);
    sqlite3_bind_blob(statements[ANSWER], 4, answer.body, (int)answer.body_size, SQLITE_STATIC);
    step(statements[ANSWER]);
}

static double bare(int group, double seconds, bool savepoints)
{
    static const char *const sql[STATEMENTS] = {
        "BEGIN IMMEDIATE",
        "COMMIT",
        "SAVEPOINT one",
        "RELEASE one",
        "SELECT 1 FROM answers WHERE channel = ? AND key = ?",
        "SELECT offered, day_price, hour_price, carid, location, category,"
        " (SELECT value FROM meta WHERE name = 'currency'),"
        " coalesce(turnaround, (SELECT value FROM meta WHERE name = 'turnaround')) FROM cars"
        " WHERE number = ?",
        "SELECT number, pickup_at FROM bookings WHERE car = ? AND state IN (1, 2, 5)"
        " AND return_at + turnaround > ? ORDER BY return_at + turnaround LIMIT 1",
        "INSERT INTO bookings (id, car, pickup_at, return_at, state, expires_at, channel,"
        " reference, day_price, created_at, total, currency, location, category)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 5500, 'EUR', 'NCE', 'ECMR')",
        "INSERT INTO events (kind, car, pickup_at, return_at, expires_at, booking_id, at)"
        " VALUES (1, ?, ?, ?, 0, ?, 1700000000)",
        "INSERT INTO answers (channel, key, request, status, location, content_type, body, at)"
        " VALUES (?, ?, ?, 201, '/bookings/0123456789abcdefghijkl', 'application/json', ?,"
        " 1700000000)",
    };
    struct buffer error;
    buffer_init(&error, 4096);
    (void)make_database();
    struct sqlite_connection connection; /* for the same settings */
    if (!sqlite_connection_open(&connection, path, 8192, &error))
        store_load_die("open", error.data);
    db = connection.db;
    for (int i = 0; i < STATEMENTS; i++)
        statements[i] = prepare(sql[i]);
    int count = 0;
    int64_t start = loop_clock(), end = start + (int64_t)(seconds * 1e9);
    while (loop_clock() < end) {
        step(statements[BEGIN]);
        for (int i = 0; i < group; i++) {
            if (savepoints)
                step(statements[SAVE]);
            book_bare();
            if (savepoints)
                step(statements[RELEASE]);
        }
        step(statements[COMMIT]);
        count += group;
    }
    double rate = count / ((double)(loop_clock() - start) / 1e9);
    for (int i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(statements[i]);
    sqlite_connection_close(&connection);
    buffer_free(&error);
    return rate;
}

int main(int argc, char **argv)
{
    bool savepoints = argc > 1 && strcmp(argv[1], "-s") == 0;
    argc -= savepoints;
    argv += savepoints;
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 2;
    snprintf(path, sizeof path, "%s/bench-store-%d.db", argc > 2 ? argv[2] : ".", (int)getpid());
    printf("durable bookings a second, %d rounds of %.1f s each, side by side\n", ROUNDS, seconds);
    printf("%12s %10s %10s %8s %12s\n", "outstanding", "store", "bare loop", "ratio", "group size");
    static const int sizes[] = {1, 16, 64, 256};
    for (int i = 0; i < 4; i++) {
        double ours = 0, theirs = 0, group = 0;
        for (int round = 0; round < ROUNDS; round++) {
            double group_size;
            ours += through_store(sizes[i], seconds, &group_size) / ROUNDS;
            group += group_size / ROUNDS;
            theirs += bare(sizes[i], seconds, savepoints) / ROUNDS;
        }
        printf("%12d %10.0f %10.0f %7.0f%% %12.1f\n", sizes[i], ours, theirs, 100 * ours / theirs,
               group);
        fflush(stdout);
    }
    remove_database();
    return 0;
}
