#include "tests/unit/unit.h"

#include "commands/when.h"
#include "lib/base/timestamp.h"

#include <time.h>

static void use_zone(const char *zone)
{
    if (zone)
        setenv("TZ", zone, 1);
    else
        unsetenv("TZ");
    tzset();
}

/* "" for a text that is refused. */
static const char *from_of(const char *text)
{
    static char out[TIMESTAMP_SIZE];
    int32_t minute;
    out[0] = '\0';
    if (!when_read_from(text, &minute))
        timestamp_format(minute, out);
    return out;
}

static const char *to_of(const char *text)
{
    static char out[TIMESTAMP_SIZE];
    int32_t minute;
    out[0] = '\0';
    if (!when_read_to(text, &minute))
        timestamp_format(minute, out);
    return out;
}

#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"

static void a_time_without_an_offset_is_in_the_zone(void **state)
{
    (void)state;
    use_zone(BERLIN);
    assert_string_equal(from_of("2026-12-01 10:00"), "2026-12-01T09:00:00Z");
    assert_string_equal(from_of("2026-07-01T10:00"), "2026-07-01T08:00:00Z");
    assert_string_equal(from_of("2026-12-01T10:00:00+05:00"), "2026-12-01T05:00:00Z");
    assert_string_equal(from_of("2026-12-01T10:00:00Z"), "2026-12-01T10:00:00Z");
    use_zone("UTC");
    assert_string_equal(from_of("2026-12-01 10:00"), "2026-12-01T10:00:00Z");
}

static void a_period_that_ends_with_a_day_has_it_within(void **state)
{
    (void)state;
    use_zone(BERLIN);
    assert_string_equal(from_of("2026-12-01"), "2026-11-30T23:00:00Z");
    assert_string_equal(to_of("2026-12-01"), "2026-12-01T23:00:00Z");
    assert_string_equal(to_of("2026-12-01 10:00"), "2026-12-01T09:00:00Z");
    /* 25 hours, and 23. */
    assert_string_equal(from_of("2026-10-25"), "2026-10-24T22:00:00Z");
    assert_string_equal(to_of("2026-10-25"), "2026-10-25T23:00:00Z");
    assert_string_equal(to_of("2026-03-29"), "2026-03-29T22:00:00Z");
}

static void what_the_clock_skips_or_shows_twice_is_refused(void **state)
{
    (void)state;
    int32_t minute = 7;
    use_zone(BERLIN);
    assert_non_null(strstr(when_read_from("2026-03-29 02:30", &minute), "put forward"));
    assert_non_null(strstr(when_read_from("2026-10-25 02:30", &minute), "twice"));
    assert_int_equal(minute, 7);
    assert_string_equal(from_of("2026-10-25T02:30:00+02:00"), "2026-10-25T00:30:00Z");
    /* At midnight: the day begins at one; or with the first of the two midnights. */
    use_zone("XXX3YYY,M3.5.0/0,M10.5.0/1");
    assert_string_equal(from_of("2026-03-29"), "2026-03-29T03:00:00Z");
    assert_string_equal(from_of("2026-10-25"), "2026-10-25T02:00:00Z");
    assert_string_equal(to_of("2026-10-24"), "2026-10-25T02:00:00Z");
}

static void words_for_days(void **state)
{
    (void)state;
    int32_t from[3], to[3], now;
    use_zone(BERLIN);
    const char *const words[] = {"yesterday", "today", "tomorrow"};
    do { /* again if midnight was in between */
        for (int i = 0; i < 3; i++)
            assert_null(when_read_day(words[i], &from[i], &to[i]));
        assert_null(when_read_time("now", &now));
    } while (now >= to[1]);
    assert_true(from[1] <= now && now < to[1]);
    assert_int_equal(to[0], from[1]);
    assert_int_equal(to[1], from[2]);
    char shown[WHEN_SIZE];
    when_format(from[1], shown);
    assert_string_equal(shown + 11, "00:00");
}

