/* The availability index: examples. */
#include "tests/unit/booking-main/inventory/availability_unit.h"

static void test_empty_fleet(void **state)
{
    struct availability *index = new_index(NULL, 0);
    struct period period = from_to(at(1, 10, 0), at(2, 10, 0));

    (void)state;
    availability_settle(index);
    availability_advance(index, SINCE + DAY);
    assert_int_equal(find_any(index, period), AVAILABILITY_NONE);
    assert_int_equal(find(index, period, 1, "****"), AVAILABILITY_NONE);
    assert_false(availability_is_free(index, 0, period));
    assert_false(availability_is_offered(index, 0));
    assert_int_equal(availability_occupy(index, 0, period), -ENOENT);
    assert_int_equal(availability_release(index, 0, period), -ENOENT);
    assert_int_equal(availability_stats(index).cars, 0);
    availability_free(index);
    availability_free(NULL);
}

static void test_lowest_free_car(void **state)
{
    struct availability *index = new_fleet(1000);
    struct period period = from_to(at(10, 10, 0), at(13, 10, 0));

    (void)state;
    for (uint32_t car = 0; car < 1000; car++) {
        assert_int_equal(find_any(index, period), car);
        assert_int_equal(availability_occupy(index, car, period), 0);
    }
    assert_int_equal(find_any(index, period), AVAILABILITY_NONE);
    assert_int_equal(availability_release(index, 700, period), 0);
    assert_int_equal(find_any(index, period), 700);
    assert_int_equal(availability_release(index, 3, period), 0);
    assert_int_equal(find_any(index, period), 3);
    availability_free(index);
}

/* A car back at 10:00 goes out at 10:00, and a minute is a minute. */
static void test_edges(void **state)
{
    static const int32_t days[] = {0, 1, 2, 3, 14, 90, 700};

    (void)state;
    for (size_t i = 0; i < sizeof(days) / sizeof(*days); i++) {
        struct availability *index = new_fleet(1);
        int32_t back = at(10, 10, 0);
        int32_t out = at(10 + days[i], 18, 0);

        assert_int_equal(availability_occupy(index, 0, from_to(at(8, 0, 0), back)), 0);
        assert_int_equal(availability_occupy(index, 0, from_to(out, at(800, 0, 0))), 0);
        assert_int_equal(find_any(index, from_to(back, out)), 0);
        assert_int_equal(find_any(index, from_to(back - 1, out)), AVAILABILITY_NONE);
        assert_int_equal(find_any(index, from_to(back, out + 1)), AVAILABILITY_NONE);
        assert_int_equal(find_any(index, from_to(back, back + 1)), 0);
        assert_int_equal(find_any(index, from_to(out - 1, out)), 0);
        assert_int_equal(find_any(index, from_to(out, out + 1)), AVAILABILITY_NONE);
        assert_int_equal(find_any(index, from_to(at(0, 0, 0), at(8, 0, 0))), 0);
        assert_int_equal(find_any(index, from_to(at(800, 0, 0), INT32_MAX)), 0);
        assert_true(availability_is_free(index, 0, from_to(back, out)));
        assert_false(availability_is_free(index, 0, from_to(back - 1, out)));
        assert_int_equal(availability_occupy(index, 0, from_to(back, out)), 0);
        assert_int_equal(find_any(index, from_to(back, back + 1)), AVAILABILITY_NONE);
        availability_free(index);
    }
}

/* What a rental needs is its period and the car's own turnaround; what is there needs no more. */
static void test_turnaround(void **state)
{
    static const struct availability_car cars[] = {
        {.location = 1, .category = "ECMR", .offered = true, .turnaround = 60},
        {.location = 1, .category = "ECMR", .offered = true, .turnaround = 2 * DAY},
        {.location = 1, .category = "ECMR", .offered = true},
    };
    struct availability *index = new_index(cars, 3);
    int32_t back = at(10, 10, 0);
    int32_t out = at(12, 18, 0);

    (void)state;
    for (uint32_t car = 0; car < 3; car++) {
        assert_int_equal(availability_occupy(index, car, from_to(at(8, 0, 0), back)), 0);
        assert_int_equal(availability_occupy(index, car, from_to(out, at(800, 0, 0))), 0);
    }
    for (int settled = 0; settled < 2; settled++) {
        assert_int_equal(find_any(index, from_to(back, out - 60)), 0);
        assert_int_equal(find_any(index, from_to(back, out - 59)), 2);
        assert_int_equal(find_any(index, from_to(back, out)), 2);
        assert_int_equal(find_any(index, from_to(back, out + 1)), AVAILABILITY_NONE);
        assert_true(availability_is_free(index, 1, from_to(back, out - 2 * DAY)));
        assert_false(availability_is_free(index, 1, from_to(back, out - 2 * DAY + 1)));
        assert_int_equal(find_any(index, from_to(at(800, 0, 0), INT32_MAX)), 0);
        availability_settle(index);
    }
    /* Right up to the next one, as bookings from before the turnaround do. */
    assert_int_equal(availability_occupy(index, 0, from_to(back + DAY, out)), 0);
    assert_int_equal(find_any(index, from_to(back, back + DAY - 60)), 0);
    assert_int_equal(find_any(index, from_to(back, back + DAY - 59)), 2);
    /* A gap as long as the turnaround is none. */
    assert_int_equal(availability_occupy(index, 0, from_to(back, back + DAY - 60)), 0);
    assert_int_equal(find_any(index, from_to(back + DAY - 60, back + DAY - 59)), 2);
    assert_int_equal(availability_release(index, 0, from_to(back + DAY, out)), 0);
    assert_int_equal(find_any(index, from_to(back + DAY - 60, out - 60)), 0);
    availability_free(index);
}

