#include "inventory/occupancy.h"

#include <stdlib.h>
#include <string.h>

enum {
    CARS_A_STEP = 8192,
    PLACES = 4096, /* of the table of groups: a power of two, and twice as many */
};

/* A group with its days behind it. */
struct group {
    uint32_t location_id;
    struct occupancy_group told;
    uint32_t busy[];
};

struct occupancy {
    char location[CAR_LOCATION_MAX + 1];
    int32_t from;
    unsigned days;
    uint64_t generation; /* of the inventory's stock, 0: none yet */
    uint32_t next;       /* car to look at */
    struct group *groups[PLACES];
    struct group *sorted[OCCUPANCY_GROUPS_MAX];
    size_t count;
};

static void forget(struct occupancy *occupancy)
{
    for (size_t i = 0; i < occupancy->count; i++)
        free(occupancy->sorted[i]);
    occupancy->count = 0;
    occupancy->next = 0;
    memset(occupancy->groups, 0, sizeof occupancy->groups);
}

struct occupancy *occupancy_new(const char *location, int32_t from, unsigned days)
{
    struct occupancy *occupancy = calloc(1, sizeof *occupancy);
    if (!occupancy)
        return NULL;
    memcpy(occupancy->location, location, strnlen(location, CAR_LOCATION_MAX));
    occupancy->from = from;
    occupancy->days = days;
    return occupancy;
}

void occupancy_free(struct occupancy *occupancy)
{
    if (!occupancy)
        return;
    forget(occupancy);
    free(occupancy);
}

static struct group *new_group(struct occupancy *occupancy, const struct catalog *catalog,
                               const struct catalog_car *car)
{
    struct group *group = calloc(1, sizeof *group + occupancy->days * sizeof group->busy[0]);
    if (!group)
        return NULL;
    group->location_id = car->location;
    group->told.location = catalog_location(catalog, car);
    group->told.busy = group->busy;
    memcpy(group->told.category, car->category, sizeof car->category);
    occupancy->sorted[occupancy->count++] = group;
    return group;
}

/* The car's group, which is made at its first car. NULL with the reason why there is none. */
static struct group *group_of(struct occupancy *occupancy, const struct catalog *catalog,
                              const struct catalog_car *car, enum occupancy_state *reason)
{
    uint32_t category;
    memcpy(&category, car->category, sizeof category);
    size_t place = (car->location * 2654435761U ^ category * 2246822519U) % PLACES;
    for (struct group *group; (group = occupancy->groups[place]); place = (place + 1) % PLACES)
        if (group->location_id == car->location &&
            memcmp(group->told.category, car->category, sizeof car->category) == 0)
            return group;
    *reason = OCCUPANCY_TOO_MANY;
    if (occupancy->count == OCCUPANCY_GROUPS_MAX)
        return NULL;
    *reason = OCCUPANCY_NO_MEMORY;
    return occupancy->groups[place] = new_group(occupancy, catalog, car);
}

enum occupancy_state occupancy_step(struct occupancy *occupancy, const struct inventory *inventory)
{
    const struct catalog *catalog = inventory_catalog(inventory);
    enum occupancy_state reason = OCCUPANCY_DONE;
    if (occupancy->generation != inventory_generation(inventory)) {
        forget(occupancy);
        occupancy->generation = inventory_generation(inventory);
    }
    uint32_t end = catalog_count(catalog), location = CATALOG_NONE;
    if (*occupancy->location) {
        location = catalog_find_location(catalog, occupancy->location);
        if (location == CATALOG_NONE)
            return OCCUPANCY_DONE;
    }
    if (end - occupancy->next > CARS_A_STEP)
        end = occupancy->next + CARS_A_STEP;
    for (; occupancy->next < end; occupancy->next++) {
        const struct catalog_car *car = catalog_car(catalog, occupancy->next);
        if (!car->offered || (location != CATALOG_NONE && car->location != location))
            continue;
        struct group *group = group_of(occupancy, catalog, car, &reason);
        if (!group)
            return reason;
        group->told.total++;
        inventory_count_busy_days(inventory, occupancy->next, occupancy->from, occupancy->days,
                                  group->busy);
    }
    return occupancy->next < catalog_count(catalog) ? OCCUPANCY_MORE : OCCUPANCY_DONE;
}

static int compare_groups(const void *a, const void *b)
{
    const struct group *one = *(struct group *const *)a, *other = *(struct group *const *)b;
    int order = strcmp(one->told.location, other->told.location);
    return order ? order : strcmp(one->told.category, other->told.category);
}

bool occupancy_tell(struct occupancy *occupancy,
                    bool (*each)(void *context, const struct occupancy_group *group), void *context)
{
    bool go_on = true;
    qsort(occupancy->sorted, occupancy->count, sizeof(struct group *), compare_groups);
    for (size_t i = 0; i < occupancy->count && go_on; i++)
        go_on = each(context, &occupancy->sorted[i]->told);
    return go_on;
}
