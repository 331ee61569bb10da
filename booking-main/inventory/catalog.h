/* The catalog: all cars of the fleet in memory, as the store knows them.
 *
 * Cars have a position, their place in the order in which they are offered (cheapest day price
 * first, then by carid), and the store's number. Built once, then only read.
 */
#ifndef BOOKING_INVENTORY_CATALOG_H
#define BOOKING_INVENTORY_CATALOG_H

#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CATALOG_CATEGORIES_MAX = 1000 }; /* that are told; of more, those that begin cheapest */

#define CATALOG_NONE UINT32_MAX /* no such car, no such location */

/* Forty bytes, since there may be millions: texts are offsets into the catalog's own memory. */
struct catalog_car {
    int64_t day_price;  /* minor units */
    int64_t hour_price; /* -1 for none */
    uint32_t number;    /* the store's */
    uint32_t carid;     /* see catalog_carid() */
    uint32_t location;  /* see catalog_location() */
    char category[CAR_CATEGORY_SIZE];
    bool offered;
    uint16_t turnaround; /* minutes */
};

struct catalog;

/* An empty catalog with room for `cars`, to be ended with catalog_free(), for which NULL is fine.
 * NULL when memory ran out or there are too many. */
struct catalog *catalog_new(const char *currency, size_t cars);
void catalog_free(struct catalog *catalog);

/* Adds a car, whose texts are copied; false when out of memory. */
bool catalog_add(struct catalog *catalog, const struct store_car *car);

/* Ends the building: puts the cars into order. False when out of memory. */
bool catalog_finish(struct catalog *catalog);

uint32_t catalog_count(const struct catalog *catalog);
const struct catalog_car *catalog_car(const struct catalog *catalog, uint32_t position);
const char *catalog_carid(const struct catalog *catalog, const struct catalog_car *car);
const char *catalog_location(const struct catalog *catalog, const struct catalog_car *car);

/* The categories of the cars that are offered, in the order of their cheapest cars. */
size_t catalog_category_count(const struct catalog *catalog);
const char *catalog_category(const struct catalog *catalog, size_t i); /* CAR_CATEGORY_SIZE bytes */

/* The currency (ISO 4217), and its decimals. */
const char *catalog_currency(const struct catalog *catalog);
int catalog_exponent(const struct catalog *catalog);

/* Look-ups; CATALOG_NONE when there is none. The first two give positions. */
uint32_t catalog_by_number(const struct catalog *catalog, int64_t number);
uint32_t catalog_by_carid(const struct catalog *catalog, const char *carid);
uint32_t catalog_find_location(const struct catalog *catalog, const char *location);

#endif
