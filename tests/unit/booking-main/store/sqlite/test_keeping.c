/* What the store keeps, for how long, and in which file: older databases, bookings that are over,
 * answers, events, checkpoints. */
#include "tests/unit/booking-main/store/one_engine.h"

#include "store/digest.h"
#include "store/sqlite/schema.h"
#include "store/sqlite/upkeep.h"

enum { HOUR = 3600, DAY = 24 * HOUR };

/* Of bookings and past_bookings. */
#define COLUMNS                                                                                    \
    "id, car, pickup_at, return_at, state, expires_at, channel, reference, day_price, hour_price," \
    " total, currency, location, category, created_at"

static int64_t number(const char *sql)
{
    return raw_number(unit_path("booking.db"), sql);
}

static void change(const char *sql)
{
    sqlite3 *db = raw_open(unit_path("booking.db"));
    raw_run(db, sql);
    sqlite3_close(db);
}

static void wait_for(const char *sql, int64_t expected)
{
    for (int i = 0; number(sql) != expected && i < UNIT_PATIENCE * 50; i++)
        unit_run_loop(&engine, 20);
    if (number(sql) != expected)
        fail_msg("%s is %" PRId64 ", not %" PRId64, sql, number(sql), expected);
}

/* Until an upkeep has come and gone, whatever it did. A booking that was cancelled is the mark. */
static void wait_for_upkeep(void)
{
    static int marks;
    char sql[512];
    snprintf(sql, sizeof sql,
             "INSERT INTO bookings (" COLUMNS ") VALUES ('mark-%d', 1, 1, 2, 3, 0, '', '', 0, 0, 0,"
             " '', '', '', 0)",
             marks);
    unit_engine_stop(&engine);
    change(sql);
    start_in_file();
    snprintf(sql, sizeof sql, "SELECT count(*) FROM past_bookings WHERE id = 'mark-%d'", marks++);
    wait_for(sql, 1);
}

/* --- a database of before -------------------------------------------------------------------- */

static void make_version(int version, const char *rows)
{
    struct sqlite_connection connection;
    struct buffer error;
    buffer_init(&error, 4096);
    assert_true(sqlite_connection_open(&connection, unit_path("booking.db"), 1000, &error));
    assert_true(sqlite_schema_prepare(&connection, sqlite_schema_steps, version, &error));
    sqlite_connection_close(&connection);
    buffer_free(&error);
    change(rows);
}

static void check_shown(const char *id, const char *location, int64_t total, int state)
{
    struct unit_request show = unit_request(STORE_SHOW, id);
    assert_int_equal(unit_run(&engine, &show), STORE_OK);
    assert_string_equal(show.store.booking.location, location);
    assert_string_equal(show.store.booking.currency, "EUR");
    assert_int_equal(show.store.booking.total, total);
    assert_int_equal(show.store.booking.state, state);
}

