/* How the index stays true.
 *
 * The stock (catalog and index) stands behind one event of the store. Events come in order; each
 * takes or frees a period of a car. Claims lie over that: a claim occupies its period in the index
 * until its booking's own event arrives, which makes it the store's, or until the claim is ended.
 * Should another engine's event want a period that is claimed here, the event is right: the claim
 * is lost, and its commit will be refused by the store.
 *
 * When the fleet was replaced, a thread loads a new stock while this one goes on. It stands behind
 * a later event than the old one did when the loading began; the events since then are kept, and
 * those the new stock does not know yet are applied to it before it takes the old one's place.
 */
#include "inventory/inventory.h"

#include "inventory/hold_queue.h"
#include "inventory/stock.h"
#include "lib/base/container_of.h"
#include "lib/base/metrics.h"
#include "lib/base/timestamp.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
    EXPIRIES_AT_ONCE = 64,
    CLOCK_CHECK_SECONDS = 10, /* the wall clock may be stepped: look again at least this often */
    RELOAD_RETRY_SECONDS = 5,
};

/* One STORE_EXPIRE under way. */
struct expiry {
    struct store_request request;
    struct inventory *inventory;
};

struct inventory {
    struct store *store;
    struct loop *loop;
    struct log *log;
    struct stock *stock;
    uint64_t stocks; /* that were put to use */
    int64_t applied; /* number of the last event */
    struct claim *claims, *last_claim;
    struct hold_queue holds;
    struct loop_timer expiry_timer;
    unsigned expiries_under_way;
    struct loop_timer minute_timer;

    /* Loading a new stock. */
    bool loading, reload_due;
    pthread_t loader;
    struct stock *loaded; /* the loader's result, NULL on failure */
    struct buffer loader_error;
    struct stock *discarded; /* the old one, being freed by a thread: that takes a while */
    pthread_t discarder;
    int loaded_fd;
    struct loop_watch loaded_watch;
    struct loop_timer reload_timer;
    struct store_event *missed; /* events since the loading began */
    size_t missed_count, missed_room;
    bool missed_failed;
    struct fleet_waiter *waiters;

    bool stopped;

    uint64_t expired, claims_lost, repairs;
};

static int32_t since_now(void)
{
    return timestamp_now() - PERIOD_MAX_PAST_DAYS * MINUTES_PER_DAY;
}

/* --- claims and the index -------------------------------------------------------------------- */

static void add_claim(struct inventory *inventory, struct claim *claim)
{
    claim->next = NULL;
    claim->previous = inventory->last_claim;
    if (claim->previous)
        claim->previous->next = claim;
    else
        inventory->claims = claim;
    inventory->last_claim = claim;
}

static void remove_claim(struct inventory *inventory, struct claim *claim)
{
    if (claim->next)
        claim->next->previous = claim->previous;
    else
        inventory->last_claim = claim->previous;
    if (claim->previous)
        claim->previous->next = claim->next;
    else
        inventory->claims = claim->next;
}

static void free_period(struct inventory *inventory, int64_t car, struct period period)
{
    uint32_t position = catalog_by_number(inventory->stock->catalog, car);
    if (position != CATALOG_NONE)
        (void)availability_release(inventory->stock->availability, position, period);
}

static bool overlap(struct period a, struct period b)
{
    return a.pickup_at < b.return_at && b.pickup_at < a.return_at;
}

/* Takes the period for the store, from claims if need be. */
static void take_period(struct inventory *inventory, int64_t car, struct period period)
{
    struct stock *stock = inventory->stock;
    uint32_t position = catalog_by_number(stock->catalog, car);
    if (position == CATALOG_NONE)
        return; /* a car of a fleet that is being loaded */
    if (availability_occupy(stock->availability, position, period) != -EBUSY)
        return;
    for (struct claim *claim = inventory->claims; claim; claim = claim->next)
        if (claim->state == CLAIM_HELD && claim->car == car && overlap(claim->period, period)) {
            (void)availability_release(stock->availability, position, claim->period);
            claim->state = CLAIM_LOST;
            inventory->claims_lost++;
        }
    /* It may be there already, exactly: a hold that was confirmed. */
    (void)availability_release(stock->availability, position, period);
    if (availability_occupy(stock->availability, position, period) == -EBUSY) {
        inventory->repairs++; /* the index knows something that the store does not: start anew */
        inventory->reload_due = true;
    }
}

