/* The availability index: which is the cheapest car that is free for a whole period?
 *
 * Pure memory: no I/O, no clock, no threads, no global state. An index belongs to one thread at a
 * time; two indexes share nothing, so a new one can be filled in another thread and then handed
 * over.
 *
 * Cars are numbered from 0 in the order in which they are to be offered: cheapest first (by day
 * price, then by carid). The caller sorts its fleet once (catalog.h), and the answer is always the
 * lowest number that fits; the index itself knows no prices. Bookings, blocks, claims and holds are
 * all the same to it: a period of a car. They come with their turnaround in it, which need not be
 * the one that the car has now; what is asked for comes without, and the car's is added.
 *
 * Life of an index: availability_new(), availability_occupy() for every period that is known,
 * availability_settle(), and from then on any of the calls below, in any order. A pointer may be
 * NULL only where it says so. Calls that can fail return 0 or a negative errno value, and a call
 * that fails has changed nothing.
 */
#ifndef BOOKING_INVENTORY_AVAILABILITY_H
#define BOOKING_INVENTORY_AVAILABILITY_H

#include "rental/period.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AVAILABILITY_NONE     UINT32_MAX /* no such car */
#define AVAILABILITY_ANYWHERE UINT32_MAX /* any location */
#define AVAILABILITY_MAX_CARS (UINT32_C(1) << 28)

struct availability;

struct availability_car {
    uint32_t location;   /* any number but AVAILABILITY_ANYWHERE; the caller's own numbering */
    char category[4];    /* ACRISS code, not terminated; any four bytes but '*' */
    bool offered;        /* false: withdrawn, keeps its periods but is not found */
    uint16_t turnaround; /* minutes that it needs behind a return before it goes out again */
};

struct availability_query {
    struct period period; /* of the rental, without turnaround */
    uint32_t location;    /* or AVAILABILITY_ANYWHERE */
    const char *category; /* NULL: any; else four characters, '*' for any one letter. Borrowed. */
};

struct availability_stats {
    uint32_t cars;    /* offered or not */
    uint32_t offered; /* of them */
    uint64_t periods; /* kept, including a few that availability_advance() has not come round to
                         dropping */
    size_t bytes;     /* memory in use, without the allocator's own overhead */
};

/* Makes an index of `count` cars without periods; `cars` may be NULL if count is 0, and is copied.
 * `since` is the earliest pickup that will be asked for, in minutes since 1970 (see
 * availability_advance). The caller owns *result and ends it with availability_free(). Returns 0,
 * -EINVAL (more than AVAILABILITY_MAX_CARS, or a location of AVAILABILITY_ANYWHERE), -ENOMEM. */
int availability_new(const struct availability_car *cars, uint32_t count, int32_t since,
                     struct availability **result);

/* Ends an index; NULL is fine. With a million cars this can take a tenth of a second, which another
 * thread can spend. */
void availability_free(struct availability *availability);

/* Ends the loading. Until this call occupy and release cost very little each, and find
 * is exact but may look at every car; from this call on finds are fast and changes cost a few
 * microseconds. Takes a tenth of a second for a million cars and a million periods, much like
 * availability_new(). Calling it again does no harm. */
void availability_settle(struct availability *availability);

/* The lowest-numbered car that is offered, at the location, of the category, and free throughout
 * the period and the car's turnaround behind it; AVAILABILITY_NONE if there is none, or if the
 * period is empty or starts before `since`. */
uint32_t availability_find(const struct availability *availability,
                           const struct availability_query *query);

/* Whether no period of the car overlaps this one with the car's turnaround behind it. False as well
 * if there is no such car or if the period is empty or starts before `since`. Does not ask whether
 * the car is offered. */
bool availability_is_free(const struct availability *availability, uint32_t car,
                          struct period period);

/* Whether there is such a car and it is offered. */
bool availability_is_offered(const struct availability *availability, uint32_t car);

/* Adds one to each of the `days` counts, of days of 24 hours from the minute `from` on, on which
 * the car, which must be there, is not free throughout. */
void availability_count_busy_days(const struct availability *availability, uint32_t car,
                                  int32_t from, unsigned days, uint32_t *counts);

/* Makes the car busy over the period, in which a turnaround is included. There is no latest return:
 * any minute an int32_t holds but the first and the last. A withdrawn car can be occupied like any
 * other. Returns 0, or with nothing changed: -EBUSY (overlaps a period of the car), -ENOENT (no
 * such car), -EINVAL (empty period), -ERANGE (all of it is before `since`, or a minute is out of
 * bounds), -ENOMEM. */
int availability_occupy(struct availability *availability, uint32_t car, struct period period);

/* Takes back exactly this period of the car (a car's periods never overlap, so it needs no handle).
 * Returns 0, or -ENOENT if the car has no such period, which after `since` has passed its return is
 * what to expect. Never needs memory. */
int availability_release(struct availability *availability, uint32_t car, struct period period);

/* Moves `since`, the earliest pickup that is still asked for; an earlier value than before is
 * ignored. Periods that end at or before it are gone at once as far as any answer can tell. Their
 * memory is freed little by little: a call looks at as large a part of the fleet as the part of a
 * day that `since` moves, but at no more than 8192 cars, which takes a millisecond at most. So
 * call it every minute or so. */
void availability_advance(struct availability *availability, int32_t since);

/* The earliest pickup that is asked for, as last moved. */
int32_t availability_since(const struct availability *availability);

struct availability_stats availability_stats(const struct availability *availability);

#endif
