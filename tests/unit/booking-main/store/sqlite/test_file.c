/* The store on an SQLite file: what may be wrong with the file at start, several engines on one
 * file, and what a crash leaves. */
#include "tests/unit/booking-main/store/one_engine.h"

#include "store/sqlite/schema.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

static void write_file(const char *path, const char *text, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* --- opening --------------------------------------------------------------------------------- */

static void check_refused(const char *url, const char *name, const char *reason)
{
    struct buffer error;
    buffer_init(&error, 4096);
    struct store *store = store_open(url, &error);
    assert_null(store);
    if (!error.data || !strstr(error.data, name) || !strstr(error.data, reason))
        fail_msg("'%s' was to name '%s' and say '%s'", error.data, name, reason);
    buffer_free(&error);
}

static void what_is_no_database_of_ours_is_refused_and_left_alone(void **state)
{
    (void)state;
    static const char garbage[] = "This is not a database, but it is longer than a header of "
                                  "one hundred bytes, so that it is looked at for what it is.";
    char before[256];
    check_refused("sqlite:", "sqlite:", "which file");
    check_refused(unit_url("no/such/folder.db"), "folder.db", "must exist");
    check_refused(unit_url(""), unit_folder, "is a folder");
    check_refused("sqlite:/dev/null", "/dev/null", "not a regular file");
    check_refused("mysql:x", "mysql", "sqlite:FILE");

    write_file(unit_path("garbage.db"), garbage, sizeof garbage);
    check_refused(unit_url("garbage.db"), "garbage.db", "not an SQLite database");
    size_t size;
    char *text = unit_read(unit_path("garbage.db"), &size);
    assert_int_equal(size, sizeof garbage);
    assert_memory_equal(text, garbage, size);
    free(text);

    snprintf(before, sizeof before, "%s", unit_path("other.db"));
    sqlite3 *db = raw_open(before);
    raw_run(db, "CREATE TABLE theirs (a); PRAGMA journal_mode = DELETE");
    sqlite3_close(db);
    check_refused(unit_url("other.db"), "other.db", "another program");
    db = raw_open(before);
    raw_run(db, "PRAGMA application_id = 77");
    sqlite3_close(db);
    check_refused(unit_url("other.db"), "other.db", "application id 77");
    assert_int_equal(raw_number(before, "SELECT count(*) FROM sqlite_schema"), 1);
    assert_int_not_equal(access(unit_path("other.db-wal"), F_OK), 0); /* no other journal mode */
}

static void a_damaged_header_is_refused(void **state)
{
    (void)state;
    start_in_file();
    unit_engine_stop(&engine);
    int fd = open(unit_path("booking.db"), O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "\x13\x37\x13\x37", 4, 100), 4); /* root page of the schema */
    close(fd);
    check_refused(unit_url("booking.db"), "booking.db", "is damaged");
    fd = open(unit_path("booking.db"), O_RDWR | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "sqlite", 6, 0), 6);
    close(fd);
    check_refused(unit_url("booking.db"), "booking.db", "not an SQLite database");
}

static void a_newer_version_is_refused(void **state)
{
    (void)state;
    start_in_file();
    unit_engine_stop(&engine);
    sqlite3 *db = raw_open(unit_path("booking.db"));
    raw_run(db, "PRAGMA user_version = 7");
    sqlite3_close(db);
    check_refused(unit_url("booking.db"), "booking.db", "newer version of booking-main (schema 7");
}

/* In a child without root's powers; exits with 0 when the store is refused for that reason. */
static void check_refused_for_others(const char *name, const char *reason)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct buffer error;
        buffer_init(&error, 4096);
        if (getuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
            _exit(3);
        struct store *store = store_open(unit_url(name), &error);
        bool as_expected = !store && error.data && strstr(error.data, reason);
        if (!as_expected)
            fprintf(stderr, "%s: %s\n", name, store ? "was opened" : error.data);
        _exit(!as_expected);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void what_cannot_be_written_is_refused(void **state)
{
    (void)state;
    start_in_file();
    unit_engine_stop(&engine);
    assert_int_equal(chmod(unit_path("booking.db"), 0444), 0);
    assert_int_equal(chmod(unit_folder, 0777), 0);
    check_refused_for_others("booking.db", "cannot be written");
    assert_int_equal(chmod(unit_path("booking.db"), 0666), 0);
    assert_int_equal(chmod(unit_folder, 0555), 0);
    check_refused_for_others("booking.db", "write access");
    check_refused_for_others("new.db", "write access");
    assert_int_equal(chmod(unit_folder, 0777), 0);
}

static void names_mean_files_whatever_they_look_like(void **state)
{
    (void)state;
    char before[512], url[64];
    struct buffer error;
    buffer_init(&error, 4096);
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(unit_folder), 0);
    static const char *const names[] = {"file:x?mode=memory", ":temp:", "a b", "x"};
    for (size_t i = 0; i < LENGTH(names); i++) {
        snprintf(url, sizeof url, "sqlite:%s", names[i]);
        store_close(store_open(url, &error));
        assert_int_equal(access(names[i], R_OK), 0);
    }
    assert_int_equal(chdir(before), 0);
    assert_null(error.data);
    store_close(NULL);
}

