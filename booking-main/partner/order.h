/* The order in the body of POST /bookCar, read and checked before anything is touched. */
#ifndef BOOKING_PARTNER_ORDER_H
#define BOOKING_PARTNER_ORDER_H

#include "rental/criteria.h"
#include "store/store.h"

enum { ORDER_HOLD_SECONDS_MAX = 24 * 3600 };

struct booking_order {
    struct criteria criteria;
    char carid[CAR_ID_MAX + 1]; /* "" for any car */
    int64_t price;              /* of the whole period, in minor units; -1 for any price */
    unsigned hold_seconds;      /* 0: book at once */
    char reference[BOOKING_REFERENCE_MAX + 1];
};

enum { ORDER_FIELD_MAX = 64 };

/* Reads a JSON object. `exponent` is of the fleet's currency, `now` the current minute. On failure
 * returns false, sets `field` to the one that is wrong ("" when it is none) and adds a sentence to
 * `error`; when memory ran out, `error` has failed instead. */
bool booking_order_read(const char *json, size_t size, int exponent, int32_t now,
                        struct booking_order *order, char field[ORDER_FIELD_MAX + 1],
                        struct buffer *error);

#endif
