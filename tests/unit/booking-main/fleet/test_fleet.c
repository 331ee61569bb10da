#include "tests/unit/unit.h"

#include "fleet/fleet.h"
#include "rental/price.h"

#include <unistd.h>

static const char heading[] = "carid,category,location,day_price,hour_price,currency\n";

static char *with_suffix(const char *path, const char *suffix, char *out, size_t size)
{
    snprintf(out, size, "%s%s", path, suffix);
    return out;
}

/* The fleet as the .expected files have it: currency and exponent, then a car a line, in minor
 * units and in the order of their carids. */
static void write_down(const struct fleet *fleet, struct buffer *out)
{
    buffer_printf(out, "%s %d", fleet->currency, fleet->exponent);
    for (size_t i = 0; i < fleet->count; i++) {
        const struct fleet_car *car = &fleet->cars[i];
        buffer_printf(out, "\n%s %s %s %lld %lld", car->carid, car->category, car->location,
                      (long long)car->day_price, (long long)car->hour_price);
        if (car->turnaround >= 0)
            buffer_printf(out, " %d", car->turnaround);
    }
}

/* The warnings without the file's name before each; what the .warnings file says, if there is one.
 */
static void check_warnings(const char *path, const char *csv, const struct fleet *fleet)
{
    char name[600], *expected = unit_read(with_suffix(path, ".warnings", name, sizeof name), NULL);
    struct buffer said;
    buffer_init(&said, 65536);
    buffer_add_text(&said, "");
    for (const char *line = fleet->warnings.data; line && *line; line = strchr(line, '\n') + 1) {
        size_t prefix = strlen(csv) + 1;
        assert_memory_equal(line, csv, prefix - 1);
        buffer_add(&said, line + prefix, (size_t)(strchr(line, '\n') + 1 - line) - prefix);
    }
    if (strcmp(said.data, expected ? expected : "") != 0)
        fail_msg("%s warns of\n%s", csv, said.data);
    buffer_free(&said);
    free(expected);
}

static void check_valid(const char *path)
{
    char name[600];
    char *expected = unit_expected(with_suffix(path, ".expected", name, sizeof name));
    struct buffer error, read;
    buffer_init(&error, 4096);
    buffer_init(&read, 65536);
    struct fleet *fleet = fleet_load(with_suffix(path, ".csv", name, sizeof name), &error);
    if (!fleet)
        fail_msg("%s", error.data);
    write_down(fleet, &read);
    if (strcmp(read.data, expected) != 0)
        fail_msg("%s reads as\n%s\n", path, read.data);
    check_warnings(path, name, fleet);
    fleet_free(fleet);
    buffer_free(&read);
    buffer_free(&error);
    free(expected);
}

static void valid_files_are_read(void **state)
{
    (void)state;
    assert_true(unit_each_file("tests/data/fleet/valid", ".csv", check_valid) >= 45);
}

static int differing;

static void check_invalid(const char *path)
{
    char name[600];
    char *expected = unit_expected(with_suffix(path, ".expected", name, sizeof name));
    struct buffer error;
    buffer_init(&error, 4096);
    struct fleet *fleet = fleet_load(with_suffix(path, ".csv", name, sizeof name), &error);
    size_t prefix = strlen(name);
    if (fleet) {
        print_error("%s: was taken\n", name);
        differing++;
    } else if (strncmp(error.data, name, prefix) != 0 || error.data[prefix] != ':' ||
               strcmp(error.data + prefix + 1, expected) != 0) {
        print_error("%s\n  was expected to say %s\n", error.data, expected);
        differing++;
    }
    fleet_free(fleet);
    buffer_free(&error);
    free(expected);
}

static void invalid_files_are_refused_with_line_column_and_reason(void **state)
{
    (void)state;
    differing = 0;
    assert_true(unit_each_file("tests/data/fleet/invalid", ".csv", check_invalid) >= 75);
    assert_int_equal(differing, 0);
}

static void the_demo_fleet_offers_the_seed_car_first(void **state)
{
    (void)state;
    struct buffer error;
    buffer_init(&error, 500);
    struct fleet *fleet = fleet_demo(&error);
    assert_non_null(fleet);
    assert_string_equal(fleet->cars[0].carid, "1-XXX-333");
    assert_int_equal(fleet->cars[0].day_price, 5500);
    assert_int_equal(fleet->cars[0].hour_price, 1000);
    assert_string_equal(fleet->currency, "EUR");
    fleet_free(fleet);
    buffer_free(&error);
}

static void files_that_cannot_be_read_are_named(void **state)
{
    (void)state;
    static const char *const paths[] = {"/nonexistent/fleet.csv", "/tmp", "/dev/zero", ""};
    for (size_t i = 0; i < LENGTH(paths); i++) {
        struct buffer error;
        buffer_init(&error, 500);
        assert_null(fleet_load(paths[i], &error));
        assert_memory_equal(error.data, paths[i], strlen(paths[i]));
        buffer_free(&error);
    }
    fleet_free(NULL);
}

