/* The PostgreSQL store: a database of each version before is brought up to date, with all its rows.
 */
#include "tests/unit/booking-main/store/one_engine.h"

#include "store/postgresql/schema.h"

#define COLUMNS                                                                                    \
    "id, car, pickup_at, return_at, state, expires_at, channel, reference, day_price, hour_price," \
    " total, currency, location, category, created_at"

static int64_t number(const char *sql)
{
    return unit_number("booking.db", sql);
}

static void check_shown(const char *id, const char *location, enum booking_state state)
{
    struct unit_request show = unit_request(STORE_SHOW, id);
    assert_int_equal(unit_run(&engine, &show), STORE_OK);
    assert_string_equal(show.store.booking.location, location);
    assert_int_equal(show.store.booking.turnaround, 0);
    assert_int_equal(show.store.booking.state, state);
}

static void a_database_of_version_1_is_brought_up_to_date(void **state)
{
    (void)state;
    const char *url = unit_url("booking.db");
    unit_postgresql_run(url, pg_schema_steps[0]);
    unit_postgresql_run(
        url,
        /* As it was called, whatever it did: its rows had a column less. */
        "CREATE FUNCTION booking_group(requests json, store_time bigint, event_time bigint,"
        " again boolean) RETURNS TABLE (place integer) LANGUAGE sql AS 'SELECT 1';"
        "UPDATE meta SET value = '1' WHERE name = 'schema';"
        "UPDATE meta SET value = 'EUR' WHERE name = 'currency';"
        "INSERT INTO cars VALUES (1, 'car-1', 'ECMR', 'NCE', 5500, 1000, 1);"
        "INSERT INTO bookings (number, " COLUMNS ") VALUES"
        " (4, 'booked', 1, 100000000, 100001440, 2, 0, 'kayak', 'r', 5500, 1000, 11000, 'EUR',"
        "  'NCE', 'ECMR', 7),"
        " (9, 'held', 1, 100001440, 100002000, 1, 5, 'kayak', '', 5500, 1000, 5500, 'EUR', 'NCE',"
        "  'ECMR', 8);"
        "INSERT INTO past_bookings (number, " COLUMNS ", ended_at) VALUES"
        " (3, 'over', 1, 1000, 2440, 2, 0, 'kayak', '', 5500, 1000, 7000, 'EUR', 'PAR', 'ECMR', 6,"
        "  (SELECT value::bigint FROM meta WHERE name = 'time'));"
        "INSERT INTO events VALUES (1, 3, 0, 0, 0, 0, '', 5); UPDATE event_counter SET last = 1;"
        "SELECT setval(pg_get_serial_sequence('bookings', 'number'), 9)");
    start_in_file();
    check_shown("booked", "NCE", BOOKING_BOOKED);
    check_shown("held", "NCE", BOOKING_HELD);
    check_shown("over", "PAR", BOOKING_BOOKED);
    assert_int_equal(number("SELECT count(*) FROM all_bookings WHERE turnaround = 0 AND version = 1"
                            " AND returned_at = 0"),
                     3);
    assert_int_equal(number("SELECT count(*) FROM past_bookings WHERE number = 3 AND ended_at > 9"),
                     1);
    assert_int_equal(number("SELECT value FROM meta WHERE name = 'turnaround'"), 0);
    assert_int_equal(number("SELECT value FROM meta WHERE name = 'schema'"), pg_schema_version);
    /* Back to back, as they were. */
    assert_int_equal(unit_snapshot(&engine, 0).taken_count, 2);
    assert_int_equal(book("new", 1, 100001439, 100001440), STORE_CAR_TAKEN);
    assert_int_equal(book("before", 1, 99999999, 100000000), STORE_OK);
}

/* What happened before nobody is told of; what happens from now on everybody is. */
static void a_database_of_version_2_is_brought_up_to_date(void **state)
{
    (void)state;
    const char *url = unit_url("booking.db");
    unit_postgresql_run(url, pg_schema_steps[0]);
    unit_postgresql_run(url, pg_schema_steps[1]);
    unit_postgresql_run(
        url, "UPDATE meta SET value = '2' WHERE name = 'schema';"
             "UPDATE meta SET value = 'EUR' WHERE name = 'currency';"
             "INSERT INTO cars VALUES (1, 'car-1', 'ECMR', 'NCE', 5500, 1000, 1, 30);"
             "INSERT INTO bookings (number, " COLUMNS ", turnaround) VALUES"
             " (4, 'booked', 1, 100000000, 100001440, 2, 0, 'kayak', 'r', 5500, 1000, 11000, 'EUR',"
             "  'NCE', 'ECMR', 7, 30);"
             "INSERT INTO history VALUES ('booked', 1, 8, 'changed', 2, 'ann', 'longer', '');"
             "INSERT INTO events VALUES (1, 3, 0, 0, 0, 0, '', 5),"
             " (2, 1, 1, 100000000, 100001470, 0, 'booked', 5);"
             "UPDATE event_counter SET last = 2");
    start_in_file();
    struct unit_request show = unit_request(STORE_SHOW, "booked");
    assert_int_equal(unit_run(&engine, &show), STORE_OK);
    assert_int_equal(show.store.booking.turnaround, 30);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_database_of_version_1_is_brought_up_to_date,
                                        begin_in_folder, end),
        cmocka_unit_test_setup_teardown(a_database_of_version_2_is_brought_up_to_date,
                                        begin_in_folder, end),
    };
    cmocka_set_skip_filter(unit_is_sqlite() ? "*" : NULL);
    return cmocka_run_group_tests_name("the PostgreSQL store's schema", tests, NULL,
                                       unit_postgresql_drop_all);
}