static void a_database_of_version_1_is_brought_up_to_date(void **state)
{
    (void)state;
    static const char far[] = "100000000";
    char rows[4096];
    snprintf(
        rows, sizeof rows,
        "UPDATE meta SET value = 'EUR' WHERE name = 'currency';"
        "INSERT INTO cars VALUES (1, 'car-1', 'ECMR', 'NCE', 5500, 1000, 1),"
        " (2, 'car-2', 'CDMR', 'PAR', 7000, NULL, 0);"
        "INSERT INTO bookings VALUES"
        " (1, 'over', 1, 1000, 2440, 2, 0, 'kayak', 'r', 5500, 1000, 7),"
        " (3, 'cancelled', 2, %s, %s + 1, 3, 0, 'kayak', '', 7000, NULL, 7),"
        " (4, 'booked', 1, %s, %s + 1441, 2, 0, 'kayak', '', 5500, 1000, 7),"
        " (9, 'held', 2, %s, %s + 1440, 1, 5, 'kayak', '', 7000, NULL, 7);"
        "INSERT INTO events VALUES (1, 3, 0, 0, 0, 0, '', 5), (2, 1, 1, %s, %s + 1441, 0, 'booked',"
        " 6);"
        "INSERT INTO answers VALUES (1, 'kayak', 'k', 'POST /', 201, '/x', 'application/json', "
        "'{}',"
        " 99999999999), (2, 'kayak', 'l', x'00ff', 200, NULL, 'a/b', '', 7)",
        far, far, far, far, far, far, far, far);
    make_version(1, rows);
    start_in_file();
    check_shown("over", "NCE", 5500, BOOKING_BOOKED);
    check_shown("cancelled", "PAR", 7000, BOOKING_CANCELLED);
    check_shown("booked", "NCE", 11000, BOOKING_BOOKED);
    check_shown("held", "PAR", 7000, BOOKING_HELD);
    assert_int_equal(number("SELECT count(*) FROM past_bookings"), 2);
    assert_int_equal(number("SELECT sum(number) FROM bookings WHERE number IN (4, 9)"), 13);
    assert_int_equal(number("SELECT count(*) FROM bookings"), 2);
    assert_int_equal(book("new", 1, 100000100, 100000200), STORE_CAR_TAKEN);
    struct unit_snapshot snapshot = unit_snapshot(&engine, 0);
    assert_int_equal(snapshot.taken_count, 2);
    assert_int_equal(snapshot.last_event, 2);
    struct unit_request recall = unit_request(STORE_RECALL, "");
    recall.store.answer = unit_answer("k");
    assert_int_equal(unit_run(&engine, &recall), STORE_OK);
    assert_false(recall.found.other_request);
    assert_string_equal(recall.found.location, "/x");
    unit_free_found(&recall);
    recall.store.answer.request = "POST /x";
    recall.store.answer.request_size = 7;
    assert_int_equal(unit_run(&engine, &recall), STORE_OK);
    assert_true(recall.found.other_request);
    unit_free_found(&recall);
    /* One that a clock dated ahead is not in the way of the others for a thousand years. */
    assert_int_equal(
        number("SELECT max(at) <= (SELECT value FROM meta WHERE name = 'time') FROM answers"), 1);
    assert_int_equal(number("SELECT max(length(request)) FROM answers"), STORE_DIGEST_SIZE);
}

static void a_database_of_version_2_is_brought_up_to_date(void **state)
{
    (void)state;
    make_version(
        2, "UPDATE meta SET value = 'EUR' WHERE name = 'currency';"
           "INSERT INTO cars VALUES (1, 'car-1', 'ECMR', 'NCE', 5500, 1000, 1);"
           "INSERT INTO bookings (number, " COLUMNS ") VALUES"
           " (4, 'booked', 1, 100000000, 100001440, 2, 0, 'kayak', 'r', 5500, 1000, 11000, 'EUR',"
           "  'NCE', 'ECMR', 7),"
           " (9, 'held', 1, 100001440, 100002000, 1, 5, 'kayak', '', 5500, 1000, 5500, 'EUR',"
           "  'NCE', 'ECMR', 8);"
           "INSERT INTO past_bookings (number, " COLUMNS ", ended_at) VALUES"
           " (3, 'over', 1, 1000, 2440, 2, 0, 'kayak', '', 5500, 1000, 7000, 'EUR', 'PAR', 'ECMR',"
           "  6, (SELECT value FROM meta WHERE name = 'time'));"
           "INSERT INTO events VALUES (1, 3, 0, 0, 0, 0, '', 5)");
    start_in_file();
    check_shown("booked", "NCE", 11000, BOOKING_BOOKED);
    check_shown("held", "NCE", 5500, BOOKING_HELD);
    check_shown("over", "PAR", 7000, BOOKING_BOOKED);
    assert_int_equal(number("SELECT count(*) FROM all_bookings WHERE turnaround = 0 AND version = 1"
                            " AND returned_at = 0"),
                     3);
    assert_int_equal(number("SELECT count(*) FROM past_bookings WHERE number = 3 AND ended_at > 9"),
                     1);
    assert_int_equal(number("SELECT value FROM meta WHERE name = 'turnaround'"), 0);
    /* Back to back, as they were. */
    assert_int_equal(unit_snapshot(&engine, 0).taken_count, 2);
    assert_int_equal(book("new", 1, 100001439, 100001440), STORE_CAR_TAKEN);
    assert_int_equal(book("before", 1, 99999999, 100000000), STORE_OK);
}

