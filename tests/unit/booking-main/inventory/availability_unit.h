/* What the tests of the availability index share: a day to begin at, periods, fleets, and memory
 * that runs out on demand. Of programs linked with --wrap=malloc,--wrap=calloc,--wrap=realloc. */
#ifndef TESTS_UNIT_BOOKING_MAIN_INVENTORY_AVAILABILITY_UNIT_H
#define TESTS_UNIT_BOOKING_MAIN_INVENTORY_AVAILABILITY_UNIT_H

#include "tests/unit/unit.h"

#include "inventory/availability.h"

#include <errno.h>

enum { DAY = MINUTES_PER_DAY, SINCE = 20000 * DAY };

/* --- memory that runs out -------------------------------------------------------------------- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static uint32_t allocations_left = UINT32_MAX; /* UINT32_MAX: no end */

static inline bool allocation_fails(void)
{
    if (allocations_left == UINT32_MAX)
        return false;
    if (allocations_left == 0)
        return true;
    allocations_left--;
    return false;
}

void *__wrap_malloc(size_t size)
{
    return allocation_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return allocation_fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return allocation_fails() ? NULL : __real_realloc(old, size);
}

/* --- periods, fleets, finds ------------------------------------------------------------------ */

/* Minutes of a day after SINCE. */
static inline int32_t at(int32_t day, int32_t hour, int32_t minute)
{
    return SINCE + day * DAY + hour * 60 + minute;
}

static inline struct period from_to(int32_t pickup_at, int32_t return_at)
{
    return (struct period){pickup_at, return_at};
}

static inline struct availability *new_index(const struct availability_car *cars, uint32_t count)
{
    struct availability *index = NULL;

    assert_int_equal(availability_new(cars, count, SINCE, &index), 0);
    assert_non_null(index);
    return index;
}

/* All alike. */
static inline struct availability *new_fleet(uint32_t count)
{
    struct availability_car *cars = calloc(count, sizeof(*cars));
    struct availability *index;

    assert_non_null(cars);
    for (uint32_t i = 0; i < count; i++)
        cars[i] = (struct availability_car){.location = 1, .category = "ECMR", .offered = true};
    index = new_index(cars, count);
    free(cars);
    availability_settle(index);
    return index;
}

static inline uint32_t find(const struct availability *index, struct period period,
                            uint32_t location, const char *category)
{
    return availability_find(index, &(struct availability_query){period, location, category});
}

static inline uint32_t find_any(const struct availability *index, struct period period)
{
    return find(index, period, AVAILABILITY_ANYWHERE, NULL);
}

#endif