/* The claim whose booking this is; claims commit much in the order they were made. */
static struct claim *claim_of(struct inventory *inventory, const char *booking_id)
{
    struct claim *claim = inventory->claims;
    while (claim && memcmp(claim->booking_id, booking_id, BOOKING_ID_SIZE) != 0)
        claim = claim->next;
    return claim;
}

/* Applies an event to the stock of now; `number` 0 stands for one that is not in order. */
static void apply_to_stock(struct inventory *inventory, const struct store_event *event)
{
    if (event->number <= inventory->stock->last_event)
        return;
    if (event->kind == EVENT_TAKEN) {
        struct claim *claim = claim_of(inventory, event->booking_id);
        if (!claim || claim->state != CLAIM_HELD)
            take_period(inventory, event->car, event->period);
    } else if (event->kind == EVENT_RELEASED) {
        free_period(inventory, event->car, event->period);
    }
}

bool inventory_claim(struct inventory *inventory, uint32_t position, struct period period,
                     struct claim *claim)
{
    struct stock *stock = inventory->stock;
    if (availability_occupy(stock->availability, position, period) != 0)
        return false;
    claim->car = catalog_car(stock->catalog, position)->number;
    claim->period = period;
    claim->stock = inventory->stocks;
    claim->state = CLAIM_HELD;
    add_claim(inventory, claim);
    return true;
}

void inventory_unclaim(struct inventory *inventory, struct claim *claim)
{
    if (claim->state == CLAIM_NONE)
        return;
    if (claim->state == CLAIM_HELD)
        free_period(inventory, claim->car, claim->period);
    remove_claim(inventory, claim);
    claim->state = CLAIM_NONE;
}

const struct catalog *inventory_catalog(const struct inventory *inventory)
{
    return inventory->stock->catalog;
}

uint32_t inventory_find(const struct inventory *inventory, const struct criteria *criteria)
{
    const struct stock *stock = inventory->stock;
    struct availability_query query = {
        .period = criteria->period,
        .location = AVAILABILITY_ANYWHERE,
        .category = criteria->category[0] ? criteria->category : NULL,
    };
    if (criteria->location[0]) {
        query.location = catalog_find_location(stock->catalog, criteria->location);
        if (query.location == CATALOG_NONE)
            return CATALOG_NONE;
    }
    uint32_t position = availability_find(stock->availability, &query);
    return position == AVAILABILITY_NONE ? CATALOG_NONE : position;
}

bool inventory_is_free(const struct inventory *inventory, uint32_t position, struct period period)
{
    return availability_is_offered(inventory->stock->availability, position) &&
           availability_is_free(inventory->stock->availability, position, period);
}

/* --- holds that expire ----------------------------------------------------------------------- */

static void arm_expiry(struct inventory *inventory)
{
    if (!inventory->holds.count || inventory->expiries_under_way >= EXPIRIES_AT_ONCE) {
        loop_disarm(&inventory->expiry_timer);
        return;
    }
    int64_t wait = inventory->holds.holds[0].expires_at - time(NULL);
    if (wait < 0)
        wait = 0;
    if (wait > CLOCK_CHECK_SECONDS)
        wait = CLOCK_CHECK_SECONDS;
    loop_arm(inventory->loop, &inventory->expiry_timer,
             loop_now(inventory->loop) + wait * LOOP_SECOND);
}

