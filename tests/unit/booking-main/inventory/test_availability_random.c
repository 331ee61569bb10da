/* The availability index: random operations beside a model that looks at every car.
 *
 * AVAILABILITY_STEPS sets the number of operations, AVAILABILITY_SEED replays a run that failed. */
#include "tests/unit/booking-main/inventory/availability_unit.h"

#include <time.h>

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
    period.return_at += car->facts.turnaround;
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

/* A period that touches one of the car's own, or does with the turnaround, so that the exact minute
 * matters. */
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

        if (random_below(2))
            return_at -= car->facts.turnaround;
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

/* None for most of a world, the same for most of a world, or each its own. */
static uint16_t random_turnaround(uint32_t usual)
{
    static const uint16_t favourites[] = {0, 1, 60, 61, 90, DAY, 7 * DAY, UINT16_MAX};

    return favourites[random_below(4) ? usual : random_below(8)];
}

/* A small one, a larger one, or one with long staircases. Sometimes memory is short. */
static struct availability *random_world(struct model *model)
{
    static const int32_t spans[] = {1, 2, 5, 20, 100, 800};
    static struct availability_car cars[MODEL_CARS];
    struct availability *index = NULL;
    uint32_t kind = random_below(16);
    uint32_t locations = 1 + random_below(4);
    uint32_t turnaround = random_below(2) ? 0 : random_below(8);

    model->count = 1 + random_below(kind == 0 ? MODEL_CARS : kind < 5 ? 300 : 40);
    model->since = SINCE + random_minutes(10 * DAY);
    model->days = spans[random_below(6)];
    for (uint32_t i = 0; i < model->count; i++) {
        cars[i] = (struct availability_car){.location = random_below(locations),
                                            .offered = random_below(10) > 0,
                                            .turnaround = random_turnaround(turnaround)};
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
        period.return_at += car->facts.turnaround;
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
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_model)};

    return cmocka_run_group_tests_name("availability, random", tests, NULL, NULL);
}