static void test_location_and_category(void **state)
{
    static const struct availability_car cars[] = {
        {7, "ECMR", true, 0},
        {3, "CDMR", true, 0},
        {7, "CDAR", true, 0},
        {3, "ECAR", true, 0},
        {UINT32_MAX - 1, "SUV ", true, 0},
        {7, "ECMR", true, 0},
    };
    struct availability *index = new_index(cars, 6);
    struct period period = from_to(at(1, 10, 0), at(2, 10, 0));

    (void)state;
    for (int settled = 0; settled < 2; settled++) {
        assert_int_equal(find(index, period, AVAILABILITY_ANYWHERE, "****"), 0);
        assert_int_equal(find(index, period, AVAILABILITY_ANYWHERE, "*DAR"), 2);
        assert_int_equal(find(index, period, AVAILABILITY_ANYWHERE, "**A*"), 2);
        assert_int_equal(find(index, period, AVAILABILITY_ANYWHERE, "EC**"), 0);
        assert_int_equal(find(index, period, AVAILABILITY_ANYWHERE, "XXXX"), AVAILABILITY_NONE);
        assert_int_equal(find(index, period, 3, NULL), 1);
        assert_int_equal(find(index, period, 3, "E***"), 3);
        assert_int_equal(find(index, period, 7, "C***"), 2);
        assert_int_equal(find(index, period, 7, "CDMR"), AVAILABILITY_NONE);
        assert_int_equal(find(index, period, UINT32_MAX - 1, "S***"), 4);
        assert_int_equal(find(index, period, 5, NULL), AVAILABILITY_NONE);
        availability_settle(index);
    }
    assert_int_equal(availability_occupy(index, 0, period), 0);
    assert_int_equal(find(index, period, AVAILABILITY_ANYWHERE, "EC**"), 3);
    assert_int_equal(find(index, period, 7, "EC**"), 5);
    assert_int_equal(find(index, period, 7, NULL), 2);
    availability_free(index);
}

static void test_withdrawn_car(void **state)
{
    static const struct availability_car cars[] = {{1, "ECMR", false, 0}, {1, "ECMR", true, 0}};
    struct availability *index = new_index(cars, 2);
    struct period period = from_to(at(1, 10, 0), at(2, 10, 0));

    (void)state;
    assert_int_equal(find_any(index, period), 1);
    availability_settle(index);
    assert_int_equal(find_any(index, period), 1);
    assert_false(availability_is_offered(index, 0));
    assert_true(availability_is_free(index, 0, period));
    assert_int_equal(availability_occupy(index, 0, period), 0);
    assert_false(availability_is_free(index, 0, period));
    assert_int_equal(availability_release(index, 0, period), 0);
    assert_int_equal(availability_stats(index).offered, 1);
    assert_int_equal(find_any(index, period), 1);
    assert_int_equal(availability_occupy(index, 1, period), 0);
    assert_int_equal(find_any(index, period), AVAILABILITY_NONE);
    availability_free(index);
}

