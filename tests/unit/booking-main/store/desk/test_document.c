/* What the desk's API and the command line write. */
#include "lib/json/writer.h"
#include "store/desk/document.h"
#include "tests/unit/unit_out.h"

static struct desk_booking booking(void)
{
    return (struct desk_booking){
        .booking = {.id = "abcdefghijklmnopqrstuv",
                    .channel = "kayak",
                    .reference = "=K,1",
                    .period = {29769720, 29774040}, /* 2026-08-08T10:00Z, and three days */
                    .turnaround = 60,
                    .state = BOOKING_BOOKED,
                    .expires_at = 1786000000,
                    .day_price = 5550,
                    .hour_price = -1,
                    .total = 16650,
                    .currency = "EUR",
                    .carid = "T\xC3\x9C-AB 12",
                    .location = "NCE",
                    .category = "ECMR"},
        .created_at = 1785999000,
        .version = 2,
        .reason = "",
    };
}

static struct desk_booking block(void)
{
    struct desk_booking row = booking();
    row.booking.channel[0] = row.booking.reference[0] = row.booking.currency[0] = '\0';
    row.booking.state = BOOKING_BLOCKED;
    row.booking.expires_at = row.booking.total = row.booking.day_price = 0;
    row.version = 1;
    strcpy(row.reason, "- brakes");
    return row;
}

static void assert_booking(const struct desk_booking *row, const char *expected)
{
    buffer_clear(&out);
    json_begin(&out);
    desk_json_booking(&out, "booking", row);
    json_end(&out);
    assert_string_equal(out.data, expected);
}

#define TIMES "\"pickup_at\":\"2026-08-08T10:00:00Z\",\"return_at\":\"2026-08-11T10:00:00Z\","
#define CAR   "\"carid\":\"T\xC3\x9C-AB 12\",\"location\":\"NCE\",\"category\":\"ECMR\","
#define PRICE "\"price\":166.5,\"day_price\":55.5,\"currency\":\"EUR\","

static void a_booking_as_json(void **state)
{
    (void)state;
    struct desk_booking row = booking();
    /* It was a hold once, which nobody needs to know of a booking. */
    assert_booking(&row, "{\"booking\":{\"id\":\"abcdefghijklmnopqrstuv\",\"status\":\"booked\","
                         "\"channel\":\"kayak\",\"reference\":\"=K,1\"," CAR TIMES
                         "\"turnaround\":60," PRICE
                         "\"created_at\":\"2026-08-06T06:50:00Z\",\"version\":2}}");
    row.booking.state = BOOKING_HELD;
    row.booking.reference[0] = '\0';
    row.returned_at = 1786000000;
    strcpy(row.reason, "\"late\"");
    assert_booking(
        &row, "{\"booking\":{\"id\":\"abcdefghijklmnopqrstuv\",\"status\":\"held\","
              "\"channel\":\"kayak\"," CAR TIMES "\"turnaround\":60," PRICE
              "\"created_at\":\"2026-08-06T06:50:00Z\",\"expires_at\":\"2026-08-06T07:06:40Z\","
              "\"returned_at\":\"2026-08-06T07:06:40Z\",\"version\":2,"
              "\"reason\":\"\\\"late\\\"\"}}");
}

static void a_block_is_nobodys_and_costs_nothing(void **state)
{
    (void)state;
    struct desk_booking row = block();
    assert_booking(
        &row, "{\"booking\":{\"id\":\"abcdefghijklmnopqrstuv\",\"status\":\"blocked\"," CAR TIMES
              "\"turnaround\":60,\"created_at\":\"2026-08-06T06:50:00Z\","
              "\"version\":1,\"reason\":\"- brakes\"}}");
}

static void bookings_as_csv(void **state)
{
    (void)state;
    struct desk_booking row = booking();
    desk_csv_bookings_heading(&out);
    desk_csv_booking(&out, &row);
    row.booking.state = BOOKING_CANCELLED;
    row.returned_at = 1786000000;
    desk_csv_booking(&out, &row);
    row = block();
    desk_csv_booking(&out, &row);
    assert_string_equal(
        out.data,
        "id,status,channel,reference,carid,category,location,pickup_at,return_at,price,currency,"
        "created_at,expires_at,returned_at,reason\n"
        "abcdefghijklmnopqrstuv,booked,kayak,\"'=K,1\",T\xC3\x9C-AB 12,ECMR,NCE,"
        "2026-08-08T10:00:00Z,2026-08-11T10:00:00Z,166.5,EUR,2026-08-06T06:50:00Z,,,\n"
        "abcdefghijklmnopqrstuv,cancelled,kayak,\"'=K,1\",T\xC3\x9C-AB 12,ECMR,NCE,"
        "2026-08-08T10:00:00Z,2026-08-11T10:00:00Z,166.5,EUR,2026-08-06T06:50:00Z,"
        "2026-08-06T07:06:40Z,2026-08-06T07:06:40Z,\n"
        "abcdefghijklmnopqrstuv,blocked,,,T\xC3\x9C-AB 12,ECMR,NCE,"
        "2026-08-08T10:00:00Z,2026-08-11T10:00:00Z,,,2026-08-06T06:50:00Z,,,'- brakes\n");
}

