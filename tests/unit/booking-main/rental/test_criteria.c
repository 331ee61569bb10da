#include "tests/unit/unit.h"

#include "lib/base/timestamp.h"
#include "rental/criteria.h"
#include "rental/price.h"

enum { PARAMETERS_MAX = 5 };

struct parameter {
    const char *name, *value;
};

/* What the reading came to: NULL when it was valid, else the parameter that was wrong. */
static const char *wrong;
static char says[600];
static struct criteria criteria;

static int32_t at(const char *text)
{
    int32_t minutes = 0;
    assert_null(timestamp_parse(text, &minutes));
    return minutes;
}

static void read_at(const char *now, const struct parameter parameters[PARAMETERS_MAX])
{
    struct buffer error;
    buffer_init(&error, sizeof says - 1);
    struct criteria_reading reading;
    criteria_begin(&reading, &error);
    bool valid = true;
    for (int i = 0; valid && i < PARAMETERS_MAX && parameters[i].name; i++)
        valid = criteria_set(&reading, parameters[i].name, parameters[i].value);
    valid = valid && criteria_end(&reading, at(now));
    criteria = reading.criteria;
    wrong = valid ? NULL : reading.parameter;
    assert_true(valid || reading.parameter);
    snprintf(says, sizeof says, "%s", error.data ? error.data : "");
    assert_int_equal(valid, error.size == 0);
    buffer_free(&error);
}

#define READ(now, ...) read_at(now, (struct parameter[PARAMETERS_MAX]){__VA_ARGS__})

static const char now[] = "2026-06-15T12:00:00Z";

static void without_times_it_is_a_day_from_the_next_minute(void **state)
{
    (void)state;
    READ(now, {0});
    assert_null(wrong);
    assert_int_equal(criteria.period.pickup_at, at("2026-06-15T12:01:00Z"));
    assert_int_equal(criteria.period.return_at, at("2026-06-16T12:01:00Z"));
    assert_int_equal(criteria.days, 1);
    assert_string_equal(criteria.location, "");
    assert_string_equal(criteria.category, "");
}

static void all_four_are_read_in_any_order(void **state)
{
    (void)state;
    READ(now, {"category", "E*MR"}, {"return_at", "2026-07-02T10:00:00Z"}, {"location", "NCE-1.a_"},
         {"pickup_at", "2026-07-01T10:00:00+02:00"});
    assert_null(wrong);
    assert_int_equal(criteria.period.pickup_at, at("2026-07-01T08:00:00Z"));
    assert_int_equal(criteria.period.return_at, at("2026-07-02T10:00:00Z"));
    assert_string_equal(criteria.location, "NCE-1.a_");
    assert_string_equal(criteria.category, "E*MR");
}

