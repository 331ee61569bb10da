/* When a webhook that was not delivered is tried again. */
#ifndef BOOKING_OUTGOING_RETRY_H
#define BOOKING_OUTGOING_RETRY_H

#include <stdint.h>

enum {
    RETRY_TRIES = 10,               /* in all; the last comes about three days after the first */
    RETRY_AFTER_MAX = 24 * 60 * 60, /* seconds; a receiver may ask for so much */
};

/* How many seconds to wait after so many tries that failed (1 or more), or -1 to give up. The
 * pauses grow, and `random` moves each by up to a tenth, so that what failed together does not come
 * back together. `asked` is what the receiver asked for by Retry-After, 0 for nothing: it makes a
 * pause longer, never shorter. */
int64_t retry_pause(unsigned failed, int64_t asked, uint32_t random);

#endif
