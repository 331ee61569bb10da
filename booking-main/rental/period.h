/* A rental period. How many days of it are charged is in price.h.
 *
 * Times are whole minutes since 1970-01-01T00:00Z. The period is half open, [pickup_at, return_at):
 * a car that comes back at 10:00 goes out again at 10:00.
 */
#ifndef BOOKING_RENTAL_PERIOD_H
#define BOOKING_RENTAL_PERIOD_H

#include <stdint.h>

enum {
    MINUTES_PER_DAY = 24 * 60,
    PERIOD_MAX_DAYS = 90,     /* longest rental */
    PERIOD_MAX_AHEAD = 2,     /* years from now to the latest return */
    PERIOD_MAX_PAST_DAYS = 1, /* how long ago a pickup may have been */
};

struct period {
    int32_t pickup_at;
    int32_t return_at;
};

#endif
