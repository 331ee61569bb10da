/* The store: what the operator's desk does and sees. */
#include "tests/unit/booking-main/store/one_desk.h"

static struct desk_outcome outcome;

static struct desk_act act_at(int64_t now)
{
    return (struct desk_act){.actor = "ann", .reason = "asked for", .now = now};
}

static enum desk_result move(const char *id, int32_t return_at, const char *carid, int64_t seen)
{
    struct desk_act act = act_at(UNIT_NOW);
    struct desk_change change = {return_at, carid};
    act.seen = seen;
    return desk_change(desk, id, &change, &act, &outcome, &error);
}

static enum desk_result block(const char *carid, int32_t from, int32_t to)
{
    struct desk_act act = act_at(UNIT_NOW);
    return desk_block(desk, carid, (struct period){from, to}, &act, &outcome, &error);
}

static enum desk_result cancel(const char *id, int64_t now)
{
    struct desk_act act = act_at(now);
    return desk_cancel(desk, id, &act, &outcome, &error);
}

/* --- history --------------------------------------------------------------------------------- */

static char history[1024];

static bool add_entry(void *context, const struct desk_history_entry *entry)
{
    (void)context;
    size_t size = strlen(history);
    snprintf(history + size, sizeof history - size, "%lld %s %d %s %s %s|", (long long)entry->at,
             entry->what, (int)entry->by, entry->actor, entry->reason, entry->detail);
    return true;
}

static enum desk_result show(const char *id, struct desk_booking *booking)
{
    *history = '\0';
    return desk_show(desk, id, booking, add_entry, NULL, &error);
}

static void a_booking_is_cancelled_for_the_customer(void **state)
{
    (void)state;
    struct desk_booking found;
    assert_int_equal(book("a", 1, 1000, 2000), STORE_OK);
    expect(cancel("nobody", 70000), DESK_NOT_FOUND);
    expect(cancel("a", 70000), DESK_OK); /* its pickup has passed */
    assert_int_equal(outcome.booking.booking.state, BOOKING_CANCELLED);
    assert_int_equal(outcome.booking.version, 2);
    expect(cancel("a", 70000), DESK_WRONG_STATE);
    expect(show("a", &found), DESK_OK);
    assert_int_equal(found.booking.state, BOOKING_CANCELLED);
    assert_string_equal(found.reason, "asked for");
    assert_string_equal(history, "1000 booked 1 kayak  |70000 cancelled 2 ann asked for |");
    assert_int_equal(book("b", 1, 1000, 2000), STORE_OK); /* the car is free */
    expect(cancel("b", 2000 * 60), DESK_WRONG_STATE);     /* it is over */
    expect(show("nobody", &found), DESK_NOT_FOUND);
}

static void what_the_partner_did_is_in_the_history(void **state)
{
    (void)state;
    struct booking booking;
    struct desk_booking found;
    struct unit_request request = hold("a", 500);
    assert_int_equal(unit_run(&engine, &request), STORE_OK);
    assert_int_equal(run_at(STORE_CONFIRM, "a", 499, &booking), STORE_OK);
    assert_int_equal(run_at(STORE_CANCEL, "a", 600, &booking), STORE_OK);
    expect(show("a", &found), DESK_OK);
    assert_string_equal(history, "1000 held 1 kayak  |499 confirmed 1 kayak  |"
                                 "600 cancelled 1 kayak  |");
    assert_int_equal(found.version, 3);
    struct unit_request other = hold("b", 500);
    assert_int_equal(unit_run(&engine, &other), STORE_OK);
    assert_int_equal(run_at(STORE_EXPIRE, "b", 700, &booking), STORE_OK);
    expect(show("b", &found), DESK_OK);
    assert_string_equal(history, "1000 held 1 kayak  |700 expired 3   |");
}

/* --- change ---------------------------------------------------------------------------------- */

