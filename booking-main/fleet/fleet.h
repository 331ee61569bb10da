/* The fleet: the cars an operator has, and what they cost.
 *
 * It comes from a CSV file, what a spreadsheet exports (csv.h), with the heading
 *
 *     carid,category,location,day_price,hour_price,currency
 *
 * and a line such as 1-XXX-333,ECMR,NCE,55.00,10.00,EUR for each car. The columns may stand in any
 * order, with others among them. One of these may be turnaround, the minutes that the car needs
 * between a return and the next pickup; where it is empty, the operator's setting for all cars
 * counts. The category is an ACRISS code (four letters), the location any code of the operator's,
 * hour_price may be empty, and one currency holds for the whole fleet.
 */
#ifndef BOOKING_FLEET_FLEET_H
#define BOOKING_FLEET_FLEET_H

#include "lib/base/buffer.h"
#include "rental/car.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fleet_car {
    const char *carid;
    const char *location;
    char category[CAR_CATEGORY_SIZE + 1];
    int64_t day_price;  /* minor units of the fleet's currency */
    int64_t hour_price; /* -1 where there is none */
    int32_t turnaround; /* minutes; -1 where there is none */
};

/* Cars in the order of their carids. */
struct fleet {
    struct fleet_car *cars;
    size_t count;
    char currency[4];
    int exponent; /* of the currency, see money.h */
    char *text;   /* what the cars' texts point into */
    /* What the file's owner should know, in lines that each begin with name:line: and end with a
     * newline; nothing when all is well. */
    struct buffer warnings;
};

/* Reads a fleet from `size` bytes of CSV; `name` is the file's, for messages. The caller ends the
 * fleet with fleet_free(), for which NULL is fine. On failure returns NULL and adds
 * name:line:column: and what is wrong to `error`. */
struct fleet *fleet_parse(const char *name, const char *csv, size_t size, struct buffer *error);

/* The same from a regular file, and from a descriptor, which is read to its end. At most 512 MiB.
 */
struct fleet *fleet_load(const char *path, struct buffer *error);
struct fleet *fleet_read(int fd, const char *name, struct buffer *error);

/* The demo fleet that is built in. */
struct fleet *fleet_demo(struct buffer *error);

void fleet_free(struct fleet *fleet);

#endif