static void a_pipe_is_read_to_its_end(void **state)
{
    (void)state;
    int ends[2];
    struct buffer error;
    buffer_init(&error, 500);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], heading, strlen(heading)), strlen(heading));
    static const char car[] = "a,ECMR,NCE,1,,EUR";
    assert_int_equal(write(ends[1], car, strlen(car)), strlen(car));
    close(ends[1]);
    struct fleet *fleet = fleet_read(ends[0], "standard input", &error);
    close(ends[0]);
    assert_non_null(fleet);
    assert_int_equal(fleet->count, 1);
    fleet_free(fleet);
    assert_null(fleet_read(-1, "standard input", &error));
    assert_string_equal(error.data, "standard input: Bad file descriptor");
    buffer_free(&error);
}

static void locations(void **state)
{
    (void)state;
    assert_true(car_location_valid("NCE"));
    assert_true(car_location_valid("12345678901234567890123456789012"));
    assert_false(car_location_valid("123456789012345678901234567890123"));
    assert_false(car_location_valid(""));
    assert_false(car_location_valid("NCE "));
    assert_false(car_location_valid("N*E"));
}

/* Whatever is cut off or damaged, the reader ends with a fleet or a message, and stays inside its
 * text (the sanitizers watch). */
static void damaged_files_never_break_the_reader(void **state)
{
    (void)state;
    static const char csv[] = "\xEF\xBB\xBF"
                              "carid,category,location,day_price,hour_price,currency\r\n"
                              "\"a,\"\"b\",ECMR,NCE,55.00,10.00,EUR\r\n"
                              "c,CDAR,CDG,1,,EUR\r\n";
    size_t size = sizeof csv - 1;
    uint64_t random = 4180;
    for (int i = 0; i < 6000; i++) {
        size_t kept = i < (int)size ? (size_t)i : size;
        char *copy = malloc(kept + 1);
        memcpy(copy, csv, kept);
        for (int j = i < (int)size ? 0 : 1 + i % 3; j; j--)
            copy[unit_random(&random) % kept] = "\0\",;\t\r\n5\xFF"[unit_random(&random) % 9];
        copy = realloc(copy, kept ? kept : 1);
        struct buffer error;
        buffer_init(&error, 2000);
        struct fleet *fleet = fleet_parse("f", copy, kept, &error);
        assert_int_equal(fleet == NULL, error.size > 0);
        assert_false(error.failed);
        for (size_t j = 0; fleet && j < fleet->count; j++) {
            const struct fleet_car *car = &fleet->cars[j];
            assert_true(strlen(car->carid) >= 1 && strlen(car->carid) <= CAR_ID_MAX);
            assert_int_equal(strlen(car->category), CAR_CATEGORY_SIZE);
            assert_true(car_location_valid(car->location));
            assert_in_range(car->day_price, 0, PRICE_MAX);
        }
        fleet_free(fleet);
        buffer_free(&error);
        free(copy);
    }
}

static void a_large_fleet_is_sorted_and_searched_for_doubles(void **state)
{
    (void)state;
    enum { CARS = 50000 };
    struct buffer csv, error;
    buffer_init(&csv, 4 * 1024 * 1024);
    buffer_init(&error, 500);
    buffer_add_text(&csv, "carid,category,location,day_price,hour_price,currency\n");
    uint64_t random = 7;
    for (int i = 0; i < CARS; i++)
        buffer_printf(&csv, "car-%d,ECMR,NCE,%d.%02d,,EUR\n", i, (int)(unit_random(&random) % 300),
                      (int)(unit_random(&random) % 100));
    struct fleet *fleet = fleet_parse("f", csv.data, csv.size, &error);
    assert_non_null(fleet);
    assert_int_equal(fleet->count, CARS);
    for (size_t i = 1; i < fleet->count; i++) {
        const struct fleet_car *a = &fleet->cars[i - 1], *b = &fleet->cars[i];
        assert_true(strcmp(a->carid, b->carid) < 0);
    }
    fleet_free(fleet);
    buffer_add_text(&csv, "car-777,ECMR,NCE,1,,EUR\n");
    assert_null(fleet_parse("f", csv.data, csv.size, &error));
    assert_string_equal(error.data, "f:50002:1: carid 'car-777' stands in line 779 already");
    buffer_free(&csv);
    buffer_free(&error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_files_are_read),
        cmocka_unit_test(invalid_files_are_refused_with_line_column_and_reason),
        cmocka_unit_test(the_demo_fleet_offers_the_seed_car_first),
        cmocka_unit_test(files_that_cannot_be_read_are_named),
        cmocka_unit_test(a_pipe_is_read_to_its_end),
        cmocka_unit_test(locations),
        cmocka_unit_test(damaged_files_never_break_the_reader),
        cmocka_unit_test(a_large_fleet_is_sorted_and_searched_for_doubles),
    };
    return cmocka_run_group_tests_name("fleet", tests, NULL, NULL);
}
