/* The inventory over the real store, beside a simple model (inventory_model.h): random bookings,
 * holds, confirmations, cancellations, expiries, imports, clock steps and what an operator does
 * (inventory_desk.h), and claims that are held meanwhile. After each step store, index and model
 * must say the same.
 *
 * The steps are those of many short lives, each of a database and an inventory of its own and with
 * a seed of its own. SEED=n is the first life's, STEPS=n how many steps there are in all; a failure
 * prints what to set to see it again. Nothing depends on real time or on which thread is faster:
 * the clocks are the test's, and so is the moment at which a new fleet is read and put to use.
 */
#include "tests/unit/booking-main/inventory/inventory_desk.h"

#include <fcntl.h>

enum {
    LIFE = 1000, /* steps */
    SHORT_STEPS = 6000,
    PATIENCE_SECONDS = 120, /* real ones, of a life */
};

/* --- steps: the fleet ------------------------------------------------------------------------ */

static void import_fleet(void)
{
    struct model_car fleet[MODEL_CARS];
    struct store_import_report report, expected;
    struct buffer lines;
    buffer_init(&lines, 1 << 16);
    random_fleet(fleet);
    for (int i = 0; i < MODEL_CARS; i++)
        if (fleet[i].offered) {
            buffer_printf(&lines, "%s,%s,%s,%d.%02d,", model_carid(i), fleet[i].category,
                          fleet[i].location, (int)fleet[i].day_price / 100,
                          (int)fleet[i].day_price % 100);
            buffer_add_text(&lines, fleet[i].hour_price < 0 ? ",EUR," : "7.00,EUR,");
            if (fleet[i].own_turnaround >= 0)
                buffer_printf(&lines, "%d", (int)fleet[i].own_turnaround);
            buffer_add_text(&lines, "\n");
        }
    report = unit_try_import(&world.engine, lines.data, false, false);
    buffer_free(&lines);
    bool changes = model_import(&world.model, fleet, &expected);
    check(report.added == expected.added && report.changed == expected.changed &&
              report.withdrawn == expected.withdrawn && report.unchanged == expected.unchanged,
          "what an import reports");
    check_store();
    bool under_way = world.loads || !world.inventory;
    if (world.inventory)
        pass();
    check(under_way || world.loads == changes, "an import is told of when it changes something");
}

/* Lets the loader read the store, or what it has read be put to use. */
static void load(void)
{
    if (!world.load_read) {
        sem_post(&loading.may_read);
        sem_wait(&loading.has_read);
        memcpy(world.read, world.model.store, sizeof world.read);
        world.load_read = true;
        return;
    }
    const struct catalog *before = inventory_catalog(world.inventory);
    int32_t since = loading.since;
    sem_post(&loading.may_return);
    while (inventory_catalog(world.inventory) == before)
        pass();
    note_advance();
    model_loaded(&world.model, world.read, since);
    world.loaded++;
    check(world.waiting == 0, "all who waited for the fleet go on");
    world.loads = world.load_read = false;
    expect_loading();
    check_catalog(inventory_catalog(world.inventory), world.model.index);
}

/* --- steps: claims --------------------------------------------------------------------------- */

/* As book.c does it: finds a car, claims it, and has its booking ready. */
static void begin_flow(void)
{
    struct criteria criteria = random_criteria();
    const struct catalog *catalog = inventory_catalog(world.inventory);
    struct model *model = &world.model;
    int wanted = model_find(model, &criteria);
    uint32_t position = inventory_find(world.inventory, &criteria);
    check((position == CATALOG_NONE) == (wanted == MODEL_NONE), "a car is found, or is not");
    if (position == CATALOG_NONE || model->claim_count == MODEL_CLAIMS)
        return;
    const struct catalog_car *car = catalog_car(catalog, position);
    check(strcmp(catalog_carid(catalog, car), model_carid(wanted)) == 0, "another car is found");

    struct flow *flow = calloc(1, sizeof *flow);
    new_id(flow->claim.booking_id);
    check(inventory_claim(world.inventory, position, criteria.period, &flow->claim),
          "a free car can be claimed");
    flow->request = unit_request(STORE_BOOK, flow->claim.booking_id);
    struct booking *booking = &flow->request.store.booking;
    strcpy(booking->channel, random_channel());
    booking->car = car->number;
    booking->period = criteria.period;
    booking->turnaround = car->turnaround;
    booking->day_price = car->day_price;
    booking->hour_price = car->hour_price;
    strcpy(booking->currency, catalog_currency(catalog));
    snprintf(booking->carid, sizeof booking->carid, "%s", catalog_carid(catalog, car));
    snprintf(booking->location, sizeof booking->location, "%s", catalog_location(catalog, car));
    memcpy(booking->category, car->category, CAR_CATEGORY_SIZE);
    bool hold = chance(40);
    booking->state = hold ? BOOKING_HELD : BOOKING_BOOKED;
    booking->expires_at = hold ? wall_clock + 1 + pick(chance(50) ? 30 : 7200) : 0;

    struct model_claim *claim = &model->claims[model->claim_count];
    *claim = (struct model_claim){.car = wanted,
                                  .period = model_occupied(booking),
                                  .state = CLAIM_HELD,
                                  .fleet = model->fleet};
    strcpy(claim->id, flow->claim.booking_id);
    world.flows[model->claim_count++] = flow;
}

