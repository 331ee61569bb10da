/* What a rental costs. Amounts are minor units of the fleet's currency (lib/base/money.h). */
#ifndef BOOKING_RENTAL_PRICE_H
#define BOOKING_RENTAL_PRICE_H

#include "rental/period.h"

/* The dearest a day or an hour may be: ninety such days are still an amount that any adapter can
 * hold. */
#define PRICE_MAX INT64_C(10000000000)

/* The whole period's price: each started day at the day price. */
static inline int64_t price_total(int64_t day_price, struct period period)
{
    return day_price * period_started_days(period);
}

#endif
