/* What the tests of the store share: an engine of just a loop and a store that writes down what
 * it is told. Each event is checked to follow the last, and each success to come after its event.
 */
#ifndef TESTS_UNIT_BOOKING_MAIN_STORE_STORE_UNIT_H
#define TESTS_UNIT_BOOKING_MAIN_STORE_STORE_UNIT_H

#include "tests/unit/booking-main/store/store_unit_postgresql.h"
#include "tests/unit/booking-main/store/store_unit_sqlite.h"

#include "lib/base/container_of.h"
#include "lib/base/loop.h"
#include "store/store.h"

#include <inttypes.h>
#include <pthread.h>

/* car-1 to car-3 get the numbers 1 to 3. */
#define UNIT_FLEET                                                                                 \
    "car-1,ECMR,NCE,55.00,10.00,EUR\ncar-2,ECMR,NCE,55.00,10.00,EUR\ncar-3,CDMR,PAR,70.00,,EUR\n"

enum { UNIT_NOW = 1000, UNIT_PATIENCE = 60 };

struct unit_engine {
    struct store *store;
    struct loop *loop;
    struct loop_timer timer;
    bool timed_out;
    int pending; /* requests */
    size_t wanted_events;
    struct store_event *events;
    size_t event_count;
    int64_t last_event;
    bool out_of_order; /* kept, because another thread than the test's must not fail it */
    int64_t commits, committed, largest_commit, commit_time;
    int troubles, recoveries;
    char sentence[512];
};

struct unit_request {
    struct store_request store; /* first */
    struct unit_engine *engine;
    bool finished;
    void (*then)(struct unit_request *request);
    struct store_answer found; /* by STORE_RECALL, to be freed */
};

/* --- databases ------------------------------------------------------------------------------- */

/* What a test needs of a kind of database, each of which it calls by a name. */
struct unit_store {
    const char *(*url)(const char *name); /* good until the next call */
    int64_t (*number)(const char *name, const char *sql);
};

/* SQLite, unless UNIT_STORE is postgresql. */
static inline bool unit_is_sqlite(void)
{
    const char *wanted = getenv("UNIT_STORE");
    return !wanted || strcmp(wanted, "postgresql") != 0;
}

static inline const struct unit_store *unit_store(void)
{
    static const struct unit_store sqlite = {unit_sqlite_url, unit_sqlite_number};
    static const struct unit_store postgresql = {unit_postgresql_url, unit_postgresql_number};
    return unit_is_sqlite() ? &sqlite : &postgresql;
}

static inline const char *unit_url(const char *name)
{
    return unit_store()->url(name);
}

static inline int64_t unit_number(const char *name, const char *sql)
{
    return unit_store()->number(name, sql);
}

/* Bookings of one car that overlap, turnaround included, and gaps in the events. */
static inline void check_database(const char *name)
{
    assert_int_equal(unit_number(name,
                                 "SELECT count(*) FROM bookings a JOIN bookings b ON"
                                 " a.car = b.car AND a.number < b.number AND a.state IN (1, 2, 5)"
                                 " AND b.state IN (1, 2, 5)"
                                 " AND a.pickup_at < b.return_at + b.turnaround"
                                 " AND b.pickup_at < a.return_at + a.turnaround"),
                     0);
    assert_int_equal(unit_number(name, "SELECT max(number) - count(*) FROM events"), 0);
}

/* --- fleet ----------------------------------------------------------------------------------- */

/* Lines without their heading, with a turnaround in all of them or in none. */
static inline struct fleet *unit_fleet(const char *lines)
{
    struct buffer csv, error;
    buffer_init(&csv, 1 << 30);
    buffer_init(&error, 4096);
    buffer_add_text(&csv, "carid,category,location,day_price,hour_price,currency");
    size_t commas = 0;
    for (const char *at = lines; *at && *at != '\n'; at++)
        commas += *at == ',';
    buffer_add_text(&csv, commas > 5 ? ",turnaround\n" : "\n");
    buffer_add_text(&csv, lines);
    struct fleet *fleet = fleet_parse("test", csv.data, csv.size, &error);
    if (!fleet)
        fail_msg("%s", error.data);
    buffer_free(&csv);
    buffer_free(&error);
    return fleet;
}

static inline struct store_import_report unit_try_import(struct unit_engine *engine,
                                                         const char *lines, bool only_if_empty,
                                                         bool dry_run)
{
    struct store_import_report report = {.added = 9, .changed = 9, .withdrawn = 9, .unchanged = 9};
    struct buffer error;
    buffer_init(&error, 4096);
    struct fleet *fleet = unit_fleet(lines);
    struct store_import_options options = {only_if_empty, dry_run, .force = true};
    if (!store_import(engine->store, fleet, &options, &report, &error))
        fail_msg("%s", error.data);
    fleet_free(fleet);
    buffer_free(&error);
    return report;
}

static inline void unit_import(struct unit_engine *engine, const char *lines)
{
    unit_try_import(engine, lines, false, false);
}

/* --- snapshot -------------------------------------------------------------------------------- */

