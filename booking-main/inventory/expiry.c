#include "inventory/expiry.h"

#include "lib/base/container_of.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    EXPIRIES_AT_ONCE = 64,
    CLOCK_CHECK_SECONDS = 10, /* the wall clock may be stepped: look again at least this often */
};

/* One STORE_EXPIRE under way. */
struct expiry_request {
    struct store_request store;
    struct expiry *expiry;
};

static void arm(struct expiry *expiry)
{
    if (!expiry->holds.count || expiry->under_way >= EXPIRIES_AT_ONCE) {
        loop_disarm(&expiry->timer);
        return;
    }
    int64_t wait = expiry->holds.holds[0].expires_at - time(NULL);
    if (wait < 0)
        wait = 0;
    if (wait > CLOCK_CHECK_SECONDS)
        wait = CLOCK_CHECK_SECONDS;
    loop_arm(expiry->loop, &expiry->timer, loop_now(expiry->loop) + wait * LOOP_SECOND);
}

static void on_expired(struct store_request *store)
{
    struct expiry_request *request = container_of(store, struct expiry_request, store);
    struct expiry *expiry = request->expiry;
    if (store->result == STORE_OK)
        expiry->expired++;
    else if (store->result == STORE_UNAVAILABLE) /* try again in a while */
        (void)hold_queue_push(&expiry->holds, store->now + CLOCK_CHECK_SECONDS, store->booking.id);
    else if (store->result == STORE_WRONG_STATE && store->booking.state == BOOKING_HELD)
        (void)hold_queue_push(&expiry->holds, store->booking.expires_at + 1,
                              store->booking.id); /* the clock was stepped back meanwhile */
    assert(expiry->under_way > 0);
    expiry->under_way--;
    free(request);
    arm(expiry);
}

static void on_timer(struct loop_timer *timer)
{
    struct expiry *expiry = container_of(timer, struct expiry, timer);
    int64_t now = time(NULL);
    while (expiry->holds.count && expiry->holds.holds[0].expires_at <= now &&
           expiry->under_way < EXPIRIES_AT_ONCE) {
        struct expiry_request *request = calloc(1, sizeof *request);
        if (!request)
            break;
        struct stock_hold hold = hold_queue_pop(&expiry->holds);
        request->expiry = expiry;
        request->store.operation = STORE_EXPIRE;
        memcpy(request->store.booking.id, hold.booking_id, sizeof hold.booking_id);
        request->store.now = now;
        request->store.done = on_expired;
        expiry->under_way++;
        store_submit(expiry->store, &request->store);
    }
    arm(expiry);
}

void expiry_init(struct expiry *expiry, struct store *store, struct loop *loop)
{
    *expiry = (struct expiry){.store = store, .loop = loop, .timer = {.expired = on_timer}};
}

void expiry_end(struct expiry *expiry)
{
    assert(expiry->under_way == 0);
    loop_remove_timer(expiry->loop, &expiry->timer);
    free(expiry->holds.holds);
}

bool expiry_add(struct expiry *expiry, int64_t expires_at, const char *booking_id)
{
    if (!hold_queue_push(&expiry->holds, expires_at, booking_id))
        return false;
    arm(expiry);
    return true;
}