static void on_fleet(struct fleet_waiter *waiter, bool loaded)
{
    check(loaded == !world.stopping, "a new fleet is waited for and comes");
    world.waiting--;
    free(container_of(waiter, struct flow, waiter));
}

static void end_flow(int which, enum store_result result)
{
    struct model *model = &world.model;
    struct flow *flow = world.flows[which];
    bool of_this_fleet = model->claims[which].fleet == model->fleet;
    inventory_unclaim(world.inventory, &flow->claim);
    if (chance(10))
        inventory_unclaim(world.inventory, &flow->claim); /* does no harm */
    if (result == STORE_CAR_CHANGED) {
        int before = world.waiting++;
        flow->waiter.ready = on_fleet;
        inventory_await_fleet(world.inventory, &flow->claim, &flow->waiter);
        check((world.waiting > before) == of_this_fleet,
              "who has an old car waits for a new fleet");
        check(!of_this_fleet || world.loads, "a new fleet is under way");
    } else {
        free(flow);
    }
    model->claim_count--;
    for (int i = which; i < model->claim_count; i++) {
        model->claims[i] = model->claims[i + 1];
        world.flows[i] = world.flows[i + 1];
    }
}

/* --- steps: operations of the store ---------------------------------------------------------- */

/* Keys belong to a channel. */
static struct key *key_named(const struct unit_request *request, const char *name)
{
    return &world.keys[strcmp(request->store.booking.channel, "kayak") == 0][atoi(name + 1)];
}

/* Gives the request a key that may have been used; what the key does to it. */
static enum store_result use_key(struct unit_request *request, bool recall)
{
    static char names[KEYS][8];
    uint32_t which = pick(KEYS);
    if (!names[which][0]) /* else a request that is under way may be using it */
        snprintf(names[which], sizeof names[which], "k%u", which);
    struct key *key = key_named(request, names[which]);
    request->store.answer = unit_answer(names[which]);
    if (key->used)
        return recall ? STORE_OK : STORE_KEY_EXISTS;
    return recall ? STORE_NOT_FOUND : STORE_OK;
}

static void keep_key(struct unit_request *request)
{
    if (!request->store.answer.key)
        return;
    struct key *key = key_named(request, request->store.answer.key);
    key->used = true;
    snprintf(key->body, sizeof key->body, "%s", request->store.booking.id);
    request->store.answer.body = key->body;
    request->store.answer.body_size = strlen(key->body);
}

static void submit(struct unit_request *request, enum store_result predicted)
{
    world.predicted[world.group_count++] = predicted;
    unit_submit(&world.engine, request);
}

/* A booking by another engine: without a claim. */
static void book_elsewhere(struct unit_request *request)
{
    int car = (int)pick(MODEL_CARS);
    const struct model_car *is = &world.model.store[car];
    char id[BOOKING_ID_SIZE + 1];
    new_id(id);
    *request = unit_request(STORE_BOOK, id);
    struct booking *booking = &request->store.booking;
    strcpy(booking->channel, random_channel());
    booking->car = is->known ? is->number : 999;
    booking->period = random_period();
    if (world.model.claim_count && chance(40)) { /* into a claim */
        const struct model_claim *claim =
            &world.model.claims[pick((uint32_t)world.model.claim_count)];
        car = claim->car;
        is = &world.model.store[car];
        booking->car = is->number;
        booking->period.pickup_at = claim->period.pickup_at;
        if (chance(30))
            booking->period = claim->period;
    }
    if (booking->period.return_at <= booking->period.pickup_at)
        booking->period.return_at = booking->period.pickup_at + 30;
    booking->day_price = chance(95) ? is->day_price : 1;
    booking->turnaround = chance(95) ? is->turnaround : 7;
    booking->hour_price = is->hour_price;
    strcpy(booking->currency, "EUR");
    snprintf(booking->carid, sizeof booking->carid, "%s", model_carid(car));
    strcpy(booking->location, is->location);
    strcpy(booking->category, is->category);
    booking->state = BOOKING_BOOKED;
    if (chance(40)) {
        booking->state = BOOKING_HELD;
        booking->expires_at = wall_clock + 1 + pick(600);
    }
}