/* What happened before nobody is told of; what happens from now on everybody is. */
static void a_database_of_version_3_is_brought_up_to_date(void **state)
{
    (void)state;
    make_version(
        3,
        "UPDATE meta SET value = 'EUR' WHERE name = 'currency';"
        "INSERT INTO cars VALUES (1, 'car-1', 'ECMR', 'NCE', 5500, 1000, 1, 30);"
        "INSERT INTO bookings (number, " COLUMNS ", turnaround) VALUES"
        " (4, 'booked', 1, 100000000, 100001440, 2, 0, 'kayak', 'r', 5500, 1000, 11000, 'EUR',"
        "  'NCE', 'ECMR', 7, 30);"
        "INSERT INTO history VALUES ('booked', 1, 8, 'changed', 2, 'ann', 'longer', 'return_at');"
        "INSERT INTO events VALUES (1, 3, 0, 0, 0, 0, '', 5),"
        " (2, 1, 1, 100000000, 100001470, 0, 'booked', 5)");
    start_in_file();
    check_shown("booked", "NCE", 11000, BOOKING_BOOKED);
    assert_int_equal(number("SELECT count(*) FROM history"), 1);
    assert_int_equal(number("SELECT count(*) FROM events WHERE change = 0 AND by = 0 AND"
                            " channel = '' AND reason = ''"),
                     2);
    struct unit_request cancel = unit_request(STORE_CANCEL, "booked");
    assert_int_equal(unit_run(&engine, &cancel), STORE_OK);
    assert_int_equal(number("SELECT count(*) FROM events WHERE number = 3 AND change = 5 AND"
                            " by = 1 AND channel = 'kayak' AND reason = ''"),
                     1);
    assert_int_equal(number("SELECT count(*) FROM webhooks"), 0);
    assert_int_equal(number("SELECT count(*) FROM webhook_deliveries"), 0);
}

/* --- bookings that are over ------------------------------------------------------------------ */

static void a_booking_that_is_over_makes_room_and_is_still_shown(void **state)
{
    (void)state;
    start_in_file();
    struct unit_request cancel = unit_request(STORE_CANCEL, "cancelled");
    struct unit_request hold = unit_booking("held", 2, 10, 20);
    hold.store.booking.state = BOOKING_HELD;
    hold.store.booking.expires_at = 600;
    assert_int_equal(book("over", 1, 10, 20), STORE_OK);
    assert_int_equal(unit_run(&engine, &hold), STORE_OK);
    assert_int_equal(book("later", 1, 10000, 20000), STORE_OK);
    assert_int_equal(book("cancelled", 1, 30000, 40000), STORE_OK);
    cancel.store.now = 0;
    assert_int_equal(unit_run(&engine, &cancel), STORE_OK);
    unit_engine_stop(&engine);

    unit_jumped = UPKEEP_GRACE_HOURS * HOUR + 20 * 60;
    start_in_file();
    wait_for("SELECT count(*) FROM bookings", 1);
    assert_int_equal(number("SELECT count(*) FROM all_bookings"), 4);
    check_shown("over", "NCE", 5500, BOOKING_BOOKED);
    check_shown("held", "NCE", 5500, BOOKING_EXPIRED);
    check_shown("cancelled", "NCE", 5500, BOOKING_CANCELLED);
    check_shown("later", "NCE", 5500, BOOKING_BOOKED);
    assert_int_equal(unit_snapshot(&engine, 0).taken_count, 1);
    /* That the hold has expired is an event as any other. */
    unit_run_until_events(&engine, 7);
    assert_int_equal(engine.events[6].kind, EVENT_RELEASED);
    assert_string_equal(engine.events[6].booking_id, "held");
    /* What is over stays as it was, also for a clock that is set back. */
    static const enum store_operation operations[] = {STORE_CONFIRM, STORE_CANCEL, STORE_EXPIRE};
    static const char *const ids[] = {"over", "held", "cancelled"};
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            struct unit_request request = unit_request(operations[i], ids[j]);
            request.store.now = 0;
            assert_int_equal(unit_run(&engine, &request), STORE_WRONG_STATE);
        }
    struct unit_request other = unit_request(STORE_SHOW, "over");
    strcpy(other.store.booking.channel, "airbnb");
    assert_int_equal(unit_run(&engine, &other), STORE_NOT_FOUND);
}

