/* What changed of a partner's bookings, in the order in which it was committed.
 *
 * A change is an event (store.h) that a partner is told of. It is kept for as long as events are,
 * STORE_EVENT_SECONDS. Numbers ascend, with gaps: other partners' changes lie between.
 *
 * The calls here block as the desk's do (store/desk/desk.h), and take a handle of its kind. They
 * read what is there anyway, by the events' number, so they need no index and bookings do not pay
 * for them.
 */
#ifndef BOOKING_STORE_CHANGES_CHANGES_H
#define BOOKING_STORE_CHANGES_CHANGES_H

#include "store/desk/desk.h"

enum { CHANGES_SCAN_MAX = 10000 /* events that one call looks through */ };

struct change {
    int64_t number;
    int64_t at; /* milliseconds since 1970 */
    enum store_change what;
    enum store_by by;
    const char *reason; /* "" for none */
    /* The state that the change led to. What else is known of the booking is as it is now. */
    struct booking booking;
};

/* Is told each change; returns false to stop. */
typedef bool change_reader(void *context, const struct change *change);

struct changes_end {
    int64_t next;   /* the number up to which was read, whatever was found: `after` of the next */
    bool caught_up; /* there was nothing behind it */
};

/* Tells up to `limit` of the channel's changes behind `after`. DESK_OK; DESK_NOT_FOUND when the
 * events behind `after` are not kept any more, or it is a number that there never was, as after a
 * backup was restored; DESK_FAILED with a sentence in `error`. */
enum desk_result changes_read(struct desk *desk, const char *channel, int64_t after, unsigned limit,
                              change_reader *each, void *context, struct changes_end *end,
                              struct buffer *error);

/* The number of the last event: `after` of what comes from now on. DESK_OK or DESK_FAILED. */
enum desk_result changes_last(struct desk *desk, int64_t *last, struct buffer *error);

/* "booking.held", "booking.confirmed" and so on. */
const char *change_type(enum store_change what);

/* "partner", "operator" or "expiry". */
const char *change_by_name(enum store_by by);

/* Adds the members of a change as the partner is told of it. */
void change_json_members(struct buffer *out, const struct change *change);

#endif
