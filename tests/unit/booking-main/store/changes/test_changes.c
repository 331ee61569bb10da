/* The store: what a partner is told of its bookings, whoever changed them. */
#include "tests/unit/booking-main/store/one_desk.h"

#include "lib/json/writer.h"
#include "store/changes/changes.h"

static char told[4096];
static struct changes_end reached;

static bool tell(void *context, const struct change *change)
{
    (void)context;
    size_t size = strlen(told);
    assert_string_equal(change->booking.channel, "kayak");
    assert_int_not_equal(change->at, 0);
    snprintf(told + size, sizeof told - size, "%s %s %s by %s%s%s|",
             change_type(change->what) + strlen("booking."), change->booking.id,
             booking_state_name(change->booking.state), change_by_name(change->by),
             *change->reason ? ": " : "", change->reason);
    return true;
}

static enum desk_result read_on(int64_t after, unsigned limit)
{
    *told = '\0';
    return changes_read(desk, "kayak", after, limit, tell, NULL, &reached, &error);
}

static struct desk_act operator_at(int64_t now)
{
    return (struct desk_act){.actor = "ann", .reason = "asked for", .now = now};
}

static void cancel_at_desk(const char *id)
{
    static struct desk_outcome outcome;
    struct desk_act act = operator_at(UNIT_NOW);
    expect(desk_cancel(desk, id, &act, &outcome, &error), DESK_OK);
}

static void each_change_is_told_once_and_in_order(void **state)
{
    (void)state;
    static struct desk_outcome outcome;
    struct booking booking;
    struct unit_request held = hold("a", 5000);
    struct desk_act act = operator_at(UNIT_NOW);
    struct desk_change longer = {2500, NULL}, other_car = {DESK_ANY_TIME, "car-2"};
    assert_int_equal(unit_run(&engine, &held), STORE_OK);
    expect(desk_change(desk, "a", &longer, &act, &outcome, &error), DESK_OK);
    assert_int_equal(run_at(STORE_CONFIRM, "a", UNIT_NOW, &booking), STORE_OK);
    expect(desk_change(desk, "a", &other_car, &act, &outcome, &error), DESK_OK);
    assert_int_equal(book("b", 1, 1000, 2000), STORE_OK);
    cancel_at_desk("a");
    assert_int_equal(run_at(STORE_CANCEL, "b", UNIT_NOW, &booking), STORE_OK);
    expect(read_on(0, 100), DESK_OK);
    assert_string_equal(told, "held a held by partner|changed a held by operator: asked for|"
                              "confirmed a booked by partner|"
                              "changed a booked by operator: asked for|booked b booked by partner|"
                              "cancelled a cancelled by operator: asked for|"
                              "cancelled b cancelled by partner|");
    assert_true(reached.caught_up);
    int64_t last = 0;
    expect(changes_last(desk, &last, &error), DESK_OK);
    assert_int_equal(reached.next, last);
    expect(read_on(last, 100), DESK_OK);
    assert_string_equal(told, "");
    assert_int_equal(reached.next, last);
}

/* Every way in which a hold can run out. */
static void a_hold_that_ran_out_is_told(void **state)
{
    (void)state;
    static struct desk_outcome outcome;
    struct booking booking;
    struct unit_request a = hold("a", 500), b = hold("b", 500), c = hold("c", 500);
    assert_int_equal(unit_run(&engine, &a), STORE_OK);
    assert_int_equal(run_at(STORE_EXPIRE, "a", 600, &booking), STORE_OK);
    assert_int_equal(unit_run(&engine, &b), STORE_OK);
    assert_int_equal(run_at(STORE_CONFIRM, "b", 600, &booking), STORE_WRONG_STATE);
    assert_int_equal(unit_run(&engine, &c), STORE_OK);
    assert_int_equal(book("d", 1, 1000, 2000), STORE_OK); /* c is in the way, and over */
    struct unit_request e = unit_booking("e", 2, 1000, 2000);
    e.store.booking.state = BOOKING_HELD;
    e.store.booking.expires_at = 500;
    assert_int_equal(unit_run(&engine, &e), STORE_OK);
    struct desk_act act = operator_at(UNIT_NOW);
    expect(desk_block(desk, "car-2", (struct period){1000, 2000}, &act, &outcome, &error), DESK_OK);
    expect(read_on(0, 100), DESK_OK);
    assert_string_equal(told, "held a held by partner|expired a expired by expiry|"
                              "held b held by partner|expired b expired by expiry|"
                              "held c held by partner|expired c expired by expiry|"
                              "booked d booked by partner|"
                              "held e held by partner|expired e expired by expiry|");
}