static void what_was_booked_is_there_after_a_restart(void **state)
{
    (void)state;
    start_in_file();
    assert_int_equal(book_minute("a", 1000), STORE_OK);
    unit_engine_stop(&engine);
    start_in_file();
    assert_int_equal(book_minute("b", 1000), STORE_CAR_TAKEN);
    assert_int_equal(engine.event_count, 2);
    assert_int_equal(raw_number(unit_path("booking.db"), "PRAGMA user_version"),
                     sqlite_schema_version);
}

static void check_mode(const char *name)
{
    struct stat status;
    assert_int_equal(stat(unit_path(name), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0640);
}

static void its_files_are_for_its_user_and_group(void **state)
{
    (void)state;
    static const mode_t masks[] = {0, 022, 077};
    for (size_t i = 0; i < LENGTH(masks); i++) {
        mode_t before = umask(masks[i]);
        start_in_file();
        umask(before);
        check_mode("booking.db");
        check_mode("booking.db-wal");
        check_mode("booking.db-shm");
        unit_engine_stop(&engine);
        assert_int_equal(unlink(unit_path("booking.db")), 0);
    }
}

/* --- schema ---------------------------------------------------------------------------------- */

static bool prepare(const char *const *steps, int version, struct buffer *error)
{
    struct sqlite_connection connection;
    buffer_clear(error);
    if (!sqlite_connection_open(&connection, unit_path("steps.db"), 100, error))
        return false;
    bool prepared = sqlite_schema_prepare(&connection, steps, version, error);
    sqlite_connection_close(&connection);
    return prepared;
}

static void a_schema_takes_the_steps_it_lacks(void **state)
{
    (void)state;
    static const char *const steps[] = {"CREATE TABLE a (x); INSERT INTO a VALUES (1)",
                                        "ALTER TABLE a ADD COLUMN y; UPDATE a SET y = 10",
                                        "UPDATE a SET x = x + y"};
    static const char *const broken[] = {NULL, "UPDATE a SET x = 99", "UPDATE absent SET x = 1"};
    struct buffer error;
    const char *path = unit_path("steps.db");
    char name[160];
    snprintf(name, sizeof name, "%s", path);
    buffer_init(&error, 4096);
    assert_true(prepare(steps, 1, &error));
    assert_int_equal(raw_number(name, "SELECT x FROM a"), 1);
    assert_false(prepare(broken, 3, &error)); /* all or none */
    if (!strstr(error.data, "no such table: absent"))
        fail_msg("%s", error.data);
    assert_int_equal(raw_number(name, "SELECT x FROM a"), 1);
    assert_int_equal(raw_number(name, "PRAGMA user_version"), 1);
    assert_true(prepare(steps, 3, &error));
    assert_int_equal(raw_number(name, "SELECT x FROM a"), 11);
    assert_int_equal(raw_number(name, "PRAGMA user_version"), 3);
    assert_true(prepare(steps, 3, &error));
    assert_int_equal(raw_number(name, "SELECT x FROM a"), 11);
    assert_false(prepare(steps, 2, &error));
    buffer_free(&error);
}

static void check_plan(sqlite3 *db, const char *query, const char *plan)
{
    char sql[512];
    sqlite3_stmt *statement;
    snprintf(sql, sizeof sql, "EXPLAIN QUERY PLAN %s", query);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(statement, 3), plan);
    assert_int_equal(sqlite3_step(statement), SQLITE_DONE); /* nothing is sorted */
    sqlite3_finalize(statement);
}

/* Whether a car is free must be one probe, whatever else was booked, and an import that withdraws
 * all cars must not look at all bookings for each. */
static void the_questions_are_answered_by_index(void **state)
{
    (void)state;
    start_in_file();
    unit_engine_stop(&engine);
    sqlite3 *db = raw_open(unit_path("booking.db"));
    check_plan(db,
               "SELECT number, pickup_at FROM bookings WHERE car = ? AND state IN (1, 2, 5)"
               " AND return_at + turnaround > ? ORDER BY return_at + turnaround LIMIT 1",
               "SEARCH bookings USING INDEX bookings_active (car=? AND <expr>>?)");
    check_plan(db,
               "SELECT id FROM bookings WHERE car = ?1 AND state IN (1, 2, 5)"
               " AND return_at + turnaround > ?2 AND state <> 5 AND return_at > ?2"
               " ORDER BY return_at + turnaround",
               "SEARCH bookings USING INDEX bookings_active (car=? AND <expr>>?)");
    sqlite3_close(db);
}

