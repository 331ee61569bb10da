/* What must agree in the world of test_inventory.c: the inventory's answers with the model's, and
 * the whole store with the whole model. */
#ifndef TESTS_UNIT_BOOKING_MAIN_INVENTORY_INVENTORY_CHECKS_H
#define TESTS_UNIT_BOOKING_MAIN_INVENTORY_INVENTORY_CHECKS_H

#include "tests/unit/booking-main/inventory/inventory_world.h"

/* --- the inventory ------------------------------------------------------------------------- */

static inline uint32_t position_of(int car)
{
    return catalog_by_number(inventory_catalog(world.inventory), world.model.index[car].number);
}

static inline void check_finds(int count)
{
    const struct catalog *catalog = inventory_catalog(world.inventory);
    for (int i = 0; i < count; i++) {
        struct criteria criteria = random_criteria();
        uint32_t found = inventory_find(world.inventory, &criteria);
        int wanted = model_find(&world.model, &criteria);
        check((found == CATALOG_NONE) == (wanted == MODEL_NONE), "a car is found, or is not");
        check(found == CATALOG_NONE || strcmp(catalog_carid(catalog, catalog_car(catalog, found)),
                                              model_carid(wanted)) == 0,
              "another car is found");
    }
}

static inline void check_cars(int count)
{
    for (int i = 0; i < count; i++) {
        int car = (int)pick(MODEL_CARS);
        struct period period = random_period();
        if (!world.model.index[car].known)
            continue;
        bool is_free = inventory_is_free(world.inventory, position_of(car), period);
        check(is_free ==
                  (model_is_offered(&world.model, car) && model_is_free(&world.model, car, period)),
              "a car is free, or is not");
    }
}

static inline void check_claims(void)
{
    for (int i = 0; i < world.model.claim_count; i++)
        check((int)world.flows[i]->claim.state == world.model.claims[i].state, "a claim's state");
}

static inline void check_catalog(const struct catalog *catalog, const struct model_car *cars)
{
    uint32_t known = 0;
    for (int i = 0; i < MODEL_CARS; i++) {
        uint32_t position = catalog_by_carid(catalog, model_carid(i));
        check((position != CATALOG_NONE) == cars[i].known, "a car in the catalog");
        if (position == CATALOG_NONE)
            continue;
        const struct catalog_car *car = catalog_car(catalog, position);
        known++;
        check(car->number == cars[i].number &&
                  catalog_by_number(catalog, car->number) == position &&
                  car->offered == cars[i].offered && car->day_price == cars[i].day_price &&
                  car->hour_price == cars[i].hour_price && car->turnaround == cars[i].turnaround &&
                  strcmp(catalog_location(catalog, car), cars[i].location) == 0 &&
                  memcmp(car->category, cars[i].category, CAR_CATEGORY_SIZE) == 0,
              "what the catalog says of a car");
    }
    check(known == catalog_count(catalog), "cars in the catalog");
}

/* Holds that the clock says have expired. */
static inline int overdue(void)
{
    int count = 0;
    for (int i = 0; i < world.model.booking_count; i++)
        count += model_has_expired(&world.model.bookings[i], wall_clock);
    return count;
}

/* --- the store's snapshot -------------------------------------------------------------------- */

static int cars_read, taken_read;

static inline bool on_begin(void *context, const char *currency, size_t cars)
{
    (void)context, (void)cars;
    cars_read = taken_read = 0;
    check(strcmp(currency, "EUR") == 0, "the currency");
    return true;
}

static inline bool on_car(void *context, const struct store_car *read)
{
    (void)context;
    int car = atoi(read->carid + strlen("car-"));
    struct model_car *is = &world.model.store[car];
    if (!is->known) /* the store gives the number */
        is->number = read->number;
    is->known = true;
    cars_read++;
    check(is->number == read->number && strcmp(model_carid(car), read->carid) == 0 &&
              is->offered == read->offered && is->day_price == read->day_price &&
              is->hour_price == read->hour_price && is->turnaround == read->turnaround &&
              strcmp(is->location, read->location) == 0 &&
              strcmp(is->category, read->category) == 0,
          "what the store says of a car");
    return true;
}

static inline bool on_taken(void *context, const struct store_event *event)
{
    (void)context;
    int booking = model_find_booking(&world.model, event->booking_id);
    check(booking != MODEL_NONE, "a booking in the store");
    const struct booking *is = &world.model.bookings[booking];
    struct period occupied = model_occupied(is);
    taken_read++;
    check(model_is_active(is) && is->car == event->car &&
              occupied.pickup_at == event->period.pickup_at &&
              occupied.return_at == event->period.return_at &&
              (is->state == BOOKING_HELD ? is->expires_at : 0) == event->expires_at,
          "what the store says of a booking");
    return true;
}

/* All of the store beside all of the model. */
static inline void check_store(void)
{
    struct store_snapshot_reader reader = {NULL, on_begin, on_car, on_taken};
    struct buffer error;
    int64_t last_event = 0;
    int active = 0, cars = 0;
    buffer_init(&error, 1024);
    if (!store_read_snapshot(world.engine.store, INT32_MIN + 1, &reader, &last_event, &error))
        fail_msg("%s", error.data);
    buffer_free(&error);
    for (int i = 0; i < world.model.booking_count; i++)
        active += model_is_active(&world.model.bookings[i]);
    for (int i = 0; i < MODEL_CARS; i++)
        cars += world.model.store[i].known;
    check(active == taken_read && cars == cars_read, "as many in the store as in the model");
}

#endif
