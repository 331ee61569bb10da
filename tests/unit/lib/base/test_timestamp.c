#include "tests/unit/unit.h"

#include "lib/base/timestamp.h"

#include <time.h>

static void times_are_read_with_their_offset(void **state)
{
    (void)state;
    static const struct {
        const char *text, *utc;
    } cases[] = {
        {"2026-12-01T10:00:00Z", "2026-12-01T10:00:00Z"},
        {"2026-12-01t10:00:00z", "2026-12-01T10:00:00Z"},
        {"2026-12-01T10:00:00+00:00", "2026-12-01T10:00:00Z"},
        {"2026-12-01T10:00:00-00:00", "2026-12-01T10:00:00Z"},
        {"2026-12-01T10:00:00+01:00", "2026-12-01T09:00:00Z"},
        {"2026-12-01T10:00:00 01:00", "2026-12-01T09:00:00Z"}, /* a plus sign not escaped */
        {"2026-12-01T10:00:00-01:00", "2026-12-01T11:00:00Z"},
        {"2026-12-01T10:00:00+05:45", "2026-12-01T04:15:00Z"},
        {"2026-12-01T10:00:00-09:30", "2026-12-01T19:30:00Z"},
        {"2026-12-01T00:00:00+14:00", "2026-11-30T10:00:00Z"},
        {"2026-12-31T23:59:00-00:01", "2027-01-01T00:00:00Z"},
        {"2027-01-01T00:00:00+00:01", "2026-12-31T23:59:00Z"},
        {"2026-12-01T10:00:00+23:59", "2026-11-30T10:01:00Z"},
        {"2026-12-01T10:00:00.0Z", "2026-12-01T10:00:00Z"},
        {"2026-12-01T10:00:00.000000000000Z", "2026-12-01T10:00:00Z"},
        {"2024-02-29T12:00:00Z", "2024-02-29T12:00:00Z"},
        {"2000-02-29T12:00:00Z", "2000-02-29T12:00:00Z"}, /* a leap year, though a hundredth */
        {"2024-03-01T00:30:00+01:00", "2024-02-29T23:30:00Z"},
        {"2026-03-01T00:30:00+01:00", "2026-02-28T23:30:00Z"},
        {"2038-01-19T03:14:00Z", "2038-01-19T03:14:00Z"},
        {"2106-02-07T06:29:00Z", "2106-02-07T06:29:00Z"},
        {"1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"},
        {"4999-12-31T23:59:00Z", "4999-12-31T23:59:00Z"},
        /* The hour that summer time skips or doubles somewhere is an hour like any other here. */
        {"2026-03-29T02:30:00+01:00", "2026-03-29T01:30:00Z"},
        {"2026-10-25T02:30:00+02:00", "2026-10-25T00:30:00Z"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        int32_t minutes;
        const char *problem = timestamp_parse(cases[i].text, &minutes);
        if (problem)
            fail_msg("%s %s", cases[i].text, problem);
        char text[TIMESTAMP_SIZE];
        timestamp_format(minutes, text);
        assert_string_equal(text, cases[i].utc);
    }
}

static void known_moments_have_their_number(void **state)
{
    (void)state;
    int32_t minutes;
    assert_null(timestamp_parse("1970-01-01T00:01:00Z", &minutes));
    assert_int_equal(minutes, 1);
    assert_null(timestamp_parse("2001-09-09T01:46:00Z", &minutes)); /* 10^9 seconds, rounded down */
    assert_int_equal(minutes, 1000000000 / 60);
    assert_null(timestamp_parse("1970-01-01T00:00:00+00:10", &minutes));
    assert_int_equal(minutes, -10);
}

static void what_is_no_time_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "RFC 3339"},
        {"2026", "RFC 3339"},
        {"2026-12-01", "RFC 3339"},
        {"2026-12-01T10:00Z", "RFC 3339"},
        {"2026-12-01T10:00:00", "RFC 3339"}, /* no offset */
        {"2026-12-01 10:00:00Z", "RFC 3339"},
        {"2026-12-01T10:00:00z ", "RFC 3339"},
        {" 2026-12-01T10:00:00Z", "RFC 3339"},
        {"2026-12-01T10:00:00ZZ", "RFC 3339"},
        {"2026-12-01T10:00:00+1:00", "RFC 3339"},
        {"2026-12-01T10:00:00+0100", "RFC 3339"},
        {"2026-12-01T10:00:00+01", "RFC 3339"},
        {"2026-12-01T10:00:00+24:00", "RFC 3339"},
        {"2026-12-01T10:00:00+01:60", "RFC 3339"},
        {"2026-12-01T10:00:00.Z", "RFC 3339"},
        {"2026-12-01T10:00:00,0Z", "RFC 3339"},
        {"2026-12-1T10:00:00Z", "RFC 3339"},
        {"26-12-01T10:00:00Z", "RFC 3339"},
        {"12026-12-01T10:00:00Z", "RFC 3339"},
        {"-2026-12-01T10:00:00Z", "RFC 3339"},
        {"2026/12/01T10:00:00Z", "RFC 3339"},
        {"2026-W49-2T10:00:00Z", "RFC 3339"},
        {"1764583200", "RFC 3339"},
        {"tomorrow", "RFC 3339"},
        {"\xD9\xA2\xD9\xA0-12-01T10:00:00Z", "RFC 3339"},
        {"2026-13-01T10:00:00Z", "exists"},
        {"2026-00-01T10:00:00Z", "exists"},
        {"2026-12-00T10:00:00Z", "exists"},
        {"2026-12-32T10:00:00Z", "exists"},
        {"2026-11-31T10:00:00Z", "exists"},
        {"2026-04-31T10:00:00Z", "exists"},
        {"2026-02-29T10:00:00Z", "exists"},
        {"2100-02-29T10:00:00Z", "exists"}, /* a hundredth year is none */
        {"2024-02-30T10:00:00Z", "exists"},
        {"2026-12-01T24:00:00Z", "00:00 of the next day"},
        {"2026-12-01T24:01:00Z", "hours go to 23"},
        {"2026-12-01T25:00:00Z", "hours go to 23"},
        {"2026-12-01T10:00:61Z", "seconds to 59"},
        {"2026-12-01T10:00:75Z", "seconds to 59"},
        {"2026-12-01T10:60:00Z", "minutes"},
        {"1969-12-31T23:59:00Z", "year from 1970 to 5000"},
        {"5001-01-01T00:00:00Z", "year from 1970 to 5000"},
        {"9999-12-31T23:59:00Z", "year from 1970 to 5000"},
        {"2026-12-01T10:00:01Z", "whole minute"},
        {"2026-12-01T10:00:59Z", "whole minute"},
        {"2026-12-01T10:00:60Z", "whole minute"},
        {"2026-12-01T10:00:00.001Z", "whole minute"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        int32_t minutes = 4711;
        const char *problem = timestamp_parse(cases[i].text, &minutes);
        if (!problem)
            fail_msg("'%s' was taken", cases[i].text);
        if (!strstr(problem, cases[i].says))
            fail_msg("'%s' %s", cases[i].text, problem);
        assert_int_equal(minutes, 4711);
    }
}

