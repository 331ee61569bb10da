/* The store: bookings, which never overlap and are of cars as they are offered. */
#include "tests/unit/booking-main/store/one_engine.h"

static void a_booking_is_kept_and_shown(void **state)
{
    (void)state;
    struct unit_request book = unit_booking("a", 1, 1000, 2000), show;
    strcpy(book.store.booking.reference, "M\xC3\xBCller");
    assert_int_equal(unit_run(&engine, &book), STORE_OK);
    assert_string_equal(book.store.booking.carid, "car-1");
    assert_string_equal(book.store.booking.location, "NCE");
    assert_string_equal(book.store.booking.category, "ECMR");

    show = unit_request(STORE_SHOW, "a");
    assert_int_equal(unit_run(&engine, &show), STORE_OK);
    const struct booking *booking = &show.store.booking;
    assert_string_equal(booking->id, book.store.booking.id);
    assert_string_equal(booking->channel, "kayak");
    assert_string_equal(booking->reference, "M\xC3\xBCller");
    assert_string_equal(booking->carid, "car-1");
    assert_int_equal(booking->car, 1);
    assert_int_equal(booking->period.pickup_at, 1000);
    assert_int_equal(booking->period.return_at, 2000);
    assert_int_equal(booking->state, BOOKING_BOOKED);
    assert_int_equal(booking->expires_at, 0);
    assert_int_equal(booking->day_price, 5500);
    assert_int_equal(booking->hour_price, 1000);
    assert_int_equal(booking->total, 5500);
    assert_string_equal(booking->currency, "EUR");

    show = unit_request(STORE_SHOW, "b");
    assert_int_equal(unit_run(&engine, &show), STORE_NOT_FOUND);
    show = unit_request(STORE_SHOW, "a");
    strcpy(show.store.booking.channel, "airbnb");
    assert_int_equal(unit_run(&engine, &show), STORE_NOT_FOUND);
    assert_int_equal(show.store.booking.car, 0); /* untouched */
}

static void periods_of_a_car_never_overlap(void **state)
{
    (void)state;
    assert_int_equal(book("a", 1, 1000, 2000), STORE_OK);
    assert_int_equal(book("b", 1, 1000, 2000), STORE_CAR_TAKEN);
    assert_int_equal(book("c", 1, 1999, 3000), STORE_CAR_TAKEN);
    assert_int_equal(book("d", 1, 500, 1001), STORE_CAR_TAKEN);
    assert_int_equal(book("e", 1, 1500, 1600), STORE_CAR_TAKEN);
    assert_int_equal(book("f", 1, 500, 5000), STORE_CAR_TAKEN);
    assert_int_equal(book("g", 1, 2000, 3000), STORE_OK); /* back at 2000, out again at 2000 */
    assert_int_equal(book("h", 1, 500, 1000), STORE_OK);
    assert_int_equal(book("i", 2, 1000, 2000), STORE_OK);
    assert_int_equal(book("j", 1, 900, 2100), STORE_CAR_TAKEN);
    assert_int_equal(engine.event_count, 4 + 1);
}

/* Random bookings and cancellations beside a plain table of minutes. */
static void any_periods_are_free_when_a_plain_model_says_so(void **state)
{
    (void)state;
    enum { MINUTES = 60, STEPS = 1500 };
    static bool taken[3][MINUTES];
    static struct {
        char id[BOOKING_ID_SIZE + 1];
        int64_t car;
        int32_t from, to;
    } booked[STEPS];
    int count = 0;
    uint64_t random = 4711;
    memset(taken, 0, sizeof taken);
    for (int i = 0; i < STEPS; i++) {
        char id[BOOKING_ID_SIZE + 1];
        if (count && unit_random(&random) % 3 == 0) {
            int which = (int)(unit_random(&random) % (unsigned)count);
            struct unit_request cancel = unit_request(STORE_CANCEL, booked[which].id);
            assert_int_equal(unit_run(&engine, &cancel), STORE_OK);
            for (int32_t at = booked[which].from; at < booked[which].to; at++)
                taken[booked[which].car][at] = false;
            booked[which] = booked[--count];
            continue;
        }
        int64_t car = 1 + (int64_t)(unit_random(&random) % 2);
        int32_t from = (int32_t)(unit_random(&random) % (MINUTES - 1));
        int32_t to = from + 1 + (int32_t)(unit_random(&random) % 12);
        to = to > MINUTES ? MINUTES : to;
        bool is_free = true;
        for (int32_t at = from; at < to; at++)
            is_free = is_free && !taken[car][at];
        snprintf(id, sizeof id, "r%d", i);
        /* In the future at the time of cancelling. */
        assert_int_equal(book(id, car, 100000000 + from, 100000000 + to),
                         is_free ? STORE_OK : STORE_CAR_TAKEN);
        if (!is_free)
            continue;
        strcpy(booked[count].id, id);
        booked[count].car = car;
        booked[count].from = from;
        booked[count++].to = to;
        for (int32_t at = from; at < to; at++)
            taken[car][at] = true;
    }
}

