#include "tests/bench/store_load.h"

#include "lib/base/container_of.h"
#include "lib/base/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- bookings -------------------------------------------------------------------------------- */

void store_load_die(const char *what, const char *why)
{
    (void)fprintf(stderr, "bench: %s: %s\n", what, why ? why : "out of memory");
    exit(1);
}

static uint64_t next_random(void)
{
    static uint64_t state = 88172645463325252U;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* An id ends with the booking's number, so that whoever gets its event knows which one it is. */
enum { ID_NUMBER_SIZE = 8 };
static uint32_t last_number;

static uint32_t number_of(const char *id)
{
    return (uint32_t)strtoul(id + BOOKING_ID_SIZE - ID_NUMBER_SIZE, NULL, 16);
}

void store_load_booking(struct booking *booking, char key[STORE_KEY_MAX + 1])
{
    last_number++;
    (void)snprintf(booking->id, sizeof booking->id, "%014llx%08x",
                   (unsigned long long)(next_random() >> 8), last_number);
    (void)snprintf(key, STORE_KEY_MAX + 1, "key-%016llx", (unsigned long long)next_random());
    (void)snprintf(booking->channel, sizeof booking->channel, "bench");
    booking->car = 1 + (int64_t)(next_random() % STORE_LOAD_CARS);
    booking->period.pickup_at = 30000000 + (int32_t)last_number * 10;
    booking->period.return_at = booking->period.pickup_at + 10;
    booking->state = BOOKING_BOOKED;
    booking->day_price = 5500;
    booking->hour_price = -1;
    booking->total = 5500;
    (void)snprintf(booking->currency, sizeof booking->currency, "EUR");
    (void)snprintf(booking->location, sizeof booking->location, "NCE");
    (void)snprintf(booking->category, sizeof booking->category, "ECMR");
}

struct store_answer store_load_answer(const char *key)
{
    static const char body[] =
        "{\"carid\":\"1-XXX-333\",\"price\":55,\"currency\":\"euro\",\"status\":\"booked\","
        "\"message\":\"welcome to kayak\",\"payment_method\":\"visa\",\"booking_id\":"
        "\"0123456789abcdefghijkl\"}";
    static const char request[] = "POST /bookCar\n{\"pickup_at\":\"2026-01-01T10:00Z\","
                                  "\"return_at\":\"2026-01-02T10:00Z\"}";
    return (struct store_answer){.key = key,
                                 .request = request,
                                 .request_size = sizeof request - 1,
                                 .status = 201,
                                 .location = "/bookings/0123456789abcdefghijkl",
                                 .content_type = "application/json",
                                 .body = body,
                                 .body_size = sizeof body - 1};
}

static struct store *open_store(const char *url)
{
    struct buffer error;
    buffer_init(&error, 4096);
    struct store *store = store_open(url, &error);
    if (!store)
        store_load_die("open", error.data);
    buffer_free(&error);
    return store;
}

void store_load_fleet(const char *url)
{
    enum { CARID_SIZE = 32 };
    struct store *store = open_store(url);
    struct buffer error;
    buffer_init(&error, 4096);
    struct fleet fleet = {.count = STORE_LOAD_CARS, .currency = "EUR", .exponent = 2};
    fleet.cars = calloc(fleet.count, sizeof *fleet.cars);
    fleet.text = malloc(fleet.count * CARID_SIZE);
    if (!fleet.cars || !fleet.text)
        store_load_die("fleet", NULL);
    for (size_t i = 0; i < fleet.count; i++) {
        char *carid = fleet.text + i * CARID_SIZE;
        (void)snprintf(carid, CARID_SIZE, "car-%05zu", i);
        fleet.cars[i] = (struct fleet_car){carid, "NCE", "ECMR", 5500, -1, -1};
    }
    struct store_import_options options = {0};
    struct store_import_report report;
    if (!store_import(store, &fleet, &options, &report, &error))
        store_load_die("import", error.data);
    free(fleet.cars);
    free(fleet.text);
    buffer_free(&error);
    store_close(store);
}

/* --- engines --------------------------------------------------------------------------------- */

struct engine {
    struct run *run;
    struct store *store;
    int number;
};

/* A request in its turn, of an engine's client or of the fixed rate. */
struct order {
    struct store_request request;
    char key[STORE_KEY_MAX + 1];
    struct engine *engine;
    int64_t since;
    struct order *next_free;
};

/* The bookings that were answered last, by their numbers. */
enum { REMEMBERED = 1 << 18 };

struct answered {
    uint32_t number;
    int engine;
    int64_t at; /* 0: not yet */
};

struct run {
    const struct store_load *load;
    struct store_load_result *result;
    struct loop *loop;
    struct engine *engines;
    int outstanding, ready;
    int64_t begun;      /* the load; 0 until every engine has booked once */
    int64_t start, end; /* of the counting; 0 until then */
    struct loop_timer counting, timer;
    int64_t sent; /* of the fixed rate */
    struct order *free_orders;
    struct answered *answered;
};

static void on_done(struct store_request *request);

static void submit(struct order *order, int64_t since)
{
    memset(&order->request, 0, sizeof order->request);
    store_load_booking(&order->request.booking, order->key);
    order->request.operation = STORE_BOOK;
    order->request.now = 1700000000;
    order->request.answer = store_load_answer(order->key);
    order->request.done = on_done;
    order->since = since;
    struct run *run = order->engine->run;
    run->answered[last_number % REMEMBERED] = (struct answered){
        .number = last_number,
        .engine = order->engine->number,
    };
    run->outstanding++;
    store_submit(order->engine->store, &order->request);
}

static struct order *new_order(struct run *run, struct engine *engine)
{
    struct order *order = run->free_orders;
    if (order)
        run->free_orders = order->next_free;
    else
        order = malloc(sizeof *order);
    if (!order)
        store_load_die("order", NULL);
    order->engine = engine;
    return order;
}

static void begin_load(struct run *run)
{
    const struct store_load *load = run->load;
    run->begun = loop_clock();
    loop_arm(run->loop, &run->counting, run->begun + (int64_t)(load->warm_seconds * 1e9));
    if (load->rate > 0)
        loop_arm(run->loop, &run->timer, run->begun);
    for (int i = 0; load->rate <= 0 && i < load->engines * load->clients; i++)
        submit(new_order(run, &run->engines[i % load->engines]), run->begun);
}

static void begin_counting(struct loop_timer *timer)
{
    struct run *run = container_of(timer, struct run, counting);
    if (run->load->begins)
        run->load->begins();
    run->start = loop_clock();
    run->end = run->start + (int64_t)(run->load->seconds * 1e9);
    if (run->load->rate <= 0)
        loop_arm(run->loop, &run->timer, run->end);
}

static void on_done(struct store_request *request)
{
    struct order *order = container_of(request, struct order, request);
    struct run *run = order->engine->run;
    if (request->result != STORE_OK)
        store_load_die("a booking", "was refused");
    int64_t now = loop_clock();
    struct answered *answered = &run->answered[number_of(request->booking.id) % REMEMBERED];
    answered->at = now;
    run->outstanding--;
    bool ends = run->start && now >= run->end;
    if (run->start) {
        run->result->bookings++;
        histogram_add(&run->result->answered, now - order->since);
    }
    if (run->begun && run->load->rate <= 0 && !ends) {
        submit(order, now);
        return;
    }
    order->next_free = run->free_orders;
    run->free_orders = order;
    if (!run->begun && ++run->ready == run->load->engines)
        begin_load(run);
    else if (ends && run->outstanding == 0)
        loop_stop(run->loop);
}

/* What is due of the fixed rate, the engines in turn; at the end it only waits for the answers. */
static void on_timer(struct loop_timer *timer)
{
    struct run *run = container_of(timer, struct run, timer);
    double rate = run->load->rate;
    int64_t now = loop_clock();
    while (rate > 0) {
        int64_t due = run->begun + (int64_t)((double)run->sent * 1e9 / rate);
        if (run->start && due >= run->end)
            break;
        if (due > now) {
            loop_arm(run->loop, timer, due);
            return;
        }
        submit(new_order(run, &run->engines[run->sent++ % run->load->engines]), due);
    }
    if (now < run->end)
        loop_arm(run->loop, timer, run->end);
    else if (run->outstanding == 0)
        loop_stop(run->loop);
}

static void on_event(void *context, const struct store_event *event)
{
    const struct engine *engine = context;
    struct run *run = engine->run;
    uint32_t number = number_of(event->booking_id);
    const struct answered *answered = &run->answered[number % REMEMBERED];
    if (!run->start || answered->number != number || answered->engine == engine->number)
        return;
    histogram_add(&run->result->seen, answered->at ? loop_clock() - answered->at : 0);
}

static void on_commit(void *context, const struct store_commit *commit)
{
    const struct engine *engine = context;
    (void)commit;
    engine->run->result->groups += engine->run->start != 0;
}

static void on_trouble(void *context, const char *sentence)
{
    (void)context;
    store_load_die("trouble", sentence ? sentence : "over");
}

static bool no_fleet(void *context, const char *currency, size_t cars)
{
    (void)context, (void)currency, (void)cars;
    return true;
}

static bool no_car(void *context, const struct store_car *car)
{
    (void)context, (void)car;
    return true;
}

static bool no_event(void *context, const struct store_event *event)
{
    (void)context, (void)event;
    return true;
}

static void start_engine(struct run *run, int number)
{
    static const struct store_snapshot_reader nothing = {NULL, no_fleet, no_car, no_event};
    struct engine *engine = &run->engines[number];
    *engine = (struct engine){run, open_store(run->load->url), number};
    const struct store_handlers handlers = {engine, on_event, on_commit, on_trouble};
    struct buffer error;
    buffer_init(&error, 4096);
    int64_t last_event;
    if (!store_read_snapshot(engine->store, INT32_MAX, &nothing, &last_event, &error) ||
        !store_start(engine->store, run->loop, &handlers, last_event, &error))
        store_load_die("start", error.data);
    buffer_free(&error);
}

void store_load_run(const struct store_load *load, struct store_load_result *result)
{
    struct run run = {.load = load, .result = result, .loop = loop_new()};
    run.timer.expired = on_timer;
    run.counting.expired = begin_counting;
    run.engines = calloc((size_t)load->engines, sizeof *run.engines);
    run.answered = calloc(REMEMBERED, sizeof *run.answered);
    if (!run.loop || !run.engines || !run.answered)
        store_load_die("engines", NULL);
    *result = (struct store_load_result){0};
    for (int i = 0; i < load->engines; i++)
        start_engine(&run, i);
    for (int i = 0; i < load->engines; i++)
        submit(new_order(&run, &run.engines[i]), 0);
    if (loop_run(run.loop) != 0)
        store_load_die("loop", "failed");
    result->seconds = (double)(loop_clock() - run.start) / 1e9;
    for (int i = 0; i < load->engines; i++)
        store_close(run.engines[i].store);
    loop_remove_timer(run.loop, &run.timer);
    loop_remove_timer(run.loop, &run.counting);
    loop_free(run.loop);
    while (run.free_orders) {
        struct order *order = run.free_orders;
        run.free_orders = order->next_free;
        free(order);
    }
    free(run.answered);
    free(run.engines);
}
