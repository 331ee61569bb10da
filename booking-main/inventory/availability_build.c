/* Making and ending an index: sorts the cars into their four families of trees, and plants the
 * trees. */
#include "inventory/availability_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The cars of a tree have the same key in its family; in FAMILY_BOTH they sort by location first.
 */
static uint64_t car_key(const struct availability_car *car, int family)
{
    uint64_t location = family == FAMILY_LOCATION || family == FAMILY_BOTH ? car->location : 0;
    uint32_t category = 0;

    if (family == FAMILY_CATEGORY || family == FAMILY_BOTH)
        memcpy(&category, car->category, sizeof(category));
    return location << 32 | category;
}

/* Fills `members` with the cars by key, those of one key ascending: a radix sort, as it must be
 * stable. */
static void sort_members(const struct availability_car *cars, uint32_t count, int family,
                         uint32_t *members, uint32_t *spare)
{
    for (uint32_t i = 0; i < count; i++)
        members[i] = i;
    for (int shift = 0; shift < 64; shift += 8) {
        uint32_t places[257] = {0};

        for (uint32_t i = 0; i < count; i++)
            places[(car_key(&cars[i], family) >> shift & 0xff) + 1]++;
        if (count == 0 || places[(car_key(&cars[0], family) >> shift & 0xff) + 1] == count)
            continue; /* the same everywhere */
        for (int i = 0; i < 256; i++)
            places[i + 1] += places[i];
        for (uint32_t i = 0; i < count; i++)
            spare[places[car_key(&cars[members[i]], family) >> shift & 0xff]++] = members[i];
        memcpy(members, spare, count * sizeof(*members));
    }
}

/* Where the tree that starts at `from` ends. */
static uint32_t tree_end(const struct availability_car *cars, uint32_t count, int family,
                         const uint32_t *members, uint32_t from)
{
    uint64_t key = car_key(&cars[members[from]], family);

    while (from < count && car_key(&cars[members[from]], family) == key)
        from++;
    return from;
}

static uint32_t divide_up(uint32_t count, uint32_t by)
{
    return (count + by - 1) / by;
}

static uint32_t tree_nodes(uint32_t cars)
{
    uint32_t level = divide_up(cars, LEAF_CARS);
    uint32_t nodes = level;

    while (level > 1) {
        level = divide_up(level, FANOUT);
        nodes += level;
    }
    return nodes;
}

/* Makes the nodes of the tree over some members. Each promises everything as yet. Returns the root.
 */
static uint32_t plant_tree(struct availability *availability, int family, uint32_t first,
                           uint32_t end)
{
    struct node *nodes = availability->nodes;
    bool leaf = true;

    do { /* one level, over what lies between first and end: members, then nodes */
        uint32_t width = leaf ? LEAF_CARS : FANOUT;
        uint32_t level = availability->node_count;

        for (uint32_t i = first; i < end; i += width) {
            uint32_t number = availability->node_count++;
            uint32_t children = end - i < width ? end - i : width;

            nodes[number] = (struct node){
                .parent = NO_NODE,
                .first = i,
                .lowest = leaf ? availability->members[i] : nodes[i].lowest,
                .children = (uint8_t)children,
                .leaf = leaf,
                .steps = 1,
                .stairs.few[0] = {ALWAYS, FOREVER},
            };
            for (uint32_t j = i; j < i + children; j++) {
                if (leaf)
                    availability->leaves[availability->members[j]][family] = number;
                else
                    nodes[j].parent = number;
            }
        }
        first = level;
        end = availability->node_count;
        leaf = false;
    } while (end - first > 1);
    return first;
}

static int compare_parts(const void *a, const void *b)
{
    const struct part *left = a;
    const struct part *right = b;

    return (left->lowest > right->lowest) - (left->lowest < right->lowest);
}

