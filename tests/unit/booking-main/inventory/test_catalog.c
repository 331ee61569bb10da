/* The catalog: the order of the cars, and the look-ups. */
#include "tests/unit/unit.h"

#include "inventory/catalog.h"

static struct store_car car(int64_t number, const char *carid, const char *location,
                            int64_t day_price)
{
    return (struct store_car){.number = number,
                              .carid = carid,
                              .location = location,
                              .category = "ECMR",
                              .day_price = day_price,
                              .hour_price = -1,
                              .offered = true};
}

static struct catalog *catalog_of(const struct store_car *cars, size_t count)
{
    struct catalog *catalog = catalog_new("EUR", count);
    assert_non_null(catalog);
    for (size_t i = 0; i < count; i++)
        assert_true(catalog_add(catalog, &cars[i]));
    assert_true(catalog_finish(catalog));
    return catalog;
}

static void cars_are_in_the_order_of_their_prices(void **state)
{
    (void)state;
    const struct store_car cars[] = {
        car(5, "d", "NCE", 5000), car(9, "b", "PAR", 6000), car(2, "c", "NCE", 5000),
        car(7, "B", "LYS", 6000), car(3, "a", "NCE", 7000),
    };
    static const char *const expected[] = {"c", "d", "B", "b", "a"};
    struct catalog *catalog = catalog_of(cars, LENGTH(cars));
    assert_int_equal(catalog_count(catalog), LENGTH(cars));
    for (uint32_t i = 0; i < LENGTH(expected); i++) {
        const struct catalog_car *found = catalog_car(catalog, i);
        assert_string_equal(catalog_carid(catalog, found), expected[i]);
        assert_int_equal(catalog_by_carid(catalog, expected[i]), i);
        assert_int_equal(catalog_by_number(catalog, found->number), i);
    }
    catalog_free(catalog);
}

static void a_car_is_what_was_added(void **state)
{
    (void)state;
    struct store_car first = car(1, "1-XXX-333", "NCE", 5500), second = first;
    first.hour_price = 1000;
    second.number = 2, second.carid = "1-XXX-334", second.category = "CDAR";
    second.offered = false;
    const struct store_car cars[] = {first, second};
    struct catalog *catalog = catalog_of(cars, 2);
    const struct catalog_car *one = catalog_car(catalog, 0), *two = catalog_car(catalog, 1);
    assert_int_equal(one->day_price, 5500);
    assert_int_equal(one->hour_price, 1000);
    assert_int_equal(two->hour_price, -1);
    assert_memory_equal(one->category, "ECMR", 4);
    assert_memory_equal(two->category, "CDAR", 4);
    assert_true(one->offered);
    assert_false(two->offered);
    assert_int_equal(one->location, two->location);
    assert_string_equal(catalog_location(catalog, two), "NCE");
    catalog_free(catalog);
}

static void what_is_not_there_is_not_found(void **state)
{
    (void)state;
    const struct store_car cars[] = {car(4, "m", "NCE", 1), car(6, "p", "PAR", 1)};
    static const char *const others[] = {"", "a", "mm", "n", "z"};
    struct catalog *catalog = catalog_of(cars, 2);
    char too_long[CAR_LOCATION_MAX + 2] = {0};
    memset(too_long, 'N', sizeof too_long - 1);
    for (size_t i = 0; i < LENGTH(others); i++)
        assert_int_equal(catalog_by_carid(catalog, others[i]), CATALOG_NONE);
    for (int64_t number = -1; number < 10; number++)
        if (number != 4 && number != 6)
            assert_int_equal(catalog_by_number(catalog, number), CATALOG_NONE);
    assert_int_equal(catalog_by_number(catalog, INT64_MAX), CATALOG_NONE);
    assert_int_equal(catalog_by_number(catalog, INT64_MIN), CATALOG_NONE);
    assert_int_equal(catalog_find_location(catalog, "LYS"), CATALOG_NONE);
    assert_int_equal(catalog_find_location(catalog, "NC"), CATALOG_NONE);
    assert_int_equal(catalog_find_location(catalog, "nce"), CATALOG_NONE);
    assert_int_equal(catalog_find_location(catalog, too_long), CATALOG_NONE);
    assert_int_not_equal(catalog_find_location(catalog, "PAR"),
                         catalog_find_location(catalog, "NCE"));
    catalog_free(catalog);
}

static void an_empty_catalog(void **state)
{
    (void)state;
    struct catalog *catalog = catalog_new("", 0);
    assert_true(catalog_finish(catalog));
    assert_int_equal(catalog_count(catalog), 0);
    assert_int_equal(catalog_by_carid(catalog, "a"), CATALOG_NONE);
    assert_int_equal(catalog_by_number(catalog, 0), CATALOG_NONE);
    assert_int_equal(catalog_find_location(catalog, "NCE"), CATALOG_NONE);
    assert_string_equal(catalog_currency(catalog), "");
    assert_int_equal(catalog_exponent(catalog), 2);
    catalog_free(catalog);
    catalog_free(NULL);
}