static void a_booking_is_extended_and_ended_early(void **state)
{
    (void)state;
    struct desk_booking found;
    assert_int_equal(book("a", 1, 1000, 2000), STORE_OK);
    assert_int_equal(book("b", 1, 3000, 4000), STORE_OK);
    expect(move("a", 3000, NULL, 1), DESK_OK);
    assert_int_equal(outcome.booking.booking.period.return_at, 3000);
    expect(move("a", 2500, NULL, 1), DESK_CHANGED);
    assert_int_equal(outcome.booking.booking.period.return_at, 3000);
    assert_int_equal(outcome.booking.version, 2);
    expect(move("a", 3001, NULL, 0), DESK_IN_THE_WAY);
    assert_int_equal(outcome.collision_count, 1);
    assert_string_equal(outcome.collisions[0].booking.id, "b");
    assert_int_equal(outcome.booking.booking.period.return_at, 3000);
    expect(move("a", 1000, NULL, 0), DESK_INVALID);
    expect(move("a", 1000 + 90 * 1440 + 1, NULL, 0), DESK_INVALID);
    expect(move("a", 1500, NULL, 0), DESK_OK);
    expect(show("a", &found), DESK_OK);
    assert_int_equal(found.version, 3);
    assert_string_equal(history,
                        "1000 booked 1 kayak  |1000 changed 2 ann asked for return_at "
                        "1970-01-02T09:20:00Z -> 1970-01-03T02:00:00Z|1000 changed 2 ann asked for "
                        "return_at 1970-01-03T02:00:00Z -> 1970-01-02T01:00:00Z|");
    assert_int_equal(book("c", 1, 1500, 3000), STORE_OK);
}

static void a_booking_is_moved_to_another_car(void **state)
{
    (void)state;
    assert_int_equal(book("a", 1, 1000, 2000), STORE_OK);
    assert_int_equal(book("b", 2, 1999, 3000), STORE_OK);
    expect(move("a", DESK_ANY_TIME, "no-car", 0), DESK_UNKNOWN_CAR);
    expect(move("a", DESK_ANY_TIME, "car-2", 0), DESK_IN_THE_WAY);
    assert_string_equal(outcome.booking.booking.carid, "car-1");
    size_t before = engine.event_count;
    expect(move("b", DESK_ANY_TIME, "car-1", 0), DESK_IN_THE_WAY);
    expect(move("b", DESK_ANY_TIME, "car-3", 0), DESK_OK);
    assert_string_equal(outcome.booking.booking.carid, "car-3");
    assert_int_equal(outcome.booking.booking.total, 5500); /* as booked */
    expect(move("a", DESK_ANY_TIME, "car-2", 0), DESK_OK);
    unit_run_until_events(&engine, before + 4);
    assert_int_equal(engine.events[before].kind, EVENT_RELEASED);
    assert_int_equal(engine.events[before].car, 2);
    assert_int_equal(engine.events[before + 1].kind, EVENT_TAKEN);
    assert_int_equal(engine.events[before + 1].car, 3);
    assert_int_equal(engine.events[before + 1].period.pickup_at, 1999);
    assert_int_equal(book("c", 1, 1000, 2000), STORE_OK);
    assert_int_equal(book("d", 2, 1000, 2000), STORE_CAR_TAKEN);
}

static void an_expired_hold_is_not_in_the_way(void **state)
{
    (void)state;
    struct desk_booking found;
    struct unit_request request = hold("a", 500);
    assert_int_equal(unit_run(&engine, &request), STORE_OK);
    expect(block("car-1", 1500, 2500), DESK_OK); /* now is 1000 */
    expect(show("a", &found), DESK_OK);
    assert_int_equal(found.booking.state, BOOKING_EXPIRED);
}

static void a_car_that_is_back_is_free(void **state)
{
    (void)state;
    struct desk_act act = act_at(1200 * 60 + 1);
    struct desk_booking found;
    assert_int_equal(book("a", 1, 1000, 2000), STORE_OK);
    expect(desk_returned(desk, "a", &act, &outcome, &error), DESK_OK);
    assert_int_equal(outcome.booking.booking.period.return_at, 1201);
    expect(desk_returned(desk, "a", &act, &outcome, &error), DESK_WRONG_STATE);
    expect(show("a", &found), DESK_OK);
    assert_int_equal(found.returned_at, act.now);
    assert_int_equal(book("b", 1, 1201, 2000), STORE_OK);
    act.now = 2500 * 60; /* late */
    expect(desk_returned(desk, "b", &act, &outcome, &error), DESK_OK);
    assert_int_equal(outcome.booking.booking.period.return_at, 2000);
    assert_int_equal(book("c", 1, 2000, 3000), STORE_OK);
    act.now = 1999 * 60;
    expect(desk_returned(desk, "c", &act, &outcome, &error), DESK_WRONG_STATE); /* not out */
}