/* --- several engines ------------------------------------------------------------------------- */

enum { RACERS = 2, RACES = 60, TRIES = 4 };

struct racer {
    struct unit_engine engine;
    int name, won[RACES];
    bool other_result;
};

/* Each tries to book the same periods, several times each at once. */
static void *race(void *context)
{
    struct racer *racer = context;
    for (int round = 0; round < RACES; round++) {
        struct unit_request tries[TRIES];
        for (int i = 0; i < TRIES; i++) {
            char id[BOOKING_ID_SIZE + 1];
            snprintf(id, sizeof id, "%d-%d-%d", racer->name, round, i);
            tries[i] = unit_booking(id, 1, 1000 + round * 10, 1010 + round * 10);
            unit_submit(&racer->engine, &tries[i]);
        }
        racer->other_result |= !unit_run_loop(&racer->engine, 60000);
        for (int i = 0; i < TRIES; i++) {
            racer->won[round] += tries[i].store.result == STORE_OK;
            racer->other_result |=
                tries[i].store.result != STORE_OK && tries[i].store.result != STORE_CAR_TAKEN;
        }
    }
    return NULL;
}

static void two_engines_never_sell_a_car_twice(void **state)
{
    (void)state;
    static struct racer racers[RACERS];
    pthread_t threads[RACERS];
    memset(racers, 0, sizeof racers);
    for (int i = 0; i < RACERS; i++) {
        racers[i].name = i;
        unit_engine_start(&racers[i].engine, unit_url("booking.db"));
    }
    for (int i = 0; i < RACERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    for (int i = 0; i < RACERS; i++)
        pthread_join(threads[i], NULL);
    for (int round = 0; round < RACES; round++)
        assert_int_equal(racers[0].won[round] + racers[1].won[round], 1);
    for (int i = 0; i < RACERS; i++) {
        assert_false(racers[i].other_result);
        unit_run_until_events(&racers[i].engine, RACES + 1);
        unit_engine_stop(&racers[i].engine); /* checks the order of events too */
    }
    check_database("booking.db");
}

static void another_engines_changes_arrive(void **state)
{
    (void)state;
    struct unit_engine other;
    start_in_file();
    unit_engine_start(&other, unit_url("booking.db"));
    for (int i = 0; i < 3; i++) {
        char id[BOOKING_ID_SIZE + 1];
        snprintf(id, sizeof id, "a%d", i);
        assert_int_equal(book_minute(id, 1000 + i), STORE_OK);
        unit_run_until_events(&other, 2 + (size_t)i);
        assert_string_equal(other.events[1 + i].booking_id, id);
        struct unit_request show = unit_request(STORE_SHOW, id);
        assert_int_equal(unit_run(&other, &show), STORE_OK);
    }
    unit_import(&other, "car-1,ECMR,NCE,56.00,10.00,EUR\n");
    unit_run_until_events(&engine, 5);
    assert_int_equal(engine.events[4].kind, EVENT_FLEET);
    unit_engine_stop(&other);
}

/* One that fell behind takes what it missed in portions. */
static void many_changes_arrive_in_order(void **state)
{
    (void)state;
    start_in_file();
    sqlite3 *db = raw_open(unit_path("booking.db"));
    raw_run(db, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 10000)"
                " INSERT INTO events (kind, car, pickup_at, return_at, expires_at, booking_id, at)"
                " SELECT 1, 1, i, i + 1, 0, 'id', 0 FROM n");
    sqlite3_close(db);
    assert_int_equal(book_minute("last", 5000), STORE_OK);
    assert_int_equal(engine.event_count, 10002);
    assert_string_equal(engine.events[10001].booking_id, "last");
}

static void *import_if_empty(void *context)
{
    struct unit_engine *racer = context;
    struct store_import_report report = unit_try_import(racer, UNIT_FLEET, true, false);
    racer->wanted_events = report.added;
    return NULL;
}

static void *open_and_close(void *context)
{
    struct buffer error;
    buffer_init(&error, 4096);
    struct store *store = store_open(context, &error);
    if (!store)
        fprintf(stderr, "%s\n", error.data);
    store_close(store);
    buffer_free(&error);
    return store ? context : NULL;
}