static void a_car_that_changed_is_not_booked(void **state)
{
    (void)state;
    struct unit_request request;
    assert_int_equal(book("a", 99, 1000, 2000), STORE_CAR_CHANGED);
    request = unit_booking("b", 1, 1000, 2000);
    request.store.booking.day_price = 5400;
    assert_int_equal(unit_run(&engine, &request), STORE_CAR_CHANGED);
    request = unit_booking("c", 1, 1000, 2000);
    request.store.booking.hour_price = -1;
    assert_int_equal(unit_run(&engine, &request), STORE_CAR_CHANGED);
    request = unit_booking("d", 3, 1000, 2000); /* has no price an hour */
    assert_int_equal(unit_run(&engine, &request), STORE_CAR_CHANGED);
    request.store.booking.hour_price = -1;
    request.store.booking.day_price = 7000;
    strcpy(request.store.booking.location, "PAR");
    assert_int_equal(unit_run(&engine, &request), STORE_CAR_CHANGED);
    strcpy(request.store.booking.category, "CDMR");
    assert_int_equal(unit_run(&engine, &request), STORE_OK);
    request = unit_booking("d2", 1, 1000, 2000);
    strcpy(request.store.booking.location, "PAR");
    assert_int_equal(unit_run(&engine, &request), STORE_CAR_CHANGED);
    request = unit_booking("d3", 1, 1000, 2000);
    strcpy(request.store.booking.currency, "JPY"); /* as much in minor units */
    assert_int_equal(unit_run(&engine, &request), STORE_CAR_CHANGED);
    unit_import(&engine, "car-1,ECMR,NCE,60.00,10.00,EUR\ncar-3,CDMR,PAR,70.00,,EUR\n");
    assert_int_equal(book("e", 1, 1000, 2000), STORE_CAR_CHANGED); /* dearer now */
    assert_int_equal(book("f", 2, 1000, 2000), STORE_CAR_CHANGED); /* withdrawn */
    struct unit_request show = unit_request(STORE_SHOW, "d");
    assert_int_equal(unit_run(&engine, &show), STORE_OK);
    assert_int_equal(show.store.booking.hour_price, -1);
    assert_int_equal(show.store.booking.day_price, 7000);
}

static void an_id_that_exists_fails_alone(void **state)
{
    (void)state;
    assert_int_equal(book("a", 1, 1000, 2000), STORE_OK);
    struct unit_request requests[3] = {unit_booking("b", 2, 1000, 2000),
                                       unit_booking("a", 2, 3000, 4000),
                                       unit_booking("c", 2, 5000, 6000)};
    for (int i = 0; i < 3; i++)
        unit_submit(&engine, &requests[i]);
    unit_wait(&engine);
    assert_int_equal(requests[0].store.result, STORE_OK);
    assert_int_equal(requests[1].store.result, STORE_UNAVAILABLE);
    assert_int_equal(requests[2].store.result, STORE_OK);
    assert_int_equal(engine.troubles, 0);
    assert_int_equal(engine.event_count, 3 + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(a_booking_is_kept_and_shown),
        BOTH(periods_of_a_car_never_overlap),
        BOTH(any_periods_are_free_when_a_plain_model_says_so),
        BOTH(a_car_that_changed_is_not_booked),
        BOTH(an_id_that_exists_fails_alone),
    };
    return run_on_store("store: bookings", tests);
}
