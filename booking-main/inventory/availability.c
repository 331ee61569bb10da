/* The idea
 *
 * A car's periods leave gaps: stretches of time in which it is free. The first reaches back for
 * ever, the last on for ever. A car suits a rental if one of its gaps contains it, so the question
 * is: which is the first car, in the order of price, with a gap that starts at or before the pickup
 * and ends at or after the return? Times are compared to the minute, so the edges of a rental need
 * no special care. Behind its return a car needs its turnaround before it goes out again, so the
 * gaps that count end that much earlier, but for the last; nobody else needs to know of it.
 *
 * A tree over the cars in price order answers it. Each node knows what the best of the cars below
 * it can do: of all their gaps it keeps those that lie in no other. Sorted by start these also
 * ascend by end, like a staircase: the later a rental may start, the later it may end.
 *
 *     return
 *       ^             +-------- for ever     car 7 is free until 1 May, and again from 9 May
 *       |             |                      car 8 is free until 4 May, and again from 6 May
 *     4 May  ---------+
 *       |             .                      Together: until 4 May, and again from 6 May. The
 *       +-----------6 May-----> pickup       gaps of car 7 lie in those of car 8, and add nothing.
 *
 * Whether a node has a car for a rental is then one search in a short array: the first step that
 * ends late enough must start early enough. From the root we follow the first child that has one,
 * down to the car: a few dozen comparisons whatever the fleet looks like, booked out or empty, for
 * a day or three months. Staircases are short because one long gap makes every gap inside it
 * superfluous: mostly a step or two.
 *
 * A node may promise too much but never too little: its staircase covers those of its children,
 * and a leaf's covers every gap of its cars from `since` on. The cars themselves have the last
 * word. So an answer is always exact, and a staircase may be simplified where it is worth it, at
 * the price of a search that sometimes comes back from a subtree with empty hands:
 *   - of more than MAX_STEPS steps every two are fused to one that contains both, until they fit;
 *   - so they are if there is no memory for them, hence changing a staircase cannot fail;
 *   - while an index is being loaded every node promises everything.
 *
 * A change to a car is carried up from its leaf, only as far as a staircase changes by it.
 *
 * Location and category are part of the question, and a tree answers only for all of its cars. So
 * every car is in four trees: that of all cars, of its category, of its location, and of its
 * category at its location. A pattern such as E*M* asks each category that matches, from the one
 * with the cheapest car on, until none of the others can be cheaper than what it has.
 *
 * The structures are in availability_internal.h; availability_build.c makes the trees.
 */
#include "inventory/availability_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- The periods of a car ---- */

static const struct period *car_periods(const struct car *car)
{
    return car->power ? car->busy.many : &car->busy.one;
}

/* Of `many`; 0 when `one` is in use. */
static uint32_t car_capacity(const struct car *car)
{
    return car->power ? UINT32_C(1) << car->power : 0;
}

/* The first period that ends after the minute; car->count if there is none. */
static uint32_t car_first_after(const struct car *car, int32_t minute)
{
    const struct period *busy = car_periods(car);
    uint32_t from = 0;
    uint32_t to = car->count;

    while (from < to) {
        uint32_t middle = from + (to - from) / 2;

        if (busy[middle].return_at > minute)
            to = middle;
        else
            from = middle + 1;
    }
    return from;
}

/* Whether no period of the car overlaps this one. */
static bool car_is_clear(const struct car *car, struct period period)
{
    uint32_t next = car_first_after(car, period.pickup_at);

    return next == car->count || car_periods(car)[next].pickup_at >= period.return_at;
}

/* Whether the car suits a rental: as before, with its turnaround behind the return. */
static bool car_is_free(const struct car *car, struct period rental)
{
    uint32_t next = car_first_after(car, rental.pickup_at);

    return next == car->count ||
           (int64_t)car_periods(car)[next].pickup_at - car->turnaround >= rental.return_at;
}

