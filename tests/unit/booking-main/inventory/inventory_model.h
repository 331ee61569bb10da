/* What store and inventory must do, said a second time and as simply as can be: plain arrays,
 * looked through from end to end. It shares nothing with the product but its structs.
 *
 * There are two fleets: what the store has, and what the inventory has loaded so far. There is one
 * list of bookings: whatever happens, the inventory has heard of it before the next question.
 */
#ifndef TESTS_UNIT_BOOKING_MAIN_INVENTORY_INVENTORY_MODEL_H
#define TESTS_UNIT_BOOKING_MAIN_INVENTORY_INVENTORY_MODEL_H

#include "tests/unit/unit.h"

#include "inventory/inventory.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum {
    MODEL_CARS = 24,
    MODEL_BOOKINGS = 1 << 14,
    MODEL_CLAIMS = 16,
    MODEL_EVENTS = 64,
    MODEL_NONE = -1,
};

struct model_car {
    bool known, offered;
    int64_t number; /* once it is known */
    int64_t day_price, hour_price;
    int32_t own_turnaround; /* -1: none */
    int32_t turnaround;     /* which it has */
    char location[CAR_LOCATION_MAX + 1], category[CAR_CATEGORY_SIZE + 1];
};

struct model_claim {
    char id[BOOKING_ID_SIZE + 1];
    int car;
    struct period period; /* with the turnaround */
    int state;            /* the product's names */
    int fleet;            /* which of those the inventory loaded it was made in */
};

struct model {
    struct model_car store[MODEL_CARS], index[MODEL_CARS];
    int32_t turnaround; /* fleet-wide */
    int32_t since;      /* of the index */
    int fleet;          /* how many were loaded */
    struct booking *bookings;
    int *booking_cars;
    int booking_count;
    struct model_claim claims[MODEL_CLAIMS]; /* in the order they were made */
    int claim_count, claims_lost;
    struct store_event expected[MODEL_EVENTS]; /* of operations that are on their way */
    int expected_count;
};

static inline void model_init(struct model *model)
{
    struct booking *bookings = model->bookings;
    int *cars = model->booking_cars;
    memset(model, 0, sizeof *model);
    model->bookings = bookings ? bookings : calloc(MODEL_BOOKINGS, sizeof *bookings);
    model->booking_cars = cars ? cars : calloc(MODEL_BOOKINGS, sizeof *cars);
}

static inline void model_free(struct model *model)
{
    free(model->bookings);
    free(model->booking_cars);
}

static inline const char *model_carid(int car)
{
    static char carid[16];
    snprintf(carid, sizeof carid, "car-%02d", car);
    return carid;
}

static inline bool model_overlap(struct period a, struct period b)
{
    return a.pickup_at < b.return_at && b.pickup_at < a.return_at;
}

static inline bool model_is_active(const struct booking *booking)
{
    return booking->state == BOOKING_HELD || booking->state == BOOKING_BOOKED ||
           booking->state == BOOKING_BLOCKED;
}

/* For how long it has its car. */
static inline struct period model_occupied(const struct booking *booking)
{
    struct period period = booking->period;
    period.return_at += booking->turnaround;
    return period;
}

/* --- the store ------------------------------------------------------------------------------- */

static inline int model_find_booking(const struct model *model, const char *id)
{
    for (int i = model->booking_count; i-- > 0;)
        if (strcmp(model->bookings[i].id, id) == 0)
            return i;
    return MODEL_NONE;
}

static inline int model_car_numbered(const struct model_car *cars, int64_t number)
{
    for (int i = 0; i < MODEL_CARS; i++)
        if (cars[i].known && cars[i].number == number)
            return i;
    return MODEL_NONE;
}

static inline void model_expect(struct model *model, enum store_event_kind kind,
                                const struct booking *booking)
{
    assert_true(model->expected_count < MODEL_EVENTS);
    struct store_event *event = &model->expected[model->expected_count++];
    *event =
        (struct store_event){.kind = kind, .car = booking->car, .period = model_occupied(booking)};
    event->expires_at = booking->state == BOOKING_HELD ? booking->expires_at : 0;
    snprintf(event->booking_id, sizeof event->booking_id, "%s", booking->id);
}