static void many_are_moved_in_portions(void **state)
{
    (void)state;
    start_in_file();
    unit_engine_stop(&engine);
    change("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1500)"
           " INSERT INTO bookings (" COLUMNS ") SELECT 'id-' || i, 1, i, i + 1, 2 + i % 2, 0,"
           " 'kayak', '', 5500, 1000, 5500, 'EUR', 'NCE', 'ECMR', 1 FROM n");
    unit_jumped = 10 * DAY;
    start_in_file();
    wait_for("SELECT count(*) FROM bookings", 0);
    assert_int_equal(number("SELECT count(DISTINCT id) FROM past_bookings"), 1500);
    assert_int_equal(engine.troubles, 0);
}

static void a_past_booking_is_forgotten_some_day(void **state)
{
    (void)state;
    static const char count[] = "SELECT count(*) FROM past_bookings WHERE id LIKE 'id-%'";
    char sql[512];
    start_in_file();
    unit_engine_stop(&engine);
    snprintf(sql, sizeof sql,
             "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000)"
             " INSERT INTO past_bookings (" COLUMNS
             ", ended_at) SELECT 'id-' || i, 1, i, i + 1, 2, 0,"
             " 'kayak', '', 5500, 1000, 5500, 'EUR', 'NCE', 'ECMR', 1, value - (%d - i) * 3600"
             " FROM n, meta WHERE name = 'time'",
             1000);
    change(sql); /* one an hour, the last one now */
    struct buffer error;
    buffer_init(&error, 4096);
    assert_true(unit_engine_open(&engine, unit_url("booking.db"), &error));
    store_keep_history(engine.store, 10);
    unit_engine_follow(&engine, 1);
    for (int i = 0; number(count) > 240 && i < UNIT_PATIENCE * 50; i++)
        unit_run_loop(&engine, 20);
    assert_in_range(number(count), 239, 241);
    assert_int_equal(number("SELECT max(number) FROM past_bookings"), 1000);
    buffer_free(&error);
}

/* --- answers --------------------------------------------------------------------------------- */

/* With keys a0 to a19. */
static void make_answers(void)
{
    struct unit_request requests[20];
    for (int i = 0; i < 20; i++) {
        char id[BOOKING_ID_SIZE + 1];
        snprintf(id, sizeof id, "a%d", i);
        requests[i] = unit_booking(id, 1, 1000 + i, 1001 + i);
        requests[i].store.answer = unit_answer(requests[i].store.booking.id);
        assert_int_equal(unit_run(&engine, &requests[i]), STORE_OK);
    }
}

static void old_answers_are_purged(void **state)
{
    (void)state;
    start_in_file();
    make_answers();
    unit_engine_stop(&engine);
    change("UPDATE answers SET at = at - 48 * 3600 - 60 WHERE number <= 15;"
           "UPDATE answers SET at = at - 47 * 3600 WHERE number > 15");
    start_in_file();
    wait_for("SELECT count(*) FROM answers", 5);
    wait_for_upkeep();
    assert_int_equal(number("SELECT count(*) FROM answers"), 5);
    struct unit_request recall = unit_request(STORE_RECALL, "");
    recall.store.answer.key = "a3";
    assert_int_equal(unit_run(&engine, &recall), STORE_NOT_FOUND);
    recall.store.answer.key = "a15";
    assert_int_equal(unit_run(&engine, &recall), STORE_OK);
    unit_free_found(&recall);
    assert_int_equal(engine.troubles, 0);
}

/* The clock on the wall jumps ahead, for good reasons or not: nothing is deleted for that. */
static void a_clock_ahead_deletes_nothing(void **state)
{
    (void)state;
    struct timespec real;
    clock_gettime(CLOCK_REALTIME, &real);
    int32_t soon = (int32_t)(real.tv_sec / 60) + 60;
    unit_jumped = real.tv_sec - UNIT_NOW;
    start_in_file();
    make_answers();
    assert_int_equal(book("b", 2, soon, soon + 10), STORE_OK);
    unit_jumped += 1000 * DAY;
    wait_for_upkeep();
    assert_int_equal(number("SELECT count(*) FROM answers"), 20);
    assert_int_equal(number("SELECT count(*) FROM events"), 22);
    assert_int_equal(number("SELECT count(*) FROM bookings WHERE id = 'b'"), 1);
    assert_int_equal(book("c", 2, soon, soon + 10), STORE_CAR_TAKEN);
}

