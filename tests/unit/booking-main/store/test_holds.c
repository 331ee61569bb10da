/* The store: holds, and how they end. */
#include "tests/unit/booking-main/store/one_engine.h"

static void check_event(size_t place, enum store_event_kind kind, const char *id,
                        int64_t expires_at)
{
    assert_true(place < engine.event_count);
    const struct store_event *event = &engine.events[place];
    assert_int_equal(event->kind, kind);
    assert_string_equal(event->booking_id, id);
    assert_int_equal(event->car, 1);
    assert_int_equal(event->period.pickup_at, 1000);
    assert_int_equal(event->period.return_at, 2000);
    assert_int_equal(event->expires_at, expires_at);
}

static void a_hold_is_confirmed_and_cancelled(void **state)
{
    (void)state;
    struct booking booking;
    struct unit_request request = hold("a", 500);
    request.store.now = 400;
    assert_int_equal(unit_run(&engine, &request), STORE_OK);
    assert_int_equal(run_at(STORE_CONFIRM, "x", 499, &booking), STORE_NOT_FOUND);
    assert_int_equal(run_at(STORE_CONFIRM, "a", 499, &booking), STORE_OK);
    assert_int_equal(booking.state, BOOKING_BOOKED);
    assert_int_equal(booking.expires_at, 500); /* a hold that was */
    assert_int_equal(run_at(STORE_CONFIRM, "a", 499, &booking), STORE_WRONG_STATE);
    assert_int_equal(booking.state, BOOKING_BOOKED);
    assert_int_equal(run_at(STORE_EXPIRE, "a", 9999, &booking), STORE_WRONG_STATE);
    assert_int_equal(run_at(STORE_CANCEL, "a", 9999, &booking), STORE_OK);
    assert_int_equal(booking.state, BOOKING_CANCELLED);
    assert_int_equal(run_at(STORE_CANCEL, "a", 9999, &booking), STORE_WRONG_STATE);
    assert_int_equal(booking.state, BOOKING_CANCELLED);
    assert_int_equal(run_at(STORE_CONFIRM, "a", 499, &booking), STORE_WRONG_STATE);
    check_event(1, EVENT_TAKEN, "a", 500);
    check_event(2, EVENT_TAKEN, "a", 0);
    check_event(3, EVENT_RELEASED, "a", 0);
    assert_int_equal(engine.event_count, 4);
    assert_int_equal(book("b", 1, 1000, 2000), STORE_OK);
}

static void nothing_is_cancelled_once_the_pickup_has_passed(void **state)
{
    (void)state;
    struct booking booking;
    assert_int_equal(book("a", 1, 1000, 2000), STORE_OK);
    assert_int_equal(run_at(STORE_CANCEL, "a", 60000, &booking), STORE_WRONG_STATE);
    assert_int_equal(booking.state, BOOKING_BOOKED);
    assert_int_equal(run_at(STORE_CANCEL, "a", 59999, &booking), STORE_OK);
}

static void a_hold_is_released_as_long_as_it_is_held(void **state)
{
    (void)state;
    struct booking booking;
    struct unit_request request = hold("a", 70000);
    assert_int_equal(unit_run(&engine, &request), STORE_OK);
    assert_int_equal(run_at(STORE_CANCEL, "a", 70000, &booking), STORE_WRONG_STATE);
    assert_int_equal(booking.state, BOOKING_HELD);
    assert_int_equal(run_at(STORE_CANCEL, "a", 69999, &booking), STORE_OK); /* pickup: 60000 */
    assert_int_equal(booking.state, BOOKING_CANCELLED);
}

