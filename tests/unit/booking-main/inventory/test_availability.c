/* Tests of the availability index: examples first, then random operations beside a model that looks
 * at every car.
 *
 * AVAILABILITY_STEPS sets the number of random operations, AVAILABILITY_SEED replays a run that
 * failed. Memory runs out on demand: link with -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "inventory/availability.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DAY = MINUTES_PER_DAY, SINCE = 20000 * DAY };

/* ---- Memory that runs out ---- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static uint32_t allocations_left = UINT32_MAX; /* UINT32_MAX: no end */

static bool allocation_fails(void)
{
    if (allocations_left == UINT32_MAX)
        return false;
    if (allocations_left == 0)
        return true;
    allocations_left--;
    return false;
}

void *__wrap_malloc(size_t size)
{
    return allocation_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return allocation_fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return allocation_fails() ? NULL : __real_realloc(old, size);
}

/* ---- Help ---- */

/* Minutes of a day after SINCE. */
static int32_t at(int32_t day, int32_t hour, int32_t minute)
{
    return SINCE + day * DAY + hour * 60 + minute;
}

static struct period from_to(int32_t pickup_at, int32_t return_at)
{
    return (struct period){pickup_at, return_at};
}

static struct availability *new_index(const struct availability_car *cars, uint32_t count)
{
    struct availability *index = NULL;

    assert_int_equal(availability_new(cars, count, SINCE, &index), 0);
    assert_non_null(index);
    return index;
}

/* All alike. */
static struct availability *new_fleet(uint32_t count)
{
    struct availability_car *cars = calloc(count, sizeof(*cars));
    struct availability *index;

    assert_non_null(cars);
    for (uint32_t i = 0; i < count; i++)
        cars[i] = (struct availability_car){.location = 1, .category = "ECMR", .offered = true};
    index = new_index(cars, count);
    free(cars);
    availability_settle(index);
    return index;
}

static uint32_t find(const struct availability *index, struct period period, uint32_t location,
                     const char *category)
{
    return availability_find(index, &(struct availability_query){period, location, category});
}

static uint32_t find_any(const struct availability *index, struct period period)
{
    return find(index, period, AVAILABILITY_ANYWHERE, NULL);
}

/* ---- Examples ---- */

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