/* What is committed is told at once, whether the upkeep can write or not. */
static void a_lock_in_the_way_of_the_upkeep_is_no_trouble(void **state)
{
    (void)state;
    start_in_file();
    make_answers();
    unit_engine_stop(&engine);
    change("UPDATE answers SET at = 1");
    struct buffer error;
    buffer_init(&error, 4096);
    assert_true(unit_engine_open(&engine, unit_url("booking.db"), &error));
    sqlite3 *db = raw_open(unit_path("booking.db"));
    raw_run(db, "BEGIN IMMEDIATE");
    unit_engine_follow(&engine, 0);
    unit_run_loop(&engine, 2500);
    assert_int_equal(engine.troubles, 0);
    raw_run(db, "COMMIT");
    sqlite3_close(db);
    assert_int_equal(book("b", 2, 1000, 2000), STORE_OK);
    wait_for("SELECT count(*) FROM answers", 0);
    assert_int_equal(engine.troubles, 0);
    buffer_free(&error);
}

/* --- events ---------------------------------------------------------------------------------- */

static void old_events_are_purged_and_who_is_behind_starts_anew(void **state)
{
    (void)state;
    start_in_file();
    make_answers(); /* events 2 to 21 */
    unit_engine_stop(&engine);
    unit_jumped = 1800000000; /* now that it is about the time that events are dated by */
    change("UPDATE events SET at = CASE WHEN number < 5 THEN 99999999999999 ELSE 1 END"
           " WHERE number < 15");
    struct buffer error;
    buffer_init(&error, 4096);
    assert_true(unit_engine_open(&engine, unit_url("booking.db"), &error));
    unit_engine_follow(&engine, 21);
    wait_for("SELECT min(number) FROM events", 15); /* also what was dated ahead */

    struct unit_engine behind;
    assert_true(unit_engine_open(&behind, unit_url("booking.db"), &error));
    unit_engine_follow(&behind, 3);
    unit_run_until_events(&behind, 1);
    assert_int_equal(behind.events[0].kind, EVENT_FLEET);
    assert_int_equal(behind.events[0].number, 21);
    behind.out_of_order = false; /* as store.h says of this case */
    assert_int_equal(book("b", 2, 1000, 2000), STORE_OK);
    unit_run_until_events(&behind, 2);
    assert_string_equal(behind.events[1].booking_id, "b");
    unit_engine_stop(&behind);
    unit_engine_stop(&engine);

    change("UPDATE events SET at = 1"); /* the last one stays: numbers go on from it */
    assert_true(unit_engine_open(&engine, unit_url("booking.db"), &error));
    unit_engine_follow(&engine, 22);
    wait_for("SELECT count(*) FROM events", 1);
    assert_int_equal(book("c", 2, 3000, 4000), STORE_OK);
    assert_int_equal(engine.events[0].number, 23);
    buffer_free(&error);
}

/* --- checkpoints ----------------------------------------------------------------------------- */

/* Of the one file, without its companions. */
static int64_t number_in_a_copy(const char *sql)
{
    size_t size = 0;
    char *bytes = unit_read(unit_path("booking.db"), &size);
    FILE *file = fopen(unit_path("copy.db"), "wb");
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
    free(bytes);
    int64_t found = raw_number(unit_path("copy.db"), sql);
    unlink(unit_path("copy.db"));
    unlink(unit_path("copy.db-wal"));
    unlink(unit_path("copy.db-shm"));
    return found;
}