static inline void model_change(struct model *model, int booking, enum booking_state state)
{
    model->bookings[booking].state = state;
    model_expect(model, state == BOOKING_BOOKED ? EVENT_TAKEN : EVENT_RELEASED,
                 &model->bookings[booking]);
}

static inline bool model_has_expired(const struct booking *booking, int64_t now)
{
    return booking->state == BOOKING_HELD && booking->expires_at <= now;
}

/* Whether the car is free, ending expired holds that are met before something is in the way. */
static inline bool model_make_way(struct model *model, int car, struct period period, int64_t now)
{
    for (;;) {
        int next = MODEL_NONE;
        for (int i = 0; i < model->booking_count; i++)
            if (model->booking_cars[i] == car && model_is_active(&model->bookings[i]) &&
                model_overlap(model_occupied(&model->bookings[i]), period) &&
                (next == MODEL_NONE || model_occupied(&model->bookings[i]).return_at <
                                           model_occupied(&model->bookings[next]).return_at))
                next = i;
        if (next == MODEL_NONE)
            return true;
        if (!model_has_expired(&model->bookings[next], now))
            return false;
        model_change(model, next, BOOKING_EXPIRED);
    }
}

static inline enum store_result model_book(struct model *model, const struct booking *booking,
                                           int64_t now)
{
    int car = model_car_numbered(model->store, booking->car);
    if (car == MODEL_NONE)
        return STORE_CAR_CHANGED;
    const struct model_car *is = &model->store[car];
    if (!is->offered || is->day_price != booking->day_price ||
        is->hour_price != booking->hour_price || strcmp(is->location, booking->location) != 0 ||
        strcmp(is->category, booking->category) != 0 || is->turnaround != booking->turnaround)
        return STORE_CAR_CHANGED;
    if (!model_make_way(model, car, model_occupied(booking), now))
        return STORE_CAR_TAKEN;
    assert_true(model->booking_count < MODEL_BOOKINGS);
    model->booking_cars[model->booking_count] = car;
    model->bookings[model->booking_count++] = *booking;
    model_expect(model, EVENT_TAKEN, booking);
    return STORE_OK;
}

/* Confirm, cancel, expire or show. */
static inline enum store_result model_run(struct model *model, enum store_operation operation,
                                          const struct booking *asked, int64_t now)
{
    int found = model_find_booking(model, asked->id);
    bool any_channel = operation == STORE_EXPIRE && !*asked->channel;
    if (found == MODEL_NONE ||
        (!any_channel && strcmp(model->bookings[found].channel, asked->channel) != 0))
        return STORE_NOT_FOUND;
    struct booking *booking = &model->bookings[found];
    switch (operation) {
    case STORE_CONFIRM:
        if (model_has_expired(booking, now))
            model_change(model, found, BOOKING_EXPIRED);
        if (booking->state != BOOKING_HELD)
            return STORE_WRONG_STATE;
        model_change(model, found, BOOKING_BOOKED);
        return STORE_OK;
    case STORE_CANCEL:
        if (!model_is_active(booking) || model_has_expired(booking, now) ||
            (booking->state == BOOKING_BOOKED && (int64_t)booking->period.pickup_at * 60 <= now))
            return STORE_WRONG_STATE;
        model_change(model, found, BOOKING_CANCELLED);
        return STORE_OK;
    case STORE_EXPIRE:
        if (!model_has_expired(booking, now))
            return STORE_WRONG_STATE;
        model_change(model, found, BOOKING_EXPIRED);
        return STORE_OK;
    default:
        return STORE_OK;
    }
}

/* Gives cars without a turnaround of their own that for all. */
static inline void model_spread_turnaround(struct model *model)
{
    for (int i = 0; i < MODEL_CARS; i++) {
        struct model_car *car = &model->store[i];
        car->turnaround = car->own_turnaround < 0 ? model->turnaround : car->own_turnaround;
    }
}