static void test_refusals(void **state)
{
    static const struct availability_car nowhere = {AVAILABILITY_ANYWHERE, "ECMR", true, 0};
    struct availability *index = NULL;
    struct period period = from_to(at(1, 10, 0), at(2, 10, 0));

    (void)state;
    assert_int_equal(availability_new(&nowhere, 1, SINCE, &index), -EINVAL);
    assert_int_equal(availability_new(&nowhere, AVAILABILITY_MAX_CARS + 1, SINCE, &index), -EINVAL);
    assert_null(index);

    index = new_fleet(1);
    assert_int_equal(availability_occupy(index, 0, period), 0);
    assert_int_equal(availability_occupy(index, 0, period), -EBUSY);
    assert_int_equal(availability_occupy(index, 0, from_to(at(1, 0, 0), at(1, 10, 1))), -EBUSY);
    assert_int_equal(availability_occupy(index, 0, from_to(at(2, 9, 59), at(3, 0, 0))), -EBUSY);
    assert_int_equal(availability_occupy(index, 0, from_to(at(1, 11, 0), at(1, 12, 0))), -EBUSY);
    assert_int_equal(availability_occupy(index, 0, from_to(at(0, 0, 0), at(9, 0, 0))), -EBUSY);
    assert_int_equal(availability_occupy(index, 0, from_to(at(3, 0, 0), at(3, 0, 0))), -EINVAL);
    assert_int_equal(availability_occupy(index, 0, from_to(at(4, 0, 0), at(3, 0, 0))), -EINVAL);
    assert_int_equal(availability_occupy(index, 0, from_to(SINCE - 9, SINCE)), -ERANGE);
    assert_int_equal(availability_occupy(index, 0, from_to(at(4, 0, 0), INT32_MAX)), -ERANGE);
    assert_int_equal(availability_occupy(index, 0, from_to(INT32_MIN, SINCE + 1)), -ERANGE);
    assert_int_equal(availability_occupy(index, 1, period), -ENOENT);
    assert_int_equal(availability_release(index, 0, from_to(at(1, 10, 0), at(2, 10, 1))), -ENOENT);
    assert_int_equal(availability_release(index, 0, from_to(at(1, 10, 1), at(2, 10, 0))), -ENOENT);
    assert_int_equal(availability_release(index, 1, period), -ENOENT);
    assert_int_equal(availability_stats(index).periods, 1);
    assert_int_equal(find_any(index, from_to(at(4, 0, 0), at(4, 0, 0))), AVAILABILITY_NONE);
    assert_int_equal(find_any(index, from_to(at(4, 0, 0), at(3, 0, 0))), AVAILABILITY_NONE);
    assert_int_equal(find_any(index, from_to(SINCE - 1, SINCE + 1)), AVAILABILITY_NONE);
    assert_false(availability_is_free(index, 0, from_to(SINCE - 1, SINCE + 1)));
    assert_false(availability_is_free(index, 1, from_to(SINCE, SINCE + 1)));
    assert_int_equal(find_any(index, from_to(SINCE, SINCE + 1)), 0);
    assert_int_equal(availability_occupy(index, 0, from_to(INT32_MIN + 1, SINCE + 1)), 0);
    assert_int_equal(availability_occupy(index, 0, from_to(at(4, 0, 0), INT32_MAX - 1)), 0);
    availability_free(index);
}

static void test_time_passes(void **state)
{
    struct availability *index = new_fleet(100);
    struct availability_stats before = availability_stats(index);
    int32_t now = SINCE;

    (void)state;
    for (uint32_t car = 0; car < 100; car++)
        for (int32_t day = 0; day < 20; day++)
            assert_int_equal(
                availability_occupy(index, car, from_to(at(day, 1, 0), at(day, 23, 0))), 0);
    assert_int_equal(availability_stats(index).periods, 2000);

    availability_advance(index, at(5, 23, 0));
    availability_advance(index, at(3, 0, 0)); /* no way back */
    assert_int_equal(find_any(index, from_to(at(5, 22, 59), at(5, 23, 30))), AVAILABILITY_NONE);
    assert_int_equal(find_any(index, from_to(at(5, 23, 0), at(5, 23, 30))), 0);
    assert_int_equal(availability_release(index, 0, from_to(at(5, 1, 0), at(5, 23, 0))), -ENOENT);
    assert_int_equal(availability_release(index, 0, from_to(at(6, 1, 0), at(6, 23, 0))), 0);
    assert_int_equal(availability_occupy(index, 0, from_to(at(5, 22, 0), at(6, 3, 0))), 0);

    for (now = at(5, 23, 0); now < at(22, 0, 0); now += 7)
        availability_advance(index, now);
    assert_int_equal(availability_stats(index).periods, 0);
    availability_settle(index); /* no longer keeps staircases of the past */
    assert_int_equal(availability_stats(index).bytes, before.bytes);
    assert_int_equal(find_any(index, from_to(now, now + 1)), 0);
    availability_free(index);

    index = new_fleet(1); /* the very first minute */
    assert_int_equal(availability_occupy(index, 0, from_to(SINCE + 1, at(9, 0, 0))), 0);
    assert_int_equal(find_any(index, from_to(SINCE, SINCE + 1)), 0);
    assert_int_equal(availability_release(index, 0, from_to(SINCE + 1, at(9, 0, 0))), 0);
    availability_advance(index, at(3, 0, 0));
    assert_int_equal(availability_occupy(index, 0, from_to(at(3, 0, 1), at(9, 0, 0))), 0);
    assert_int_equal(find_any(index, from_to(at(3, 0, 0), at(3, 0, 1))), 0);
    availability_free(index);
}

