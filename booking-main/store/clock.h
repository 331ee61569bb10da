/* The store's own clock, by which it decides what it need not keep any longer.
 *
 * The clock on the wall may run a year ahead for an hour and be set right again. What was deleted
 * in that hour would be missing afterwards. So the store counts the time for which engines run. Its
 * clock never goes back, and it follows the wall's at twice the real pace at most: a day after a
 * wrong jump it is wrong by a day. The price is small: when engines did not run for a week, it
 * takes a week until it has caught up, and things are kept for that much longer.
 */
#ifndef BOOKING_STORE_CLOCK_H
#define BOOKING_STORE_CLOCK_H

#include <stdint.h>

struct store_clock {
    int64_t now;       /* seconds since 1970, as far as this clock knows */
    int64_t monotonic; /* nanoseconds on loop_clock(), when it was moved */
};

/* Sets it to `now`, in seconds, at the moment `monotonic` on loop_clock(). */
void store_clock_start(struct store_clock *clock, int64_t now, int64_t monotonic);

/* Moves it on; `wall` is time(). Returns what it says now. */
int64_t store_clock_move(struct store_clock *clock, int64_t monotonic, int64_t wall);

#endif