static void the_edges_of_a_period(void **state)
{
    (void)state;
    static const struct {
        const char *now, *pickup_at, *return_at, *wrong;
    } cases[] = {
        /* At least a minute. */
        {now, "2026-07-01T10:00:00Z", "2026-07-01T10:01:00Z", NULL},
        {now, "2026-07-01T10:00:00Z", "2026-07-01T10:00:00Z", "return_at"},
        {now, "2026-07-01T10:00:00Z", "2026-07-01T11:00:00+01:00", "return_at"},
        {now, "2026-07-01T10:00:00Z", "2026-07-01T09:59:00Z", "return_at"},
        /* At most 90 days. */
        {now, "2026-07-01T10:00:00Z", "2026-09-29T10:00:00Z", NULL},
        {now, "2026-07-01T10:00:00Z", "2026-09-29T10:01:00Z", "return_at"},
        {now, "2026-07-01T12:00:00+02:00", "2026-09-29T12:00:00+02:00", NULL},
        {now, "2026-07-01T12:00:00+02:00", "2026-09-29T10:01:00Z", NULL},
        {now, "2026-08-10T10:00:00+02:00", "2026-11-08T10:00:00+01:00", NULL},
        {now, "2026-08-10T10:00:00+02:00", "2026-11-08T10:01:00+01:00", "return_at"},
        /* A pickup at most a day ago. */
        {now, "2026-06-14T12:00:00Z", "2026-06-16T12:00:00Z", NULL},
        {now, "2026-06-14T11:59:00Z", "2026-06-16T12:00:00Z", "pickup_at"},
        {now, "1970-01-01T00:00:00Z", "1970-01-02T00:00:00Z", "pickup_at"},
        /* A return ahead of now. */
        {now, "2026-06-15T11:00:00Z", "2026-06-15T12:00:00Z", "return_at"},
        {now, "2026-06-15T11:00:00Z", "2026-06-15T13:00:00+01:00", "return_at"},
        {now, "2026-06-15T11:00:00Z", "2026-06-15T11:30:00Z", "return_at"},
        {now, "2026-06-15T11:00:00Z", "2026-06-15T12:01:00Z", NULL},
        /* A return at most two years ahead. */
        {now, "2028-06-14T12:00:00Z", "2028-06-15T12:00:00Z", NULL},
        {now, "2028-06-14T12:00:00Z", "2028-06-15T12:01:00Z", "return_at"},
        {now, "4999-01-01T00:00:00Z", "4999-01-02T00:00:00Z", "return_at"},
        /* Two years from a leap day, and over one. */
        {"2028-02-29T12:00:00Z", "2030-02-28T12:00:00Z", "2030-03-01T12:00:00Z", NULL},
        {"2028-02-29T12:00:00Z", "2030-02-28T12:00:00Z", "2030-03-01T12:01:00Z", "return_at"},
        {"2027-03-01T12:00:00Z", "2029-02-28T12:00:00Z", "2029-03-01T12:00:00Z", NULL},
        {"2027-03-01T12:00:00Z", "2029-02-28T12:00:00Z", "2029-03-01T12:01:00Z", "return_at"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        READ(cases[i].now, {"pickup_at", cases[i].pickup_at}, {"return_at", cases[i].return_at});
        if (cases[i].wrong ? !wrong || strcmp(wrong, cases[i].wrong) != 0 : wrong != NULL)
            fail_msg("%s to %s: %s %s", cases[i].pickup_at, cases[i].return_at,
                     wrong ? wrong : "valid", says);
    }
}

static void each_parameter_is_refused_in_its_name(void **state)
{
    (void)state;
    static const struct {
        struct parameter given[3];
        const char *wrong;
    } cases[] = {
        {{{"pickup_at", "2026-07-01T10:00:00Z"}}, "return_at"},
        {{{"return_at", "2026-07-01T10:00:00Z"}}, "pickup_at"},
        {{{"pickup_at", "today"}, {"return_at", "2026-07-01T10:00:00Z"}}, "pickup_at"},
        {{{"pickup_at", "2026-07-01T10:00:00Z"}, {"return_at", "x"}}, "return_at"},
        {{{"pickup_at", ""}}, "pickup_at"},
        {{{"pickup_at", NULL}}, "pickup_at"},
        {{{"return_at", NULL}}, "return_at"},
        {{{"location", NULL}}, "location"},
        {{{"location", ""}}, "location"},
        {{{"location", "N CE"}}, "location"},
        {{{"location", "NCE\n"}}, "location"},
        {{{"location", "N\xC3\xAE"}}, "location"},
        {{{"location", "a2345678901234567890123456789012x"}}, "location"},
        {{{"category", NULL}}, "category"},
        {{{"category", ""}}, "category"},
        {{{"category", "ECM"}}, "category"},
        {{{"category", "ECMRX"}}, "category"},
        {{{"category", "ecmr"}}, "category"},
        {{{"category", "EC?R"}}, "category"},
        {{{"category", "EC1R"}}, "category"},
        {{{"location", "NCE"}, {"location", "NCE"}}, "location"},
        {{{"category", "ECMR"}, {"category", "CDAR"}}, "category"},
        {{{"pickup_at", "2026-07-01T10:00:00Z"}, {"pickup_at", "2026-07-01T10:00:00Z"}},
         "pickup_at"},
        {{{"return_at", "2026-07-01T10:00:00Z"}, {"return_at", "2026-07-01T10:00:00Z"}},
         "return_at"},
        {{{"price", "55"}}, "price"},
        {{{"Location", "NCE"}}, "Location"},
        {{{"", "x"}}, ""},
        {{{"pickup", NULL}}, "pickup"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        READ(now, cases[i].given[0], cases[i].given[1], cases[i].given[2]);
        if (!wrong || strcmp(wrong, cases[i].wrong) != 0)
            fail_msg("case %zu: %s is wrong: %s", i, wrong ? wrong : "nothing", says);
        assert_non_null(strstr(says, cases[i].wrong));
        assert_int_equal(says[strlen(says) - 1], '.');
    }
}

static void the_longest_location_and_all_wildcards_fit(void **state)
{
    (void)state;
    READ(now, {"location", "a2345678901234567890123456789012"}, {"category", "****"});
    assert_null(wrong);
    assert_string_equal(criteria.location, "a2345678901234567890123456789012");
    assert_string_equal(criteria.category, "****");
}

static void a_monstrous_name_is_cut_in_the_message(void **state)
{
    (void)state;
    char name[4000];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    READ(now, {name, "1"});
    assert_string_equal(wrong, name);
    assert_true(strlen(says) < 300);
}

static void started_days_are_charged(void **state)
{
    (void)state;
    static const struct {
        int32_t minutes, days;
    } cases[] = {{-60, 1},  {0, 1},    {1, 1},    {60, 1},         {1439, 1},          {1440, 1},
                 {1441, 2}, {2880, 2}, {2881, 3}, {90 * 1440, 90}, {89 * 1440 + 1, 90}};
    for (size_t i = 0; i < LENGTH(cases); i++) {
        assert_int_equal(price_days((struct period){0, cases[i].minutes}, 0, 0), cases[i].days);
    }
}

/* The offsets say what the clock on the wall shows. */
static void days_are_counted_by_the_clock_on_the_wall(void **state)
{
    (void)state;
    static const struct {
        const char *pickup_at, *return_at;
        int32_t days;
    } cases[] = {
        /* The end of summer time makes a day of 25 hours, its beginning one of 23. */
        {"2026-10-24T18:00:00+02:00", "2026-10-25T18:00:00+01:00", 1},
        {"2026-10-24T18:00:00+02:00", "2026-10-25T18:01:00+01:00", 2},
        {"2027-03-27T18:00:00+01:00", "2027-03-28T18:00:00+02:00", 1},
        {"2027-03-27T18:00:00+01:00", "2027-03-28T18:01:00+02:00", 2},
        /* Some change by half an hour. */
        {"2027-04-03T09:00:00+11:00", "2027-04-06T09:00:00+10:30", 3},
        /* The wall's clock goes back while the car is out. */
        {"2026-10-25T02:30:00+02:00", "2026-10-25T02:10:00+01:00", 1},
        {"2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00", 1},
        /* With equal offsets, time that passes is time on the wall. */
        {"2026-10-24T18:00:00+02:00", "2026-10-25T19:00:00+02:00", 2},
        {"2026-10-24T18:00:00+02:00", "2026-10-25T18:00:00+02:00", 1},
        {"2026-10-24T18:00:00Z", "2026-10-26T18:00:00Z", 2},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        READ(now, {"return_at", cases[i].return_at}, {"pickup_at", cases[i].pickup_at});
        if (wrong || criteria.days != cases[i].days)
            fail_msg("%s to %s: %d days %s", cases[i].pickup_at, cases[i].return_at, criteria.days,
                     says);
    }
    READ(now, {"return_at", "2026-10-25T18:00:00+01:00"},
         {"pickup_at", "2026-10-24T18:00:00+02:00"});
    assert_int_equal(criteria.period.return_at - criteria.period.pickup_at, 25 * 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_times_it_is_a_day_from_the_next_minute),
        cmocka_unit_test(all_four_are_read_in_any_order),
        cmocka_unit_test(the_edges_of_a_period),
        cmocka_unit_test(each_parameter_is_refused_in_its_name),
        cmocka_unit_test(the_longest_location_and_all_wildcards_fit),
        cmocka_unit_test(a_monstrous_name_is_cut_in_the_message),
        cmocka_unit_test(started_days_are_charged),
        cmocka_unit_test(days_are_counted_by_the_clock_on_the_wall),
    };
    return cmocka_run_group_tests_name("criteria", tests, NULL, NULL);
}