static void ranges(void **state)
{
    (void)state;
    int32_t day, next, from, to;
    use_zone("UTC");
    assert_null(when_read_from("2026-12-01", &day));
    assert_null(when_read_from("2026-12-02", &next));
    const struct {
        const char *text;
        int32_t from, to;
    } cases[] = {
        {"2026-12-01", day, next},
        {"2026-12-01..2026-12-01", day, next},
        {"2026-12-01..", day, 99},
        {"..2026-12-01", 77, next},
        {"2026-12-01 10:00..2026-12-01T12:00:00Z", day + 600, day + 720},
        {"2026-12-01 10:00", day + 600, day + 601},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        from = 77;
        to = 99;
        assert_null(when_read_range(cases[i].text, &from, &to));
        assert_int_equal(from, cases[i].from);
        assert_int_equal(to, cases[i].to);
    }
    static const char *const wrong[] = {"..",
                                        "",
                                        "2026-12-02..2026-12-01",
                                        "x..2026-12-01",
                                        "2026-12-01..x",
                                        "2026-12-01...2026-12-02"};
    for (size_t i = 0; i < LENGTH(wrong); i++)
        if (!when_read_range(wrong[i], &from, &to))
            fail_msg("'%s' was taken", wrong[i]);
}

static void what_is_no_time(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "2026",
                                        "2026-12",
                                        "2026-13-01",
                                        "2026-02-30",
                                        "2026-12-01 24:00",
                                        "2026-12-01 1:00",
                                        "2026-12-01 10:00:00",
                                        "2026-12-01T10:00:30Z",
                                        "01.12.2026",
                                        "Today",
                                        "1969-12-31",
                                        "2026-12-01T10:00:00",
                                        "5001-01-01",
                                        "2026-12-01x10:00",
                                        "2026/12/01",
                                        "2026-12-01T1000:00+1",
                                        "99999999999999999999999999",
                                        "0000000000"};
    use_zone("UTC");
    for (size_t i = 0; i < LENGTH(wrong); i++)
        if (*from_of(wrong[i]))
            fail_msg("'%s' was taken for %s", wrong[i], from_of(wrong[i]));
    int32_t minute;
    assert_non_null(when_read_time("2026-12-01", &minute));
    assert_null(when_read_time("2026-12-01 00:00", &minute));
    assert_non_null(when_read_day("2026-12-01 00:00", &minute, &minute));
}

static void zones_that_there_are(void **state)
{
    (void)state;
    static const char *const known[] = {NULL, "", "UTC", "GMT", BERLIN, "<+03>-3", ":anything"};
    static const char *const unknown[] = {"Nowhere/Nothing", "Nowhere", "berlin"};
    for (size_t i = 0; i < LENGTH(known); i++) {
        use_zone(known[i]);
        assert_null(when_zone_problem());
    }
    for (size_t i = 0; i < LENGTH(unknown); i++) {
        use_zone(unknown[i]);
        assert_non_null(when_zone_problem());
    }
}

static void the_zone_has_a_name(void **state)
{
    (void)state;
    struct buffer name;
    buffer_init(&name, 100);
    use_zone("UTC");
    when_add_zone(&name);
    assert_string_equal(name.data, "UTC");
    buffer_clear(&name);
    use_zone("<+03>-3");
    when_add_zone(&name);
    assert_string_equal(name.data, "<+03>-3 (now UTC+03:00)");
    buffer_free(&name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_without_an_offset_is_in_the_zone),
        cmocka_unit_test(a_period_that_ends_with_a_day_has_it_within),
        cmocka_unit_test(what_the_clock_skips_or_shows_twice_is_refused),
        cmocka_unit_test(words_for_days),
        cmocka_unit_test(ranges),
        cmocka_unit_test(what_is_no_time),
        cmocka_unit_test(zones_that_there_are),
        cmocka_unit_test(the_zone_has_a_name),
    };
    return cmocka_run_group_tests_name("when", tests, NULL, NULL);
}