/* The gap before the period at `place`; for place == count the last gap. */
static struct period car_gap(const struct car *car, uint32_t place)
{
    const struct period *busy = car_periods(car);

    return (struct period){
        .pickup_at = place > 0 ? busy[place - 1].return_at : ALWAYS,
        .return_at = place < car->count ? busy[place].pickup_at : FOREVER,
    };
}

/* What rentals can have of a gap. It may be nothing: the return is at the pickup then, or before.
 */
static struct period car_usable(const struct car *car, struct period gap)
{
    if (gap.return_at != FOREVER)
        gap.return_at =
            gap.return_at < ALWAYS + car->turnaround ? ALWAYS : gap.return_at - car->turnaround;
    return gap;
}

/* Moves the periods to an array of 2 to the power of `power`, or back into the car if that is 0. */
static int car_resize(struct availability *availability, struct car *car, uint32_t power)
{
    struct period *old = car->power ? car->busy.many : NULL;
    size_t old_capacity = car_capacity(car);
    size_t capacity = (size_t)1 << power;

    if (power == 0) {
        if (old && car->count == 1)
            car->busy.one = old[0];
        availability->bytes -= old_capacity * sizeof(*old);
        free(old);
    } else {
        struct period one = car->busy.one;
        struct period *many = realloc(old, capacity * sizeof(*many));

        if (!many)
            return -ENOMEM;
        if (!old)
            many[0] = one;
        availability->bytes += (capacity - old_capacity) * sizeof(*many);
        car->busy.many = many;
    }
    car->power = (uint8_t)power;
    return 0;
}

static int car_insert(struct availability *availability, struct car *car, uint32_t place,
                      struct period period)
{
    struct period *busy;

    if (car->count == UINT32_C(1) << car->power &&
        car_resize(availability, car, car->power + 1U) < 0)
        return -ENOMEM;
    busy = car->power ? car->busy.many : &car->busy.one;
    memmove(busy + place + 1, busy + place, (car->count - place) * sizeof(*busy));
    busy[place] = period;
    car->count++;
    assert(place == 0 || busy[place - 1].return_at <= period.pickup_at);
    assert(place + 1 == car->count || period.return_at <= busy[place + 1].pickup_at);
    availability->periods++;
    return 0;
}

static void car_remove(struct availability *availability, struct car *car, uint32_t place,
                       uint32_t count)
{
    struct period *busy = car->power ? car->busy.many : &car->busy.one;

    assert(place + count <= car->count && count <= availability->periods);
    car->count -= count;
    availability->periods -= count;
    memmove(busy + place, busy + place + count, (car->count - place) * sizeof(*busy));
    if (car->count <= 1)
        (void)car_resize(availability, car, 0);
    else if (car->count <= car_capacity(car) / 4)
        (void)car_resize(availability, car, car->power - 1U); /* if not, it stays larger */
}

/* Drops what is over. No staircase changes: gaps that start by `since` all count the same. */
static void car_sweep(struct availability *availability, struct car *car)
{
    uint32_t over = car_first_after(car, availability->since);

    if (over > 0)
        car_remove(availability, car, 0, over);
}

/* ---- Staircases ---- */

struct sum {
    uint32_t count;
    struct period steps[SUM_STEPS];
};

static const struct period *node_stairs(const struct node *node)
{
    return node->capacity ? node->stairs.many : node->stairs.few;
}

/* Replaces every two neighbours by the least gap that contains both. */
static void sum_fuse(struct sum *sum)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < sum->count; i += 2) {
        uint32_t second = i + 1 < sum->count ? i + 1 : i;

        sum->steps[count++] = (struct period){
            .pickup_at = sum->steps[i].pickup_at,
            .return_at = sum->steps[second].return_at,
        };
    }
    sum->count = count;
}

