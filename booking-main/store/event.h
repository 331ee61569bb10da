/* What an event says of a booking. */
#ifndef BOOKING_STORE_EVENT_H
#define BOOKING_STORE_EVENT_H

#include "store/store.h"

/* Of this moment, without its number. With NULL it is about no booking: the fleet was replaced. */
struct store_event store_event_of(enum store_event_kind kind, const struct booking *booking);

#endif