/* Makes all trees; the arrays are there, and large enough. */
static void plant_all(struct availability *availability, const struct availability_car *cars)
{
    uint32_t count = availability->count;
    struct place *places = availability->places;
    struct part *parts = availability->parts;
    uint32_t part_count = 0;
    uint32_t place = 0;

    places[0] = (struct place){.location = AVAILABILITY_ANYWHERE, .root = NO_NODE};
    availability->place_count = 1;
    for (int family = 0; family < FAMILIES; family++) {
        const uint32_t *members = availability->members + (size_t)family * count;
        uint32_t offset = (uint32_t)family * count;
        uint32_t end;

        for (uint32_t from = 0; from < count; from = end) {
            const struct availability_car *car = &cars[members[from]];
            uint32_t root;

            end = tree_end(cars, count, family, members, from);
            root = plant_tree(availability, family, offset + from, offset + end);
            if (family == FAMILY_ALL) {
                places[0].root = root;
            } else if (family == FAMILY_LOCATION) {
                places[availability->place_count++] =
                    (struct place){.location = car->location, .root = root};
            } else {
                /* The categories of everywhere come first, then those of each location in turn. */
                if (family == FAMILY_BOTH &&
                    (place == 0 || places[place].location != car->location))
                    places[++place].first_part = part_count;
                places[place].parts++;
                parts[part_count] = (struct part){.root = root, .lowest = members[from]};
                memcpy(&parts[part_count++].category, car->category, sizeof(car->category));
            }
        }
    }
    for (uint32_t i = 0; i < availability->place_count; i++)
        qsort(parts + places[i].first_part, places[i].parts, sizeof(*parts), compare_parts);
}

/* As calloc, and counts the bytes. Never asks for none, as NULL is to mean that there is no memory.
 */
static void *new_array(struct availability *availability, size_t count, size_t size)
{
    availability->bytes += count * size;
    return calloc(count > 0 ? count : 1, size);
}

int availability_new(const struct availability_car *cars, uint32_t count, int32_t since,
                     struct availability **result)
{
    struct availability *availability;
    uint32_t *spare = NULL;
    uint32_t trees[FAMILIES] = {0};
    size_t nodes = 0;
    int error = -ENOMEM;

    if (count > AVAILABILITY_MAX_CARS)
        return -EINVAL;
    for (uint32_t i = 0; i < count; i++)
        if (cars[i].location == AVAILABILITY_ANYWHERE)
            return -EINVAL;

    availability = calloc(1, sizeof(*availability));
    if (!availability)
        return -ENOMEM;
    availability->bytes = sizeof(*availability);
    availability->count = count;
    availability->since = since;
    availability->cars = new_array(availability, count, sizeof(*availability->cars));
    availability->leaves = new_array(availability, count, sizeof(*availability->leaves));
    availability->members =
        new_array(availability, (size_t)count * FAMILIES, sizeof(*availability->members));
    spare = malloc((count > 0 ? count : 1) * sizeof(*spare));
    if (!availability->cars || !availability->leaves || !availability->members || !spare)
        goto out;

    for (uint32_t i = 0; i < count; i++) {
        availability->cars[i].offered = cars[i].offered;
        availability->cars[i].turnaround = cars[i].turnaround;
        availability->offered += cars[i].offered;
    }
    for (int family = 0; family < FAMILIES; family++) {
        uint32_t *members = availability->members + (size_t)family * count;
        uint32_t end;

        sort_members(cars, count, family, members, spare);
        for (uint32_t from = 0; from < count; from = end) {
            end = tree_end(cars, count, family, members, from);
            nodes += tree_nodes(end - from);
            trees[family]++;
        }
    }

    availability->nodes = new_array(availability, nodes, sizeof(*availability->nodes));
    availability->places =
        new_array(availability, (size_t)trees[FAMILY_LOCATION] + 1, sizeof(*availability->places));
    availability->parts =
        new_array(availability, (size_t)trees[FAMILY_CATEGORY] + trees[FAMILY_BOTH],
                  sizeof(*availability->parts));
    if (!availability->nodes || !availability->places || !availability->parts)
        goto out;
    plant_all(availability, cars);

    *result = availability;
    availability = NULL;
    error = 0;
out:
    free(spare);
    availability_free(availability);
    return error;
}

void availability_free(struct availability *availability)
{
    if (!availability)
        return;
    for (uint32_t i = 0; availability->cars && i < availability->count; i++)
        if (availability->cars[i].power)
            free(availability->cars[i].busy.many);
    for (uint32_t i = 0; i < availability->node_count; i++)
        if (availability->nodes[i].capacity)
            free(availability->nodes[i].stairs.many);
    free(availability->cars);
    free(availability->leaves);
    free(availability->members);
    free(availability->nodes);
    free(availability->places);
    free(availability->parts);
    free(availability);
}
