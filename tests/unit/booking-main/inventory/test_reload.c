/* The inventory when something goes wrong: memory that runs out, a history that was replaced, a
 * stop while a fleet loads. It loads its stock anew, or ends in time.
 *
 * The test decides when memory runs out, and at what time a store says what.
 * Link with -Wl,--wrap=availability_occupy,--wrap=hold_queue_reserve,--wrap=stock_load,
 * --wrap=store_read_snapshot,--wrap=clock_gettime.
 */
#include "tests/unit/booking-main/store/store_unit.h"

#include "inventory/hold_queue.h"
#include "inventory/inventory.h"
#include "inventory/stock.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <time.h>

enum { SOON = 100000000 }; /* minutes */

int __real_availability_occupy(struct availability *availability, uint32_t car,
                               struct period period);
int __wrap_availability_occupy(struct availability *availability, uint32_t car,
                               struct period period);
bool __real_hold_queue_reserve(struct hold_queue *queue, size_t more);
bool __wrap_hold_queue_reserve(struct hold_queue *queue, size_t more);
struct stock *__real_stock_load(struct store *store, int32_t since, bool (*go_on)(void *context),
                                void *context, struct buffer *error);
struct stock *__wrap_stock_load(struct store *store, int32_t since, bool (*go_on)(void *context),
                                void *context, struct buffer *error);
bool __real_store_read_snapshot(struct store *store, int32_t since,
                                const struct store_snapshot_reader *reader, int64_t *last_event,
                                struct buffer *error);
bool __wrap_store_read_snapshot(struct store *store, int32_t since,
                                const struct store_snapshot_reader *reader, int64_t *last_event,
                                struct buffer *error);
int __real_clock_gettime(clockid_t clock, struct timespec *out);
int __wrap_clock_gettime(clockid_t clock, struct timespec *out);

static _Atomic int occupies_without_memory; /* how many of the next fail */
static _Atomic int reserves_without_memory;
static _Atomic bool loads_without_memory;
static _Atomic int loads;              /* that have begun */
static _Atomic int64_t passed_seconds; /* on the steady clock, besides what really has */
static _Atomic bool gated, endless;
static sem_t has_read, may_return, reads_endlessly;

static bool fails(_Atomic int *count)
{
    if (*count == 0)
        return false;
    --*count;
    return true;
}

int __wrap_availability_occupy(struct availability *availability, uint32_t car,
                               struct period period)
{
    if (fails(&occupies_without_memory))
        return -ENOMEM;
    return __real_availability_occupy(availability, car, period);
}

bool __wrap_hold_queue_reserve(struct hold_queue *queue, size_t more)
{
    return !fails(&reserves_without_memory) && __real_hold_queue_reserve(queue, more);
}

struct stock *__wrap_stock_load(struct store *store, int32_t since, bool (*go_on)(void *context),
                                void *context, struct buffer *error)
{
    loads++;
    if (loads_without_memory) {
        buffer_add_text(error, "out of memory");
        return NULL;
    }
    struct stock *stock = __real_stock_load(store, since, go_on, context, error);
    if (gated) {
        sem_post(&has_read);
        sem_wait(&may_return);
    }
    return stock;
}

/* A store in which there is always one booking more. */
bool __wrap_store_read_snapshot(struct store *store, int32_t since,
                                const struct store_snapshot_reader *reader, int64_t *last_event,
                                struct buffer *error)
{
    if (!endless)
        return __real_store_read_snapshot(store, since, reader, last_event, error);
    struct store_event of_no_car = {.kind = EVENT_TAKEN, .car = 999, .period = {SOON, SOON + 1}};
    bool more = reader->begin(reader->context, "EUR", 0);
    for (int i = 0; more; i++) {
        more = reader->taken(reader->context, &of_no_car);
        if (i == 0)
            sem_post(&reads_endlessly);
    }
    return false;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *out)
{
    int result = __real_clock_gettime(clock, out);
    if (clock == CLOCK_MONOTONIC)
        out->tv_sec += passed_seconds;
    return result;
}

/* --- an engine ------------------------------------------------------------------------------- */

static struct unit_engine engine;
static struct inventory *inventory;
static struct log *engine_log;
static bool deaf; /* the inventory is not told of events */

static void on_event(void *context, const struct store_event *event)
{
    unit_on_event(context, event);
    if (!deaf)
        inventory_apply(inventory, event);
}