static void engines_may_start_at_once_on_a_new_file(void **state)
{
    (void)state;
    pthread_t threads[4];
    for (int round = 0; round < 10; round++) {
        char name[32];
        snprintf(name, sizeof name, "new-%d.db", round);
        for (int i = 0; i < 4; i++)
            assert_int_equal(
                pthread_create(&threads[i], NULL, open_and_close, strdup(unit_url(name))), 0);
        for (int i = 0; i < 4; i++) {
            void *result;
            pthread_join(threads[i], &result);
            assert_non_null(result);
            free(result);
        }
        struct unit_engine racers[2];
        struct buffer error;
        buffer_init(&error, 4096);
        for (int i = 0; i < 2; i++) {
            assert_true(unit_engine_open(&racers[i], unit_url(name), &error));
            assert_int_equal(pthread_create(&threads[i], NULL, import_if_empty, &racers[i]), 0);
        }
        size_t added = 0;
        for (int i = 0; i < 2; i++) {
            pthread_join(threads[i], NULL);
            added += racers[i].wanted_events;
        }
        assert_int_equal(added, 3); /* one imported, the other found cars */
        assert_int_equal(unit_snapshot(&racers[0], 0).last_event, 1);
        for (int i = 0; i < 2; i++)
            store_close(racers[i].store);
    }
}

/* --- crashes --------------------------------------------------------------------------------- */

enum { CHILD_CLIENTS = 32 };

static int report_fd;
static int next_booking;

static void make_next(struct unit_request *request)
{
    char id[BOOKING_ID_SIZE + 1];
    snprintf(id, sizeof id, "%06d-%015d", next_booking, getpid());
    *request = unit_booking(id, 1 + next_booking % 2, next_booking, next_booking + 2);
    next_booking++;
}

static void report_and_go_on(struct unit_request *request)
{
    struct unit_engine *of = request->engine;
    if (request->store.result == STORE_OK &&
        write(report_fd, request->store.booking.id, BOOKING_ID_SIZE) != BOOKING_ID_SIZE)
        _exit(2);
    make_next(request);
    request->then = report_and_go_on;
    unit_submit(of, request);
}

/* Books for ever, and says which bookings were answered. */
static void run_child(int fd, int first)
{
    static struct unit_request clients[CHILD_CLIENTS];
    report_fd = fd;
    next_booking = first;
    start_in_file();
    for (int i = 0; i < CHILD_CLIENTS; i++) {
        make_next(&clients[i]);
        clients[i].then = report_and_go_on;
        unit_submit(&engine, &clients[i]);
    }
    unit_run_loop(&engine, 60000);
    _exit(3);
}

static void a_killed_engine_loses_nothing_it_answered(void **state)
{
    (void)state;
    uint64_t random = 42;
    size_t answered = 0;
    for (int round = 0; round < 8; round++) {
        int ends[2];
        char id[BOOKING_ID_SIZE + 1] = "";
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            close(ends[0]);
            run_child(ends[1], round * 100000);
        }
        close(ends[1]);
        /* Some time after the first answer. */
        assert_int_equal(read(ends[0], id, BOOKING_ID_SIZE), BOOKING_ID_SIZE);
        usleep((useconds_t)(unit_random(&random) % 60000));
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        start_in_file();
        do {
            struct unit_request show = unit_request(STORE_SHOW, id);
            assert_int_equal(unit_run(&engine, &show), STORE_OK);
            answered++;
        } while (read(ends[0], id, BOOKING_ID_SIZE) == BOOKING_ID_SIZE);
        close(ends[0]);
        check_database("booking.db");
        unit_engine_stop(&engine);
    }
    assert_true(answered > 8);
}

static void an_idle_store_costs_next_to_nothing(void **state)
{
    (void)state;
    struct timespec before, after;
    start_in_file();
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    assert_false(unit_run_loop(&engine, 1000));
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    int64_t spent = (after.tv_sec - before.tv_sec) * LOOP_SECOND + after.tv_nsec - before.tv_nsec;
    assert_true(spent < 20 * LOOP_MILLISECOND); /* of a second; measured: about one */
    print_message("idle: %" PRId64 " us of CPU a second\n", spent / 1000);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin_in_folder, end)
    const struct CMUnitTest tests[] = {
        TEST(what_is_no_database_of_ours_is_refused_and_left_alone),
        TEST(a_damaged_header_is_refused),
        TEST(a_newer_version_is_refused),
        TEST(what_cannot_be_written_is_refused),
        TEST(names_mean_files_whatever_they_look_like),
        TEST(what_was_booked_is_there_after_a_restart),
        TEST(its_files_are_for_its_user_and_group),
        TEST(a_schema_takes_the_steps_it_lacks),
        TEST(the_questions_are_answered_by_index),
        TEST(two_engines_never_sell_a_car_twice),
        TEST(another_engines_changes_arrive),
        TEST(many_changes_arrive_in_order),
        TEST(engines_may_start_at_once_on_a_new_file),
        TEST(a_killed_engine_loses_nothing_it_answered),
        TEST(an_idle_store_costs_next_to_nothing),
    };
    return cmocka_run_group_tests_name("store on a file", tests, NULL, NULL);
}