static void run_book(struct unit_request *request)
{
    request->store.now = wall_clock;
    enum store_result key = chance(20) ? use_key(request, false) : STORE_OK;
    enum store_result predicted = key;
    if (key == STORE_OK) {
        predicted = model_book(&world.model, &request->store.booking, wall_clock);
        if (predicted == STORE_OK)
            keep_key(request);
    }
    submit(request, predicted);
}

static void run_other(struct unit_request *request)
{
    static const enum store_operation operations[] = {STORE_SHOW,   STORE_CONFIRM, STORE_CONFIRM,
                                                      STORE_CANCEL, STORE_CANCEL,  STORE_EXPIRE};
    enum store_operation operation = operations[pick(LENGTH(operations))];
    int count = world.model.booking_count;
    if (!count || chance(3)) {
        *request = unit_request(operation, "nobody's");
    } else {
        uint32_t back = chance(70) && count > 40 ? pick(40) : pick((uint32_t)count);
        const struct booking *booking = &world.model.bookings[count - 1 - (int)back];
        *request = unit_request(operation, booking->id);
        bool own = *booking->channel && chance(95); /* a block is no partner's */
        strcpy(request->store.booking.channel, own ? booking->channel : random_channel());
    }
    request->store.now = wall_clock;
    if (operation == STORE_EXPIRE && chance(50))
        request->store.booking.channel[0] = '\0';
    enum store_result predicted = STORE_OK;
    if (operation == STORE_CONFIRM && chance(50))
        predicted = use_key(request, false);
    if (predicted == STORE_OK) {
        predicted = model_run(&world.model, operation, &request->store.booking, wall_clock);
        if (operation == STORE_CONFIRM && predicted == STORE_OK)
            keep_key(request);
    }
    submit(request, predicted);
}

static void run_recall(struct unit_request *request)
{
    *request = unit_request(STORE_RECALL, "");
    enum store_result predicted = use_key(request, true);
    if (!request->store.answer.key) {
        *request = unit_request(STORE_SHOW, "nobody's");
        predicted = STORE_NOT_FOUND;
    }
    submit(request, predicted);
}

static void check_shown(const struct unit_request *request)
{
    const struct booking *shown = &request->store.booking;
    int found = model_find_booking(&world.model, shown->id);
    check(found != MODEL_NONE, "a booking is shown");
    const struct booking *is = &world.model.bookings[found];
    check(shown->car == is->car && shown->period.pickup_at == is->period.pickup_at &&
              shown->period.return_at == is->period.return_at &&
              shown->expires_at == is->expires_at && shown->day_price == is->day_price &&
              shown->hour_price == is->hour_price && strcmp(shown->channel, is->channel) == 0 &&
              strcmp(shown->carid, model_carid(world.model.booking_cars[found])) == 0 &&
              strcmp(shown->location, is->location) == 0 &&
              strcmp(shown->category, is->category) == 0,
          "what is shown of a booking");
}

static void count_result(const struct unit_request *request)
{
    const struct booking *booking = &request->store.booking;
    if (request->store.operation != STORE_BOOK)
        return;
    world.booked += request->store.result == STORE_OK && booking->state == BOOKING_BOOKED;
    world.held += request->store.result == STORE_OK && booking->state == BOOKING_HELD;
    world.taken += request->store.result == STORE_CAR_TAKEN;
    world.changed += request->store.result == STORE_CAR_CHANGED;
}

static void check_result(struct unit_request *request, enum store_result predicted)
{
    enum store_result result = request->store.result;
    enum store_operation operation = request->store.operation;
    if (result != predicted)
        fprintf(stderr, "operation %d: %d instead of %d\n", (int)operation, (int)result,
                (int)predicted);
    check(result == predicted, "the result of an operation");
    count_result(request);
    bool changes = operation == STORE_CONFIRM || operation == STORE_CANCEL;
    if (operation == STORE_RECALL && result == STORE_OK) {
        const struct key *key = key_named(request, request->store.answer.key);
        check(strcmp(request->found.body, key->body) == 0, "the answer of a key");
        unit_free_found(request);
    } else if ((operation == STORE_SHOW || changes) && result == STORE_OK) {
        check_shown(request);
    }
}