struct unit_snapshot {
    char currency[8];
    size_t announced, car_count, taken_count;
    int64_t last_event;
    char cars[16][96], taken[16][96]; /* in this order, if there are no more */
};

static inline bool unit_on_begin(void *context, const char *currency, size_t cars)
{
    struct unit_snapshot *snapshot = context;
    snprintf(snapshot->currency, sizeof snapshot->currency, "%s", currency);
    snapshot->announced = cars;
    return true;
}

static inline bool unit_on_car(void *context, const struct store_car *car)
{
    struct unit_snapshot *snapshot = context;
    if (snapshot->car_count < LENGTH(snapshot->cars))
        snprintf(snapshot->cars[snapshot->car_count], sizeof snapshot->cars[0],
                 "%" PRId64 " %s %s %s %" PRId64 " %" PRId64 "%s", car->number, car->carid,
                 car->location, car->category, car->day_price, car->hour_price,
                 car->offered ? " offered" : "");
    snapshot->car_count++;
    return true;
}

static inline bool unit_on_taken(void *context, const struct store_event *event)
{
    struct unit_snapshot *snapshot = context;
    if (snapshot->taken_count < LENGTH(snapshot->taken))
        snprintf(snapshot->taken[snapshot->taken_count], sizeof snapshot->taken[0],
                 "%" PRId64 " %d %" PRId64 " %d-%d %" PRId64 " %s", event->number, (int)event->kind,
                 event->car, event->period.pickup_at, event->period.return_at, event->expires_at,
                 event->booking_id);
    snapshot->taken_count++;
    return true;
}

static inline int unit_compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Stores tell cars and periods in any order. */
static inline struct unit_snapshot unit_snapshot(struct unit_engine *engine, int32_t since)
{
    struct unit_snapshot snapshot = {.last_event = -1};
    struct store_snapshot_reader reader = {&snapshot, unit_on_begin, unit_on_car, unit_on_taken};
    struct buffer error;
    buffer_init(&error, 4096);
    if (!store_read_snapshot(engine->store, since, &reader, &snapshot.last_event, &error))
        fprintf(stderr, "%s\n", error.data);
    buffer_free(&error);
    qsort(snapshot.cars, snapshot.car_count < LENGTH(snapshot.cars) ? snapshot.car_count : 0,
          sizeof snapshot.cars[0], unit_compare);
    qsort(snapshot.taken, snapshot.taken_count < LENGTH(snapshot.taken) ? snapshot.taken_count : 0,
          sizeof snapshot.taken[0], unit_compare);
    return snapshot;
}

/* --- engine ---------------------------------------------------------------------------------- */

static inline void unit_on_event(void *context, const struct store_event *event)
{
    struct unit_engine *engine = context;
    if (event->number != engine->last_event + 1)
        engine->out_of_order = true;
    engine->last_event = event->number;
    if ((engine->event_count & (engine->event_count - 1)) == 0) /* 0 and the powers of two */
        engine->events = realloc(engine->events, (2 * engine->event_count + 1) * sizeof *event);
    engine->events[engine->event_count++] = *event;
    if (engine->wanted_events && engine->event_count >= engine->wanted_events)
        loop_stop(engine->loop);
}

static inline void unit_on_commit(void *context, const struct store_commit *commit)
{
    struct unit_engine *engine = context;
    engine->commits++;
    engine->committed += commit->operations;
    engine->commit_time += commit->duration;
    if (commit->operations > engine->largest_commit)
        engine->largest_commit = commit->operations;
}

static inline void unit_on_trouble(void *context, const char *sentence)
{
    struct unit_engine *engine = context;
    if (!sentence) {
        engine->recoveries++;
        return;
    }
    engine->troubles++;
    snprintf(engine->sentence, sizeof engine->sentence, "%s", sentence);
}

static inline void unit_on_timer(struct loop_timer *timer)
{
    struct unit_engine *engine = container_of(timer, struct unit_engine, timer);
    engine->timed_out = true;
    loop_stop(engine->loop);
}

/* Runs the loop for that long, or until something stops it. False when it was the time. */
static inline bool unit_run_loop(struct unit_engine *engine, int64_t milliseconds)
{
    engine->timed_out = false;
    loop_arm(engine->loop, &engine->timer, loop_clock() + milliseconds * LOOP_MILLISECOND);
    assert_int_equal(loop_run(engine->loop), 0);
    loop_disarm(&engine->timer);
    return !engine->timed_out;
}

static inline bool unit_engine_open(struct unit_engine *engine, const char *url,
                                    struct buffer *error)
{
    *engine = (struct unit_engine){.timer = {.expired = unit_on_timer}};
    engine->store = store_open(url, error);
    return engine->store;
}

/* Behind what there is. */
static inline void unit_engine_follow(struct unit_engine *engine, int64_t last_event)
{
    struct store_handlers handlers = {engine, unit_on_event, unit_on_commit, unit_on_trouble};
    struct buffer error;
    buffer_init(&error, 4096);
    engine->loop = loop_new();
    assert_non_null(engine->loop);
    engine->last_event = last_event;
    if (!store_start(engine->store, engine->loop, &handlers, last_event, &error))
        fail_msg("%s", error.data);
    buffer_free(&error);
}

