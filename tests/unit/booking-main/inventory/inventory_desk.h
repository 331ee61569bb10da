/* The steps of test_inventory.c that are an operator's: blocks, changes of bookings, turnarounds.
 * The desk does each, and then the model is asked what should have come of it. Nothing is overdue
 * then, so no hold that has run out is in the way. */
#ifndef TESTS_UNIT_BOOKING_MAIN_INVENTORY_INVENTORY_DESK_H
#define TESTS_UNIT_BOOKING_MAIN_INVENTORY_INVENTORY_DESK_H

#include "tests/unit/booking-main/inventory/inventory_checks.h"

static struct desk_outcome outcome; /* of the last one */

static inline void check_done(enum desk_result result, enum desk_result wanted)
{
    if (result != wanted)
        fprintf(stderr, "the desk: %d instead of %d\n", (int)result, (int)wanted);
    check(result == wanted, "the result of what the operator does");
    world.in_the_way += result == DESK_IN_THE_WAY;
    pass();
    check(world.model.expected_count == 0, "all events of the operator have come");
}

/* Whether others have the car that the booking wants. */
static inline bool in_the_way(int car, const struct booking *booking)
{
    const struct model *model = &world.model;
    for (int i = 0; i < model->booking_count; i++)
        if (model->booking_cars[i] == car && model_is_active(&model->bookings[i]) &&
            strcmp(model->bookings[i].id, booking->id) != 0 &&
            model_overlap(model_occupied(&model->bookings[i]), model_occupied(booking)))
            return true;
    return false;
}

static inline bool is_partners(const struct booking *booking)
{
    return booking->state == BOOKING_HELD || booking->state == BOOKING_BOOKED;
}

/* One that is not long past, more often than not. */
static inline int any_booking(void)
{
    int count = world.model.booking_count;
    return count - 1 - (int)pick(chance(80) && count > 40 ? 40 : (uint32_t)count);
}

static inline void operator_cancels(const struct desk_act *act, struct buffer *error)
{
    struct booking *booking = &world.model.bookings[any_booking()];
    bool may = is_partners(booking) && (int64_t)booking->period.return_at * 60 > act->now;
    enum desk_result result = desk_cancel(world.desk, booking->id, act, &outcome, error);
    if (may) {
        model_expect(&world.model, EVENT_RELEASED, booking);
        booking->state = BOOKING_CANCELLED;
    }
    check_done(result, may ? DESK_OK : DESK_WRONG_STATE);
}

static inline void operator_unblocks(const struct desk_act *act, struct buffer *error)
{
    struct booking *block = &world.model.bookings[any_booking()];
    for (int i = 0; i < 40 && block->state != BOOKING_BLOCKED; i++)
        block = &world.model.bookings[any_booking()];
    bool begun = (int64_t)block->period.pickup_at * 60 <= act->now;
    enum desk_result wanted = *block->channel                             ? DESK_NOT_FOUND
                              : block->state != BOOKING_BLOCKED           ? DESK_WRONG_STATE
                              : block->period.return_at * 60L <= act->now ? DESK_WRONG_STATE
                                                                          : DESK_OK;
    enum desk_result result = desk_unblock(world.desk, block->id, act, &outcome, error);
    if (wanted == DESK_OK) {
        model_expect(&world.model, EVENT_RELEASED, block);
        if (begun) {
            int32_t end = (int32_t)((act->now + 59) / 60);
            if (end <= block->period.pickup_at)
                end = block->period.pickup_at + 1;
            if (end < block->period.return_at)
                block->period.return_at = end;
            model_expect(&world.model, EVENT_TAKEN, block);
        } else {
            block->state = BOOKING_CANCELLED;
        }
        world.released++;
    }
    check_done(result, wanted);
}

