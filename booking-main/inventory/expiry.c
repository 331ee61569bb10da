#include "inventory/expiry.h"

#include "lib/base/container_of.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    CLOCK_CHECK_SECONDS = 1, /* the wall clock may be stepped: look again at least this often */
    RETRY_SECONDS = 10,      /* when the store could not do it */
};

static void arm(struct expiry *expiry)
{
    if (!expiry->holds.count || !expiry->free_requests) {
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
    int64_t again_at = 0;
    switch (store->result) {
    case STORE_OK:
        expiry->expired++;
        break;
    case STORE_WRONG_STATE:
        if (store->booking.state == BOOKING_HELD) /* it lasts longer than was known here */
            again_at = store->booking.expires_at;
        break;
    case STORE_NOT_FOUND:
        break;
    default: /* the store is in trouble */
        again_at = store->now + RETRY_SECONDS;
    }
    /* A queue that was begun anew since then has the hold, if it still is one. */
    if (again_at && request->generation == expiry->generation)
        hold_queue_push(&expiry->holds, again_at, store->booking.id);
    request->next_free = expiry->free_requests;
    expiry->free_requests = request;
    expiry->under_way--;
    arm(expiry);
}

static void on_timer(struct loop_timer *timer)
{
    struct expiry *expiry = container_of(timer, struct expiry, timer);
    int64_t now = time(NULL);
    while (expiry->holds.count && expiry->holds.holds[0].expires_at <= now &&
           expiry->free_requests) {
        struct expiry_request *request = expiry->free_requests;
        expiry->free_requests = request->next_free;
        expiry->under_way++;
        struct stock_hold hold = hold_queue_pop(&expiry->holds);
        request->generation = expiry->generation;
        request->store =
            (struct store_request){.operation = STORE_EXPIRE, .now = now, .done = on_expired};
        memcpy(request->store.booking.id, hold.booking_id, sizeof hold.booking_id);
        store_submit(expiry->store, &request->store);
    }
    arm(expiry);
}

void expiry_init(struct expiry *expiry, struct store *store, struct loop *loop)
{
    *expiry = (struct expiry){.store = store, .loop = loop, .timer = {.expired = on_timer}};
    for (size_t i = EXPIRIES_AT_ONCE; i-- > 0;) {
        struct expiry_request *request = &expiry->requests[i];
        request->expiry = expiry;
        request->next_free = expiry->free_requests;
        expiry->free_requests = request;
    }
}

void expiry_end(struct expiry *expiry)
{
    assert(expiry->under_way == 0);
    loop_remove_timer(expiry->loop, &expiry->timer);
    free(expiry->holds.holds);
}

bool expiry_add(struct expiry *expiry, int64_t expires_at, const char *booking_id)
{
    if (!hold_queue_reserve(&expiry->holds, expiry->under_way + 1))
        return false;
    hold_queue_push(&expiry->holds, expires_at, booking_id);
    arm(expiry);
    return true;
}

void expiry_begin_anew(struct expiry *expiry, struct stock *stock)
{
    expiry->generation++;
    hold_queue_take_over(&expiry->holds, stock->holds, stock->hold_count);
    stock->holds = NULL;
    stock->hold_count = 0;
    arm(expiry);
}
