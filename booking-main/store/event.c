#include "store/event.h"

#include "lib/base/timestamp.h"

#include <string.h>

struct store_event store_event_of(enum store_event_kind kind, const struct booking *booking,
                                  enum store_change change, enum store_by by)
{
    struct store_event event = {
        .kind = kind,
        .car = booking->car,
        .period = booking_occupies(booking),
        .expires_at = booking->state == BOOKING_HELD ? booking->expires_at : 0,
        .at = timestamp_now_milliseconds(),
    };
    memcpy(event.booking_id, booking->id, sizeof event.booking_id);
    if (change == CHANGE_NONE || !*booking->channel)
        return event;
    event.change = change;
    event.by = by;
    memcpy(event.channel, booking->channel, sizeof event.channel);
    return event;
}

struct store_event store_event_fleet(void)
{
    return (struct store_event){.kind = EVENT_FLEET, .at = timestamp_now_milliseconds()};
}
