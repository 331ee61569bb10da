#include "inventory/hold_queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

bool hold_queue_push(struct hold_queue *queue, int64_t expires_at, const char *booking_id)
{
    if (queue->count == queue->room) {
        size_t room = queue->room ? 2 * queue->room : 64;
        struct stock_hold *holds = realloc(queue->holds, room * sizeof holds[0]);
        if (!holds)
            return false;
        queue->holds = holds;
        queue->room = room;
    }
    size_t at = queue->count++;
    for (size_t parent; at > 0 && queue->holds[parent = (at - 1) / 2].expires_at > expires_at;
         at = parent)
        queue->holds[at] = queue->holds[parent];
    queue->holds[at].expires_at = expires_at;
    memcpy(queue->holds[at].booking_id, booking_id, BOOKING_ID_SIZE + 1);
    assert(at == 0 || queue->holds[(at - 1) / 2].expires_at <= expires_at);
    return true;
}

struct stock_hold hold_queue_pop(struct hold_queue *queue)
{
    assert(queue->count > 0);
    struct stock_hold first = queue->holds[0], last = queue->holds[--queue->count];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < queue->count; at = child) {
        if (child + 1 < queue->count &&
            queue->holds[child + 1].expires_at < queue->holds[child].expires_at)
            child++;
        if (queue->holds[child].expires_at >= last.expires_at)
            break;
        queue->holds[at] = queue->holds[child];
    }
    queue->holds[at] = last;
    assert(queue->count == 0 || first.expires_at <= queue->holds[0].expires_at);
    return first;
}