static int begin(void **state)
{
    (void)state;
    struct store_handlers handlers = {&engine, on_event, unit_on_commit, unit_on_trouble};
    struct buffer error;
    buffer_init(&error, 4096);
    sem_init(&has_read, 0, 0);
    sem_init(&may_return, 0, 0);
    sem_init(&reads_endlessly, 0, 0);
    gated = endless = loads_without_memory = deaf = false;
    occupies_without_memory = reserves_without_memory = 0;
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    engine_log = log_new(null, "test");
    close(null);
    assert_true(unit_engine_open(&engine, "sqlite::memory:", &error));
    unit_import(&engine, UNIT_FLEET);
    engine.loop = loop_new();
    inventory = inventory_new(engine.store, engine.loop, engine_log, NULL, NULL, &error);
    assert_non_null(inventory);
    engine.last_event = inventory_last_event(inventory);
    assert_true(store_start(engine.store, engine.loop, &handlers, engine.last_event, &error));
    buffer_free(&error);
    loads = 0;
    alarm(2 * UNIT_PATIENCE); /* to fail, not to hang */
    return 0;
}

static int end(void **state)
{
    (void)state;
    inventory_stop(inventory);
    store_close(engine.store);
    inventory_free(inventory);
    loop_free(engine.loop);
    log_free(engine_log);
    free(engine.events);
    alarm(0);
    return 0;
}

static uint32_t position(int64_t car)
{
    return catalog_by_number(inventory_catalog(inventory), car);
}

static bool is_free(int64_t car, int32_t from, int32_t to)
{
    return inventory_is_free(inventory, position(car), (struct period){SOON + from, SOON + to});
}

/* Asks the store for something: so the loop goes round, and what the store has to say comes. */
static void pass(void)
{
    struct unit_request show = unit_request(STORE_SHOW, "-");
    assert_int_equal(unit_run(&engine, &show), STORE_NOT_FOUND);
}

static void wait_for_loads(int count)
{
    const struct catalog *before = inventory_catalog(inventory);
    while (loads < count || (!loads_without_memory && inventory_catalog(inventory) == before))
        pass();
}

static void book(const char *id, int64_t car, int32_t from, int32_t to, int64_t expires_at)
{
    struct unit_request request = unit_booking(id, car, SOON + from, SOON + to);
    request.store.booking.state = expires_at ? BOOKING_HELD : BOOKING_BOOKED;
    request.store.booking.expires_at = expires_at;
    assert_int_equal(unit_run(&engine, &request), STORE_OK);
}

static bool is_expired(const char *id)
{
    struct unit_request show = unit_request(STORE_SHOW, id);
    assert_int_equal(unit_run(&engine, &show), STORE_OK);
    return show.store.booking.state == BOOKING_EXPIRED;
}

/* --- memory ---------------------------------------------------------------------------------- */

static void a_period_that_finds_no_memory_is_loaded(void **state)
{
    (void)state;
    occupies_without_memory = 1;
    book("a", 1, 0, 60, 0);
    wait_for_loads(1);
    assert_false(is_free(1, 0, 60));
    assert_true(is_free(2, 0, 60));
}

/* It was booked while the new stock was loaded, and not before that was read. */
static void a_missed_period_that_finds_no_memory_is_loaded_after_a_while(void **state)
{
    (void)state;
    gated = true;
    unit_import(&engine, "car-1,ECMR,NCE,56.00,10.00,EUR\n");
    while (loads == 0)
        pass();
    sem_wait(&has_read);
    struct unit_request request = unit_booking("a", 1, SOON, SOON + 60);
    request.store.booking.day_price = 5600;
    assert_int_equal(unit_run(&engine, &request), STORE_OK);
    gated = false;
    occupies_without_memory = 1;
    sem_post(&may_return);
    wait_for_loads(1);
    assert_int_equal(occupies_without_memory, 0);
    assert_true(is_free(1, 0, 60));
    passed_seconds += 5;
    wait_for_loads(2);
    assert_false(is_free(1, 0, 60));
}

static void a_hold_that_finds_no_memory_expires(void **state)
{
    (void)state;
    reserves_without_memory = 1;
    book("a", 1, 0, 60, time(NULL) - 1); /* a second after it was over */
    while (!is_expired("a"))
        continue;
    assert_true(is_free(1, 0, 60));
}

static void a_claim_that_finds_no_memory_is_none(void **state)
{
    (void)state;
    struct claim claim = {.booking_id = "a"};
    occupies_without_memory = 1;
    assert_false(inventory_claim(inventory, position(1), (struct period){SOON, SOON + 60}, &claim));
    assert_true(is_free(1, 0, 60));
    inventory_unclaim(inventory, &claim); /* does no harm */
    assert_int_equal(loads, 0);           /* the index is as true as it was */
}

static int answers, answered_loaded;

static void on_ready(struct fleet_waiter *waiter, bool loaded)
{
    (void)waiter;
    answers++;
    answered_loaded += loaded;
}