static void a_car_that_is_back_early_is_a_change_and_one_that_is_late_is_none(void **state)
{
    (void)state;
    static struct desk_outcome outcome;
    assert_int_equal(book("a", 1, 1000, 2000), STORE_OK);
    assert_int_equal(book("b", 2, 1000, 2000), STORE_OK);
    struct desk_act early = operator_at(1500 * 60), late = operator_at(2001 * 60);
    expect(desk_returned(desk, "a", &early, &outcome, &error), DESK_OK);
    expect(desk_returned(desk, "b", &late, &outcome, &error), DESK_OK);
    expect(read_on(0, 100), DESK_OK);
    assert_string_equal(told, "booked a booked by partner|booked b booked by partner|"
                              "changed a booked by operator: asked for|");
}

static void nobody_is_told_of_others_bookings_blocks_and_fleets(void **state)
{
    (void)state;
    static struct desk_outcome outcome;
    struct desk_act act = operator_at(UNIT_NOW);
    struct unit_request other = unit_booking("other", 1, 1000, 2000);
    strcpy(other.store.booking.channel, "airbnb");
    assert_int_equal(unit_run(&engine, &other), STORE_OK);
    expect(desk_block(desk, "car-2", (struct period){1000, 2000}, &act, &outcome, &error), DESK_OK);
    char block[BOOKING_ID_SIZE + 1];
    snprintf(block, sizeof block, "%s", outcome.booking.booking.id);
    expect(desk_unblock(desk, block, &act, &outcome, &error), DESK_OK);
    unit_import(&engine, UNIT_FLEET "car-4,ECMR,NCE,55.00,10.00,EUR\n");
    assert_true(desk_set_turnaround(desk, 30, &error));
    int64_t last = 0;
    expect(changes_last(desk, &last, &error), DESK_OK);
    assert_int_equal(last, 6);
    expect(read_on(0, 100), DESK_OK);
    assert_string_equal(told, "");
    assert_int_equal(reached.next, 6); /* which were read all the same */
    assert_true(reached.caught_up);
}

static void a_page_ends_where_the_next_begins(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        char id[2] = {(char)('a' + i), '\0'};
        assert_int_equal(book_minute(id, 1000 + i), STORE_OK);
    }
    expect(read_on(0, 2), DESK_OK);
    assert_string_equal(told, "booked a booked by partner|booked b booked by partner|");
    assert_false(reached.caught_up);
    expect(read_on(reached.next, 2), DESK_OK);
    assert_string_equal(told, "booked c booked by partner|booked d booked by partner|");
    expect(read_on(reached.next, 2), DESK_OK);
    assert_string_equal(told, "booked e booked by partner|");
    assert_true(reached.caught_up);
}

/* A call looks through so many events and no more, whosever they are. */
static void what_others_changed_is_read_by_portions(void **state)
{
    (void)state;
    change_rows("INSERT INTO events (number, kind, car, pickup_at, return_at, expires_at,"
                " booking_id, at, change, by, channel) WITH RECURSIVE n (number) AS (SELECT 2 UNION"
                " ALL SELECT number + 1 FROM n WHERE number < 25000) SELECT number, 1, 1, 1000,"
                " 2000, 0, 'x', 5, 2, 1, 'airbnb' FROM n");
    expect(read_on(1, 100), DESK_OK);
    assert_int_equal(reached.next, 1 + CHANGES_SCAN_MAX);
    assert_false(reached.caught_up);
    expect(read_on(reached.next, 100), DESK_OK);
    expect(read_on(reached.next, 100), DESK_OK);
    assert_int_equal(reached.next, 25000);
    assert_true(reached.caught_up);
}

static void a_number_that_is_too_old_or_never_was_is_told(void **state)
{
    (void)state;
    assert_int_equal(book("a", 1, 1000, 2000), STORE_OK);
    assert_int_equal(book("b", 2, 1000, 2000), STORE_OK);
    int64_t last = 0;
    expect(changes_last(desk, &last, &error), DESK_OK);
    expect(read_on(last + 1, 100), DESK_NOT_FOUND);
    expect(read_on(INT64_MAX, 100), DESK_NOT_FOUND);
    change_rows("DELETE FROM events WHERE number <= 2");
    expect(read_on(1, 100), DESK_NOT_FOUND);
    expect(read_on(2, 100), DESK_OK);
    assert_string_equal(told, "booked b booked by partner|");
}

