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

#include "lib/base/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CARS = 20000, OUTSTANDING_MAX = 256, ROUNDS = 3 };

static const char body[] =
    "{\"carid\":\"1-XXX-333\",\"price\":55,\"currency\":\"euro\",\"status\":\"booked\",\"message\":"
    "\"welcome to kayak\",\"payment_method\":\"visa\",\"booking_id\":\"0123456789abcdefghijkl\"}";
static const char request_text[] =
    "POST /bookCar\n{\"pickup_at\":\"2026-01-01T10:00Z\",\"return_at\":\"2026-01-02T10:00Z\"}";

static char path[512];

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bench_store: %s: %s\n", what, why ? why : "out of memory");
    exit(1);
}

static void remove_database(void)
{
    char name[600];
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        unlink(name);
    }
}

static uint64_t random_state = 88172645463325252U;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* A booking that nothing is in the way of: a random id and car, a day later each time. */
static void make_booking(struct booking *booking, char key[STORE_KEY_MAX + 1])
{
    static int32_t day;
    snprintf(booking->id, sizeof booking->id, "%011llx%011llx",
             (unsigned long long)(next_random() & 0xFFFFFFFFFFF),
             (unsigned long long)(next_random() & 0xFFFFFFFFFFF));
    snprintf(key, STORE_KEY_MAX + 1, "key-%016llx", (unsigned long long)next_random());
    strcpy(booking->channel, "bench");
    booking->car = 1 + (int64_t)(next_random() % CARS);
    booking->period.pickup_at = 30000000 + day++ * 10;
    booking->period.return_at = booking->period.pickup_at + 10;
    booking->state = BOOKING_BOOKED;
    booking->day_price = 5500;
    booking->hour_price = -1;
    booking->total = 5500;
    strcpy(booking->currency, "EUR");
    strcpy(booking->location, "NCE");
    strcpy(booking->category, "ECMR");
}

static void make_fleet(struct store *store)
{
    struct buffer error;
    buffer_init(&error, 4096);
    struct fleet fleet = {.count = CARS, .currency = "EUR", .exponent = 2};
    fleet.cars = calloc(CARS, sizeof *fleet.cars);
    fleet.text = malloc((size_t)CARS * 16);
    if (!fleet.cars || !fleet.text)
        die("fleet", NULL);
    for (size_t i = 0; i < CARS; i++) {
        char *carid = fleet.text + i * 16;
        snprintf(carid, 16, "car-%zu", i);
        fleet.cars[i] = (struct fleet_car){carid, "NCE", "ECMR", 5500, -1};
    }
    struct store_import_report report;
    if (!store_import(store, &fleet, false, false, &report, &error))
        die("import", error.data);
    free(fleet.cars);
    free(fleet.text);
    buffer_free(&error);
}

/* --- through the store ----------------------------------------------------------------------- */

struct client {
    struct store_request request;
    char key[STORE_KEY_MAX + 1];
};

static struct loop *loop;
static struct store *store;
static int64_t deadline, groups;
static int done_count, refused, outstanding_now;

static void submit(struct client *client);

static void on_done(struct store_request *request)
{
    outstanding_now--;
    if (request->result == STORE_OK)
        done_count++;
    else
        refused++;
    if (loop_clock() < deadline)
        submit((struct client *)request);
    else if (outstanding_now == 0)
        loop_stop(loop);
}

static void submit(struct client *client)
{
    memset(&client->request, 0, sizeof client->request);
    make_booking(&client->request.booking, client->key);
    client->request.operation = STORE_BOOK;
    client->request.now = 1700000000;
    client->request.answer = (struct store_answer){.key = client->key,
                                                   .request = request_text,
                                                   .request_size = strlen(request_text),
                                                   .status = 201,
                                                   .location = "/bookings/0123456789abcdefghijkl",
                                                   .content_type = "application/json",
                                                   .body = body,
                                                   .body_size = strlen(body)};
    client->request.done = on_done;
    outstanding_now++;
    store_submit(store, &client->request);
}

static void on_event(void *context, const struct store_event *event)
{
    (void)context;
    (void)event;
}

static void on_commit(void *context, const struct store_commit *commit)
{
    (void)context;
    groups += commit->operations > 0;
}

static void on_trouble(void *context, const char *sentence)
{
    (void)context;
    die("trouble", sentence ? sentence : "over");
}

static double through_store(int outstanding, double seconds)
{
    static struct client clients[OUTSTANDING_MAX];
    static const struct store_handlers handlers = {NULL, on_event, on_commit, on_trouble};
    struct buffer error;
    char url[600];
    buffer_init(&error, 4096);
    snprintf(url, sizeof url, "sqlite:%s", path);
    remove_database();
    store = store_open(url, &error);
    if (!store)
        die("open", error.data);
    make_fleet(store);
    loop = loop_new();
    if (!loop || !store_start(store, loop, &handlers, 0, &error))
        die("start", error.data);
    done_count = refused = 0;
    groups = 0;
    int64_t start = loop_clock();
    deadline = start + (int64_t)(seconds * 1e9);
    for (int i = 0; i < outstanding; i++)
        submit(&clients[i]);
    loop_run(loop);
    double rate = done_count / ((double)(loop_clock() - start) / 1e9);
    if (refused)
        die("bookings", "were refused");
    store_close(store);
    loop_free(loop);
    buffer_free(&error);
    return rate;
}

/* --- bare ------------------------------------------------------------------------------------ */

static sqlite3 *db;

static sqlite3_stmt *prepare(const char *sql)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        die(sql, sqlite3_errmsg(db));
    return statement;
}

static void step(sqlite3_stmt *statement)
{
    int result = sqlite3_step(statement);
    if (result != SQLITE_ROW && result != SQLITE_DONE)
        die("step", sqlite3_errmsg(db));
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
    make_booking(&booking, key);
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
    unsigned char digest[STORE_DIGEST_SIZE];
    store_digest(request_text, sizeof request_text - 1, digest);
    sqlite3_bind_blob(statements[ANSWER], 3, digest, sizeof digest, SQLITE_STATIC);
    sqlite3_bind_blob(statements[ANSWER], 4, body, sizeof body - 1, SQLITE_STATIC);
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
        " (SELECT value FROM meta WHERE name = 'currency') FROM cars WHERE number = ?",
        "SELECT number, pickup_at FROM bookings WHERE car = ? AND state IN (1, 2)"
        " AND return_at > ? ORDER BY return_at LIMIT 1",
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
    char url[600];
    buffer_init(&error, 4096);
    snprintf(url, sizeof url, "sqlite:%s", path);
    remove_database();
    struct store *maker = store_open(url, &error); /* makes the schema */
    if (!maker)
        die("open", error.data);
    make_fleet(maker);
    store_close(maker);
    struct sqlite_connection connection; /* for the same settings */
    if (!sqlite_connection_open(&connection, path, 8192, &error))
        die("open", error.data);
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
            ours += through_store(sizes[i], seconds) / ROUNDS;
            group += (double)done_count / (double)(groups ? groups : 1) / ROUNDS;
            theirs += bare(sizes[i], seconds, savepoints) / ROUNDS;
        }
        printf("%12d %10.0f %10.0f %7.0f%% %12.1f\n", sizes[i], ours, theirs, 100 * ours / theirs,
               group);
        fflush(stdout);
    }
    remove_database();
    return 0;
}