static void test_location_and_category(void **state)
{
    static const struct availability_car cars[] = {
        {7, "ECMR", true},
        {3, "CDMR", true},
        {7, "CDAR", true},
        {3, "ECAR", true},
        {UINT32_MAX - 1, "SUV ", true},
        {7, "ECMR", true},
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
    static const struct availability_car cars[] = {{1, "ECMR", false}, {1, "ECMR", true}};
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
    static const struct availability_car nowhere = {AVAILABILITY_ANYWHERE, "ECMR", true};
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

/* ---- Beside a model ---- */

enum { MODEL_CARS = 1200, MODEL_PERIODS = 40, WORLD_STEPS = 4000 };

struct model_car {
    struct availability_car facts;
    struct period periods[MODEL_PERIODS];
    uint32_t count;
};

struct model {
    struct model_car cars[MODEL_CARS];
    uint32_t count;
    int32_t since;
    int32_t days; /* how far ahead of `since` most things happen */
};

static uint64_t random_state;

static uint32_t random_below(uint32_t bound)
{
    uint64_t mixed = random_state += UINT64_C(0x9e3779b97f4a7c15);

    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((mixed >> 32) * bound >> 32);
}

static int32_t random_minutes(int32_t bound)
{
    return (int32_t)random_below((uint32_t)bound);
}

static uint32_t number_of(const char *variable, uint32_t otherwise)
{
    const char *text = getenv(variable);

    return text ? (uint32_t)strtoul(text, NULL, 10) : otherwise;
}

static bool model_is_free(const struct model *model, const struct model_car *car,
                          struct period period)
{
    if (period.pickup_at < model->since || period.pickup_at >= period.return_at)
        return false;
    for (uint32_t i = 0; i < car->count; i++)
        if (car->periods[i].pickup_at < period.return_at &&
            period.pickup_at < car->periods[i].return_at)
            return false;
    return true;
}

static uint32_t model_find(const struct model *model, const struct availability_query *query)
{
    for (uint32_t i = 0; i < model->count; i++) {
        const struct model_car *car = &model->cars[i];
        bool suits = car->facts.offered && (query->location == AVAILABILITY_ANYWHERE ||
                                            query->location == car->facts.location);

        for (int j = 0; j < 4 && query->category; j++)
            suits = suits &&
                    (query->category[j] == '*' || query->category[j] == car->facts.category[j]);
        if (suits && model_is_free(model, car, query->period))
            return i;
    }
    return AVAILABILITY_NONE;
}

static int model_occupy(struct model *model, uint32_t number, struct period period)
{
    struct model_car *car = &model->cars[number];

    if (period.pickup_at >= period.return_at)
        return -EINVAL;
    if (period.return_at <= model->since)
        return -ERANGE;
    for (uint32_t i = 0; i < car->count; i++)
        if (car->periods[i].pickup_at < period.return_at &&
            period.pickup_at < car->periods[i].return_at)
            return -EBUSY;
    car->periods[car->count++] = period;
    return 0;
}

static int model_release(struct model *model, uint32_t number, struct period period)
{
    struct model_car *car = &model->cars[number];

    for (uint32_t i = 0; i < car->count; i++) {
        if (car->periods[i].pickup_at != period.pickup_at ||
            car->periods[i].return_at != period.return_at)
            continue;
        car->periods[i] = car->periods[--car->count];
        return 0;
    }
    return -ENOENT;
}

static void model_advance(struct model *model, int32_t since)
{
    if (since <= model->since)
        return;
    model->since = since;
    for (uint32_t i = 0; i < model->count; i++)
        for (uint32_t j = model->cars[i].count; j > 0; j--)
            if (model->cars[i].periods[j - 1].return_at <= since)
                (void)model_release(model, i, model->cars[i].periods[j - 1]);
}

/* Midnight and its neighbours, round hours, and any minute. */
static int32_t random_minute(const struct model *model)
{
    static const int32_t favourites[] = {0, 0, 1, DAY - 1, 600, 600, 1080, 601};
    int32_t day = random_minutes(model->days + 2) - 1;
    int32_t minute = random_below(4) ? favourites[random_below(8)] : random_minutes(DAY);

    return model->since - model->since % DAY + day * DAY + minute;
}

static struct period random_period(const struct model *model)
{
    int32_t pickup_at = random_minute(model);
    int32_t return_at = random_minute(model);

    switch (random_below(8)) {
    case 0:
        pickup_at = random_below(2) ? model->since + random_minutes(3) : pickup_at;
        return from_to(pickup_at, pickup_at + 1 + random_minutes(3));
    case 1:
        return from_to(pickup_at, pickup_at + 1 + random_minutes(2 * DAY));
    case 2:
        return from_to(pickup_at, pickup_at + DAY * (1 + random_minutes(90)));
    case 3:
        return from_to(pickup_at, return_at); /* may well be nonsense */
    default:
        return pickup_at <= return_at ? from_to(pickup_at, return_at)
                                      : from_to(return_at, pickup_at);
    }
}

/* A period that touches one of the car's own, so that the exact minute matters. */
static struct period random_neighbour(const struct model *model, const struct model_car *car)
{
    struct period own;
    int32_t length = 1 + random_minutes(random_below(2) ? 2 * DAY : 20 * DAY);

    if (car->count == 0)
        return random_period(model);
    own = car->periods[random_below(car->count)];
    if (random_below(2)) {
        int32_t pickup_at = own.return_at - 1 + random_minutes(3);

        return from_to(pickup_at, pickup_at + length);
    } else {
        int32_t return_at = own.pickup_at - 1 + random_minutes(3);

        return from_to(return_at - length, return_at);
    }
}

static void random_category(char category[4], bool pattern)
{
    static const char *const letters[4] = {"EC", "CD", "MA", "R"};

    for (int i = 0; i < 4; i++)
        category[i] = pattern && random_below(3) == 0
                          ? '*'
                          : letters[i][random_below((uint32_t)strlen(letters[i]))];
}

/* A small one, a larger one, or one with long staircases. Sometimes memory is short. */
static struct availability *random_world(struct model *model)
{
    static const int32_t spans[] = {1, 2, 5, 20, 100, 800};
    static struct availability_car cars[MODEL_CARS];
    struct availability *index = NULL;
    uint32_t kind = random_below(16);
    uint32_t locations = 1 + random_below(4);

    model->count = 1 + random_below(kind == 0 ? MODEL_CARS : kind < 5 ? 300 : 40);
    model->since = SINCE + random_minutes(10 * DAY);
    model->days = spans[random_below(6)];
    for (uint32_t i = 0; i < model->count; i++) {
        cars[i] = (struct availability_car){.location = random_below(locations),
                                            .offered = random_below(10) > 0};
        random_category(cars[i].category, false);
        model->cars[i].facts = cars[i];
        model->cars[i].count = 0;
    }
    assert_int_equal(availability_new(cars, model->count, model->since, &index), 0);

    if (kind == 0 || kind == 5) {
        for (uint32_t i = 0; i < model->count; i++) {
            int32_t from = model->since + DAY + (int32_t)i * model->days;
            struct period before = from_to(model->since, from);
            struct period after = from_to(from + 3 * DAY, from + 900 * DAY);

            assert_int_equal(availability_occupy(index, i, before), model_occupy(model, i, before));
            assert_int_equal(availability_occupy(index, i, after), model_occupy(model, i, after));
        }
    }
    if (random_below(8))
        availability_settle(index);
    allocations_left = random_below(8) ? UINT32_MAX : random_below(200);
    return index;
}

static const char *failing(uint32_t seed, uint32_t step)
{
    static char text[100];

    (void)snprintf(text, sizeof(text), "replay with AVAILABILITY_SEED=%u (failed at step %u)", seed,
                   step);
    return text;
}

/* Does one thing to both. Returns whether they agree. */
static bool random_step(struct availability *index, struct model *model)
{
    uint32_t number = random_below(model->count);
    struct model_car *car = &model->cars[number];
    struct period period = random_below(2) ? random_period(model) : random_neighbour(model, car);
    struct availability_query query = {.period = period, .location = random_below(6)};
    char category[4];
    uint32_t found;
    int error;

    random_category(category, true);
    query.category = random_below(2) ? category : NULL;
    if (random_below(2))
        query.location = AVAILABILITY_ANYWHERE;

    switch (random_below(16)) {
    default:
        return availability_find(index, &query) == model_find(model, &query);
    case 0: /* as a booking does */
    case 1:
    case 2:
        found = availability_find(index, &query);
        if (found != model_find(model, &query))
            return false;
        if (found == AVAILABILITY_NONE)
            return true;
        number = found;
        car = &model->cars[number];
        /* fall through */
    case 3:
    case 4:
        if (car->count == MODEL_PERIODS)
            return true;
        error = availability_occupy(index, number, period);
        if (error == -ENOMEM)
            return allocations_left == 0;
        return error == model_occupy(model, number, period);
    case 5:
    case 6:
    case 7:
    case 8:
        if (car->count > 0 && random_below(8))
            period = car->periods[random_below(car->count)];
        return availability_release(index, number, period) == model_release(model, number, period);
    case 9:
        if (random_below(20) == 0) {
            int32_t since = model->since + random_minutes(random_below(4) ? 60 : DAY) - 5;

            availability_advance(index, since);
            model_advance(model, since);
        }
        return true;
    case 10:
        return availability_is_free(index, number, period) == model_is_free(model, car, period) &&
               availability_is_offered(index, number) == car->facts.offered;
    }
}

/* What the index counts must be so, and all it holds must come back out. */
static bool empty_world(struct availability *index, struct model *model)
{
    struct availability_stats stats = availability_stats(index);
    uint64_t periods = 0;
    uint32_t offered = 0;

    for (uint32_t i = 0; i < model->count; i++) {
        periods += model->cars[i].count;
        offered += model->cars[i].facts.offered;
    }
    if (stats.cars != model->count || stats.offered != offered || stats.periods < periods)
        return false;
    for (uint32_t i = 0; i < model->count; i++)
        while (model->cars[i].count > 0)
            if (availability_release(index, i, model->cars[i].periods[0]) < 0 ||
                model_release(model, i, model->cars[i].periods[0]) < 0)
                return false;
    for (int i = 0; i < 2; i++) /* twice the fleet, as the sweep starts somewhere */
        availability_advance(index, model->since += DAY);
    return availability_stats(index).periods == 0;
}

static void test_model(void **state)
{
    static struct model model;
    uint32_t steps = number_of("AVAILABILITY_STEPS", 1000000);
    uint32_t seed = number_of("AVAILABILITY_SEED", (uint32_t)time(NULL));
    struct availability *index = NULL;

    (void)state;
    random_state = seed;
    for (uint32_t step = 0; step < steps; step++) {
        if (step % WORLD_STEPS == 0) {
            if (index && !empty_world(index, &model))
                fail_msg("%s", failing(seed, step));
            availability_free(index);
            allocations_left = UINT32_MAX;
            index = random_world(&model);
        }
        if (allocations_left == 0 && random_below(100) == 0)
            allocations_left = random_below(200);
        if (!random_step(index, &model))
            fail_msg("%s", failing(seed, step));
    }
    allocations_left = UINT32_MAX;
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
        cmocka_unit_test(test_model),
    };

    return cmocka_run_group_tests_name("availability", tests, NULL, NULL);
}
