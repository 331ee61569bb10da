/* The criteria of a request: period, location and category, read and checked. */
#ifndef BOOKING_RENTAL_CRITERIA_H
#define BOOKING_RENTAL_CRITERIA_H

#include "lib/base/buffer.h"
#include "rental/car.h"
#include "rental/period.h"

#include <stdbool.h>

/* What a car must be. */
struct criteria {
    struct period period;
    int32_t days;                         /* that are charged for it */
    char location[CAR_LOCATION_MAX + 1];  /* "" for any */
    char category[CAR_CATEGORY_SIZE + 1]; /* "*" stands for any letter; "" for any category */
};

/* Whether a car's category is one of the pattern's. */
bool criteria_category_matches(const char *pattern, const char *category);

/* Days are counted by the clocks on the wall where the car is picked up and where it is returned,
 * which the offsets of the two times tell: when summer time ends or begins, Saturday 18:00 to
 * Sunday 18:00 is a day, though it lasts 25 hours or 23.
 *
 * Reads parameters one after the other: criteria_begin(), criteria_set() for each, criteria_end().
 * On failure the latter two return false, set `parameter` to what was wrong and add a sentence to
 * `error`. No parameter may come twice. */
struct criteria_reading {
    struct criteria criteria; /* the result, after criteria_end() */
    int offsets[2];           /* of pickup_at and return_at, in minutes */
    bool seen[4];
    const char *known; /* the names that may be given, as the end of a sentence */
    const char *parameter;
    struct buffer *error;
};

/* `error` is borrowed until criteria_end(). */
void criteria_begin(struct criteria_reading *reading, struct buffer *error);

/* `value` is NULL for a parameter without one. */
bool criteria_set(struct criteria_reading *reading, const char *name, const char *value);

/* `now` is the current minute: without both times the period is 24 hours from the next one. A
 * return must be ahead of it. */
bool criteria_end(struct criteria_reading *reading, int32_t now);

#endif