/* Adds a gap that starts no earlier than the last one added. */
static inline void sum_add(struct sum *sum, struct period gap, int32_t since)
{
    struct period *last = sum->count > 0 ? &sum->steps[sum->count - 1] : NULL;

    if (gap.pickup_at <= since)
        gap.pickup_at = ALWAYS; /* so that the passing of time alone changes no staircase */
    if (gap.return_at <= since || (last && gap.return_at <= last->return_at))
        return;
    if (last && gap.pickup_at == last->pickup_at) {
        *last = gap;
        return;
    }
    if (sum->count == SUM_STEPS)
        sum_fuse(sum);
    sum->steps[sum->count++] = gap;
}

/* Adds, in ascending order, all gaps of a car or all steps of a node; the other of the two is NULL.
 */
static inline void sum_merge(struct sum *sum, const struct car *car, const struct node *node,
                             int32_t since)
{
    const struct period *steps = node ? node_stairs(node) : NULL;
    /* cppcheck-suppress nullPointer */
    uint32_t count = car ? car->count + 1 : node->steps;
    uint32_t old_count = sum->count;
    struct period old[SUM_STEPS];
    uint32_t i = 0;

    memcpy(old, sum->steps, old_count * sizeof(*old));
    sum->count = 0;
    for (uint32_t j = 0; j < count; j++) {
        struct period gap = car ? car_usable(car, car_gap(car, j)) : steps[j];

        if (gap.pickup_at >= gap.return_at)
            continue; /* one rental right after the other, or nearly */
        while (i < old_count && old[i].pickup_at <= gap.pickup_at)
            sum_add(sum, old[i++], since);
        sum_add(sum, gap, since);
    }
    while (i < old_count)
        sum_add(sum, old[i++], since);
}

/* Whether one of the cars below the node may be free throughout the period. */
static inline bool node_promises(const struct node *node, struct period period)
{
    const struct period *steps = node_stairs(node);
    uint32_t from = 0;
    uint32_t to = node->steps;

    while (to - from > FEW_STEPS) {
        uint32_t middle = from + (to - from) / 2;

        if (steps[middle].return_at >= period.return_at)
            to = middle + 1;
        else
            from = middle + 1;
    }
    while (from < to && steps[from].return_at < period.return_at)
        from++;
    return from < to && steps[from].pickup_at <= period.pickup_at;
}

/* Gives the node a new staircase. Returns whether it differs from the old one. */
static bool node_set_stairs(struct availability *availability, struct node *node, struct sum *sum)
{
    struct period *old = node->capacity ? node->stairs.many : NULL;
    uint32_t capacity = 0;

    while (sum->count > MAX_STEPS)
        sum_fuse(sum);
    if (sum->count == node->steps &&
        memcmp(sum->steps, node_stairs(node), sum->count * sizeof(*sum->steps)) == 0)
        return false;

    if (sum->count > FEW_STEPS)
        for (capacity = 2 * FEW_STEPS; capacity < sum->count;)
            capacity = capacity < MAX_STEPS / 2 ? 2 * capacity : MAX_STEPS;
    if (capacity > node->capacity || capacity < node->capacity / 2) {
        struct period *many = capacity ? malloc(capacity * sizeof(*many)) : NULL;

        if (many || capacity == 0) {
            availability->bytes += capacity * sizeof(*many);
            availability->bytes -= node->capacity * sizeof(*many);
            free(old);
            node->capacity = (uint8_t)capacity;
            node->stairs.many = many;
        }
        while (sum->count > (node->capacity ? node->capacity : FEW_STEPS))
            sum_fuse(sum); /* no memory: a coarser staircase will do */
    }
    node->steps = (uint8_t)sum->count;
    memcpy(node->capacity ? node->stairs.many : node->stairs.few, sum->steps,
           sum->count * sizeof(*sum->steps));
    return true;
}

/* Works out the node's staircase from what is below it. Returns whether it has changed. */
static bool node_refresh(struct availability *availability, struct node *node)
{
    static const struct period all = {ALWAYS, FOREVER};
    struct sum sum;

    sum.count = 0;
    for (uint32_t i = 0; i < node->children; i++) {
        if (!node->leaf) {
            sum_merge(&sum, NULL, &availability->nodes[node->first + i], availability->since);
        } else {
            const struct car *car = &availability->cars[availability->members[node->first + i]];

            if (car->offered)
                sum_merge(&sum, car, NULL, availability->since);
        }
        if (sum.count > 0 && memcmp(sum.steps, &all, sizeof(all)) == 0)
            break; /* nothing adds to that */
    }
    return node_set_stairs(availability, node, &sum);
}

