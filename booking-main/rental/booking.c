#include "rental/booking.h"

#include <string.h>

const char booking_id_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

bool booking_id_valid(const char *id)
{
    return strlen(id) == BOOKING_ID_SIZE && strspn(id, booking_id_alphabet) == BOOKING_ID_SIZE;
}

const char *booking_state_name(enum booking_state state)
{
    static const char *const names[] = {
        [BOOKING_HELD] = "held",
        [BOOKING_BOOKED] = "booked",
        [BOOKING_CANCELLED] = "cancelled",
        [BOOKING_EXPIRED] = "expired",
        [BOOKING_BLOCKED] = "blocked",
    };
    return names[state];
}