/* Several operations at once, which may become one transaction: orders of claims, and others'. */
static void run_group(void)
{
    int count = 1 + (int)pick(GROUP_MAX), committed = 0, others = 0;
    struct flow *flows[GROUP_MAX];
    struct unit_request *requests[GROUP_MAX];
    world.group_count = 0;
    for (int i = 0; i < count; i++) {
        uint32_t kind = pick(100);
        if (kind < 40 && committed < world.model.claim_count) {
            flows[committed] = world.flows[committed]; /* the oldest first */
            requests[i] = &flows[committed++]->request;
            run_book(requests[i]);
            continue;
        }
        requests[i] = &world.group[others++];
        if (kind < 50) {
            book_elsewhere(requests[i]);
            run_book(requests[i]);
        } else if (kind < 94) {
            run_other(requests[i]);
        } else {
            run_recall(requests[i]);
        }
    }
    unit_wait(&world.engine);
    check(world.model.expected_count == 0, "all events have come");
    for (int i = 0; i < count; i++)
        check_result(requests[i], world.predicted[i]);
    for (int i = 0; i < count; i++)
        for (int which = 0; which < committed; which++)
            if (requests[i] == &flows[which]->request) {
                world.lost += flows[which]->claim.state == CLAIM_LOST;
                enum store_result result = requests[i]->store.result;
                int now_at = 0;
                while (world.flows[now_at] != flows[which])
                    now_at++;
                end_flow(now_at, result);
                break;
            }
}

/* --- steps: time ----------------------------------------------------------------------------- */

static void wait_a_while(void)
{
    static const uint32_t lengths[] = {3, 30, 90, 3600, 12 * 3600};
    uint32_t seconds = 1 + pick(lengths[pick(LENGTH(lengths))]);
    wall_clock += seconds;
    steady_clock += seconds;
    settle();
    check(seconds <= 10 || advances > 0, "the index goes with the time");
    note_advance();
    check(seconds <= 1 || overdue() == 0, "what has expired is expired");
}

static void step_the_clock(void)
{
    static const uint32_t lengths[] = {10, 600, 7200, 3 * 24 * 3600};
    int64_t seconds = pick(lengths[pick(LENGTH(lengths))]);
    if (chance(50) && wall_clock - seconds > world.life_began - 24 * 3600)
        seconds = -seconds;
    wall_clock += seconds;
    settle();
    note_advance();
}

/* --- lives ----------------------------------------------------------------------------------- */

static void begin_life(void)
{
    struct store_handlers handlers = {&world.engine, on_event, on_commit, on_trouble};
    struct buffer error;
    struct model model = world.model;
    memset(&world, 0, sizeof world);
    world.model = model;
    model_init(&world.model);
    world.random = (life_seed + 1) * 0x9E3779B97F4A7C15; /* never 0 */
    for (int i = 0; i < 4; i++)
        unit_random(&world.random);
    loading.gated = false;
    sem_init(&loading.has_begun, 0, 0);
    sem_init(&loading.may_read, 0, 0);
    sem_init(&loading.has_read, 0, 0);
    sem_init(&loading.may_return, 0, 0);
    wall_clock = world.life_began = 1800000000 + pick(100000);
    steady_clock = 1 << 30; /* far in the future: real waits are ended by work, not by time */
    buffer_init(&error, 1024);
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    world.log = log_new(null, "test");
    close(null);
    if (!unit_engine_open(&world.engine, "sqlite::memory:", &error))
        fail_msg("%s", error.data);
    import_fleet();
    world.engine.loop = loop_new();
    world.inventory =
        inventory_new(world.engine.store, world.engine.loop, world.log, NULL, NULL, &error);
    assert_non_null(world.inventory);
    loading.gated = true;
    advances = 0;
    world.engine.last_event = inventory_last_event(world.inventory);
    model_loaded(&world.model, world.model.store, loading.since);
    if (!store_start(world.engine.store, world.engine.loop, &handlers, world.engine.last_event,
                     &error))
        fail_msg("%s", error.data);
    world.desk = desk_open(world.engine.store, &error);
    assert_non_null(world.desk);
    buffer_free(&error);
    alarm(PATIENCE_SECONDS); /* to fail, not to hang */
}

