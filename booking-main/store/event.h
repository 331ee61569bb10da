/* What an event says of a booking. */
#ifndef BOOKING_STORE_EVENT_H
#define BOOKING_STORE_EVENT_H

#include "store/store.h"

/* Of this moment, without its number. A block is nobody's to be told of, so `change` and `by` are
 * dropped for one. */
struct store_event store_event_of(enum store_event_kind kind, const struct booking *booking,
                                  enum store_change change, enum store_by by);

/* That the fleet was replaced. */
struct store_event store_event_fleet(void);

#endif
