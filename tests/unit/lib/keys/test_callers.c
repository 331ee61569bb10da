#include "tests/unit/unit.h"

#include "lib/keys/callers.h"
#include "lib/keys/keys.h"

#include <stdio.h>

#define SECOND INT64_C(1000000000)
#define START  (100 * SECOND)

static unsigned granted_of(struct callers *callers, const char *name, int64_t now, unsigned count)
{
    unsigned granted = 0;
    for (unsigned i = 0; i < count; i++)
        granted += callers_count(callers, name, now).granted;
    return granted;
}

static void a_bucket_holds_a_second_and_fills_up_in_one(void **state)
{
    (void)state;
    static const unsigned limits[] = {1, 3, 10, 999, 1000000};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        unsigned limit = limits[i];
        struct callers *callers = callers_new(limit);
        assert_non_null(callers);
        assert_int_equal(granted_of(callers, "a", START, limit + 5), limit);
        /* Where a second is no multiple of the interval, a token comes a nanosecond early. */
        assert_in_range(granted_of(callers, "a", START + SECOND - 1, limit + 5), limit - 1, limit);
        assert_int_equal(granted_of(callers, "a", START + 3 * SECOND, limit + 5), limit);
        callers_free(callers);
    }
}

static void a_verdict_says_what_is_left(void **state)
{
    (void)state;
    struct callers *callers = callers_new(4);
    for (unsigned left = 4; left-- > 0;) {
        struct callers_verdict verdict = callers_count(callers, "a", START);
        assert_true(verdict.granted);
        assert_int_equal(verdict.remaining, left);
        assert_int_equal(verdict.wait, 1);
    }
    struct callers_verdict refused = callers_count(callers, "a", START);
    assert_false(refused.granted);
    assert_int_equal(refused.remaining, 0);
    assert_int_equal(refused.wait, 1);
    /* A token came after a quarter of a second; a refusal took none. */
    assert_false(callers_count(callers, "a", START + SECOND / 4 - 1).granted);
    struct callers_verdict verdict = callers_count(callers, "a", START + SECOND / 4);
    assert_true(verdict.granted);
    assert_int_equal(verdict.remaining, 0);
    callers_free(callers);
}

static void each_caller_has_a_bucket(void **state)
{
    (void)state;
    struct callers *callers = callers_new(2);
    assert_int_equal(granted_of(callers, "a", START, 9), 2);
    assert_int_equal(granted_of(callers, "b", START, 9), 2);
    assert_int_equal(granted_of(callers, "", START, 9), 2);
    callers_free(callers);
}

static void without_a_limit_it_counts(void **state)
{
    (void)state;
    struct callers *callers = callers_new(0);
    assert_int_equal(granted_of(callers, "a \"b\" \\", START, 5000), 5000);
    struct buffer out;
    buffer_init(&out, 65536);
    callers_metrics(callers, &out);
    assert_non_null(strstr(out.data, "caller_requests_total{caller=\"a \\\"b\\\" \\\\\"} 5000\n"));
    assert_non_null(
        strstr(out.data, "caller_limited_requests_total{caller=\"a \\\"b\\\" \\\\\"} 0\n"));
    buffer_free(&out);
    callers_free(callers);
}

static void a_new_name_takes_the_place_of_the_one_that_is_away_the_longest(void **state)
{
    (void)state;
    struct callers *callers = callers_new(1);
    char name[API_KEY_NAME_MAX + 1];
    for (int i = 0; i <= API_KEYS_MAX; i++) {
        snprintf(name, sizeof name, "caller %d", i);
        assert_true(callers_count(callers, name, START + i).granted);
    }
    assert_false(callers_count(callers, "caller 0", START + SECOND / 2).granted);
    assert_true(callers_count(callers, "new", START + SECOND / 2).granted);
    struct buffer out;
    buffer_init(&out, 1024 * 1024);
    callers_metrics(callers, &out);
    assert_null(strstr(out.data, "{caller=\"caller 1\"}"));
    assert_non_null(strstr(out.data, "caller_requests_total{caller=\"caller 0\"} 2\n"));
    assert_non_null(strstr(out.data, "caller_requests_total{caller=\"new\"} 1\n"));
    buffer_free(&out);
    callers_free(callers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_holds_a_second_and_fills_up_in_one),
        cmocka_unit_test(a_verdict_says_what_is_left),
        cmocka_unit_test(each_caller_has_a_bucket),
        cmocka_unit_test(without_a_limit_it_counts),
        cmocka_unit_test(a_new_name_takes_the_place_of_the_one_that_is_away_the_longest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
