#include "inventory/hold_queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

bool hold_queue_reserve(struct hold_queue *queue, size_t more)
{
    if (queue->room - queue->count >= more)
        return true;
    size_t room = queue->room ? queue->room : 64;
    while (room - queue->count < more)
        room *= 2;
    struct stock_hold *holds = realloc(queue->holds, room * sizeof holds[0]);
    if (!holds)
        return false;
    queue->holds = holds;
    queue->room = room;
    return true;
}

void hold_queue_push(struct hold_queue *queue, int64_t expires_at, const char *booking_id)
{
    assert(queue->count < queue->room);
    size_t at = queue->count++;
    for (size_t parent; at > 0 && queue->holds[parent = (at - 1) / 2].expires_at > expires_at;
         at = parent)
        queue->holds[at] = queue->holds[parent];
    queue->holds[at].expires_at = expires_at;
    memcpy(queue->holds[at].booking_id, booking_id, BOOKING_ID_SIZE + 1);
    assert(at == 0 || queue->holds[(at - 1) / 2].expires_at <= expires_at);
}

/* Fills the free place `at` with this hold, or with the earliest below it and so on down. */
static void sift_down(struct hold_queue *queue, size_t at, struct stock_hold hold)
{
    for (size_t child; (child = 2 * at + 1) < queue->count; at = child) {
        if (child + 1 < queue->count &&
            queue->holds[child + 1].expires_at < queue->holds[child].expires_at)
            child++;
        if (queue->holds[child].expires_at >= hold.expires_at)
            break;
        queue->holds[at] = queue->holds[child];
    }
    queue->holds[at] = hold;
}

struct stock_hold hold_queue_pop(struct hold_queue *queue)
{
    assert(queue->count > 0);
    struct stock_hold first = queue->holds[0], last = queue->holds[--queue->count];
    sift_down(queue, 0, last);
    assert(queue->count == 0 || first.expires_at <= queue->holds[0].expires_at);
    return first;
}

void hold_queue_take_over(struct hold_queue *queue, struct stock_hold *holds, size_t count)
{
    free(queue->holds);
    *queue = (struct hold_queue){holds, count, count};
    for (size_t at = count / 2; at-- > 0;)
        sift_down(queue, at, queue->holds[at]);
}
