#include "tests/unit/malloc_unit.h"

#include "lib/adapter/car_document.h"

/* The corpus of documents is the black-box tests' too, which also compare each adapter's answer. */

static struct car_document_owner *parse(const char *json, size_t size, struct car_document *car,
                                        const char **member, struct buffer *error)
{
    char *exact = malloc(size ? size : 1); /* a reader past its end meets the sanitizer */
    memcpy(exact, json, size);
    struct car_document_owner *owner = car_document_parse(exact, size, car, member, error);
    free(exact); /* the texts are the owner's, not the input's */
    return owner;
}

static void check_valid(const char *path)
{
    char name[600];
    snprintf(name, sizeof name, "%s.json", path);
    size_t size = 0;
    char *json = unit_read(name, &size);
    assert_non_null(json);
    struct buffer error;
    buffer_init(&error, 1000);
    struct car_document car;
    const char *member;
    struct car_document_owner *owner = parse(json, size, &car, &member, &error);
    if (!owner)
        fail_msg("%s: %s", path, error.data);
    assert_int_equal(error.size, 0);
    assert_in_range(strlen(car.carid), 1, CAR_TEXT_MAX);
    assert_in_range(strlen(car.currency), 1, CAR_TEXT_MAX);
    assert_non_null(car.status);
    assert_true(car.price >= 0);
    car_document_free(owner);
    buffer_free(&error);
    free(json);
}

static void valid_documents_are_read(void **state)
{
    (void)state;
    assert_true(unit_each_file("tests/data/car_document/valid", ".json", check_valid) >= 20);
}

static void check_invalid(const char *path)
{
    char name[600];
    snprintf(name, sizeof name, "%s.json", path);
    size_t size = 0;
    char *json = unit_read(name, &size);
    assert_non_null(json);
    snprintf(name, sizeof name, "%s.expected", path);
    char *expected = unit_expected(name); /* the member or "-", and how the detail begins */
    char *detail = strchr(expected, '\n');
    assert_non_null(detail);
    *detail++ = '\0';
    struct buffer error;
    buffer_init(&error, 1000);
    struct car_document car = {.carid = "untouched"};
    const char *member;
    if (parse(json, size, &car, &member, &error))
        fail_msg("%s was taken", path);
    if (strcmp(member ? member : "-", expected) != 0 ||
        strncmp(error.data, detail, strlen(detail)) != 0)
        fail_msg("%s: %s: %s", path, member ? member : "-", error.data);
    assert_string_equal(car.carid, "untouched");
    buffer_free(&error);
    free(json);
    free(expected);
}

static void invalid_documents_name_the_member(void **state)
{
    (void)state;
    assert_true(unit_each_file("tests/data/car_document/invalid", ".json", check_invalid) >= 50);
}

static void every_member_is_read(void **state)
{
    (void)state;
    static const char json[] =
        "{\"carid\":\"c\",\"price\":110.5,\"currency\":\"EUR\",\"status\":\"held\","
        "\"day_price\":55.25,\"hourly_price\":10,\"pickup_at\":\"p\",\"return_at\":\"r\","
        "\"location\":\"l\",\"category\":\"ECMR\",\"booking_id\":\"b\",\"expires_at\":\"e\"}";
    struct buffer error;
    buffer_init(&error, 1000);
    struct car_document car;
    const char *member;
    struct car_document_owner *owner = parse(json, sizeof json - 1, &car, &member, &error);
    assert_non_null(owner);
    assert_string_equal(car.carid, "c");
    assert_int_equal(car.price, 1105000);
    assert_string_equal(car.currency, "EUR");
    assert_string_equal(car.status, "held");
    assert_int_equal(car.day_price, 552500);
    assert_int_equal(car.hourly_price, 100000);
    assert_string_equal(car.pickup_at, "p");
    assert_string_equal(car.return_at, "r");
    assert_string_equal(car.location, "l");
    assert_string_equal(car.category, "ECMR");
    assert_string_equal(car.booking_id, "b");
    assert_string_equal(car.expires_at, "e");
    car_document_free(owner);
    buffer_free(&error);
}

static void what_is_not_said_is_not_known(void **state)
{
    (void)state;
    static const char json[] =
        "{\"carid\":\"c\",\"price\":0,\"currency\":\"EUR\",\"status\":\"available\"}";
    struct buffer error;
    buffer_init(&error, 1000);
    struct car_document car;
    const char *member;
    struct car_document_owner *owner = parse(json, sizeof json - 1, &car, &member, &error);
    assert_non_null(owner);
    assert_int_equal(car.price, 0);
    assert_int_equal(car.day_price, -1);
    assert_int_equal(car.hourly_price, -1);
    assert_null(car.pickup_at);
    assert_null(car.booking_id);
    assert_null(car.expires_at);
    car_document_free(owner);
    buffer_free(&error);
}

/* Every amount of two decimals comes back exactly, though JSON numbers pass through a double. */
static void amounts_are_exact(void **state)
{
    (void)state;
    uint64_t random = 99;
    struct buffer error;
    buffer_init(&error, 1000);
    for (int i = 0; i < 20000; i++) {
        uint64_t cents = unit_random(&random) >> (20 + i % 40);
        if (cents > UINT64_C(90000000000000))
            continue;
        if (cents / 100 > UINT64_C(900000000000))
            continue;
        char json[200];
        int size = snprintf(json, sizeof json,
                            "{\"carid\":\"c\",\"price\":%llu.%02llu,\"currency\":\"EUR\","
                            "\"status\":\"available\"}",
                            (unsigned long long)cents / 100, (unsigned long long)cents % 100);
        struct car_document car;
        const char *member;
        struct car_document_owner *owner =
            car_document_parse(json, (size_t)size, &car, &member, &error);
        if (!owner)
            fail_msg("%s: %s", json, error.data);
        if (car.price != (int64_t)cents * 100)
            fail_msg("%s read as %lld", json, (long long)car.price);
        car_document_free(owner);
    }
    buffer_free(&error);
}

/* Then nothing is wrong with the document: the caller answers 500, not 400. The nested member has
 * jansson read it. */
static void memory_that_runs_out_is_no_fault_of_the_document(void **state)
{
    (void)state;
    static const char json[] = "{\"carid\":\"c\",\"price\":55,\"currency\":\"EUR\","
                               "\"status\":\"available\",\"extra\":{}}";
    struct car_document_owner *owner = NULL;
    for (int allocations = 0; !owner; allocations++) {
        struct car_document car;
        const char *member;
        struct buffer error;
        buffer_init(&error, 1000);
        allocations_left = allocations;
        owner = car_document_parse(json, sizeof json - 1, &car, &member, &error);
        allocations_left = INT_MAX;
        assert_int_equal(error.failed, !owner);
        assert_null(error.data);
        assert_true(allocations < 1000);
        buffer_free(&error);
    }
    car_document_free(owner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_documents_are_read),
        cmocka_unit_test(invalid_documents_name_the_member),
        cmocka_unit_test(every_member_is_read),
        cmocka_unit_test(what_is_not_said_is_not_known),
        cmocka_unit_test(amounts_are_exact),
        cmocka_unit_test(memory_that_runs_out_is_no_fault_of_the_document),
    };
    return cmocka_run_group_tests_name("car_document", tests, NULL, NULL);
}
