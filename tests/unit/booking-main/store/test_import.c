/* The store: imports of a fleet, and what they leave of the bookings made before. */
#include "tests/unit/booking-main/store/one_engine.h"

static void check_report(const struct store_import_report *report, size_t added, size_t changed,
                         size_t withdrawn, size_t unchanged)
{
    assert_int_equal(report->added, added);
    assert_int_equal(report->changed, changed);
    assert_int_equal(report->withdrawn, withdrawn);
    assert_int_equal(report->unchanged, unchanged);
}

static void an_import_reports_and_does_what_changed(void **state)
{
    (void)state;
    static const char fleet[] = "car-1,ECMR,NCE,55.00,10.00,EUR\n"  /* the same */
                                "car-2,ECMR,LYS,55.00,10.00,EUR\n"  /* elsewhere */
                                "car-4,ECMR,NCE,10.00,,EUR\n"       /* new; car-3 is not there */
                                "car-0,ECMR,NCE,55.00,10.00,EUR\n"; /* new */
    struct store_import_report report = unit_try_import(&engine, fleet, false, true);
    check_report(&report, 2, 1, 1, 1);
    assert_int_equal(engine.event_count, 1); /* a dry run changes nothing */
    report = unit_try_import(&engine, fleet, true, false);
    check_report(&report, 0, 0, 0, 0); /* there are cars */
    report = unit_try_import(&engine, fleet, false, false);
    check_report(&report, 2, 1, 1, 1);
    unit_run_until_events(&engine, 2);
    assert_int_equal(engine.events[1].kind, EVENT_FLEET);
    report = unit_try_import(&engine, fleet, false, false);
    check_report(&report, 0, 0, 0, 4); /* nothing to do, and no event */
    assert_int_equal(book("a", 1, 1000, 2000), STORE_OK);
    assert_int_equal(engine.event_count, 3);

    struct unit_snapshot snapshot = unit_snapshot(&engine, 0);
    assert_int_equal(snapshot.car_count, 5);
    assert_string_equal(snapshot.cars[0], "1 car-1 NCE ECMR 5500 1000 offered");
    assert_string_equal(snapshot.cars[1], "2 car-2 LYS ECMR 5500 1000 offered");
    assert_string_equal(snapshot.cars[2], "3 car-3 PAR CDMR 7000 -1");
    assert_string_equal(snapshot.cars[3], "4 car-0 NCE ECMR 5500 1000 offered");
    assert_string_equal(snapshot.cars[4], "5 car-4 NCE ECMR 1000 -1 offered");

    report = unit_try_import(&engine, "car-3,CDMR,PAR,70.00,,EUR\n", false, false);
    check_report(&report, 1, 0, 4, 0); /* it is back, under its number */
    snapshot = unit_snapshot(&engine, 0);
    assert_string_equal(snapshot.cars[2], "3 car-3 PAR CDMR 7000 -1 offered");
    assert_string_equal(snapshot.cars[0], "1 car-1 NCE ECMR 5500 1000");
    struct unit_request show = unit_request(STORE_SHOW, "a"); /* withdrawn, and still booked */
    assert_int_equal(unit_run(&engine, &show), STORE_OK);
    assert_int_equal(show.store.booking.state, BOOKING_BOOKED);
}

static void a_booking_shows_what_was_booked(void **state)
{
    (void)state;
    struct unit_request request = unit_booking("a", 1, 100000000, 100002000), show;
    request.store.booking.total = 12345;
    assert_int_equal(unit_run(&engine, &request), STORE_OK);
    assert_int_equal(book("b", 2, 100000000, 100002000), STORE_OK);
    assert_int_equal(book("past", 2, 1, 2), STORE_OK);
    struct store_import_report report =
        unit_try_import(&engine, "car-1,CDAR,LYS,60.00,10.00,EUR\n", false, false);
    assert_int_equal(report.bookings_moved.count, 1);
    assert_int_equal(report.bookings_withdrawn.count, 1); /* but for what is over */
    show = unit_request(STORE_SHOW, "a");
    assert_int_equal(unit_run(&engine, &show), STORE_OK);
    assert_string_equal(show.store.booking.location, "NCE");
    assert_string_equal(show.store.booking.category, "ECMR");
    assert_int_equal(show.store.booking.day_price, 5500);
    assert_int_equal(show.store.booking.total, 12345);
    report = unit_try_import(&engine, "car-1,CDAR,LYS,61.00,10.00,EUR\n", false, false);
    assert_int_equal(report.changed, 1);
    assert_int_equal(report.bookings_moved.count, 0); /* another price is no place */
}

static void a_currency_changes_while_no_booking_is_under_way(void **state)
{
    (void)state;
    static const char yen[] = "car-1,ECMR,NCE,5500,1000,JPY\n";
    struct unit_request request, show;
    struct booking booking;
    struct buffer error;
    struct store_import_report report;
    struct fleet *fleet = unit_fleet(yen), *euro = unit_fleet(UNIT_FLEET);
    buffer_init(&error, 4096);
    assert_true(store_import(engine.store, fleet, false, false, &report, &error));
    check_report(&report, 0, 0, 2, 1); /* 5500 minor units either way */
    assert_string_equal(unit_snapshot(&engine, 0).currency, "JPY");
    request = unit_booking("a", 1, 100000000, 100002000);
    strcpy(request.store.booking.currency, "JPY");
    assert_int_equal(unit_run(&engine, &request), STORE_OK);
    for (int dry_run = 0; dry_run <= 1; dry_run++) {
        buffer_clear(&error);
        assert_false(store_import(engine.store, euro, false, dry_run, &report, &error));
        assert_non_null(strstr(error.data, "another currency"));
    }
    /* Neither what was cancelled, nor what is over, nor a hold that ran out. */
    assert_int_equal(run_at(STORE_CANCEL, "a", 0, &booking), STORE_OK);
    strcpy(request.store.booking.id, "b");
    request.store.booking.period = (struct period){1, 2};
    assert_int_equal(unit_run(&engine, &request), STORE_OK);
    strcpy(request.store.booking.id, "c");
    request.store.booking.period = (struct period){100000000, 100002000};
    request.store.booking.state = BOOKING_HELD;
    request.store.booking.expires_at = UNIT_NOW;
    assert_int_equal(unit_run(&engine, &request), STORE_OK);
    assert_true(store_import(engine.store, euro, false, false, &report, &error));
    assert_string_equal(unit_snapshot(&engine, 0).currency, "EUR");
    show = unit_request(STORE_SHOW, "a"); /* it is still shown, in its own */
    assert_int_equal(unit_run(&engine, &show), STORE_OK);
    assert_string_equal(show.store.booking.currency, "JPY");
    fleet_free(fleet);
    fleet_free(euro);
    buffer_free(&error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(an_import_reports_and_does_what_changed),
        BOTH(a_booking_shows_what_was_booked),
        BOTH(a_currency_changes_while_no_booking_is_under_way),
    };
    return run_on_store("store: imports", tests);
}
