#include "store/event.h"

#include "lib/base/timestamp.h"

#include <string.h>

struct store_event store_event_of(enum store_event_kind kind, const struct booking *booking)
{
    struct store_event event = {.kind = kind, .at = timestamp_now_milliseconds()};
    if (!booking)
        return event;
    event.car = booking->car;
    event.period = booking_occupies(booking);
    event.expires_at = booking->state == BOOKING_HELD ? booking->expires_at : 0;
    memcpy(event.booking_id, booking->id, sizeof event.booking_id);
    return event;
}
