/* A car in the words of the trade: its id, where it stands, and its category. */
#ifndef BOOKING_RENTAL_CAR_H
#define BOOKING_RENTAL_CAR_H

#include <stdbool.h>

enum {
    CAR_ID_MAX = 64,       /* bytes of UTF-8 */
    CAR_LOCATION_MAX = 32, /* letters, digits, ".", "_" and "-" */
    CAR_CATEGORY_SIZE = 4, /* capital letters: an ACRISS code (https://www.acriss.org/car-codes/) */
    CAR_TURNAROUND_MAX = 7 * 24 * 60, /* minutes between a return and the next pickup */
};

/* NULL when the text could be a car's id, which is any UTF-8 (a number plate: "TÜ-AB 12") without
 * control characters and without white space at its ends; else what is wrong, as the end of a
 * sentence. */
const char *car_id_problem(const char *carid);

/* Whether the text could be the code of a location, a category. */
bool car_location_valid(const char *location);
bool car_category_valid(const char *category);

#endif