static void the_offset_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int offset;
    } cases[] = {
        {"2026-12-01T10:00:00Z", 0},
        {"2026-12-01T10:00:00+02:00", 120},
        {"2026-12-01T10:00:00-09:30", -570},
        {"2026-12-01T10:00:00 05:45", 345},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        int32_t minutes, local;
        int offset = 4711;
        assert_null(timestamp_parse_local(cases[i].text, &minutes, &offset));
        assert_int_equal(offset, cases[i].offset);
        assert_null(timestamp_parse("2026-12-01T10:00:00Z", &local));
        assert_int_equal(minutes + offset, local);
    }
}

static void every_cut_of_a_time_is_refused(void **state)
{
    (void)state;
    static const char whole[] = "2026-12-01T10:00:00.0+01:00";
    for (size_t size = 0; size < sizeof whole - 1; size++) {
        char *cut = strndup(whole, size); /* a reader past its end meets the sanitizer */
        int32_t minutes;
        if (!timestamp_parse(cut, &minutes))
            fail_msg("'%s' was taken", cut);
        free(cut);
    }
}

static void what_is_written_reads_the_same(void **state)
{
    (void)state;
    for (int32_t minutes = 0; minutes < 1000000000; minutes += 997777) {
        char text[TIMESTAMP_SIZE];
        int32_t read = -1;
        timestamp_format(minutes, text);
        assert_int_equal(strlen(text), TIMESTAMP_SIZE - 1);
        assert_null(timestamp_parse(text, &read));
        assert_int_equal(read, minutes);
    }
}

static void now_is_the_current_minute(void **state)
{
    (void)state;
    time_t before = time(NULL);
    int32_t now = timestamp_now();
    time_t after = time(NULL);
    assert_true(now >= before / 60 && now <= after / 60);
}

static void the_machines_zone_does_not_matter(void **state)
{
    (void)state;
    setenv("TZ", "Asia/Kathmandu", 1);
    tzset();
    int32_t minutes;
    assert_null(timestamp_parse("1970-01-02T00:00:00Z", &minutes));
    assert_int_equal(minutes, 1440);
    char text[TIMESTAMP_SIZE];
    timestamp_format(minutes, text);
    assert_string_equal(text, "1970-01-02T00:00:00Z");
    unsetenv("TZ");
    tzset();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read_with_their_offset),
        cmocka_unit_test(known_moments_have_their_number),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(the_offset_is_told),
        cmocka_unit_test(every_cut_of_a_time_is_refused),
        cmocka_unit_test(what_is_written_reads_the_same),
        cmocka_unit_test(now_is_the_current_minute),
        cmocka_unit_test(the_machines_zone_does_not_matter),
    };
    return cmocka_run_group_tests_name("timestamp", tests, NULL, NULL);
}
