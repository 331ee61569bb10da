/* A request's target: its path decoded, and what is refused. */
#include "lib/http/target.h"
#include "tests/unit/unit.h"

#include <string.h>

static char path[256];

/* Reads the target; its problem, or -1 where it is served. */
static int problem_of(const char *target)
{
    enum problem problem;
    memset(path, 'x', sizeof path);
    const char *fault = target_read(target, strlen(target), path, sizeof path, &problem);
    assert_non_null(memchr(path, '\0', sizeof path));
    return fault ? (int)problem : -1;
}

static void assert_path(const char *target, const char *expected)
{
    assert_int_equal(problem_of(target), -1);
    assert_string_equal(path, expected);
}

static void paths_are_decoded(void **state)
{
    (void)state;
    assert_path("/bookCar", "/bookCar");
    assert_path("/bookCar?location=NCE", "/bookCar");
    assert_path("/%62ook%43ar?%62", "/bookCar");
    assert_path("/a%c3%bc", "/a\303\274");
    assert_path("*", "*");
    assert_path("/", "/");
    assert_path("?a=1", "/");
}

static void what_would_change_a_segment_stays_encoded(void **state)
{
    (void)state;
    assert_path("/bookings%2FID%2fconfirm", "/bookings%2FID%2fconfirm");
    assert_path("/bookCar%00.html", "/bookCar%00.html");
    assert_path("/%", "/%");
    assert_path("/%6", "/%6");
    assert_path("/%6g", "/%6g");
    assert_path("/%%62", "/%b");
}

/* RFC 9112, section 3.2.2 */
static void absolute_form_is_served(void **state)
{
    (void)state;
    assert_path("http://host/bookCar", "/bookCar");
    assert_path("HTTPS://host:33/bookCar?a=%2F", "/bookCar");
    assert_path("http://host", "/");
    assert_path("http://host?a=1", "/");
    assert_path("ftp://host/bookCar", "ftp://host/bookCar");
    assert_int_equal(problem_of("http:///bookCar"), PROBLEM_INVALID_REQUEST);
    assert_int_equal(problem_of("http://"), PROBLEM_INVALID_REQUEST);
}

static void spaces_and_controls_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"/a b", "/a\tb", "/\001", "/\177", "/a?b c", "/a\rb"};
    for (size_t i = 0; i < LENGTH(bad); i++)
        assert_int_equal(problem_of(bad[i]), PROBLEM_INVALID_REQUEST);
}

static void limits(void **state)
{
    (void)state;
    char target[HTTP_TARGET_MAX + 2];
    memset(target, 'a', sizeof target);
    target[0] = '/';
    target[HTTP_TARGET_MAX] = '\0';
    assert_int_equal(problem_of(target), -1);
    assert_int_equal(strlen(path), sizeof path - 1);
    target[HTTP_TARGET_MAX] = 'a';
    target[HTTP_TARGET_MAX + 1] = '\0';
    assert_int_equal(problem_of(target), PROBLEM_URI_TOO_LONG);
    assert_int_equal(strlen(path), sizeof path - 1);

    char *at = target + 1;
    *at++ = '?';
    for (int i = 0; i < HTTP_PARAMETERS_MAX; i++, at += 4)
        memcpy(at, "a=1&", 4);
    at[-1] = '\0';
    assert_int_equal(problem_of(target), -1);
    memcpy(at - 1, "&", 2);
    assert_int_equal(problem_of(target), PROBLEM_INVALID_REQUEST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_decoded),
        cmocka_unit_test(what_would_change_a_segment_stays_encoded),
        cmocka_unit_test(absolute_form_is_served),
        cmocka_unit_test(spaces_and_controls_are_refused),
        cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
