/* The world of test_inventory.c: the clocks and the loading of a fleet, which are the test's own;
 * the store, the inventory and the model; what the store tells them; and all that is left to
 * chance. Of programs linked with --wrap=time,--wrap=clock_gettime,--wrap=stock_load,
 * --wrap=availability_advance,--wrap=sqlite_upkeep_do. */
#ifndef TESTS_UNIT_BOOKING_MAIN_INVENTORY_INVENTORY_WORLD_H
#define TESTS_UNIT_BOOKING_MAIN_INVENTORY_INVENTORY_WORLD_H

#include "tests/unit/booking-main/inventory/inventory_model.h"
#include "tests/unit/booking-main/store/store_unit.h"

#include "inventory/stock.h"
#include "store/desk/desk.h"

#include <semaphore.h>
#include <time.h>

enum {
    GROUP_MAX = 6, /* operations at once */
    KEYS = 64,     /* a channel */
};

/* --- clocks and loading, as the test wants them ---------------------------------------------- */

struct sqlite_upkeep;
struct sqlite_upkeep_time;
int __wrap_sqlite_upkeep_do(struct sqlite_upkeep *upkeep, const struct sqlite_upkeep_time *time,
                            int64_t behind, bool *more);
time_t __wrap_time(time_t *out);
int __real_clock_gettime(clockid_t clock, struct timespec *out);
int __wrap_clock_gettime(clockid_t clock, struct timespec *out);
struct stock *__real_stock_load(struct store *store, int32_t since, bool (*go_on)(void *context),
                                void *context, struct buffer *error);
struct stock *__wrap_stock_load(struct store *store, int32_t since, bool (*go_on)(void *context),
                                void *context, struct buffer *error);
void __real_availability_advance(struct availability *availability, int32_t since);
void __wrap_availability_advance(struct availability *availability, int32_t since);

static _Atomic int64_t wall_clock, steady_clock; /* seconds */

static struct {
    bool gated;
    int32_t since;
    sem_t has_begun, may_read, has_read, may_return;
} loading;

static int advances;
static int32_t advanced_to;

/* The keeper's thread has one round at its start, and when that comes nobody knows. */
int __wrap_sqlite_upkeep_do(struct sqlite_upkeep *upkeep, const struct sqlite_upkeep_time *time,
                            int64_t behind, bool *more)
{
    (void)upkeep;
    (void)time;
    (void)behind;
    *more = false;
    return 0;
}

time_t __wrap_time(time_t *out)
{
    if (out)
        *out = wall_clock;
    return wall_clock;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *out)
{
    if (clock != CLOCK_MONOTONIC)
        return __real_clock_gettime(clock, out);
    *out = (struct timespec){.tv_sec = steady_clock};
    return 0;
}

/* Called by the thread that loads. */
struct stock *__wrap_stock_load(struct store *store, int32_t since, bool (*go_on)(void *context),
                                void *context, struct buffer *error)
{
    loading.since = since;
    if (loading.gated) {
        sem_post(&loading.has_begun);
        sem_wait(&loading.may_read);
    }
    struct stock *stock = __real_stock_load(store, since, go_on, context, error);
    if (loading.gated) {
        sem_post(&loading.has_read);
        sem_wait(&loading.may_return);
    }
    return stock;
}

void __wrap_availability_advance(struct availability *availability, int32_t since)
{
    advances++;
    advanced_to = since;
    __real_availability_advance(availability, since);
}

/* --- the world ------------------------------------------------------------------------------- */

/* One order between its claim and its end. */
struct flow {
    struct claim claim;
    struct fleet_waiter waiter;
    struct unit_request request;
};

struct key {
    bool used;
    char body[24];
};

static struct {
    uint64_t random;
    struct unit_engine engine;
    struct inventory *inventory;
    struct desk *desk;
    struct log *log;
    struct model model;
    struct flow *flows[MODEL_CLAIMS]; /* beside the model's claims */
    struct unit_request group[GROUP_MAX];
    enum store_result predicted[GROUP_MAX];
    int group_count;
    bool loads, load_due, load_read;
    int waiting; /* for the fleet */
    bool stopping;
    struct model_car read[MODEL_CARS]; /* by the loader */
    struct key keys[2][KEYS];          /* of each channel */
    int64_t life_began;
    int moved, extended, blocked, released, in_the_way; /* by the operator */
    int events_seen, booked, held, lost, changed, taken, loaded, expired;
    unsigned ids;
} world;

static uint64_t first_seed, life_seed;
static int step; /* of this life */

static inline uint32_t pick(uint32_t below)
{
    return (uint32_t)(unit_random(&world.random) >> 33) % below;
}

static inline bool chance(uint32_t percent)
{
    return pick(100) < percent;
}

static inline int32_t minute_now(void)
{
    return (int32_t)(wall_clock / 60);
}

/* Whoever breaks a promise is told how to see it again. */
static inline void check(bool holds, const char *what)
{
    if (holds)
        return;
    fail_msg("%s\n    again with: SEED=%" PRIu64 " STEPS=%d", what, life_seed, step + 1);
}

/* The inventory begins to load a fleet as soon as there is another and none is being loaded. */
static inline void expect_loading(void)
{
    if (world.loads || !world.load_due)
        return;
    sem_wait(&loading.has_begun); /* it has read the clock */
    world.loads = true;
    world.load_due = world.load_read = false;
}