/* Each car is free for a stretch of its own, which no other contains: the staircases are as long as
 * can be. */
static void test_long_staircase(void **state)
{
    enum { CARS = 3000, STRETCH = 5000 };
    struct availability *index = new_fleet(CARS);

    (void)state;
    for (uint32_t car = 0; car < CARS; car++) {
        int32_t from = SINCE + 1 + (int32_t)car;

        assert_int_equal(availability_occupy(index, car, from_to(SINCE, from)), 0);
        assert_int_equal(availability_occupy(index, car, from_to(from + STRETCH, at(900, 0, 0))),
                         0);
    }
    for (uint32_t car = 0; car < CARS; car++) {
        int32_t from = SINCE + 1 + (int32_t)car;

        assert_int_equal(find_any(index, from_to(from, from + STRETCH)), car);
        assert_int_equal(find_any(index, from_to(from, from + STRETCH + 1)), AVAILABILITY_NONE);
        assert_int_equal(find_any(index, from_to(from + 10, from + STRETCH)), car > 0 ? car : 0);
    }
    availability_free(index);
}

static void test_many_periods(void **state)
{
    enum { PERIODS = 2000 };
    struct availability *index = new_fleet(2);

    (void)state;
    for (int32_t i = 0; i < PERIODS; i++) {
        int32_t place = SINCE + (i * 7919 % PERIODS) * 10; /* in no order */

        assert_int_equal(availability_occupy(index, 0, from_to(place, place + 9)), 0);
        assert_int_equal(availability_occupy(index, 1, from_to(place, place + 10)), 0);
    }
    for (int32_t i = 0; i < PERIODS; i++) {
        int32_t place = SINCE + i * 10;

        assert_int_equal(find_any(index, from_to(place + 9, place + 10)), 0);
        assert_int_equal(find_any(index, from_to(place + 8, place + 10)), AVAILABILITY_NONE);
    }
    for (int32_t i = 0; i < PERIODS; i++) {
        int32_t place = SINCE + (i * 6007 % PERIODS) * 10;

        assert_int_equal(availability_release(index, 1, from_to(place, place + 10)), 0);
        assert_int_equal(find_any(index, from_to(place, place + 10)), 1);
    }
    availability_free(index);
}

static void test_no_memory(void **state)
{
    struct availability_car cars[100] = {0};
    struct availability *index = NULL;
    struct period first = from_to(at(1, 0, 0), at(2, 0, 0));
    struct period second = from_to(at(3, 0, 0), at(4, 0, 0));
    uint32_t allowed = 0;
    size_t bytes;
    int error = -ENOMEM;

    (void)state;
    for (uint32_t i = 0; i < 100; i++)
        cars[i] = (struct availability_car){.location = i % 7, .category = "ECMR", .offered = true};
    for (; error < 0; allowed++) {
        allocations_left = allowed;
        error = availability_new(cars, 100, SINCE, &index);
        allocations_left = UINT32_MAX;
        assert_true(error == 0 || (error == -ENOMEM && !index));
    }
    assert_in_range(allowed, 5, 20);

    availability_settle(index);
    bytes = availability_stats(index).bytes;
    allocations_left = 0;
    assert_int_equal(availability_occupy(index, 0, first), 0); /* the first one has its place */
    assert_int_equal(availability_occupy(index, 0, second), -ENOMEM);
    assert_int_equal(availability_stats(index).periods, 1);
    assert_int_equal(availability_stats(index).bytes, bytes);
    assert_int_equal(find_any(index, second), 0);
    allocations_left = UINT32_MAX;
    assert_int_equal(availability_occupy(index, 0, second), 0);
    assert_int_equal(find_any(index, second), 1);
    availability_free(index);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty_fleet),   cmocka_unit_test(test_lowest_free_car),
        cmocka_unit_test(test_edges),         cmocka_unit_test(test_location_and_category),
        cmocka_unit_test(test_withdrawn_car), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_time_passes),   cmocka_unit_test(test_long_staircase),
        cmocka_unit_test(test_many_periods),  cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_turnaround),
    };

    return cmocka_run_group_tests_name("availability", tests, NULL, NULL);
}