static void on_expired(struct store_request *request)
{
    struct expiry *expiry = container_of(request, struct expiry, request);
    struct inventory *inventory = expiry->inventory;
    if (request->result == STORE_OK)
        inventory->expired++;
    else if (request->result == STORE_UNAVAILABLE ||
             request->result == STORE_UNKNOWN) /* try again in a while */
        (void)hold_queue_push(&inventory->holds, request->now + CLOCK_CHECK_SECONDS,
                              request->booking.id);
    else if (request->result == STORE_WRONG_STATE && request->booking.state == BOOKING_HELD)
        (void)hold_queue_push(&inventory->holds, request->booking.expires_at + 1,
                              request->booking.id); /* the clock was stepped back meanwhile */
    inventory->expiries_under_way--;
    free(expiry);
    arm_expiry(inventory);
}

static void on_expiry_timer(struct loop_timer *timer)
{
    struct inventory *inventory = container_of(timer, struct inventory, expiry_timer);
    int64_t now = time(NULL);
    while (inventory->holds.count && inventory->holds.holds[0].expires_at <= now &&
           inventory->expiries_under_way < EXPIRIES_AT_ONCE) {
        struct expiry *expiry = calloc(1, sizeof *expiry);
        if (!expiry)
            break;
        struct stock_hold hold = hold_queue_pop(&inventory->holds);
        expiry->inventory = inventory;
        expiry->request.operation = STORE_EXPIRE;
        memcpy(expiry->request.booking.id, hold.booking_id, sizeof hold.booking_id);
        expiry->request.now = now;
        expiry->request.done = on_expired;
        inventory->expiries_under_way++;
        store_submit(inventory->store, &expiry->request);
    }
    arm_expiry(inventory);
}

static void on_minute(struct loop_timer *timer)
{
    struct inventory *inventory = container_of(timer, struct inventory, minute_timer);
    availability_advance(inventory->stock->availability, since_now());
    loop_arm(inventory->loop, timer, loop_now(inventory->loop) + 60 * LOOP_SECOND);
}

/* --- a new fleet ----------------------------------------------------------------------------- */

static void *load(void *context)
{
    struct inventory *inventory = context;
    buffer_clear(&inventory->loader_error);
    inventory->loaded = stock_load(inventory->store, since_now(), &inventory->loader_error);
    uint64_t one = 1;
    (void)!write(inventory->loaded_fd, &one, sizeof one); /* cannot block: nobody else writes */
    return NULL;
}

static void start_loading(struct inventory *inventory)
{
    if (inventory->loading || !inventory->reload_due || inventory->stopped)
        return;
    inventory->missed_count = 0;
    inventory->missed_failed = false;
    if (pthread_create(&inventory->loader, NULL, load, inventory) != 0) {
        loop_arm(inventory->loop, &inventory->reload_timer,
                 loop_now(inventory->loop) + RELOAD_RETRY_SECONDS * LOOP_SECOND);
        return;
    }
    inventory->reload_due = false;
    inventory->loading = true;
}

/* Keeps an event for the stock that is being loaded. */
static void keep_event(struct inventory *inventory, const struct store_event *event)
{
    if (inventory->missed_count == inventory->missed_room) {
        size_t room = inventory->missed_room ? 2 * inventory->missed_room : 1024;
        struct store_event *missed = realloc(inventory->missed, room * sizeof missed[0]);
        if (!missed) {
            inventory->missed_failed = true; /* the new stock cannot be used: load once more */
            return;
        }
        inventory->missed = missed;
        inventory->missed_room = room;
    }
    inventory->missed[inventory->missed_count++] = *event;
}

static void *discard(void *stock)
{
    stock_free(stock);
    return NULL;
}

/* Frees a stock away from the loop. */
static void discard_stock(struct inventory *inventory, struct stock *stock)
{
    if (inventory->discarded)
        pthread_join(inventory->discarder, NULL); /* has long ended: a loading lay between */
    inventory->discarded = stock;
    if (pthread_create(&inventory->discarder, NULL, discard, stock) != 0) {
        inventory->discarded = NULL;
        stock_free(stock);
    }
}