static void a_hold_expires_when_it_is_time(void **state)
{
    (void)state;
    struct booking booking;
    struct unit_request request = hold("a", 500), other;
    assert_int_equal(unit_run(&engine, &request), STORE_OK);
    assert_int_equal(run_at(STORE_EXPIRE, "a", 499, &booking), STORE_WRONG_STATE);
    assert_int_equal(booking.state, BOOKING_HELD);
    other = unit_request(STORE_EXPIRE, "a");
    strcpy(other.store.booking.channel, "airbnb");
    other.store.now = 500;
    assert_int_equal(unit_run(&engine, &other), STORE_NOT_FOUND);
    other.store.booking.channel[0] = '\0'; /* any */
    assert_int_equal(unit_run(&engine, &other), STORE_OK);
    assert_int_equal(other.store.booking.state, BOOKING_EXPIRED);
    assert_string_equal(other.store.booking.channel, "kayak");
    assert_int_equal(run_at(STORE_EXPIRE, "a", 500, &booking), STORE_WRONG_STATE);
    assert_int_equal(booking.state, BOOKING_EXPIRED);
    assert_int_equal(run_at(STORE_CONFIRM, "a", 0, &booking), STORE_WRONG_STATE);
    check_event(2, EVENT_RELEASED, "a", 0);
    assert_int_equal(engine.event_count, 3);
}

static void confirming_too_late_ends_the_hold(void **state)
{
    (void)state;
    struct booking booking;
    struct unit_request request = hold("a", 500), recall;
    assert_int_equal(unit_run(&engine, &request), STORE_OK);
    request = unit_request(STORE_CONFIRM, "a");
    request.store.now = 500;
    request.store.answer = unit_answer("key");
    assert_int_equal(unit_run(&engine, &request), STORE_WRONG_STATE);
    assert_int_equal(request.store.booking.state, BOOKING_EXPIRED);
    check_event(2, EVENT_RELEASED, "a", 0);
    recall = unit_request(STORE_RECALL, "");
    recall.store.answer.key = "key";
    assert_int_equal(unit_run(&engine, &recall), STORE_NOT_FOUND); /* only successes are kept */
    /* A clock set back does not bring it back to life. */
    assert_int_equal(run_at(STORE_CONFIRM, "a", 100, &booking), STORE_WRONG_STATE);
}

static void an_expired_hold_gives_way(void **state)
{
    (void)state;
    struct booking booking;
    struct unit_request first = hold("a", 500), second = unit_booking("b", 1, 1999, 3000);
    second.store.now = 499;
    assert_int_equal(unit_run(&engine, &first), STORE_OK);
    assert_int_equal(unit_run(&engine, &second), STORE_CAR_TAKEN);
    second.store.now = 500;
    assert_int_equal(unit_run(&engine, &second), STORE_OK);
    check_event(2, EVENT_RELEASED, "a", 0);
    assert_int_equal(engine.events[3].kind, EVENT_TAKEN);
    assert_string_equal(engine.events[3].booking_id, "b");
    assert_int_equal(run_at(STORE_CONFIRM, "a", 100, &booking), STORE_WRONG_STATE);
    assert_int_equal(booking.state, BOOKING_EXPIRED);
}

static void of_several_in_the_way_the_expired_ones_end(void **state)
{
    (void)state;
    struct booking booking;
    struct unit_request early = hold("a", 500), wide = unit_booking("c", 1, 0, 9000);
    assert_int_equal(unit_run(&engine, &early), STORE_OK);
    assert_int_equal(book("b", 1, 5000, 6000), STORE_OK);
    wide.store.now = 600;
    assert_int_equal(unit_run(&engine, &wide), STORE_CAR_TAKEN);
    assert_int_equal(run_at(STORE_SHOW, "a", 0, &booking), STORE_OK);
    assert_int_equal(booking.state, BOOKING_EXPIRED);
    assert_int_equal(run_at(STORE_SHOW, "c", 0, &booking), STORE_NOT_FOUND);
    check_event(3, EVENT_RELEASED, "a", 0);
    assert_int_equal(engine.event_count, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(a_hold_is_confirmed_and_cancelled),
        BOTH(nothing_is_cancelled_once_the_pickup_has_passed),
        BOTH(a_hold_is_released_as_long_as_it_is_held),
        BOTH(a_hold_expires_when_it_is_time),
        BOTH(confirming_too_late_ends_the_hold),
        BOTH(an_expired_hold_gives_way),
        BOTH(of_several_in_the_way_the_expired_ones_end),
    };
    return run_on_store("store: holds", tests);
}