static inline void on_event(void *context, const struct store_event *event)
{
    struct model *model = &world.model;
    unit_on_event(context, event);
    inventory_apply(world.inventory, event);
    world.events_seen++;
    if (event->kind == EVENT_FLEET) {
        world.load_due = true;
    } else if (model->expected_count) {
        const struct store_event *expected = &model->expected[0];
        check(expected->kind == event->kind && expected->car == event->car &&
                  expected->period.pickup_at == event->period.pickup_at &&
                  expected->period.return_at == event->period.return_at &&
                  expected->expires_at == event->expires_at &&
                  strcmp(expected->booking_id, event->booking_id) == 0,
              "an event that is not the next");
        memmove(model->expected, model->expected + 1,
                (size_t)--model->expected_count * sizeof model->expected[0]);
    } else {
        /* The inventory's own doing: a hold that has expired. */
        int booking = model_find_booking(model, event->booking_id);
        check(event->kind == EVENT_RELEASED && booking != MODEL_NONE &&
                  model_has_expired(&model->bookings[booking], wall_clock),
              "an event that nobody asked for");
        model->bookings[booking].state = BOOKING_EXPIRED;
        world.expired++;
    }
    if (event->kind == EVENT_TAKEN)
        model_taken(model, event);
    expect_loading();
}

static inline void on_commit(void *context, const struct store_commit *commit)
{
    unit_on_commit(context, commit);
}

static inline void on_trouble(void *context, const char *sentence)
{
    (void)context;
    fail_msg("trouble: %s", sentence ? sentence : "over");
}

/* Waits until the store has done what was asked of it before. */
static inline void pass(void)
{
    struct unit_request show = unit_request(STORE_SHOW, "-");
    assert_int_equal(unit_run(&world.engine, &show), STORE_NOT_FOUND);
}

/* Until nothing happens by itself any more: the first round has the loop read the clock, the second
 * calls timers, the third waits for what they asked for. */
static inline void settle(void)
{
    int before;
    do {
        before = world.events_seen;
        for (int i = 0; i < 3; i++)
            pass();
    } while (world.events_seen != before);
}

static inline void note_advance(void)
{
    if (advances && advanced_to > world.model.since)
        world.model.since = advanced_to;
    /* The clock was set back: what is over may be asked for again, so it is loaded again. */
    if (advances && advanced_to < world.model.since && !world.loads)
        world.load_due = true;
    advances = 0;
    expect_loading();
}

/* --- random things --------------------------------------------------------------------------- */

static inline struct period random_period(void)
{
    int32_t now = minute_now(), from = now - MINUTES_PER_DAY + (int32_t)pick(4 * MINUTES_PER_DAY);
    if (chance(3))
        from = now + (int32_t)pick(600 * MINUTES_PER_DAY);
    int32_t length = 1 + (int32_t)pick(MINUTES_PER_DAY);
    if (chance(5))
        length = 1 + (int32_t)pick(PERIOD_MAX_DAYS * MINUTES_PER_DAY);
    if (chance(60)) { /* on the hour, so that many meet */
        from -= from % 60;
        length += 60 - length % 60;
    }
    return (struct period){from, from + length};
}

static inline struct criteria random_criteria(void)
{
    static const char *const locations[] = {"", "", "NCE", "PAR", "LYS", "XYZ"};
    static const char *const categories[] = {"",     "",     "****", "E***",
                                             "*D*R", "ECMR", "CDMR", "Z***"};
    struct criteria criteria = {.period = random_period()};
    strcpy(criteria.location, locations[pick(LENGTH(locations))]);
    strcpy(criteria.category, categories[pick(LENGTH(categories))]);
    return criteria;
}

static inline uint32_t random_turnaround(void)
{
    static const uint32_t lengths[] = {0, 1, 30, 60, 61, MINUTES_PER_DAY, CAR_TURNAROUND_MAX};
    return lengths[pick(LENGTH(lengths))];
}

static inline void random_fleet(struct model_car *fleet)
{
    static const char *const locations[] = {"NCE", "PAR", "LYS"};
    static const char *const categories[] = {"ECMR", "CDMR", "EDAR"};
    memcpy(fleet, world.model.store, sizeof world.model.store);
    uint32_t share = pick(60);
    for (int i = 0; i < MODEL_CARS; i++) {
        if (fleet[i].known && !chance(share))
            continue;
        fleet[i].offered = chance(70);
        if (fleet[i].known && chance(50))
            continue;
        fleet[i].day_price = 2000 + 500 * pick(4);
        fleet[i].hour_price = chance(30) ? -1 : 700;
        fleet[i].own_turnaround = chance(70) ? -1 : (int32_t)random_turnaround();
        strcpy(fleet[i].location, locations[pick(LENGTH(locations))]);
        strcpy(fleet[i].category, categories[pick(LENGTH(categories))]);
    }
    fleet[pick(MODEL_CARS)].offered = false;
    struct model_car *one = &fleet[0]; /* a fleet has a car */
    if (!one->day_price)
        *one = (struct model_car){.day_price = 2500,
                                  .hour_price = 700,
                                  .own_turnaround = -1,
                                  .location = "NCE",
                                  .category = "ECMR"};
    one->offered = true;
}

static inline void new_id(char id[BOOKING_ID_SIZE + 1])
{
    snprintf(id, BOOKING_ID_SIZE + 1, "%08x-%013" PRIx64, world.ids++,
             unit_random(&world.random) & 0xFFFFFFFFFFFFF);
}

static inline const char *random_channel(void)
{
    return chance(95) ? "kayak" : "airbnb";
}

#endif