/* --- block ----------------------------------------------------------------------------------- */

static void a_blocked_car_is_not_sold(void **state)
{
    (void)state;
    struct desk_booking found;
    assert_int_equal(book("a", 1, 1000, 2000), STORE_OK);
    expect(block("car-1", 1500, 2500), DESK_IN_THE_WAY);
    assert_int_equal(outcome.collision_count, 1);
    assert_string_equal(outcome.collisions[0].booking.id, "a");
    assert_string_equal(outcome.booking.booking.id, "");
    expect(block("no-car", 1500, 2500), DESK_UNKNOWN_CAR);
    expect(block("car-1", 2500, 2500), DESK_INVALID);
    expect(block("car-1", 2000, 2500), DESK_OK);
    char id[BOOKING_ID_SIZE + 1];
    memcpy(id, outcome.booking.booking.id, sizeof id);
    assert_true(booking_id_valid(id));
    assert_int_equal(book("b", 1, 2400, 2600), STORE_CAR_TAKEN);
    expect(move("a", 2001, NULL, 0), DESK_IN_THE_WAY);
    expect(cancel(id, UNIT_NOW), DESK_WRONG_STATE);
    struct desk_act act = act_at(UNIT_NOW);
    expect(desk_unblock(desk, "a", &act, &outcome, &error), DESK_NOT_FOUND);
    act.now = 2100 * 60; /* it has begun */
    expect(desk_unblock(desk, id, &act, &outcome, &error), DESK_OK);
    assert_int_equal(outcome.booking.booking.period.return_at, 2100);
    expect(desk_unblock(desk, id, &act, &outcome, &error), DESK_WRONG_STATE);
    assert_int_equal(book("b", 1, 2100, 2600), STORE_OK);
    expect(show(id, &found), DESK_OK);
    assert_string_equal(history, "1000 blocked 2 ann asked for |126000 released 2 ann asked for to "
                                 "1970-01-02T17:40:00Z -> 1970-01-02T11:00:00Z|");
    expect(block("car-2", 1500, 2500), DESK_OK);
    memcpy(id, outcome.booking.booking.id, sizeof id);
    act.now = UNIT_NOW;
    expect(desk_unblock(desk, id, &act, &outcome, &error), DESK_OK);
    assert_int_equal(outcome.booking.booking.state, BOOKING_CANCELLED);
    assert_int_equal(book("c", 2, 1000, 2000), STORE_OK);
}

/* --- turnaround ------------------------------------------------------------------------------ */

static enum store_result book_with(const char *id, int32_t pickup_at, int32_t return_at,
                                   int32_t turnaround)
{
    struct unit_request request = unit_booking(id, 1, pickup_at, return_at);
    request.store.booking.turnaround = turnaround;
    return unit_run(&engine, &request);
}

static void turnaround_lies_behind_a_return(void **state)
{
    (void)state;
    int32_t minutes = -1;
    assert_int_equal(book("a", 1, 1000, 2000), STORE_OK);
    assert_int_equal(book("b", 1, 2000, 3000), STORE_OK); /* before */
    assert_true(desk_turnaround(desk, &minutes, &error));
    assert_int_equal(minutes, 0);
    size_t before = engine.event_count;
    assert_true(desk_set_turnaround(desk, 60, &error));
    assert_true(desk_turnaround(desk, &minutes, &error));
    assert_int_equal(minutes, 60);
    unit_run_until_events(&engine, before + 1);
    assert_int_equal(engine.events[before].kind, EVENT_FLEET);
    assert_int_equal(book("c", 1, 3000, 4000), STORE_CAR_CHANGED); /* an engine that is behind */
    assert_int_equal(book_with("c", 3000, 4000, 60), STORE_OK);
    assert_int_equal(book_with("d", 4059, 5000, 60), STORE_CAR_TAKEN);
    assert_int_equal(book_with("d", 4060, 5000, 60), STORE_OK);
    assert_int_equal(book_with("e", 500, 1000, 60), STORE_CAR_TAKEN);
    assert_int_equal(book_with("e", 500, 940, 60), STORE_OK);
    expect(move("c", 4001, NULL, 0), DESK_IN_THE_WAY);
    expect(move("c", 3900, NULL, 0), DESK_OK);
    expect(block("car-1", 3900, 3960), DESK_IN_THE_WAY);
    expect(block("car-1", 3960, 4060), DESK_OK); /* none behind a block */
}