static void swap_stock(struct inventory *inventory)
{
    discard_stock(inventory, inventory->stock);
    inventory->stock = inventory->loaded;
    inventory->stocks++;
    inventory->loaded = NULL;
    struct stock *stock = inventory->stock;
    /* Committed periods first, all of them: no claim is in the way of these. */
    for (struct claim *claim = inventory->claims; claim; claim = claim->next)
        if (claim->state == CLAIM_HELD)
            claim->state = CLAIM_LOST;
    for (size_t i = 0; i < inventory->missed_count; i++)
        apply_to_stock(inventory, &inventory->missed[i]);
    for (struct claim *claim = inventory->claims; claim; claim = claim->next) {
        uint32_t position = catalog_by_number(stock->catalog, claim->car);
        if (claim->state == CLAIM_LOST && position != CATALOG_NONE &&
            availability_occupy(stock->availability, position, claim->period) == 0)
            claim->state = CLAIM_HELD;
    }
}

/* Those who wait may wait again from within ready(). */
static void end_waiting(struct inventory *inventory, bool loaded)
{
    struct fleet_waiter *waiters = inventory->waiters;
    inventory->waiters = NULL;
    while (waiters) {
        struct fleet_waiter *waiter = waiters;
        waiters = waiter->next;
        waiter->ready(waiter, loaded);
    }
}

void inventory_await_fleet(struct inventory *inventory, const struct claim *claim,
                           struct fleet_waiter *waiter)
{
    if (inventory->stopped || claim->stock != inventory->stocks) {
        waiter->ready(waiter, !inventory->stopped);
        return;
    }
    waiter->next = inventory->waiters;
    inventory->waiters = waiter;
    if (inventory->loading)
        return;
    inventory->reload_due = true; /* also when no event said so: a database edited by hand */
    start_loading(inventory);
}

static void on_loaded(struct loop_watch *watch, uint32_t events)
{
    (void)events;
    struct inventory *inventory = container_of(watch, struct inventory, loaded_watch);
    uint64_t count;
    if (read(inventory->loaded_fd, &count, sizeof count) != (ssize_t)sizeof count)
        return;
    pthread_join(inventory->loader, NULL);
    inventory->loading = false;
    if (!inventory->loaded || inventory->missed_failed) {
        log_error(inventory->log, "cannot load the new fleet, trying again", "error",
                  inventory->loader_error.data, NULL);
        stock_free(inventory->loaded);
        inventory->loaded = NULL;
        inventory->reload_due = true;
        loop_arm(inventory->loop, &inventory->reload_timer,
                 loop_now(inventory->loop) + RELOAD_RETRY_SECONDS * LOOP_SECOND);
        end_waiting(inventory, false);
        return;
    }
    swap_stock(inventory);
    log_info(inventory->log, "fleet loaded", NULL);
    start_loading(inventory);
    end_waiting(inventory, true);
}

static void on_reload_timer(struct loop_timer *timer)
{
    start_loading(container_of(timer, struct inventory, reload_timer));
}

/* --- events ---------------------------------------------------------------------------------- */

void inventory_apply(struct inventory *inventory, const struct store_event *event)
{
    inventory->applied = event->number;
    if (event->kind == EVENT_FLEET)
        inventory->reload_due = true;
    if (inventory->loading)
        keep_event(inventory, event);
    apply_to_stock(inventory, event);
    if (event->kind == EVENT_TAKEN) {
        struct claim *claim = claim_of(inventory, event->booking_id);
        if (claim)
            claim->state = CLAIM_COMMITTED;
        if (event->expires_at &&
            hold_queue_push(&inventory->holds, event->expires_at, event->booking_id))
            arm_expiry(inventory);
    }
    start_loading(inventory);
}

int64_t inventory_last_event(const struct inventory *inventory)
{
    return inventory->applied;
}

/* --- life ------------------------------------------------------------------------------------ */