static void a_refusal_lists_what_it_has(void **state)
{
    (void)state;
    static struct desk_outcome outcome;
    outcome.collision_count = DESK_COLLISIONS_MAX + 5;
    for (int i = 0; i < DESK_COLLISIONS_MAX; i++)
        outcome.collisions[i] = booking();
    json_begin(&out);
    desk_json_outcome(&out, DESK_IN_THE_WAY, &outcome); /* of a block that there is not */
    json_end(&out);
    assert_null(strstr(out.data, "\"booking\""));
    assert_non_null(strstr(out.data, "\"version\":2}],\"in_the_way_count\":25}"));
    int listed = 0;
    for (const char *at = out.data; (at = strstr(at, "\"id\"")); at++)
        listed++;
    assert_int_equal(listed, DESK_COLLISIONS_MAX);
    outcome.booking = booking();
    buffer_clear(&out);
    json_begin(&out);
    desk_json_outcome(&out, DESK_CHANGED, &outcome);
    json_end(&out);
    assert_non_null(strstr(out.data, "{\"booking\":{"));
    assert_null(strstr(out.data, "in_the_way"));
}

/* What goes out is a fleet that comes in with the same values. */
static void cars_are_a_fleet_file(void **state)
{
    (void)state;
    static const struct desk_car cars[] = {
        {.carid = "-5, \"x\"",
         .location = "NCE",
         .category = "ECMR",
         .currency = "EUR",
         .day_price = 5550,
         .hour_price = -1,
         .turnaround = -1,
         .offered = true},
        {.carid = "=1+1",
         .location = "CDG",
         .category = "IDAR",
         .currency = "EUR",
         .day_price = 10000000000,
         .hour_price = 1001,
         .turnaround = 90,
         .offered = true},
    };
    desk_csv_cars_heading(&out);
    for (size_t i = 0; i < LENGTH(cars); i++)
        desk_csv_car(&out, &cars[i]);
    struct buffer error;
    buffer_init(&error, 1000);
    struct fleet *fleet = fleet_parse("file", out.data, out.size, &error);
    if (!fleet)
        fail_msg("%s", error.data);
    assert_int_equal(fleet->count, LENGTH(cars));
    assert_string_equal(fleet->currency, "EUR");
    for (size_t i = 0; i < LENGTH(cars); i++) { /* both are in the order of their carids */
        const struct fleet_car *car = &fleet->cars[i];
        assert_string_equal(car->carid, cars[i].carid);
        assert_string_equal(car->location, cars[i].location);
        assert_string_equal(car->category, cars[i].category);
        assert_int_equal(car->day_price, cars[i].day_price);
        assert_int_equal(car->hour_price, cars[i].hour_price);
    }
    fleet_free(fleet);
    buffer_free(&error);
}

static void a_car_as_json(void **state)
{
    (void)state;
    struct desk_car car = {.carid = "a",
                           .location = "NCE",
                           .category = "ECMR",
                           .currency = "JPY",
                           .day_price = 5500,
                           .hour_price = -1,
                           .turnaround = -1};
    desk_json_car(&out, &car);
    car.hour_price = 0;
    car.turnaround = 0;
    car.offered = true;
    desk_json_car(&out, &car);
    assert_string_equal(out.data,
                        "{\"carid\":\"a\",\"location\":\"NCE\",\"category\":\"ECMR\","
                        "\"day_price\":5500,\"currency\":\"JPY\",\"offered\":false},"
                        "{\"carid\":\"a\",\"location\":\"NCE\",\"category\":\"ECMR\","
                        "\"day_price\":5500,\"hour_price\":0,\"currency\":\"JPY\",\"turnaround\":0,"
                        "\"offered\":true},");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_booking_as_json, begin, end),
        cmocka_unit_test_setup_teardown(a_block_is_nobodys_and_costs_nothing, begin, end),
        cmocka_unit_test_setup_teardown(bookings_as_csv, begin, end),
        cmocka_unit_test_setup_teardown(a_refusal_lists_what_it_has, begin, end),
        cmocka_unit_test_setup_teardown(cars_are_a_fleet_file, begin, end),
        cmocka_unit_test_setup_teardown(a_car_as_json, begin, end),
    };
    return cmocka_run_group_tests_name("desk_document", tests, NULL, NULL);
}