/* --- finding --------------------------------------------------------------------------------- */

static char found_ids[512];

static bool add_id(void *context, const struct desk_booking *booking)
{
    (void)context;
    size_t size = strlen(found_ids);
    snprintf(found_ids + size, sizeof found_ids - size, "%s ", booking->booking.id);
    return true;
}

static const char *find(const struct desk_filter *filter)
{
    *found_ids = '\0';
    if (!desk_find_bookings(desk, filter, NULL, 10, add_id, NULL, &error))
        fail_msg("%s", error.data);
    return found_ids;
}

static void book_one(const char *id, int64_t car, int32_t pickup_at, const char *channel,
                     const char *reference, int64_t now)
{
    struct unit_request request = unit_booking(id, car, pickup_at, pickup_at + 100);
    snprintf(request.store.booking.channel, sizeof request.store.booking.channel, "%s", channel);
    snprintf(request.store.booking.reference, sizeof request.store.booking.reference, "%s",
             reference);
    request.store.now = now;
    assert_int_equal(unit_run(&engine, &request), STORE_OK);
}

static void bookings_are_found(void **state)
{
    (void)state;
    struct desk_filter filter = desk_filter_any();
    book_one("a", 1, 3000, "kayak", "R1", 100);
    book_one("b", 2, 1000, "airbnb", "R2", 200);
    book_one("c", 1, 2000, "kayak", "R2", 300);
    book_one("d", 2, 4000, "airbnb", "", 300);
    expect(block("car-2", 2000, 2100), DESK_OK);
    expect(cancel("d", 1000), DESK_OK);
    assert_string_equal(find(&filter), "d c b a ");
    filter.order = DESK_BY_PICKUP;
    assert_string_equal(find(&filter), "b c a d ");
    filter.pickup_from = 2000;
    assert_string_equal(find(&filter), "c a d ");
    filter.pickup_to = 3000;
    assert_string_equal(find(&filter), "c ");
    filter.order = DESK_NEWEST_FIRST;
    assert_string_equal(find(&filter), "c ");
    filter = desk_filter_any();
    filter.return_from = 2100;
    filter.return_to = 3101;
    assert_string_equal(find(&filter), "c a ");
    filter = desk_filter_any();
    snprintf(filter.reference, sizeof filter.reference, "R2");
    assert_string_equal(find(&filter), "c b ");
    snprintf(filter.channel, sizeof filter.channel, "airbnb");
    assert_string_equal(find(&filter), "b ");
    filter = desk_filter_any();
    snprintf(filter.carid, sizeof filter.carid, "car-2");
    assert_string_equal(find(&filter), "d b ");
    snprintf(filter.q, sizeof filter.q, "car-1");
    assert_string_equal(find(&filter), "");
    filter = desk_filter_any();
    snprintf(filter.q, sizeof filter.q, "R2");
    assert_string_equal(find(&filter), "c b ");
    snprintf(filter.q, sizeof filter.q, "a");
    assert_string_equal(find(&filter), "a ");
    snprintf(filter.q, sizeof filter.q, "car-1");
    assert_string_equal(find(&filter), "c a ");
    snprintf(filter.q, sizeof filter.q, "no such thing' OR 1=1 --");
    assert_string_equal(find(&filter), "");
    filter = desk_filter_any();
    filter.state = BOOKING_CANCELLED;
    assert_string_equal(find(&filter), "d ");
    filter.state = BOOKING_BLOCKED;
    assert_int_equal(strlen(find(&filter)), BOOKING_ID_SIZE + 1);
    filter = desk_filter_any();
    snprintf(filter.location, sizeof filter.location, "PAR");
    assert_string_equal(find(&filter), "");
}

