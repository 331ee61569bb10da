/* A car in the words of the trade: its id, where it stands, and its category. */
#ifndef BOOKING_RENTAL_CAR_H
#define BOOKING_RENTAL_CAR_H

#include <stdbool.h>

enum {
    CAR_ID_MAX = 64,       /* visible ASCII characters */
    CAR_LOCATION_MAX = 32, /* letters, digits, ".", "_" and "-" */
    CAR_CATEGORY_SIZE = 4, /* capital letters: an ACRISS code (https://www.acriss.org/car-codes/) */
};

/* Whether the text could be a car's id, the code of a location, a category. */
bool car_id_valid(const char *carid);
bool car_location_valid(const char *location);
bool car_category_valid(const char *category);

#endif
