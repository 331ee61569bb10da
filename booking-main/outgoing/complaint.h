/* What a line of the log says of whoever does not take what is sent to it: when that begins, not
 * each time, and once a minute at most when it comes and goes.
 */
#ifndef BOOKING_OUTGOING_COMPLAINT_H
#define BOOKING_OUTGOING_COMPLAINT_H

#include "lib/base/loop.h"

#include <stdbool.h>
#include <stdint.h>

#define COMPLAINT_PAUSE (60 * LOOP_SECOND)

/* All zero at the beginning. */
struct complaint {
    bool made; /* and not taken back */
    int64_t not_before;
};

/* Whether to complain now, which is on the loop's clock. To be asked each time it was not taken. */
static inline bool complaint_due(struct complaint *complaint, int64_t now)
{
    if (complaint->made || now < complaint->not_before)
        return false;
    complaint->made = true;
    complaint->not_before = now + COMPLAINT_PAUSE;
    return true;
}

/* It was taken: whether to say so, which is when it was complained of. */
static inline bool complaint_over(struct complaint *complaint)
{
    bool made = complaint->made;
    complaint->made = false;
    return made;
}

#endif