static bool keep_last(void *context, const struct desk_booking *booking)
{
    *(struct desk_booking *)context = *booking;
    return true;
}

static void pages_follow_each_other(void **state)
{
    (void)state;
    struct desk_filter filter = desk_filter_any();
    struct desk_booking last = {0};
    struct desk_place place;
    for (int i = 0; i < 25; i++) {
        char id[8];
        snprintf(id, sizeof id, "b%02d", i);
        book_one(id, 1, 1000 + 100 * i, "kayak", "", 100 + i / 10); /* ten in a second */
    }
    for (int order = 0; order < 2; order++) {
        filter.order = order ? DESK_BY_PICKUP : DESK_NEWEST_FIRST;
        *found_ids = '\0';
        for (int page = 0; page < 9; page++) {
            if (!desk_find_bookings(desk, &filter, page ? &place : NULL, 3, add_id, NULL, &error) ||
                !desk_find_bookings(desk, &filter, page ? &place : NULL, 3, keep_last, &last,
                                    &error))
                fail_msg("%s", error.data);
            place = desk_place_of(&filter, &last);
        }
        assert_int_equal(strlen(found_ids), 25 * 4);
        assert_memory_equal(found_ids, order ? "b00 b01 " : "b24 b23 ", 8);
    }
    *found_ids = '\0';
    assert_true(desk_export_bookings(desk, &filter, add_id, NULL, &error));
    assert_int_equal(strlen(found_ids), 25 * 4);
}

/* --- looking --------------------------------------------------------------------------------- */

static char seen[2048];

static bool add_car(void *context, const struct desk_car *car)
{
    (void)context;
    size_t size = strlen(seen);
    snprintf(seen + size, sizeof seen - size, "%s/%s/%s ", car->carid, car->location,
             car->category);
    return true;
}

static bool add_bar(void *context, const struct desk_booking *booking)
{
    (void)context;
    size_t size = strlen(seen);
    snprintf(seen + size, sizeof seen - size, "[%s] ", booking->booking.id);
    return true;
}

static void the_calendar_has_a_row_for_each_car(void **state)
{
    (void)state;
    struct desk_car_filter any = {.q = ""};
    book_one("a", 1, 3000, "kayak", "", 100);
    book_one("b", 1, 1000, "kayak", "", 100);
    book_one("c", 2, 1000, "kayak", "", 100);
    *seen = '\0';
    assert_true(desk_calendar(desk, &any, NULL, 10, (struct period){0, 9000}, add_car, add_bar,
                              NULL, &error));
    assert_string_equal(seen, "car-1/NCE/ECMR [b] [a] car-2/NCE/ECMR [c] car-3/PAR/CDMR ");
    *seen = '\0';
    assert_true(desk_calendar(desk, &any, "car-2", 1, (struct period){0, 9000}, add_car, add_bar,
                              NULL, &error));
    assert_string_equal(seen, "car-3/PAR/CDMR ");
    *seen = '\0';
    assert_true(desk_calendar(desk, &any, NULL, 10, (struct period){1100, 3000}, add_car, add_bar,
                              NULL, &error));
    assert_string_equal(seen, "car-1/NCE/ECMR car-2/NCE/ECMR car-3/PAR/CDMR ");
    struct desk_car_filter filter = {.q = "car-", .location = "PAR", .category = "CDMR"};
    *seen = '\0';
    assert_true(desk_find_cars(desk, &filter, NULL, 10, add_car, NULL, &error));
    assert_string_equal(seen, "car-3/PAR/CDMR ");
    unit_import(&engine, "car-2,ECMR,NCE,55.00,10.00,EUR\n");
    *seen = '\0';
    assert_true(desk_find_cars(desk, &any, NULL, 0, add_car, NULL, &error));
    assert_string_equal(seen, "car-2/NCE/ECMR ");
    any.withdrawn = true;
    *seen = '\0';
    assert_true(desk_find_cars(desk, &any, NULL, 0, add_car, NULL, &error));
    assert_string_equal(seen, "car-1/NCE/ECMR car-2/NCE/ECMR car-3/PAR/CDMR ");
}

