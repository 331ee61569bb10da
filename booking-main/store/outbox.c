#include "store/outbox.h"

#include "lib/base/container_of.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

bool outbox_init(struct outbox *outbox)
{
    *outbox = (struct outbox){.wake_fd = -1};
    outbox->last = &outbox->first;
    store_list_init(&outbox->done_reads);
    for (int i = 0; i < OUTBOX_BATCHES; i++) {
        outbox->batches[i].next = outbox->free_batches;
        outbox->free_batches = &outbox->batches[i];
    }
    if (pthread_mutex_init(&outbox->lock, NULL) != 0)
        return false;
    if (pthread_cond_init(&outbox->returned, NULL) != 0) {
        pthread_mutex_destroy(&outbox->lock);
        return false;
    }
    return true;
}

void outbox_destroy(struct outbox *outbox)
{
    for (int i = 0; i < OUTBOX_BATCHES; i++)
        free(outbox->batches[i].events);
    if (outbox->wake_fd >= 0)
        close(outbox->wake_fd);
    pthread_cond_destroy(&outbox->returned);
    pthread_mutex_destroy(&outbox->lock);
}

/* --- the threads' side ----------------------------------------------------------------------- */

static void wake_loop(struct outbox *outbox)
{
    uint64_t one = 1;
    ssize_t written = write(outbox->wake_fd, &one, sizeof one);
    (void)written; /* fails only when it is full, and then the loop will wake */
}

struct batch *outbox_take_batch(struct outbox *outbox)
{
    pthread_mutex_lock(&outbox->lock);
    while (!outbox->free_batches && !outbox->closed)
        pthread_cond_wait(&outbox->returned, &outbox->lock);
    struct batch *batch = outbox->closed ? NULL : outbox->free_batches;
    if (batch)
        outbox->free_batches = batch->next;
    pthread_mutex_unlock(&outbox->lock);
    if (batch) {
        batch->next = NULL;
        batch->event_count = 0;
        batch->commit = (struct store_commit){0};
        batch->trouble_turns = 0;
        store_list_init(&batch->requests);
    }
    return batch;
}

bool batch_is_empty(const struct batch *batch)
{
    return !batch->event_count && !batch->commit.operations && !batch->trouble_turns &&
           !batch->requests.first;
}

bool batch_add_event(struct batch *batch, const struct store_event *event)
{
    if (batch->event_count == batch->event_capacity) {
        size_t capacity = batch->event_capacity ? 2 * batch->event_capacity : 512;
        struct store_event *events = realloc(batch->events, capacity * sizeof *events);
        if (!events)
            return false;
        batch->events = events;
        batch->event_capacity = capacity;
    }
    batch->events[batch->event_count++] = *event;
    return true;
}

void outbox_hand_over(struct outbox *outbox, struct batch *batch)
{
    pthread_mutex_lock(&outbox->lock);
    *outbox->last = batch;
    outbox->last = &batch->next;
    pthread_mutex_unlock(&outbox->lock);
    wake_loop(outbox);
}

void outbox_hand_over_read(struct outbox *outbox, struct store_request *request)
{
    pthread_mutex_lock(&outbox->lock);
    bool was_empty = !outbox->done_reads.first;
    store_list_add(&outbox->done_reads, request);
    pthread_mutex_unlock(&outbox->lock);
    if (was_empty)
        wake_loop(outbox);
}

void outbox_close(struct outbox *outbox)
{
    pthread_mutex_lock(&outbox->lock);
    outbox->closed = true;
    pthread_mutex_unlock(&outbox->lock);
    pthread_cond_signal(&outbox->returned);
}

/* --- the loop's side ------------------------------------------------------------------------- */

/* Tells of each turn. There are many when every second request met a damaged page, say: then it
 * tells of the last one or two, which end the same. */
static void tell_trouble(const struct store_handlers *handlers, const struct batch *batch)
{
    bool in_trouble = batch->was_in_trouble;
    unsigned turns = batch->trouble_turns;
    if (turns > 2)
        turns = 2 - turns % 2;
    for (unsigned i = 0; i < turns; i++) {
        in_trouble = !in_trouble;
        handlers->trouble(handlers->context, in_trouble ? batch->trouble : NULL);
    }
}

static void deliver_batch(const struct store_handlers *handlers, struct batch *batch)
{
    for (size_t i = 0; i < batch->event_count; i++)
        handlers->event(handlers->context, &batch->events[i]);
    if (batch->commit.operations)
        handlers->commit(handlers->context, &batch->commit);
    tell_trouble(handlers, batch);
    store_list_finish(&batch->requests);
}

static void deliver(struct outbox *outbox)
{
    struct store_list reads;
    store_list_init(&reads);
    pthread_mutex_lock(&outbox->lock);
    struct batch *batch = outbox->first;
    outbox->first = NULL;
    outbox->last = &outbox->first;
    store_list_move(&reads, &outbox->done_reads);
    pthread_mutex_unlock(&outbox->lock);
    while (batch) {
        struct batch *next = batch->next;
        deliver_batch(&outbox->handlers, batch);
        pthread_mutex_lock(&outbox->lock);
        batch->next = outbox->free_batches;
        outbox->free_batches = batch;
        pthread_mutex_unlock(&outbox->lock);
        pthread_cond_signal(&outbox->returned);
        batch = next;
    }
    store_list_finish(&reads);
}

static void on_wake(struct loop_watch *watch, uint32_t events)
{
    struct outbox *outbox = container_of(watch, struct outbox, watch);
    uint64_t count;
    (void)events;
    if (read(outbox->wake_fd, &count, sizeof count) == sizeof count)
        deliver(outbox);
}

int outbox_start(struct outbox *outbox, struct loop *loop, const struct store_handlers *handlers)
{
    outbox->handlers = *handlers;
    outbox->watch.ready = on_wake;
    outbox->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (outbox->wake_fd < 0)
        return -errno;
    int failure = loop_watch(loop, outbox->wake_fd, EPOLLIN, &outbox->watch);
    if (failure == 0)
        outbox->loop = loop;
    return failure;
}

void outbox_stop(struct outbox *outbox)
{
    if (!outbox->loop)
        return;
    loop_unwatch(outbox->loop, outbox->wake_fd, &outbox->watch);
    deliver(outbox);
}