/* Replaces the fleet; whether that changes anything. New cars get their numbers elsewhere. */
static inline bool model_import(struct model *model, const struct model_car *fleet,
                                struct store_import_report *report)
{
    *report = (struct store_import_report){0};
    for (int i = 0; i < MODEL_CARS; i++) {
        struct model_car *is = &model->store[i];
        const struct model_car *is_to_be = &fleet[i];
        if (!is_to_be->offered) {
            report->withdrawn += is->offered;
            is->offered = false;
            continue;
        }
        bool same = is->day_price == is_to_be->day_price &&
                    is->hour_price == is_to_be->hour_price &&
                    is->own_turnaround == is_to_be->own_turnaround &&
                    strcmp(is->location, is_to_be->location) == 0 &&
                    strcmp(is->category, is_to_be->category) == 0;
        report->added += !is->offered;
        report->changed += is->offered && !same;
        report->unchanged += is->offered && same;
        int64_t number = is->number;
        bool known = is->known;
        *is = *is_to_be;
        is->number = number;
        is->known = known;
    }
    model_spread_turnaround(model);
    return report->added || report->changed || report->withdrawn;
}

/* --- the inventory --------------------------------------------------------------------------- */

/* Whether nobody has the car. */
static inline bool model_is_clear(const struct model *model, int car, struct period period)
{
    for (int i = 0; i < model->booking_count; i++)
        if (model->booking_cars[i] == car && model_is_active(&model->bookings[i]) &&
            model_overlap(model_occupied(&model->bookings[i]), period))
            return false;
    for (int i = 0; i < model->claim_count; i++)
        if (model->claims[i].car == car && model->claims[i].state == CLAIM_HELD &&
            model_overlap(model->claims[i].period, period))
            return false;
    return true;
}

/* Whether a rental can have it. */
static inline bool model_is_free(const struct model *model, int car, struct period rental)
{
    if (rental.pickup_at < model->since)
        return false;
    rental.return_at += model->index[car].turnaround;
    return model_is_clear(model, car, rental);
}

static inline bool model_is_offered(const struct model *model, int car)
{
    return model->index[car].known && model->index[car].offered;
}

static inline bool model_fits(const struct model_car *car, const struct criteria *criteria)
{
    if (*criteria->location && strcmp(criteria->location, car->location) != 0)
        return false;
    for (int i = 0; *criteria->category && i < CAR_CATEGORY_SIZE; i++)
        if (criteria->category[i] != '*' && criteria->category[i] != car->category[i])
            return false;
    return true;
}

/* The cheapest free car; of several the one whose carid, and so whose index, comes first. */
static inline int model_find(const struct model *model, const struct criteria *criteria)
{
    int best = MODEL_NONE;
    for (int i = 0; i < MODEL_CARS; i++)
        if (model_is_offered(model, i) && model_fits(&model->index[i], criteria) &&
            (best == MODEL_NONE || model->index[i].day_price < model->index[best].day_price) &&
            model_is_free(model, i, criteria->period))
            best = i;
    return best;
}

/* A period was taken: claims that another's booking overlaps are lost, its own has come true. */
static inline void model_taken(struct model *model, const struct store_event *event)
{
    struct model_claim *own = NULL;
    for (int i = 0; i < model->claim_count; i++)
        if (strcmp(model->claims[i].id, event->booking_id) == 0)
            own = &model->claims[i];
    bool was_held = own && own->state == CLAIM_HELD;
    int car = model_car_numbered(model->index, event->car);
    for (int i = 0; i < model->claim_count && !was_held; i++)
        if (model->claims[i].car == car && model->claims[i].state == CLAIM_HELD &&
            event->period.return_at > model->since && /* what is over is forgotten */
            model->claims[i].period.return_at > model->since &&
            model_overlap(model->claims[i].period, event->period)) {
            model->claims[i].state = CLAIM_LOST;
            model->claims_lost++;
        }
    if (own)
        own->state = CLAIM_COMMITTED;
}

/* The inventory has loaded what the store had at a time. */
static inline void model_loaded(struct model *model, const struct model_car *cars, int32_t since)
{
    memcpy(model->index, cars, sizeof model->index);
    model->since = since;
    model->fleet++;
    for (int i = 0; i < model->claim_count; i++)
        if (model->claims[i].state == CLAIM_HELD)
            model->claims[i].state = CLAIM_LOST;
    for (int i = 0; i < model->claim_count; i++) {
        struct model_claim *claim = &model->claims[i];
        /* What has begun before `since` is not asked for, but it can be kept. */
        struct period rest = claim->period;
        if (rest.pickup_at < since)
            rest.pickup_at = since;
        if (claim->state == CLAIM_LOST && rest.pickup_at < rest.return_at &&
            model_is_clear(model, claim->car, rest))
            claim->state = CLAIM_HELD;
    }
}

#endif