/* With UNIT_FLEET, if it is new; waits for all events there are. */
static inline void unit_engine_start(struct unit_engine *engine, const char *url)
{
    struct buffer error;
    buffer_init(&error, 4096);
    if (!unit_engine_open(engine, url, &error))
        fail_msg("%s", error.data);
    buffer_free(&error);
    unit_try_import(engine, UNIT_FLEET, true, false);
    struct unit_snapshot snapshot = unit_snapshot(engine, 0);
    unit_engine_follow(engine, 0);
    engine->wanted_events = (size_t)snapshot.last_event;
    assert_true(unit_run_loop(engine, UNIT_PATIENCE * 1000));
    engine->wanted_events = 0;
}

static inline void unit_engine_stop(struct unit_engine *engine)
{
    store_close(engine->store);
    loop_free(engine->loop);
    free(engine->events);
    assert_false(engine->out_of_order);
    *engine = (struct unit_engine){0};
}

static inline void unit_run_until_events(struct unit_engine *engine, size_t count)
{
    engine->wanted_events = count;
    if (engine->event_count < count)
        assert_true(unit_run_loop(engine, UNIT_PATIENCE * 1000));
    engine->wanted_events = 0;
}

/* --- requests -------------------------------------------------------------------------------- */

static inline void *unit_copy(const void *data, size_t size)
{
    char *copy = malloc(size + 1);
    memcpy(copy, data ? data : "", size);
    copy[size] = '\0';
    return copy;
}

static inline void unit_free_found(struct unit_request *request)
{
    free((void *)(uintptr_t)request->found.location);
    free((void *)(uintptr_t)request->found.content_type);
    free((void *)(uintptr_t)request->found.body);
    memset(&request->found, 0, sizeof request->found);
}

static inline bool unit_saw_event(const struct unit_engine *engine, const char *id)
{
    for (size_t i = engine->event_count; i-- > 0;)
        if (strcmp(engine->events[i].booking_id, id) == 0)
            return true;
    return false;
}

static inline void unit_on_done(struct store_request *store)
{
    struct unit_request *request = container_of(store, struct unit_request, store);
    struct unit_engine *engine = request->engine;
    const struct store_answer *answer = &store->answer;
    request->finished = true;
    engine->pending--;
    if (store->operation == STORE_BOOK && store->result == STORE_OK &&
        !unit_saw_event(engine, store->booking.id))
        engine->out_of_order = true;
    if (store->operation == STORE_RECALL && store->result == STORE_OK) {
        request->found = *answer;
        request->found.body = unit_copy(answer->body, answer->body_size);
        request->found.content_type = unit_copy(answer->content_type, strlen(answer->content_type));
        if (answer->location)
            request->found.location = unit_copy(answer->location, strlen(answer->location));
    }
    if (request->then)
        request->then(request);
    if (!engine->pending)
        loop_stop(engine->loop);
}

static inline struct unit_request unit_request(enum store_operation operation, const char *id)
{
    struct unit_request request = {
        .store = {.operation = operation, .now = UNIT_NOW, .done = unit_on_done}};
    snprintf(request.store.booking.id, sizeof request.store.booking.id, "%s", id);
    strcpy(request.store.booking.channel, "kayak");
    return request;
}

/* Of car-1 or car-2. */
static inline struct unit_request unit_booking(const char *id, int64_t car, int32_t pickup_at,
                                               int32_t return_at)
{
    struct unit_request request = unit_request(STORE_BOOK, id);
    request.store.booking.car = car;
    request.store.booking.period = (struct period){pickup_at, return_at};
    request.store.booking.state = BOOKING_BOOKED;
    request.store.booking.day_price = 5500;
    request.store.booking.hour_price = 1000;
    request.store.booking.total = 5500;
    strcpy(request.store.booking.currency, "EUR");
    strcpy(request.store.booking.location, "NCE");
    strcpy(request.store.booking.category, "ECMR");
    return request;
}

static inline struct store_answer unit_answer(const char *key)
{
    return (struct store_answer){.key = key,
                                 .request = "POST /",
                                 .request_size = 6,
                                 .status = 201,
                                 .content_type = "application/json",
                                 .body = "{}",
                                 .body_size = 2};
}

static inline void unit_submit(struct unit_engine *engine, struct unit_request *request)
{
    request->engine = engine;
    request->finished = false;
    engine->pending++;
    store_submit(engine->store, &request->store);
}

/* Until all that was submitted is finished. */
static inline void unit_wait(struct unit_engine *engine)
{
    if (engine->pending)
        assert_true(unit_run_loop(engine, UNIT_PATIENCE * 1000));
    assert_int_equal(engine->pending, 0);
}

static inline enum store_result unit_run(struct unit_engine *engine, struct unit_request *request)
{
    unit_submit(engine, request);
    unit_wait(engine);
    return request->store.result;
}

#endif
