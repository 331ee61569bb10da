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
    static const struct store_import_options forced = {.force = true};
    static const char yen[] = "car-1,ECMR,NCE,5500,1000,JPY\n";
    struct unit_request request, show;
    struct booking booking;
    struct buffer error;
    struct store_import_report report;
    struct fleet *fleet = unit_fleet(yen), *euro = unit_fleet(UNIT_FLEET);
    buffer_init(&error, 4096);
    assert_true(store_import(engine.store, fleet, &forced, &report, &error));
    check_report(&report, 0, 0, 2, 1); /* 5500 minor units either way */
    assert_string_equal(unit_snapshot(&engine, 0).currency, "JPY");
    request = unit_booking("a", 1, 100000000, 100002000);
    strcpy(request.store.booking.currency, "JPY");
    assert_int_equal(unit_run(&engine, &request), STORE_OK);
    for (int dry_run = 0; dry_run <= 1; dry_run++) {
        buffer_clear(&error);
        struct store_import_options options = {.dry_run = dry_run, .force = true};
        assert_false(store_import(engine.store, euro, &options, &report, &error));
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
    assert_true(store_import(engine.store, euro, &forced, &report, &error));
    assert_string_equal(unit_snapshot(&engine, 0).currency, "EUR");
    show = unit_request(STORE_SHOW, "a"); /* it is still shown, in its own */
    assert_int_equal(unit_run(&engine, &show), STORE_OK);
    assert_string_equal(show.store.booking.currency, "JPY");
    fleet_free(fleet);
    fleet_free(euro);
    buffer_free(&error);
}

/* One that changes nothing else is a change. */
static void an_import_brings_turnarounds(void **state)
{
    (void)state;
    static const char before[] =
        "car-1,ECMR,NCE,55.00,10.00,EUR,60\ncar-2,ECMR,NCE,55.00,10.00,EUR,";
    static const char after[] =
        "car-1,ECMR,NCE,55.00,10.00,EUR,\ncar-2,ECMR,NCE,55.00,10.00,EUR,0\n";
    struct store_import_report report = unit_try_import(&engine, before, false, false);
    check_report(&report, 0, 1, 1, 1);
    assert_int_equal(report.bookings_moved.count, 0);
    struct unit_request request = unit_booking("a", 1, 1000, 2000);
    assert_int_equal(unit_run(&engine, &request), STORE_CAR_CHANGED);
    request = unit_booking("a", 1, 1000, 2000);
    request.store.booking.turnaround = 60;
    assert_int_equal(unit_run(&engine, &request), STORE_OK);
    report = unit_try_import(&engine, before, false, false);
    check_report(&report, 0, 0, 0, 2);
    report = unit_try_import(&engine, after, false, false);
    check_report(&report, 0, 2, 0, 0);
    assert_int_equal(book("b", 1, 2000, 3000), STORE_CAR_TAKEN); /* it keeps what it has */
    assert_int_equal(book("b", 1, 2060, 3000), STORE_OK);
    assert_int_equal(book("c", 2, 3000, 4000), STORE_OK);
}

/* Whether it needs force, and that without it nothing changes. */
static void check_asks(const char *lines, size_t withdrawn, size_t repriced, size_t before,
                       const char *doubts)
{
    static const struct store_import_options unforced = {0}, dry = {.dry_run = true};
    size_t events = engine.event_count;
    struct fleet *fleet = unit_fleet(lines);
    struct buffer error, said;
    struct store_import_report report, would_be;
    buffer_init(&error, 4096);
    buffer_init(&said, 4096);
    assert_true(store_import(engine.store, fleet, &dry, &would_be, &error));
    assert_int_equal(would_be.withdrawn, withdrawn);
    assert_int_equal(would_be.repriced, repriced);
    assert_int_equal(would_be.fleet_before, before);
    assert_int_equal(would_be.needs_force, doubts != NULL);
    if (doubts) {
        assert_true(store_import(engine.store, fleet, &unforced, &report, &error));
        assert_true(report.needs_force);
        assert_true(store_import(engine.store, fleet, &dry, &report, &error));
        assert_int_equal(report.withdrawn, withdrawn); /* still */
        store_import_doubts(&report, &said);
        assert_string_equal(said.data, doubts);
        assert_int_equal(engine.event_count, events);
    }
    report = unit_try_import(&engine, lines, false, false); /* with force */
    assert_int_equal(report.needs_force, doubts != NULL);
    assert_int_equal(report.withdrawn, withdrawn);
    fleet_free(fleet);
    buffer_free(&error);
    buffer_free(&said);
}

#define TEN                                                                                        \
    "a,ECMR,NCE,50.00,,EUR\nb,ECMR,NCE,50.00,,EUR\nc,ECMR,NCE,50.00,,EUR\nd,ECMR,NCE,50.00,,EUR\n" \
    "e,ECMR,NCE,50.00,,EUR\nf,ECMR,NCE,50.00,,EUR\ng,ECMR,NCE,50.00,,EUR\nh,ECMR,NCE,50.00,,EUR\n" \
    "i,ECMR,NCE,50.00,,EUR\n"
#define PRICED "a price of less than half or more than double, or in another currency"

static void an_import_that_may_be_a_slip_needs_force(void **state)
{
    (void)state;
    check_asks(TEN "j,ECMR,NCE,50.00,10.00,EUR\n", 3, 0, 3, "withdraw 3 of 3 cars");
    check_asks(TEN, 1, 0, 10, NULL);                               /* a tenth, and not more */
    check_asks(TEN "j,ECMR,NCE,50.00,99.00,EUR\n", 0, 0, 9, NULL); /* it is back, at any price */
    check_asks(TEN "j,ECMR,NCE,100.00,49.50,EUR\n", 0, 0, 10, NULL);
    check_asks(TEN "j,ECMR,NCE,49.99,49.50,EUR\n", 0, 1, 10, "give 1 of 10 cars " PRICED);
    check_asks(TEN "j,ECMR,NCE,99.99,49.50,EUR\n", 0, 1, 10, "give 1 of 10 cars " PRICED);
    check_asks(TEN "j,ECMR,NCE,99.99,,EUR\n", 0, 0, 10, NULL); /* no price is none to compare */
    check_asks(TEN "j,ECMR,NCE,99.99,10.00,EUR\n", 0, 0, 10, NULL);
    check_asks(TEN "j,ECMR,NCE,99.99,20.01,EUR\n", 0, 1, 10, "give 1 of 10 cars " PRICED);
    check_asks("a,ECMR,NCE,0,,EUR\nj,ECMR,NCE,99.99,10.00,EUR\n", 8, 2, 10,
               "withdraw 8 of 10 cars and give 2 of 10 cars " PRICED);
    check_asks("a,ECMR,NCE,0.01,,EUR\nj,ECMR,NCE,99.99,10.00,EUR\n", 0, 1, 2,
               "give 1 of 2 cars " PRICED); /* nothing and twice nothing */
    check_asks("a,ECMR,NCE,0.01,,USD\nj,ECMR,NCE,99.99,10.00,USD\n", 0, 2, 2,
               "give 2 of 2 cars " PRICED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(an_import_reports_and_does_what_changed),
        BOTH(a_booking_shows_what_was_booked),
        BOTH(a_currency_changes_while_no_booking_is_under_way),
        BOTH(an_import_brings_turnarounds),
        BOTH(an_import_that_may_be_a_slip_needs_force),
    };
    return run_on_store("store: imports", tests);
}
