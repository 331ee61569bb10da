#include "store/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

void store_list_init(struct store_list *list)
{
    list->first = NULL;
    list->end = &list->first;
}

void store_list_add(struct store_list *list, struct store_request *request)
{
    request->next = NULL;
    *list->end = request;
    list->end = &request->next;
}

struct store_request *store_list_take(struct store_list *list)
{
    struct store_request *request = list->first;
    if (!request)
        return NULL;
    list->first = request->next;
    if (!list->first)
        list->end = &list->first;
    return request;
}

void store_list_move(struct store_list *to, struct store_list *from)
{
    if (!from->first)
        return;
    *to->end = from->first;
    to->end = from->end;
    store_list_init(from);
}

void store_list_finish(struct store_list *list)
{
    for (struct store_request *request; (request = store_list_take(list));) {
        char *memory = request->memory;
        request->done(request); /* may free it */
        free(memory);
    }
}

void store_lists_finish(struct store_list *one, struct store_list *other)
{
    while (one->first || other->first) {
        struct store_list rest;
        store_list_init(&rest);
        store_list_move(&rest, one);
        store_list_move(&rest, other);
        store_list_finish(&rest);
    }
}

bool store_queue_init(struct store_queue *queue)
{
    pthread_condattr_t attributes;
    store_list_init(&queue->waiting);
    if (pthread_condattr_init(&attributes) != 0)
        return false;
    bool made = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
                pthread_mutex_init(&queue->lock, NULL) == 0;
    if (made && pthread_cond_init(&queue->wake, &attributes) != 0) {
        pthread_mutex_destroy(&queue->lock);
        made = false;
    }
    pthread_condattr_destroy(&attributes);
    return made;
}

void store_queue_destroy(struct store_queue *queue)
{
    pthread_cond_destroy(&queue->wake);
    pthread_mutex_destroy(&queue->lock);
}

void store_queue_add(struct store_queue *queue, struct store_request *request)
{
    pthread_mutex_lock(&queue->lock);
    bool was_empty = !queue->waiting.first;
    store_list_add(&queue->waiting, request);
    pthread_mutex_unlock(&queue->lock);
    if (was_empty)
        pthread_cond_signal(&queue->wake);
}

void store_queue_close(struct store_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_mutex_unlock(&queue->lock);
    pthread_cond_signal(&queue->wake);
}

int store_queue_take(struct store_queue *queue, int64_t at, struct store_request **requests,
                     int limit)
{
    struct timespec deadline = {.tv_sec = at / LOOP_SECOND, .tv_nsec = at % LOOP_SECOND};
    int count = 0, timeout = 0;
    pthread_mutex_lock(&queue->lock);
    while (!queue->waiting.first && !queue->closed && timeout != ETIMEDOUT)
        timeout = at < 0 ? pthread_cond_wait(&queue->wake, &queue->lock)
                         : pthread_cond_timedwait(&queue->wake, &queue->lock, &deadline);
    if (queue->closed)
        count = -1;
    while (count >= 0 && count < limit && queue->waiting.first)
        requests[count++] = store_list_take(&queue->waiting);
    pthread_mutex_unlock(&queue->lock);
    return count;
}