static bool add_to_day(void *context, enum desk_day_list list, const struct desk_booking *booking)
{
    (void)context;
    size_t size = strlen(seen);
    snprintf(seen + size, sizeof seen - size, "%d:%.1s ", (int)list,
             list == DESK_BLOCKS ? "x" : booking->booking.id);
    return true;
}

static bool add_count(void *context, enum desk_day_list list, int64_t count)
{
    (void)context;
    size_t size = strlen(seen);
    snprintf(seen + size, sizeof seen - size, "%d=%d ", (int)list, (int)count);
    return true;
}

static bool add_sales(void *context, const struct desk_sales *sales)
{
    (void)context;
    size_t size = strlen(seen);
    snprintf(seen + size, sizeof seen - size, "%s %d %d ", sales->channel, (int)sales->count,
             (int)sales->total);
    return true;
}

static void a_day_has_its_overview(void **state)
{
    (void)state;
    const struct desk_day_reader reader = {NULL, add_to_day, add_sales, add_count};
    struct unit_request held = hold("h", 1500 * 60);
    held.store.booking.car = 2;
    book_one("a", 1, 1400, "kayak", "", 100);        /* back at 1500 */
    book_one("b", 1, 1600, "airbnb", "", 1500 * 60); /* sold on the day */
    book_one("c", 1, 1700, "airbnb", "", 1500 * 60 + 1);
    book_one("d", 1, 4000, "kayak", "", 1500 * 60);
    assert_int_equal(unit_run(&engine, &held), STORE_OK);
    expect(block("car-3", 1000, 1700), DESK_OK);
    *seen = '\0';
    assert_true(desk_day(desk, (struct period){1440, 2880}, "", 1000 * 60, &reader, &error));
    assert_string_equal(seen, "0:b 0:c 0=2 1:a 1:b 1:c 1=3 2=0 3:x 3=1 4:h 4=1 "
                              "airbnb 2 11000 kayak 1 5500 ");
    *seen = '\0';
    assert_true(desk_day(desk, (struct period){1440, 2880}, "NCE", 1550 * 60, &reader, &error));
    assert_string_equal(seen, "0:b 0:c 0=2 1:a 1:b 1:c 1=3 2:a 2=1 3=0 4=0 "
                              "airbnb 2 11000 kayak 1 5500 ");
}

/* --- giving up ------------------------------------------------------------------------------- */

static bool cancel_meanwhile(void *context, const struct desk_booking *booking)
{
    (void)context;
    (void)booking;
    desk_cancel_call(desk);
    return true;
}

/* A job may have several calls, and be cancelled just where one of them has ended well. */
static void what_is_begun_after_a_cancel_fails(void **state)
{
    (void)state;
    struct desk_filter any = desk_filter_any();
    book_one("a", 1, 1000, "kayak", "", 1);
    (void)desk_find_bookings(desk, &any, NULL, 9, cancel_meanwhile, NULL, &error);
    buffer_clear(&error);
    assert_false(desk_find_bookings(desk, &any, NULL, 9, cancel_meanwhile, NULL, &error));
    assert_non_null(strstr(error.data, "given up"));
    expect(cancel("a", UNIT_NOW), DESK_FAILED);
    assert_int_equal(book("b", 2, 1000, 2000), STORE_OK); /* others go on */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DESK_BOTH(a_booking_is_cancelled_for_the_customer),
        DESK_BOTH(what_the_partner_did_is_in_the_history),
        DESK_BOTH(a_booking_is_extended_and_ended_early),
        DESK_BOTH(a_booking_is_moved_to_another_car),
        DESK_BOTH(an_expired_hold_is_not_in_the_way),
        DESK_BOTH(a_car_that_is_back_is_free),
        DESK_BOTH(a_blocked_car_is_not_sold),
        DESK_BOTH(turnaround_lies_behind_a_return),
        DESK_BOTH(bookings_are_found),
        DESK_BOTH(pages_follow_each_other),
        DESK_BOTH(the_calendar_has_a_row_for_each_car),
        DESK_BOTH(a_day_has_its_overview),
        DESK_BOTH(what_is_begun_after_a_cancel_fails),
    };
    return run_on_store("store: the operator's desk", tests);
}