struct inventory *inventory_new(struct store *store, struct loop *loop, struct log *log,
                                struct buffer *error)
{
    struct inventory *inventory = calloc(1, sizeof *inventory);
    if (!inventory) {
        buffer_add_text(error, "out of memory");
        return NULL;
    }
    inventory->store = store;
    inventory->loop = loop;
    inventory->log = log;
    buffer_init(&inventory->loader_error, 1024);
    inventory->expiry_timer.expired = on_expiry_timer;
    inventory->minute_timer.expired = on_minute;
    inventory->reload_timer.expired = on_reload_timer;
    inventory->loaded_watch.ready = on_loaded;
    inventory->loaded_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (inventory->loaded_fd < 0 ||
        loop_watch(loop, inventory->loaded_fd, EPOLLIN, &inventory->loaded_watch) < 0) {
        buffer_printf(error, "inventory: %s", strerror(errno));
        goto failed;
    }
    inventory->stock = stock_load(store, since_now(), error);
    if (!inventory->stock)
        goto failed;
    struct stock *stock = inventory->stock;
    inventory->applied = stock->last_event;
    for (size_t i = 0; i < stock->hold_count; i++)
        if (!hold_queue_push(&inventory->holds, stock->holds[i].expires_at,
                             stock->holds[i].booking_id)) {
            buffer_add_text(error, "out of memory for the holds");
            goto failed;
        }
    arm_expiry(inventory);
    on_minute(&inventory->minute_timer);
    return inventory;

failed:
    inventory_free(inventory);
    return NULL;
}

void inventory_stop(struct inventory *inventory)
{
    if (!inventory)
        return;
    if (inventory->loading)
        pthread_join(inventory->loader, NULL);
    inventory->loading = false;
    inventory->stopped = true;
    end_waiting(inventory, false);
}

void inventory_free(struct inventory *inventory)
{
    if (!inventory)
        return;
    inventory_stop(inventory);
    if (inventory->discarded)
        pthread_join(inventory->discarder, NULL);
    loop_remove_timer(inventory->loop, &inventory->expiry_timer);
    loop_remove_timer(inventory->loop, &inventory->minute_timer);
    loop_remove_timer(inventory->loop, &inventory->reload_timer);
    if (inventory->loaded_fd >= 0) {
        loop_unwatch(inventory->loop, inventory->loaded_fd, &inventory->loaded_watch);
        close(inventory->loaded_fd);
    }
    stock_free(inventory->loaded);
    stock_free(inventory->stock);
    free(inventory->holds.holds);
    free(inventory->missed);
    buffer_free(&inventory->loader_error);
    free(inventory);
}

void inventory_metrics(const struct inventory *inventory, struct buffer *out)
{
    struct availability_stats stats = availability_stats(inventory->stock->availability);
    size_t claims = 0;
    for (const struct claim *claim = inventory->claims; claim; claim = claim->next)
        claims++;
    metrics_single(out, "booking_cars", "gauge", "Cars that are offered.", stats.offered);
    metrics_single(out, "booking_index_periods", "gauge",
                   "Periods in the availability index: bookings, holds and claims.", stats.periods);
    metrics_single(out, "booking_index_bytes", "gauge", "Memory of the availability index.",
                   stats.bytes);
    metrics_single(out, "booking_claims", "gauge", "Cars claimed by requests in progress.", claims);
    metrics_single(out, "booking_holds_pending", "gauge", "Holds whose expiry is waited for.",
                   inventory->holds.count);
    metrics_single(out, "booking_expiries_total", "counter", "Holds expired by this engine.",
                   inventory->expired);
    metrics_single(out, "booking_claims_lost_total", "counter",
                   "Claims lost to another engine's booking.", inventory->claims_lost);
    metrics_single(out, "booking_index_repairs_total", "counter",
                   "Times the index disagreed with the store and was loaded anew.",
                   inventory->repairs);
    metrics_single(out, "booking_last_event", "gauge", "Number of the last event applied.",
                   (uint64_t)inventory->applied);
}
