#include "inventory/reload.h"

#include "lib/base/container_of.h"
#include "lib/base/timestamp.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { RETRY_SECONDS = 5 };

int32_t reload_since(void)
{
    return timestamp_now() - PERIOD_MAX_PAST_DAYS * MINUTES_PER_DAY;
}

/* --- loading --------------------------------------------------------------------------------- */

static bool go_on(void *context)
{
    struct reload *reload = context;
    return !atomic_load(&reload->cancelled);
}

static void *reload_run_loader(void *context)
{
    struct reload *reload = context;
    buffer_clear(&reload->error);
    reload->stock = stock_load(reload->store, reload_since(), go_on, reload, &reload->error);
    uint64_t one = 1;
    (void)!write(reload->fd, &one, sizeof one); /* cannot block: nobody else writes */
    return NULL;
}

static void try_again_later(struct reload *reload)
{
    reload->due = true;
    loop_arm(reload->loop, &reload->retry, loop_now(reload->loop) + RETRY_SECONDS * LOOP_SECOND);
}

static void start_loading(struct reload *reload)
{
    if (reload->under_way || !reload->due || reload->stopped || reload->retry.armed)
        return;
    assert(!reload->stock);
    reload->missed_count = 0;
    reload->missed_failed = false;
    if (pthread_create(&reload->loader, NULL, reload_run_loader, reload) != 0) {
        try_again_later(reload);
        return;
    }
    reload->due = false;
    reload->under_way = true;
}

void reload_want(struct reload *reload)
{
    reload->due = true;
    start_loading(reload);
}

void reload_keep(struct reload *reload, const struct store_event *event)
{
    if (!reload->under_way)
        return;
    if (reload->missed_count == reload->missed_room) {
        size_t room = reload->missed_room ? 2 * reload->missed_room : 1024;
        struct store_event *missed = realloc(reload->missed, room * sizeof missed[0]);
        if (!missed) {
            reload->missed_failed = true; /* the new stock cannot be used: load once more */
            return;
        }
        reload->missed = missed;
        reload->missed_room = room;
    }
    reload->missed[reload->missed_count++] = *event;
}

static void *reload_run_discarder(void *stock)
{
    stock_free(stock);
    return NULL;
}

void reload_discard(struct reload *reload, struct stock *stock)
{
    if (reload->discarded)
        pthread_join(reload->discarder, NULL); /* has long ended: a loading lay between */
    reload->discarded = stock;
    if (pthread_create(&reload->discarder, NULL, reload_run_discarder, stock) != 0) {
        reload->discarded = NULL;
        stock_free(stock);
    }
}

/* --- those who wait -------------------------------------------------------------------------- */

/* They may wait again from within ready(). */
static void end_waiting(struct reload *reload, bool loaded)
{
    struct fleet_waiter *waiters = reload->waiters;
    reload->waiters = NULL;
    while (waiters) {
        struct fleet_waiter *waiter = waiters;
        waiters = waiter->next;
        waiter->ready(waiter, loaded);
    }
}

void reload_await(struct reload *reload, struct fleet_waiter *waiter)
{
    if (!reload->under_way)
        reload_want(reload);
    if (!reload->under_way) {
        waiter->ready(waiter, false);
        return;
    }
    waiter->next = reload->waiters;
    reload->waiters = waiter;
}

static void on_loaded(struct loop_watch *watch, uint32_t events)
{
    (void)events;
    struct reload *reload = container_of(watch, struct reload, watch);
    uint64_t count;
    if (read(reload->fd, &count, sizeof count) != (ssize_t)sizeof count)
        return;
    assert(reload->under_way);
    pthread_join(reload->loader, NULL);
    struct stock *stock = reload->stock;
    reload->stock = NULL;
    if (!stock || reload->missed_failed) {
        const char *error = stock ? "out of memory" : reload->error.data;
        log_error(reload->log, "cannot load the fleet, trying again", "error", error, NULL);
        stock_free(stock);
        reload->under_way = false;
        try_again_later(reload);
        end_waiting(reload, false);
        return;
    }
    bool due = reload->due; /* a newer fleet */
    reload->due = false;
    reload->loaded(reload, stock);
    log_info(reload->log, "fleet loaded", NULL);
    reload->under_way = false;
    if (reload->due) /* memory ran out on the way, and may do so again */
        try_again_later(reload);
    reload->due |= due;
    start_loading(reload);
    end_waiting(reload, true);
}

static void on_retry(struct loop_timer *timer)
{
    start_loading(container_of(timer, struct reload, retry));
}

/* --- life ------------------------------------------------------------------------------------ */

bool reload_init(struct reload *reload, struct store *store, struct loop *loop, struct log *log,
                 void (*loaded)(struct reload *reload, struct stock *stock))
{
    *reload = (struct reload){
        .store = store,
        .loop = loop,
        .log = log,
        .loaded = loaded,
        .watch = {.ready = on_loaded},
        .retry = {.expired = on_retry},
    };
    buffer_init(&reload->error, 1024);
    reload->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (reload->fd < 0)
        return false;
    int failure = loop_watch(loop, reload->fd, EPOLLIN, &reload->watch);
    errno = -failure;
    return failure == 0;
}

void reload_stop(struct reload *reload)
{
    reload->stopped = true;
    atomic_store(&reload->cancelled, true);
    if (reload->under_way)
        pthread_join(reload->loader, NULL);
    reload->under_way = false;
    end_waiting(reload, false);
}

void reload_end(struct reload *reload)
{
    assert(!reload->under_way);
    if (reload->discarded)
        pthread_join(reload->discarder, NULL);
    loop_remove_timer(reload->loop, &reload->retry);
    if (reload->fd >= 0) {
        loop_unwatch(reload->loop, reload->fd, &reload->watch);
        close(reload->fd);
    }
    stock_free(reload->stock);
    free(reload->missed);
    buffer_free(&reload->error);
}