static void the_currency_has_its_decimals(void **state)
{
    (void)state;
    static const struct {
        const char *currency;
        int exponent;
    } cases[] = {{"EUR", 2}, {"JPY", 0}, {"KWD", 3}};
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct catalog *catalog = catalog_new(cases[i].currency, 0);
        assert_string_equal(catalog_currency(catalog), cases[i].currency);
        assert_int_equal(catalog_exponent(catalog), cases[i].exponent);
        catalog_free(catalog);
    }
}

static void no_more_cars_than_there_is_room_for(void **state)
{
    (void)state;
    struct store_car one = car(1, "a", "NCE", 1), two = car(2, "b", "NCE", 1);
    struct catalog *catalog = catalog_new("EUR", 1);
    assert_true(catalog_add(catalog, &one));
    assert_false(catalog_add(catalog, &two));
    catalog_free(catalog); /* without having been finished */
    assert_null(catalog_new("EUR", CATALOG_NONE));
    catalog = catalog_new("EUR", 1);
    one.number = -1;
    assert_false(catalog_add(catalog, &one));
    one.number = CATALOG_NONE;
    assert_false(catalog_add(catalog, &one));
    catalog_free(catalog);
}

static void many_cars_in_many_places(void **state)
{
    (void)state;
    enum { CARS = 5000, PLACES = 300 };
    struct catalog *catalog = catalog_new("EUR", CARS);
    char carid[16], location[16];
    for (int i = 0; i < CARS; i++) {
        snprintf(carid, sizeof carid, "car-%05d", i);
        snprintf(location, sizeof location, "L-%d", i % PLACES);
        struct store_car one = car(2 * i + 1, carid, location, i * 7919 % 100);
        assert_true(catalog_add(catalog, &one));
    }
    assert_true(catalog_finish(catalog));
    for (int i = 0; i < CARS; i++) {
        snprintf(carid, sizeof carid, "car-%05d", i);
        snprintf(location, sizeof location, "L-%d", i % PLACES);
        uint32_t position = catalog_by_number(catalog, 2 * i + 1);
        assert_int_equal(catalog_by_carid(catalog, carid), position);
        const struct catalog_car *found = catalog_car(catalog, position);
        assert_string_equal(catalog_carid(catalog, found), carid);
        assert_string_equal(catalog_location(catalog, found), location);
        assert_int_equal(catalog_find_location(catalog, location), found->location);
        if (position)
            assert_true(catalog_car(catalog, position - 1)->day_price <= found->day_price);
    }
    catalog_free(catalog);
}

static void categories_begin_with_the_cheapest(void **state)
{
    (void)state;
    struct store_car cars[] = {car(1, "a", "NCE", 30), car(2, "b", "NCE", 10),
                               car(3, "c", "NCE", 20), car(4, "d", "NCE", 5)};
    cars[0].category = "IDAR";
    cars[2].category = "SFAR";
    cars[3].category = "GONE";
    cars[3].offered = false;
    struct catalog *catalog = catalog_of(cars, LENGTH(cars));
    assert_int_equal(catalog_category_count(catalog), 3);
    assert_memory_equal(catalog_category(catalog, 0), "ECMR", 4);
    assert_memory_equal(catalog_category(catalog, 1), "SFAR", 4);
    assert_memory_equal(catalog_category(catalog, 2), "IDAR", 4);
    catalog_free(catalog);
}

static void of_many_categories_the_cheapest_are_told(void **state)
{
    (void)state;
    enum { COUNT = CATALOG_CATEGORIES_MAX + 50 };
    struct catalog *catalog = catalog_new("EUR", 2 * COUNT);
    assert_non_null(catalog);
    for (int i = 0; i < 2 * COUNT; i++) {
        char carid[16], category[8];
        snprintf(carid, sizeof carid, "%d", i);
        int letters = i % COUNT;
        snprintf(category, sizeof category, "%c%c%cX", 'A' + letters / 676, 'A' + letters / 26 % 26,
                 'A' + letters % 26);
        struct store_car added = car(i, carid, "NCE", i);
        added.category = category;
        assert_true(catalog_add(catalog, &added));
    }
    assert_true(catalog_finish(catalog));
    assert_int_equal(catalog_category_count(catalog), CATALOG_CATEGORIES_MAX);
    for (int i = 0; i < CATALOG_CATEGORIES_MAX; i++)
        assert_memory_equal(catalog_category(catalog, (size_t)i),
                            catalog_car(catalog, (uint32_t)i)->category, 4);
    catalog_free(catalog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(categories_begin_with_the_cheapest),
        cmocka_unit_test(of_many_categories_the_cheapest_are_told),
        cmocka_unit_test(cars_are_in_the_order_of_their_prices),
        cmocka_unit_test(a_car_is_what_was_added),
        cmocka_unit_test(what_is_not_there_is_not_found),
        cmocka_unit_test(an_empty_catalog),
        cmocka_unit_test(the_currency_has_its_decimals),
        cmocka_unit_test(no_more_cars_than_there_is_room_for),
        cmocka_unit_test(many_cars_in_many_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