/* What is told is of the booking as it is now, wherever it lies; one that was forgotten is not. */
static void a_booking_that_is_over_is_told_of_until_it_is_forgotten(void **state)
{
    (void)state;
    assert_int_equal(book("a", 1, 1000, 2000), STORE_OK);
    assert_int_equal(book("b", 2, 1000, 2000), STORE_OK);
    cancel_at_desk("a");
    change_rows("INSERT INTO past_bookings (id, car, pickup_at, return_at, state, expires_at,"
                " channel, reference, day_price, hour_price, total, currency, location, category,"
                " created_at, ended_at) SELECT id, car, pickup_at, return_at, state, expires_at,"
                " channel, reference, day_price, hour_price, total, currency, location, category,"
                " created_at, 5000000000 FROM bookings WHERE id = 'a'");
    change_rows("DELETE FROM bookings WHERE id IN ('a', 'b')");
    expect(read_on(0, 100), DESK_OK);
    assert_string_equal(told, "booked a booked by partner|"
                              "cancelled a cancelled by operator: asked for|");
    assert_true(reached.caught_up);
}

/* --- as an engine is told, and as JSON ------------------------------------------------------- */

static void an_engine_hears_whose_change_it_was(void **state)
{
    (void)state;
    assert_int_equal(book("a", 1, 1000, 2000), STORE_OK);
    size_t before = engine.event_count;
    cancel_at_desk("a");
    unit_run_until_events(&engine, before + 1);
    const struct store_event *event = &engine.events[before];
    assert_int_equal(event->change, CHANGE_CANCELLED);
    assert_int_equal(event->by, STORE_BY_OPERATOR);
    assert_string_equal(event->channel, "kayak");
    event = &engine.events[before - 1];
    assert_int_equal(event->change, CHANGE_BOOKED);
    assert_int_equal(event->by, STORE_BY_PARTNER);
    assert_int_equal(engine.events[0].change, CHANGE_NONE); /* the fleet */
    assert_string_equal(engine.events[0].channel, "");
}

static bool keep_json(void *context, const struct change *change)
{
    struct change one = *change;
    one.at = 1796119200123;
    json_begin(context);
    change_json_members(context, &one);
    json_end(context);
    return true;
}

static void a_change_is_written_in_the_contracts_names(void **state)
{
    (void)state;
    struct unit_request request = unit_booking("a", 1, 1000, 2440);
    strcpy(request.store.booking.reference, "r-1");
    assert_int_equal(unit_run(&engine, &request), STORE_OK);
    cancel_at_desk("a");
    struct buffer json;
    buffer_init(&json, 4096);
    expect(changes_read(desk, "kayak", 2, 1, keep_json, &json, &reached, &error), DESK_OK);
    assert_string_equal(
        json.data, "{\"number\":3,\"at\":\"2026-12-01T10:00:00Z\",\"booking_id\":\"a\","
                   "\"reference\":\"r-1\",\"status\":\"cancelled\",\"by\":\"operator\","
                   "\"reason\":\"asked for\",\"carid\":\"car-1\",\"price\":55,\"currency\":\"EUR\","
                   "\"pickup_at\":\"1970-01-01T16:40:00Z\",\"return_at\":\"1970-01-02T16:40:00Z\","
                   "\"location\":\"NCE\",\"category\":\"ECMR\"}");
    buffer_free(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DESK_BOTH(each_change_is_told_once_and_in_order),
        DESK_BOTH(a_hold_that_ran_out_is_told),
        DESK_BOTH(a_car_that_is_back_early_is_a_change_and_one_that_is_late_is_none),
        DESK_BOTH(nobody_is_told_of_others_bookings_blocks_and_fleets),
        DESK_BOTH(a_page_ends_where_the_next_begins),
        DESK_BOTH(what_others_changed_is_read_by_portions),
        /* Whose end finds events missing, as it should. */
        cmocka_unit_test_setup_teardown(a_number_that_is_too_old_or_never_was_is_told,
                                        begin_desk_in_file, end_desk),
        DESK_BOTH(a_booking_that_is_over_is_told_of_until_it_is_forgotten),
        DESK_BOTH(an_engine_hears_whose_change_it_was),
        DESK_BOTH(a_change_is_written_in_the_contracts_names),
    };
    return run_on_store("changes", tests);
}