/* Brings the car's trees up to date after something has happened to it within `gap`. */
static void refresh_car(struct availability *availability, uint32_t car, struct period gap)
{
    if (!availability->settled)
        return;
    gap = car_usable(&availability->cars[car], gap);
    if (gap.pickup_at < availability->since)
        gap.pickup_at = availability->since;
    if (gap.pickup_at >= gap.return_at)
        return; /* no rental fitted in, and none does now */

    for (int family = 0; family < FAMILIES; family++) {
        struct node *node = &availability->nodes[availability->leaves[car][family]];
        const uint32_t *members = availability->members + node->first;
        bool hidden = false;

        /* If another car of the leaf is free throughout the gap, the leaf's staircase has
         * nothing from within the gap, neither before nor after. */
        for (uint32_t i = 0; i < node->children && !hidden; i++)
            hidden = members[i] != car && availability->cars[members[i]].offered &&
                     car_is_free(&availability->cars[members[i]], gap);
        if (hidden)
            continue;

        while (node_refresh(availability, node) && node->parent != NO_NODE)
            node = &availability->nodes[node->parent];
    }
}

/* ---- Questions ---- */

/* The first car below the node that is free throughout the period, if lower than the limit. */
static uint32_t availability_search(const struct availability *availability,
                                    const struct node *node, struct period period, uint32_t limit)
{
    if (node->lowest >= limit || !node_promises(node, period))
        return AVAILABILITY_NONE;

    for (uint32_t i = 0; i < node->children; i++) {
        uint32_t found = AVAILABILITY_NONE;

        if (node->leaf) {
            uint32_t number = availability->members[node->first + i];
            const struct car *car = &availability->cars[number];

            if (number >= limit)
                break;
            if (car->offered && car_is_free(car, period))
                found = number;
        } else {
            found = availability_search(availability, &availability->nodes[node->first + i], period,
                                        limit);
        }
        if (found != AVAILABILITY_NONE)
            return found;
    }
    return AVAILABILITY_NONE;
}

static const struct place *find_place(const struct availability *availability, uint32_t location)
{
    const struct place *places = availability->places;
    uint32_t from = 1;
    uint32_t to = availability->place_count;

    if (location == AVAILABILITY_ANYWHERE)
        return &places[0];
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;

        if (places[middle].location < location)
            from = middle + 1;
        else
            to = middle;
    }
    return from < availability->place_count && places[from].location == location ? &places[from]
                                                                                 : NULL;
}

static bool is_askable(const struct availability *availability, struct period period)
{
    return period.pickup_at >= availability->since && period.pickup_at < period.return_at;
}

uint32_t availability_find(const struct availability *availability,
                           const struct availability_query *query)
{
    const struct place *place = find_place(availability, query->location);
    uint32_t best = AVAILABILITY_NONE;
    uint32_t mask = 0;
    uint32_t wanted = 0;

    if (!place || place->root == NO_NODE || !is_askable(availability, query->period))
        return AVAILABILITY_NONE;

    if (query->category) {
        unsigned char letters[4];

        for (int i = 0; i < 4; i++)
            letters[i] = query->category[i] == '*' ? 0 : 0xff;
        memcpy(&mask, letters, sizeof(mask));
        memcpy(&wanted, query->category, sizeof(wanted));
        wanted &= mask;
    }
    if (mask == 0)
        return availability_search(availability, &availability->nodes[place->root], query->period,
                                   best);

    for (uint32_t i = 0; i < place->parts; i++) {
        const struct part *part = &availability->parts[place->first_part + i];

        if (part->lowest >= best)
            break;
        if ((part->category & mask) == wanted) {
            uint32_t found = availability_search(availability, &availability->nodes[part->root],
                                                 query->period, best);

            if (found < best)
                best = found;
        }
    }
    return best;
}