static void the_file_by_itself_is_complete_at_a_quiet_moment(void **state)
{
    (void)state;
    struct buffer error;
    buffer_init(&error, 4096);
    assert_true(unit_engine_open(&engine, unit_url("booking.db"), &error));
    assert_int_equal(number_in_a_copy("SELECT count(*) FROM cars"), 0); /* the tables are there */
    store_close(engine.store);
    engine.store = NULL;
    buffer_free(&error);

    start_in_file();
    assert_int_equal(book("a", 1, 1000, 2000), STORE_OK);
    for (int i = 0; number_in_a_copy("SELECT count(*) FROM bookings") != 1 && i < 500; i++)
        unit_run_loop(&engine, 20);
    assert_int_equal(number_in_a_copy("SELECT count(*) FROM bookings"), 1);
    for (int i = 0; store_stats(engine.store).checkpointed == 0 && i < 500; i++)
        unit_run_loop(&engine, 20);
    struct store_stats stats = store_stats(engine.store);
    assert_in_range(stats.checkpointed, UNIT_NOW, time(NULL));
    assert_true(stats.database_bytes >= 4096);
    assert_true(stats.log_bytes > 0);
}

/* Another engine that keeps running does not keep this one's bookings in the log. */
static void a_stop_leaves_nothing_in_the_log(void **state)
{
    (void)state;
    start_in_file();
    sqlite3 *other = raw_open(unit_path("booking.db"));
    raw_run(other, "SELECT count(*) FROM cars");
    assert_int_equal(book("a", 1, 1000, 2000), STORE_OK);
    unit_engine_stop(&engine);
    assert_int_equal(number_in_a_copy("SELECT count(*) FROM bookings"), 1);
    sqlite3_close(other);
}

/* Bookings one after the other, with answers so long that the log grows fast. */
static void book_large(int *next, int count)
{
    static char body[60000];
    memset(body, 'x', sizeof body);
    for (int i = 0; i < count; i++) {
        char id[BOOKING_ID_SIZE + 1];
        snprintf(id, sizeof id, "large-%d", *next);
        struct unit_request request = unit_booking(id, 1, 1000 + *next, 1001 + *next);
        request.store.answer = unit_answer(id);
        request.store.answer.body = body;
        request.store.answer.body_size = sizeof body;
        assert_int_equal(unit_run(&engine, &request), STORE_OK);
        ++*next;
    }
}

static void a_long_log_is_cut_also_while_bookings_go_on(void **state)
{
    (void)state;
    enum { LIMIT = 32 * 1024 * 1024 };
    int next = 0;
    start_in_file();
    /* A reader that does not end: the log cannot be cut, and nobody waits for it. */
    sqlite3 *reader = raw_open(unit_path("booking.db"));
    raw_run(reader, "BEGIN; SELECT count(*) FROM cars");
    book_large(&next, 600);
    for (int i = 0; store_stats(engine.store).log_bytes < LIMIT && i < 500; i++)
        unit_run_loop(&engine, 20);
    assert_true(store_stats(engine.store).log_bytes > LIMIT);
    raw_run(reader, "COMMIT");
    sqlite3_close(reader);
    for (int i = 0; store_stats(engine.store).log_bytes > LIMIT && i < 5000; i++)
        book_large(&next, 1);
    assert_true(store_stats(engine.store).log_bytes < LIMIT);
    assert_int_equal(engine.troubles, 0);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin_in_folder, end)
    const struct CMUnitTest tests[] = {
        TEST(a_database_of_version_1_is_brought_up_to_date),
        TEST(a_database_of_version_2_is_brought_up_to_date),
        TEST(a_database_of_version_3_is_brought_up_to_date),
        TEST(a_booking_that_is_over_makes_room_and_is_still_shown),
        TEST(many_are_moved_in_portions),
        TEST(a_past_booking_is_forgotten_some_day),
        TEST(old_answers_are_purged),
        TEST(a_clock_ahead_deletes_nothing),
        TEST(a_lock_in_the_way_of_the_upkeep_is_no_trouble),
        TEST(old_events_are_purged_and_who_is_behind_starts_anew),
        TEST(the_file_by_itself_is_complete_at_a_quiet_moment),
        TEST(a_stop_leaves_nothing_in_the_log),
        TEST(a_long_log_is_cut_also_while_bookings_go_on),
    };
    return cmocka_run_group_tests_name("what the store keeps", tests, NULL, NULL);
}
