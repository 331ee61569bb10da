/* What availability.c and availability_build.c share; nobody else includes it. The idea is told in
 * availability.c.
 */
#ifndef BOOKING_INVENTORY_AVAILABILITY_INTERNAL_H
#define BOOKING_INVENTORY_AVAILABILITY_INTERNAL_H

#include "inventory/availability.h"

#include <assert.h>

/* Measured to be good figures, but any others give the same answers. */
enum {
    LEAF_CARS = 32,                 /* cars below a leaf */
    FANOUT = 8,                     /* nodes below any other node */
    FEW_STEPS = 6,                  /* steps kept within the node, which then has 64 bytes */
    MAX_STEPS = 128,                /* steps of a node at most */
    SUM_STEPS = FANOUT * MAX_STEPS, /* room for adding up the staircases of all children */
    SWEEP_CARS = 8192,              /* cars availability_advance() looks at, at most */
    ALWAYS = INT32_MIN,             /* the start of a car's first gap */
    FOREVER = INT32_MAX,            /* the end of its last */
};

#define NO_NODE UINT32_MAX

/* What the cars of a tree have in common. */
enum family { FAMILY_ALL, FAMILY_CATEGORY, FAMILY_LOCATION, FAMILY_BOTH, FAMILIES };

/* A car's periods: disjoint, ascending, the first of them in place. */
struct car {
    union {
        struct period one;
        struct period *many;
    } busy;
    uint32_t count;
    uint16_t turnaround;
    uint8_t power; /* `many` has room for 2 to the power of it; 0: `one` is in use */
    bool offered;
};

static_assert(sizeof(struct car) == 16, "there may be millions");

struct node {
    uint32_t parent; /* NO_NODE for a root */
    uint32_t first;  /* its first child in `nodes`, or if it is a leaf its first car in `members` */
    uint32_t lowest; /* number of the lowest car below it */
    uint8_t children;
    bool leaf;
    uint8_t steps;
    uint8_t capacity; /* of `many`; 0: `few` is in use */
    union {
        struct period few[FEW_STEPS];
        struct period *many;
    } stairs;
};

/* The tree of one category, everywhere or at one location. */
struct part {
    uint32_t category; /* the four characters as they lie in memory */
    uint32_t root;
    uint32_t lowest; /* as the root's; a place's parts ascend by it */
};

/* Everywhere, or one location. */
struct place {
    uint32_t location;
    uint32_t root;
    uint32_t first_part;
    uint32_t parts;
};

struct availability {
    uint32_t count;
    uint32_t offered;
    uint64_t periods;
    size_t bytes;
    int32_t since;
    uint32_t swept; /* the next car for availability_advance() to look at */
    bool settled;
    struct car *cars;
    uint32_t (*leaves)[FAMILIES]; /* of each car */
    uint32_t *members;  /* car numbers, ascending in each tree; FAMILIES times the fleet */
    struct node *nodes; /* children before their parents, and next to each other */
    uint32_t node_count;
    struct part *parts;
    struct place *places; /* first everywhere, then the locations, ascending */
    uint32_t place_count;
};

#endif