bool availability_is_free(const struct availability *availability, uint32_t car,
                          struct period period)
{
    return car < availability->count && is_askable(availability, period) &&
           car_is_free(&availability->cars[car], period);
}

bool availability_is_offered(const struct availability *availability, uint32_t car)
{
    return car < availability->count && availability->cars[car].offered;
}

void availability_count_busy_days(const struct availability *availability, uint32_t car,
                                  int32_t from, unsigned days, uint32_t *counts)
{
    const struct car *found = &availability->cars[car];
    const struct period *busy = car_periods(found);
    int64_t next = 0; /* day to be counted: two periods may share one */

    for (uint32_t i = car_first_after(found, from); i < found->count; i++) {
        int64_t first = ((int64_t)busy[i].pickup_at - from) / MINUTES_PER_DAY;
        int64_t last = ((int64_t)busy[i].return_at - 1 - from) / MINUTES_PER_DAY;

        if (busy[i].pickup_at < from)
            first = 0;
        if (first >= days)
            return;
        for (next = first > next ? first : next; next <= last && next < days; next++)
            counts[next]++;
    }
}

int32_t availability_since(const struct availability *availability)
{
    return availability->since;
}

struct availability_stats availability_stats(const struct availability *availability)
{
    return (struct availability_stats){
        .cars = availability->count,
        .offered = availability->offered,
        .periods = availability->periods,
        .bytes = availability->bytes,
    };
}

/* ---- Changes ---- */

int availability_occupy(struct availability *availability, uint32_t car, struct period period)
{
    struct car *busy;
    struct period gap;
    uint32_t place;

    if (car >= availability->count)
        return -ENOENT;
    if (period.pickup_at >= period.return_at)
        return -EINVAL;
    if (period.pickup_at == ALWAYS || period.return_at == FOREVER ||
        period.return_at <= availability->since)
        return -ERANGE;

    busy = &availability->cars[car];
    car_sweep(availability, busy); /* what is over must not be in the way */
    if (!car_is_clear(busy, period))
        return -EBUSY;
    place = car_first_after(busy, period.pickup_at);
    gap = car_gap(busy, place);
    if (car_insert(availability, busy, place, period) < 0)
        return -ENOMEM;
    if (busy->offered)
        refresh_car(availability, car, gap);
    return 0;
}

int availability_release(struct availability *availability, uint32_t car, struct period period)
{
    struct car *busy;
    uint32_t place;

    if (car >= availability->count)
        return -ENOENT;

    busy = &availability->cars[car];
    car_sweep(availability, busy);
    place = car_first_after(busy, period.pickup_at);
    if (place == busy->count || car_periods(busy)[place].pickup_at != period.pickup_at ||
        car_periods(busy)[place].return_at != period.return_at)
        return -ENOENT;
    car_remove(availability, busy, place, 1);
    if (busy->offered)
        refresh_car(availability, car, car_gap(busy, place));
    return 0;
}

void availability_advance(struct availability *availability, int32_t since)
{
    int64_t visits;

    if (since <= availability->since)
        return;
    visits = (int64_t)since - availability->since;
    visits = visits < MINUTES_PER_DAY ? visits * availability->count / MINUTES_PER_DAY + 1
                                      : availability->count;
    if (visits > availability->count)
        visits = availability->count;
    if (visits > SWEEP_CARS)
        visits = SWEEP_CARS;

    availability->since = since;
    for (; visits > 0; visits--) {
        car_sweep(availability, &availability->cars[availability->swept]);
        availability->swept = (availability->swept + 1) % availability->count;
    }
}

void availability_settle(struct availability *availability)
{
    for (uint32_t i = 0; i < availability->node_count; i++)
        (void)node_refresh(availability, &availability->nodes[i]);
    availability->settled = true;
}
