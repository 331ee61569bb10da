/* The store's own clock. */
#include "tests/unit/unit.h"

#include "lib/base/loop.h"
#include "store/clock.h"

enum { NOW = 1700000000, HOUR = 3600, DAY = 24 * HOUR };

static struct store_clock clock_;
static int64_t monotonic;

/* What it says after so many seconds, when the wall's clock says `wall`. */
static int64_t after(int64_t seconds, int64_t wall)
{
    monotonic += seconds * LOOP_SECOND;
    return store_clock_move(&clock_, monotonic, wall);
}

static int begin(void **state)
{
    (void)state;
    monotonic = 12345 * LOOP_SECOND + 678;
    store_clock_start(&clock_, NOW, monotonic);
    return 0;
}

static void it_goes_with_the_wall(void **state)
{
    (void)state;
    for (int i = 1; i <= 1000; i++)
        assert_int_equal(after(7, NOW + 7 * i), NOW + 7 * i);
}

static void parts_of_a_second_are_not_lost(void **state)
{
    (void)state;
    for (int i = 1; i <= 100; i++)
        store_clock_move(&clock_, monotonic += LOOP_SECOND / 10, NOW);
    assert_int_equal(clock_.now, NOW + 10);
}

static void a_clock_that_runs_ahead_moves_it_little(void **state)
{
    (void)state;
    after(HOUR, NOW + HOUR);
    for (int i = 0; i < 60; i++) /* for an hour it is two days and an hour ahead */
        after(60, NOW + HOUR + 49 * HOUR);
    assert_int_equal(clock_.now, NOW + 3 * HOUR);
    assert_int_equal(after(60, NOW + 2 * HOUR), NOW + 3 * HOUR + 60); /* and is set right */
}

static void it_never_goes_back(void **state)
{
    (void)state;
    assert_int_equal(after(10, NOW - 10 * DAY), NOW + 10);
    assert_int_equal(after(10, 0), NOW + 20);
    assert_int_equal(after(0, 0), NOW + 20);
}

static void it_catches_up_in_as_long_as_it_was_behind(void **state)
{
    (void)state;
    for (int i = 1; i < 7; i++)
        assert_int_equal(after(DAY, NOW + (7 + i) * DAY), NOW + 2 * i * DAY);
    assert_int_equal(after(DAY, NOW + 14 * DAY), NOW + 14 * DAY);
    assert_int_equal(after(DAY, NOW + 15 * DAY), NOW + 15 * DAY);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup(test, begin)
    const struct CMUnitTest tests[] = {
        TEST(it_goes_with_the_wall),
        TEST(parts_of_a_second_are_not_lost),
        TEST(a_clock_that_runs_ahead_moves_it_little),
        TEST(it_never_goes_back),
        TEST(it_catches_up_in_as_long_as_it_was_behind),
    };
    return cmocka_run_group_tests_name("store clock", tests, NULL, NULL);
}
