/* What a rental costs. Amounts are minor units of the fleet's currency (lib/base/money.h). */
#ifndef BOOKING_RENTAL_PRICE_H
#define BOOKING_RENTAL_PRICE_H

#include <stdint.h>

/* The dearest a day or an hour may be: ninety such days are still an amount that any adapter can
 * hold. */
#define PRICE_MAX INT64_C(10000000000)

/* The whole period's price: each started day (struct criteria) at the day price. */
static inline int64_t price_total(int64_t day_price, int32_t days)
{
    return day_price * days;
}

#endif
