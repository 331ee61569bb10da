#include "tests/unit/malloc_unit.h"

#include "lib/base/timestamp.h"
#include "partner/order.h"

/* When the orders of tests/data/booking_order are read. */
static int32_t now(void)
{
    int32_t minutes = 0;
    assert_null(timestamp_parse("2026-12-01T12:00:00Z", &minutes));
    return minutes;
}

static int differing;

static void differs(const char *path, const char *expected, const char *read)
{
    print_error("%s\n  was expected to be %s\n  and is %s\n", path, expected, read);
    differing++;
}

static char *read_file(const char *path, const char *suffix, size_t *size)
{
    char name[600];
    snprintf(name, sizeof name, "%s%s", path, suffix);
    return size ? unit_read(name, size) : unit_expected(name);
}

/* A copy of exactly its size, so that a sanitizer sees a read behind the body. */
static bool read_order(const char *json, size_t size, int exponent, struct booking_order *order,
                       char field[ORDER_FIELD_MAX + 1], struct buffer *error)
{
    char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, json, size);
    bool read = booking_order_read(copy, size, exponent, now(), order, field, error);
    free(copy);
    return read;
}

static const char *or_dash(const char *text)
{
    return *text ? text : "-";
}

static void check_valid(const char *path)
{
    size_t size = 0;
    char *json = read_file(path, ".json", &size), *expected = read_file(path, ".expected", NULL);
    char field[ORDER_FIELD_MAX + 1];
    struct booking_order order;
    struct buffer error, text;
    buffer_init(&error, 4096);
    buffer_init(&text, 4096);
    if (read_order(json, size, 2, &order, field, &error))
        buffer_printf(&text, "%d %d %d %s %s %s %lld %u [%s]", order.criteria.period.pickup_at,
                      order.criteria.period.return_at, order.criteria.days,
                      or_dash(order.criteria.location), or_dash(order.criteria.category),
                      or_dash(order.carid), (long long)order.price, order.hold_seconds,
                      order.reference);
    else
        buffer_add_text(&text, error.data);
    if (strcmp(text.data, expected) != 0)
        differs(path, expected, text.data);
    buffer_free(&error);
    buffer_free(&text);
    free(json);
    free(expected);
}

static void check_invalid(const char *path)
{
    size_t size = 0;
    char *json = read_file(path, ".json", &size), *expected = read_file(path, ".expected", NULL);
    char *sentence = strchr(expected, '\n') + 1, field[ORDER_FIELD_MAX + 1];
    struct booking_order order, untouched;
    memset(&order, 0x5A, sizeof order);
    untouched = order;
    struct buffer error;
    buffer_init(&error, 65536);
    sentence[-1] = '\0';
    if (read_order(json, size, 2, &order, field, &error)) {
        differs(path, "refused", "taken");
    } else {
        if (strcmp(or_dash(field), expected) != 0)
            differs(path, expected, or_dash(field));
        if (!error.data || strncmp(error.data, sentence, strlen(sentence)) != 0)
            differs(path, sentence, error.data ? error.data : "nothing");
        if (error.data && error.data[error.size - 1] != '.')
            differs(path, "a sentence", error.data);
        assert_memory_equal(&order, &untouched, sizeof order);
    }
    buffer_free(&error);
    free(json);
    free(expected);
}

static void valid_orders_are_read(void **state)
{
    (void)state;
    differing = 0;
    assert_true(unit_each_file("tests/data/booking_order/valid", ".json", check_valid) >= 35);
    assert_int_equal(differing, 0);
}

static void invalid_orders_are_refused_naming_the_field(void **state)
{
    (void)state;
    differing = 0;
    assert_true(unit_each_file("tests/data/booking_order/invalid", ".json", check_invalid) >= 150);
    assert_int_equal(differing, 0);
}

static void prices_have_the_currencys_decimals(void **state)
{
    (void)state;
    static const struct {
        const char *price;
        int exponent;
        int64_t minor; /* -1: refused */
    } cases[] = {{"5500", 0, 5500},    {"5500.0", 0, 5500}, {"5500.5", 0, -1},
                 {"15.505", 3, 15505}, {"15.5055", 3, -1},  {"1.0001", 4, 10001}};
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char json[200], field[ORDER_FIELD_MAX + 1];
        snprintf(json, sizeof json,
                 "{\"pickup_at\":\"2027-01-10T10:00:00Z\",\"return_at\":\"2027-01-13T10:00:00Z\","
                 "\"price\":%s}",
                 cases[i].price);
        struct booking_order order;
        struct buffer error;
        buffer_init(&error, 1024);
        bool read = read_order(json, strlen(json), cases[i].exponent, &order, field, &error);
        assert_int_equal(read, cases[i].minor >= 0);
        if (read)
            assert_int_equal(order.price, cases[i].minor);
        else
            assert_string_equal(field, "price");
        buffer_free(&error);
    }
}

/* Whatever is cut off or changed, nothing is read behind the body and the field's name fits. */
static void any_bytes_are_read_or_refused(void **state)
{
    (void)state;
    static const char whole[] =
        "{\"pickup_at\":\"2027-01-10T10:00:00Z\",\"return_at\":\"2027-01-13T10:00:00Z\","
        "\"location\":\"NCE\",\"category\":\"E***\",\"carid\":\"1-\\u00e9\\ud83d\\ude97\","
        "\"price\":165.5,\"hold_seconds\":600,\"reference\":\"R 1\"}";
    uint64_t random = 88172645463325252;
    char json[sizeof whole], field[ORDER_FIELD_MAX + 1];
    for (int round = 0; round < 20000; round++) {
        memcpy(json, whole, sizeof whole);
        size_t size = sizeof whole - 1;
        if (round < (int)size)
            size = (size_t)round;
        else
            for (uint64_t changes = unit_random(&random) % 4 + 1; changes > 0; changes--)
                json[unit_random(&random) % size] = unit_random(&random) % 2
                                                        ? (char)unit_random(&random)
                                                        : whole[unit_random(&random) % size];
        struct booking_order order;
        struct buffer error;
        buffer_init(&error, 4096);
        memset(field, 'x', sizeof field);
        if (!read_order(json, size, 2, &order, field, &error))
            assert_true(error.size > 0);
        assert_true(memchr(field, '\0', sizeof field) != NULL);
        buffer_free(&error);
    }
}

/* Then nothing is wrong with the order: the caller answers 500, not 400. */
static void memory_that_runs_out_is_no_fault_of_the_order(void **state)
{
    (void)state;
    static const char json[] = "{\"pickup_at\":\"2027-01-10T10:00:00Z\",\"return_at\":"
                               "\"2027-01-13T10:00:00Z\",\"price\":12.5,\"reference\":\"r\"}";
    bool read = false;
    for (int allocations = 0; !read; allocations++) {
        struct booking_order order;
        char field[ORDER_FIELD_MAX + 1];
        struct buffer error;
        buffer_init(&error, 4096);
        allocations_left = allocations;
        read = booking_order_read(json, sizeof json - 1, 2, now(), &order, field, &error);
        allocations_left = INT_MAX;
        assert_int_equal(error.failed, !read);
        assert_null(error.data);
        assert_true(allocations < 1000);
        buffer_free(&error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_orders_are_read),
        cmocka_unit_test(invalid_orders_are_refused_naming_the_field),
        cmocka_unit_test(prices_have_the_currencys_decimals),
        cmocka_unit_test(any_bytes_are_read_or_refused),
        cmocka_unit_test(memory_that_runs_out_is_no_fault_of_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
