/* The stock: what is read from the store's snapshot is in the catalog, the index and the holds. */
#include "tests/unit/booking-main/store/store_unit.h"

#include "inventory/stock.h"

enum { SOON = 100000000 }; /* minutes */

static struct unit_engine engine;

static int begin(void **state)
{
    (void)state;
    unit_engine_start(&engine, "sqlite::memory:");
    return 0;
}

static int end(void **state)
{
    (void)state;
    unit_engine_stop(&engine);
    return 0;
}

static struct stock *load(int32_t since)
{
    struct buffer error;
    buffer_init(&error, 1024);
    struct stock *stock = stock_load(engine.store, since, NULL, NULL, &error);
    if (!stock)
        fail_msg("%s", error.data);
    buffer_free(&error);
    return stock;
}

static bool is_free(const struct stock *stock, int64_t number, int32_t from, int32_t to)
{
    return availability_is_free(stock->availability, catalog_by_number(stock->catalog, number),
                                (struct period){SOON + from, SOON + to});
}

static void book(const char *id, int64_t car, int32_t from, int32_t to, int64_t expires_at)
{
    struct unit_request request = unit_booking(id, car, SOON + from, SOON + to);
    request.store.booking.state = expires_at ? BOOKING_HELD : BOOKING_BOOKED;
    request.store.booking.expires_at = expires_at;
    assert_int_equal(unit_run(&engine, &request), STORE_OK);
}

static void a_fleet_without_bookings(void **state)
{
    (void)state;
    struct stock *stock = load(0);
    assert_int_equal(catalog_count(stock->catalog), 3);
    assert_string_equal(catalog_currency(stock->catalog), "EUR");
    assert_int_equal(stock->last_event, engine.last_event);
    assert_int_equal(stock->hold_count, 0);
    for (int64_t number = 1; number <= 3; number++)
        assert_true(is_free(stock, number, 0, 1000));
    stock_free(stock);
    stock_free(NULL);
}

static void bookings_and_holds_take_their_periods(void **state)
{
    (void)state;
    book("a", 1, 0, 60, 0);
    book("b", 1, 60, 120, UNIT_NOW + 50);
    book("c", 2, 30, 90, UNIT_NOW + 40);
    book("d", 2, 90, 120, 0);
    struct unit_request cancel = unit_request(STORE_CANCEL, "d");
    assert_int_equal(unit_run(&engine, &cancel), STORE_OK);
    struct stock *stock = load(0);
    assert_false(is_free(stock, 1, 59, 60));
    assert_false(is_free(stock, 1, 119, 120));
    assert_true(is_free(stock, 1, 120, 121));
    assert_true(is_free(stock, 2, 0, 30));
    assert_false(is_free(stock, 2, 0, 31));
    assert_true(is_free(stock, 2, 90, 120));
    assert_int_equal(availability_stats(stock->availability).periods, 3);
    assert_int_equal(stock->last_event, engine.last_event);
    assert_int_equal(stock->hold_count, 2);
    for (size_t i = 0; i < stock->hold_count; i++) {
        bool b = strcmp(stock->holds[i].booking_id, "b") == 0;
        assert_string_equal(stock->holds[i].booking_id, b ? "b" : "c");
        assert_int_equal(stock->holds[i].expires_at, UNIT_NOW + (b ? 50 : 40));
    }
    stock_free(stock);
}

static void what_is_over_is_left_out(void **state)
{
    (void)state;
    book("a", 1, 0, 60, 0);
    book("b", 1, 60, 120, 0);
    struct stock *stock = load(SOON + 60);
    assert_int_equal(availability_stats(stock->availability).periods, 1);
    assert_false(is_free(stock, 1, 60, 61));
    assert_false(is_free(stock, 1, 0, 30)); /* before its time */
    stock_free(stock);
}

static void a_turnaround_comes_with_the_car(void **state)
{
    (void)state;
    book("a", 1, 0, 60, 0); /* before, so without one */
    book("b", 1, 120, 180, 0);
    unit_import(&engine, "car-1,ECMR,NCE,55.00,10.00,EUR,30\n");
    struct stock *stock = load(0);
    uint32_t position = catalog_by_number(stock->catalog, 1);
    assert_int_equal(catalog_car(stock->catalog, position)->turnaround, 30);
    assert_true(is_free(stock, 1, 60, 90));
    assert_false(is_free(stock, 1, 60, 91));
    assert_true(is_free(stock, 1, 180, 1000));
    stock_free(stock);
}

static void a_withdrawn_car_keeps_its_periods(void **state)
{
    (void)state;
    book("a", 1, 0, 60, 0);
    unit_import(&engine, "car-2,ECMR,NCE,50.00,,EUR\n");
    struct stock *stock = load(0);
    uint32_t position = catalog_by_number(stock->catalog, 1);
    assert_int_equal(catalog_count(stock->catalog), 3);
    assert_false(availability_is_offered(stock->availability, position));
    assert_false(is_free(stock, 1, 0, 60));
    assert_int_equal(availability_stats(stock->availability).offered, 1);
    stock_free(stock);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_fleet_without_bookings),          TEST(bookings_and_holds_take_their_periods),
        TEST(what_is_over_is_left_out),          TEST(a_turnaround_comes_with_the_car),
        TEST(a_withdrawn_car_keeps_its_periods),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
