/* Reloading: a thread loads a new stock from the store while the one in use goes on.
 *
 * Two threads take part besides the loop's, and no lock:
 *   - The loader, one at a time, owns the stock it fills and `error`, from its start until it has
 *     written to `fd`. Of the rest it only reads `store` and `cancelled`. The loop then joins it,
 *     and takes both.
 *   - The discarder, one at a time as well, owns the stock that it was given to free.
 * All else belongs to the loop's thread.
 */
#ifndef BOOKING_INVENTORY_RELOAD_H
#define BOOKING_INVENTORY_RELOAD_H

#include "inventory/inventory.h"
#include "inventory/stock.h"
#include "lib/base/buffer.h"

#include <pthread.h>
#include <stdatomic.h>

struct reload {
    struct store *store;
    struct loop *loop;
    struct log *log;
    /* A new stock is there, and becomes the callee's. `missed` has the events that came while it
     * was loaded, of which it may know some. */
    void (*loaded)(struct reload *reload, struct stock *stock);

    bool due, under_way, stopped;
    pthread_t loader;
    atomic_bool cancelled; /* the loader is to end */
    struct stock *stock;   /* the loader's result, NULL on failure */
    struct buffer error;
    int fd; /* an eventfd: the loader has ended */
    struct loop_watch watch;
    struct loop_timer retry;
    struct store_event *missed; /* events since the loading began */
    size_t missed_count, missed_room;
    bool missed_failed;
    struct fleet_waiter *waiters;
    struct stock *discarded; /* being freed by a thread: that takes a while */
    pthread_t discarder;
};

/* The store, loop and log are borrowed. False, with errno set, on failure; reload_end() is to be
 * called either way. */
bool reload_init(struct reload *reload, struct store *store, struct loop *loop, struct log *log,
                 void (*loaded)(struct reload *reload, struct stock *stock));

/* Ends a loading, which takes a moment, and tells those who wait that none will come. */
void reload_stop(struct reload *reload);
void reload_end(struct reload *reload);

/* Asks for a new stock. It is loaded at once; or once the loading that is under way has ended; or
 * some seconds after a failure. A call from within loaded() counts as a failure: the new stock was
 * no good. */
void reload_want(struct reload *reload);

/* Keeps an event for the stock that is being loaded, if one is. */
void reload_keep(struct reload *reload, const struct store_event *event);

/* Has a new stock loaded, unless one is being loaded already, and calls the waiter when it is there
 * or could not be loaded. If loading failed a moment ago, the waiter is told so at once. */
void reload_await(struct reload *reload, struct fleet_waiter *waiter);

/* Frees a stock away from the loop. */
void reload_discard(struct reload *reload, struct stock *stock);

/* The earliest pickup that an index knows of when it is made now, in minutes. */
int32_t reload_since(void);

#endif
