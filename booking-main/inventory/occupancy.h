/* Occupancy: of each location and category, how many cars are offered and how many of them are not
 * free throughout each of some days. From the index, which knows all of it, so that no database is
 * read through for it: a portion of the cars at a time, since it runs on the loop.
 *
 * What is over is not in the index any more: a day that is past looks free.
 */
#ifndef BOOKING_INVENTORY_OCCUPANCY_H
#define BOOKING_INVENTORY_OCCUPANCY_H

#include "inventory/inventory.h"

enum {
    OCCUPANCY_DAYS_MAX = 92,
    OCCUPANCY_GROUPS_MAX = 2000, /* more would be nothing to look at */
};

struct occupancy_group {
    const char *location;
    char category[CAR_CATEGORY_SIZE + 1];
    uint32_t total;       /* cars that are offered */
    const uint32_t *busy; /* of each day: how many of them are not free throughout */
};

struct occupancy;

/* `days` days of 24 hours from the minute `from` on, at the location, or everywhere for "". NULL
 * when out of memory. The caller ends it with occupancy_free(), for which NULL is fine. */
struct occupancy *occupancy_new(const char *location, int32_t from, unsigned days);
void occupancy_free(struct occupancy *occupancy);

/* Looks at a portion of the cars, some tenths of a millisecond's work. When the fleet was replaced
 * since the last call it begins anew. */
enum occupancy_state {
    OCCUPANCY_MORE,
    OCCUPANCY_DONE,
    OCCUPANCY_TOO_MANY, /* groups: one location is to be asked for */
    OCCUPANCY_NO_MEMORY,
};
enum occupancy_state occupancy_step(struct occupancy *occupancy, const struct inventory *inventory);

/* Tells the groups by location and category, once it is done and before the loop is returned to;
 * false when `each` stopped it. */
bool occupancy_tell(struct occupancy *occupancy,
                    bool (*each)(void *context, const struct occupancy_group *group),
                    void *context);

#endif
