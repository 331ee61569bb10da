/* Holds in the order in which they expire. */
#ifndef BOOKING_INVENTORY_HOLD_QUEUE_H
#define BOOKING_INVENTORY_HOLD_QUEUE_H

#include "inventory/stock.h"

#include <stdbool.h>
#include <stddef.h>

/* A binary heap, earliest first. All zero is an empty one; the owner frees `holds`. */
struct hold_queue {
    struct stock_hold *holds;
    size_t count, room;
};

/* Makes room for that many more, so that pushing them cannot fail. False when out of memory. */
bool hold_queue_reserve(struct hold_queue *queue, size_t more);

/* Adds a hold. There must be room for it. */
void hold_queue_push(struct hold_queue *queue, int64_t expires_at, const char *booking_id);

/* Begins anew with these, in any order. The array becomes the queue's, which keeps its room. */
void hold_queue_take_over(struct hold_queue *queue, struct stock_hold *holds, size_t count);

/* Takes the earliest out; the queue must not be empty. */
struct stock_hold hold_queue_pop(struct hold_queue *queue);

#endif