/* Those who wait are told, also who comes before the next try; and that finds what was missed. */
static void a_loading_that_finds_no_memory_is_tried_again_after_a_while(void **state)
{
    (void)state;
    struct fleet_waiter first = {.ready = on_ready}, second = first, third = first;
    struct claim claim = {.booking_id = "a"};
    assert_true(inventory_claim(inventory, position(1), (struct period){SOON, SOON + 60}, &claim));
    inventory_unclaim(inventory, &claim);
    loads_without_memory = true;
    answers = answered_loaded = 0;
    inventory_await_fleet(inventory, &claim, &first);
    assert_int_equal(answers, 0);
    while (answers == 0)
        pass();
    inventory_await_fleet(inventory, &claim, &second);
    assert_int_equal(answers, 2);
    assert_int_equal(answered_loaded, 0);
    assert_int_equal(loads, 1);
    passed_seconds += 5;
    wait_for_loads(2);
    loads_without_memory = false;
    passed_seconds += 5;
    wait_for_loads(3);
    inventory_await_fleet(inventory, &claim, &third); /* for another than the claim's: it is here */
    assert_int_equal(answered_loaded, 1);
}

/* --- a history that was replaced ------------------------------------------------------------- */

/* As after a restore: the holds are there, and nobody said so. */
static void holds_of_a_new_stock_expire(void **state)
{
    (void)state;
    int64_t over = time(NULL) - 1;
    deaf = true;
    for (int i = 0; i < 200; i++) {
        char id[8];
        snprintf(id, sizeof id, "h%d", i);
        book(id, 1, 60 * i, 60 * i + 60, over);
    }
    book("later", 2, 0, 60, over + 100000);
    deaf = false;
    inventory_apply(inventory,
                    &(struct store_event){.number = engine.last_event, .kind = EVENT_FLEET});
    wait_for_loads(1);
    for (int i = 0; i < 200; i++) {
        char id[8];
        snprintf(id, sizeof id, "h%d", i);
        while (!is_expired(id))
            continue;
    }
    assert_true(is_free(1, 0, 12000));
    assert_false(is_expired("later"));
    assert_false(is_free(2, 0, 60));
}

static void holds_are_loaded_however_long_they_are_over(void **state)
{
    (void)state;
    deaf = true;
    struct unit_request request = unit_booking("old", 1, 1000, 2000);
    request.store.booking.state = BOOKING_HELD;
    request.store.booking.expires_at = 2000 * 60;
    assert_int_equal(unit_run(&engine, &request), STORE_OK);
    deaf = false;
    inventory_apply(inventory,
                    &(struct store_event){.number = engine.last_event, .kind = EVENT_FLEET});
    while (!is_expired("old"))
        continue;
}

/* --- stopping -------------------------------------------------------------------------------- */

static void a_stop_does_not_wait_for_a_loading(void **state)
{
    (void)state;
    struct fleet_waiter waiter = {.ready = on_ready};
    struct claim claim = {.booking_id = "a"};
    answers = answered_loaded = 0;
    endless = true;
    inventory_await_fleet(inventory, &claim, &waiter);
    sem_wait(&reads_endlessly);
    inventory_stop(inventory);
    assert_int_equal(answers, 1);
    assert_int_equal(answered_loaded, 0);
}

static bool three_times(void *context)
{
    int *asked = context;
    return ++*asked < 3;
}

static void a_start_ends_when_it_may_not_go_on(void **state)
{
    (void)state;
    int asked = 0;
    struct buffer error;
    buffer_init(&error, 1024);
    endless = true;
    assert_null(inventory_new(engine.store, engine.loop, engine_log, three_times, &asked, &error));
    assert_int_equal(asked, 3);
    buffer_free(&error);
}

static void cars_are_those_that_are_offered(void **state)
{
    (void)state;
    assert_int_equal(inventory_cars(inventory), 3);
    unit_import(&engine, "car-1,ECMR,NCE,55.00,10.00,EUR\n");
    wait_for_loads(1);
    assert_int_equal(inventory_cars(inventory), 1);
    assert_int_equal(catalog_count(inventory_catalog(inventory)), 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_period_that_finds_no_memory_is_loaded),
        TEST(a_missed_period_that_finds_no_memory_is_loaded_after_a_while),
        TEST(a_hold_that_finds_no_memory_expires),
        TEST(a_claim_that_finds_no_memory_is_none),
        TEST(a_loading_that_finds_no_memory_is_tried_again_after_a_while),
        TEST(holds_of_a_new_stock_expire),
        TEST(holds_are_loaded_however_long_they_are_over),
        TEST(a_stop_does_not_wait_for_a_loading),
        TEST(a_start_ends_when_it_may_not_go_on),
        TEST(cars_are_those_that_are_offered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
