#include "rental/booking.h"

#include <string.h>

const char booking_id_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void booking_id_make(const unsigned char random[BOOKING_ID_SIZE], char id[BOOKING_ID_SIZE + 1])
{
    for (int i = 0; i < BOOKING_ID_SIZE; i++)
        id[i] = booking_id_alphabet[random[i] & 63];
    id[BOOKING_ID_SIZE] = '\0';
}

bool booking_id_valid(const char *id)
{
    return strlen(id) == BOOKING_ID_SIZE && strspn(id, booking_id_alphabet) == BOOKING_ID_SIZE;
}

const char *booking_state_name(enum booking_state state)
{
    static const char *const names[] = {
        [BOOKING_HELD] = "held",           [BOOKING_BOOKED] = "booked",
        [BOOKING_CANCELLED] = "cancelled", [BOOKING_EXPIRED] = "expired",
        [BOOKING_BLOCKED] = "blocked",
    };
    return names[state];
}
