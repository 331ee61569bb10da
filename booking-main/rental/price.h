/* What a rental costs, and how many days of it are charged. Amounts are minor units of the fleet's
 * currency (lib/base/money.h). */
#ifndef BOOKING_RENTAL_PRICE_H
#define BOOKING_RENTAL_PRICE_H

#include "rental/period.h"

#include <stdint.h>

/* The dearest a day or an hour may be: PERIOD_MAX_DAYS of them are still an amount that any adapter
 * can hold. */
#define PRICE_MAX INT64_C(10000000000)

/* Days that are charged: each started day counts, one at least. Days are counted by the clock on
 * the wall, so each moment comes with its offset from UTC, in minutes: over a clock change the two
 * differ. */
static inline int32_t price_days(struct period period, int32_t pickup_offset, int32_t return_offset)
{
    int32_t minutes = period.return_at + return_offset - period.pickup_at - pickup_offset;
    return minutes < 1 ? 1 : (minutes + MINUTES_PER_DAY - 1) / MINUTES_PER_DAY;
}

/* The whole period's price: each of the charged days at the day price. */
static inline int64_t price_total(int64_t day_price, int32_t days)
{
    return day_price * days;
}

#endif
