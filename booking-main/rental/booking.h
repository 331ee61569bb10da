/* A booking and its states. A block, which keeps a car out of service, is one too.
 *
 *     (made) --> held --confirmed--> booked --cancelled--> cancelled
 *       |         |\---cancelled--------------------------> cancelled
 *       |          \---ran out---> expired
 *        \-----------------------> booked
 *
 *     (made by the operator) --> blocked --released--> cancelled
 *
 * Held, booked and blocked are the active states: the car is this booking's over its period, and
 * for its turnaround behind that. The others are final.
 */
#ifndef BOOKING_RENTAL_BOOKING_H
#define BOOKING_RENTAL_BOOKING_H

#include "rental/car.h"
#include "rental/period.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    BOOKING_ID_SIZE = 22,        /* the public id: 128 random bits in 22 characters */
    BOOKING_CHANNEL_MAX = 64,    /* bytes */
    BOOKING_REFERENCE_MAX = 128, /* bytes of UTF-8 */
    BOOKING_CURRENCY_SIZE = 3,   /* a code of ISO 4217 */
};

/* The characters of an id: base64url's (RFC 4648, section 5). */
extern const char booking_id_alphabet[64 + 1];

enum booking_state {
    BOOKING_HELD = 1,
    BOOKING_BOOKED,
    BOOKING_CANCELLED,
    BOOKING_EXPIRED,
    BOOKING_BLOCKED, /* of no channel: the car is in the workshop, say */
};

struct booking {
    char id[BOOKING_ID_SIZE + 1];
    char channel[BOOKING_CHANNEL_MAX + 1];
    char reference[BOOKING_REFERENCE_MAX + 1]; /* "" for none */
    int64_t car;                               /* the store's number of the car, never used again */
    struct period period;
    int32_t turnaround; /* minutes behind the return before the car goes out again */
    enum booking_state state;
    int64_t expires_at; /* of a hold, or a hold that was; 0 for none. Seconds since 1970 */
    /* What was booked, whatever an import changes later. Prices are in minor units. */
    int64_t day_price;
    int64_t hour_price; /* -1 for none */
    int64_t total;      /* of the whole period */
    char currency[BOOKING_CURRENCY_SIZE + 1];
    char carid[CAR_ID_MAX + 1];
    char location[CAR_LOCATION_MAX + 1];
    char category[CAR_CATEGORY_SIZE + 1];
};

/* Makes an id of so many random bytes. */
void booking_id_make(const unsigned char random[BOOKING_ID_SIZE], char id[BOOKING_ID_SIZE + 1]);

/* Whether the text could be a booking's id. */
bool booking_id_valid(const char *id);

/* The period that the car is not free for: the booking's own, and the turnaround. */
static inline struct period booking_occupies(const struct booking *booking)
{
    return (struct period){booking->period.pickup_at,
                           booking->period.return_at + booking->turnaround};
}

/* "held", "booked", "cancelled", "expired" or "blocked". */
const char *booking_state_name(enum booking_state state);

#endif