static inline void operator_blocks(const struct desk_act *act, struct buffer *error)
{
    struct model *model = &world.model;
    int car = (int)pick(MODEL_CARS);
    const struct model_car *is = &model->store[car];
    struct booking block = {
        .period = random_period(), .car = is->number, .state = BOOKING_BLOCKED, .hour_price = -1};
    strcpy(block.location, is->location);
    strcpy(block.category, is->category);
    enum desk_result wanted = (int64_t)block.period.return_at * 60 <= act->now ? DESK_INVALID
                              : !is->known                                     ? DESK_UNKNOWN_CAR
                              : in_the_way(car, &block)                        ? DESK_IN_THE_WAY
                                                                               : DESK_OK;
    enum desk_result result =
        desk_block(world.desk, model_carid(car), block.period, act, &outcome, error);
    if (wanted == DESK_OK) {
        strcpy(block.id, outcome.booking.booking.id);
        assert_true(model->booking_count < MODEL_BOOKINGS);
        model->booking_cars[model->booking_count] = car;
        model->bookings[model->booking_count++] = block;
        model_expect(model, EVENT_TAKEN, &block);
        world.blocked++;
    }
    check_done(result, wanted);
}

/* What the booking is to become, and whether that may be. */
static inline enum desk_result model_desk_change(int which, const struct desk_change *change,
                                                 int car, struct booking *changed, int64_t now)
{
    const struct model *model = &world.model;
    const struct booking *is = &model->bookings[which];
    bool moves = change->carid && car != model->booking_cars[which], longer = false;
    *changed = *is;
    if (change->carid && !model->store[car].known)
        return DESK_UNKNOWN_CAR;
    if (!is_partners(is))
        return DESK_WRONG_STATE;
    if (change->return_at != DESK_ANY_TIME && change->return_at != is->period.return_at) {
        if (change->return_at <= is->period.pickup_at ||
            change->return_at - is->period.pickup_at > PERIOD_MAX_DAYS * MINUTES_PER_DAY ||
            (int64_t)change->return_at * 60 <= now - 60)
            return DESK_INVALID;
        longer = change->return_at > is->period.return_at;
        changed->period.return_at = change->return_at;
    }
    if (moves && !model->store[car].offered)
        return DESK_UNKNOWN_CAR;
    if (moves || longer)
        changed->turnaround = model->store[car].turnaround;
    changed->car = model->store[car].number;
    return in_the_way(car, changed) ? DESK_IN_THE_WAY : DESK_OK;
}

static inline void operator_changes(const struct desk_act *act, struct buffer *error)
{
    struct model *model = &world.model;
    int which = any_booking(), car = model->booking_cars[which];
    struct booking *booking = &model->bookings[which], changed;
    struct desk_change change = {.return_at = DESK_ANY_TIME};
    if (chance(60))
        change.return_at =
            booking->period.return_at - MINUTES_PER_DAY / 2 + (int32_t)pick(MINUTES_PER_DAY + 1);
    if (chance(50)) {
        car = (int)pick(MODEL_CARS);
        change.carid = model_carid(car);
    }
    enum desk_result wanted = model_desk_change(which, &change, car, &changed, act->now);
    enum desk_result result = desk_change(world.desk, booking->id, &change, act, &outcome, error);
    bool moves = car != model->booking_cars[which];
    bool extends = changed.period.return_at > booking->period.return_at;
    if (wanted == DESK_OK && (moves || changed.period.return_at != booking->period.return_at)) {
        model_expect(model, EVENT_RELEASED, booking);
        *booking = changed;
        model->booking_cars[which] = car;
        model_expect(model, EVENT_TAKEN, booking);
        world.moved += moves;
        world.extended += extends;
    }
    check_done(result, wanted);
}

static inline void operator_sets_turnaround(struct buffer *error)
{
    struct model *model = &world.model;
    bool under_way = world.loads;
    model->turnaround = (int32_t)random_turnaround();
    model_spread_turnaround(model);
    check(desk_set_turnaround(world.desk, model->turnaround, error), "a turnaround is set");
    pass();
    check(under_way || world.loads, "a turnaround is told of");
}

static inline void operate(void)
{
    struct desk_act act = {.actor = "olga", .reason = "a test", .now = wall_clock};
    struct buffer error;
    if (overdue() || !world.model.booking_count)
        return;
    buffer_init(&error, 1024);
    switch (pick(20)) {
    case 0:
        operator_sets_turnaround(&error);
        break;
    case 1:
    case 2:
        operator_cancels(&act, &error);
        break;
    case 3:
    case 4:
        operator_unblocks(&act, &error);
        break;
    case 5:
    case 6:
    case 7:
        operator_blocks(&act, &error);
        break;
    default:
        operator_changes(&act, &error);
    }
    buffer_free(&error);
    check_store();
}

#endif