/* An inventory that is loaded now must say what this one has come to say. */
static void check_afresh(void)
{
    struct buffer error;
    buffer_init(&error, 1024);
    loading.gated = false;
    struct stock *stock =
        __real_stock_load(world.engine.store, minute_now() - MINUTES_PER_DAY, NULL, NULL, &error);
    assert_non_null(stock);
    check(stock->last_event == inventory_last_event(world.inventory), "the last event");
    check_catalog(stock->catalog, world.model.store);
    for (int i = 0; i < 200; i++) {
        int car = (int)pick(MODEL_CARS);
        struct period period = random_period();
        uint32_t position = catalog_by_carid(stock->catalog, model_carid(car));
        if (position != CATALOG_NONE)
            check(availability_is_free(stock->availability, position, period) ==
                      model_is_free(&world.model, car, period),
                  "a car is free in a new index");
    }
    stock_free(stock);
    buffer_free(&error);
}

static void check_metrics(void)
{
    struct buffer text;
    buffer_init(&text, 1 << 16);
    inventory_metrics(world.inventory, &text);
    buffer_add(&text, "", 1);
    check(strstr(text.data, "booking_index_repairs_total 0\n"), "no repairs");
    check(strstr(text.data, "booking_claims 0\n"), "no claims are left");
    char lost[64];
    snprintf(lost, sizeof lost, "booking_claims_lost_total %d\n", world.model.claims_lost);
    check(strstr(text.data, lost), "how many claims were lost");
    buffer_free(&text);
}

static void end_life(void)
{
    bool in_order = chance(70);
    while (in_order && world.loads)
        load();
    while (world.model.claim_count)
        end_flow(0, STORE_UNAVAILABLE);
    if (in_order) {
        wall_clock += 3600;
        steady_clock += 3600;
        settle();
        note_advance();
        while (world.loads)
            load();
        check(overdue() == 0, "what has expired is expired");
        check(world.model.since == minute_now() - MINUTES_PER_DAY,
              "the index knows all that may be asked for");
        check_store();
        check_cars(100);
        check_metrics();
        check_afresh();
    } else if (world.loads) { /* it ends while it is loading */
        sem_post(&loading.may_read);
        sem_post(&loading.may_return);
    }
    world.stopping = true;
    inventory_stop(world.inventory);
    check(world.waiting == 0, "nobody waits for ever");
    desk_close(world.desk);
    store_close(world.engine.store);
    inventory_free(world.inventory);
    loop_free(world.engine.loop);
    log_free(world.log);
    free(world.engine.events);
    assert_false(world.engine.out_of_order);
    sem_destroy(&loading.has_begun);
    sem_destroy(&loading.may_read);
    sem_destroy(&loading.has_read);
    sem_destroy(&loading.may_return);
    alarm(0);
}

static void take_step(void)
{
    uint32_t kind = pick(1000);
    if (kind < 420)
        run_group();
    else if (kind < 770)
        begin_flow();
    else if (kind < 820 && world.model.claim_count)
        end_flow((int)pick((uint32_t)world.model.claim_count), STORE_UNAVAILABLE);
    else if (kind < 835)
        import_fleet();
    else if (kind < 900 && world.loads)
        load();
    else if (kind < 965)
        operate();
    else if (kind < 990)
        wait_a_while();
    else
        step_the_clock();
    if (overdue())
        settle();
    check_claims();
    check_finds(2);
    check_cars(2);
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static void index_store_and_model_agree(void **state)
{
    (void)state;
    long steps = (long)number_from("STEPS", SHORT_STEPS), done = 0;
    long booked = 0, held = 0, lost = 0, taken = 0, changed = 0, loaded = 0, expired = 0;
    long moved = 0, extended = 0, blocked = 0, released = 0, in_the_way = 0;
    first_seed = number_from("SEED", 1);
    for (life_seed = first_seed; done < steps; life_seed++) {
        step = -1;
        begin_life();
        for (step = 0; step < LIFE && done < steps; step++, done++)
            take_step();
        step--;
        end_life();
        booked += world.booked, held += world.held, lost += world.lost, taken += world.taken;
        moved += world.moved, extended += world.extended, blocked += world.blocked;
        released += world.released, in_the_way += world.in_the_way;
        changed += world.changed, loaded += world.loaded, expired += world.expired;
    }
    model_free(&world.model);
    printf("%ld steps from seed %" PRIu64 ": %ld booked, %ld held, %ld expired by the inventory, "
           "%ld fleets loaded; refused: %ld taken, %ld changed; %ld claims lost; by the operator: "
           "%ld moved, %ld extended, %ld blocked, %ld released, %ld refused\n",
           done, first_seed, booked, held, expired, loaded, taken, changed, lost, moved, extended,
           blocked, released, in_the_way);
    /* Otherwise it shows little. */
    if (steps >= SHORT_STEPS)
        assert_true(booked && held && lost && taken && changed && loaded && expired && moved &&
                    extended && blocked && released && in_the_way);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(index_store_and_model_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
