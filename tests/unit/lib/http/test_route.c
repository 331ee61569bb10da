#include "lib/http/route.h"
#include "tests/unit/unit.h"

#include <string.h>

static const struct http_route routes[] = {
    {"GET", "/cars", .handle = NULL},
    {"POST", "/cars", .handle = NULL},
    {"GET", "/cars/{id}", .handle = NULL},
    {"DELETE", "/cars/{id}", .handle = NULL},
    {"POST", "/cars/{id}/wash", .handle = NULL},
};

static char segment[HTTP_PATH_MAX + 1], allow[HTTP_ALLOW_MAX + 1];

/* The position of the route; -1 for none. */
static int find(const char *method, const char *path)
{
    segment[0] = '\0';
    const struct http_route *route =
        http_route_find(routes, sizeof routes / sizeof routes[0], method, path, segment, allow);
    return route ? (int)(route - routes) : -1;
}

static void paths_match_whole(void **state)
{
    (void)state;
    assert_int_equal(find("GET", "/cars"), 0);
    assert_int_equal(find("GET", "/cars/"), 0);
    assert_int_equal(find("POST", "/cars"), 1);
    static const char *const others[] = {"", "/", "/car", "/carsx", "/cars//", "/Cars", "cars"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(find("GET", others[i]), -1);
        assert_string_equal(allow, "");
    }
}

static void a_segment_stands_for_the_id(void **state)
{
    (void)state;
    assert_int_equal(find("GET", "/cars/a"), 2);
    assert_string_equal(segment, "a");
    assert_int_equal(find("DELETE", "/cars/%2F{id}/"), 3);
    assert_string_equal(segment, "%2F{id}");
    assert_int_equal(find("POST", "/cars/a/wash"), 4);
    assert_string_equal(segment, "a");
    assert_int_equal(find("POST", "/cars/a/wash/"), 4);
    assert_int_equal(find("POST", "/cars//wash"), -1);
    assert_int_equal(find("POST", "/cars/a/washing"), -1);
    assert_int_equal(find("POST", "/cars/a/b/wash"), -1);
    assert_string_equal(allow, "");
}

static void head_is_get(void **state)
{
    (void)state;
    assert_int_equal(find("HEAD", "/cars"), 0);
    assert_int_equal(find("HEAD", "/cars/a/wash"), -1);
    assert_string_equal(allow, "POST");
}

static void other_methods_learn_which_there_are(void **state)
{
    (void)state;
    assert_int_equal(find("PUT", "/cars"), -1);
    assert_string_equal(allow, "GET, HEAD, POST");
    assert_int_equal(find("get", "/cars/a"), -1);
    assert_string_equal(allow, "GET, HEAD, DELETE");
}

static void each_path_is_listed_once(void **state)
{
    (void)state;
    static const struct http_route listed[] = {{.method = "GET", .path = "/cars"},
                                               {.method = "POST", .path = "/cars"},
                                               {.method = "GET", .path = "/cars/{id}"},
                                               {.method = "DELETE", .path = "/cars/{id}"}};
    struct buffer out;
    buffer_init(&out, 200);
    http_route_add_paths(listed, LENGTH(listed), &out);
    assert_string_equal(out.data, " /cars, /cars/{id}.");
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_match_whole),
        cmocka_unit_test(a_segment_stands_for_the_id),
        cmocka_unit_test(head_is_get),
        cmocka_unit_test(other_methods_learn_which_there_are),
        cmocka_unit_test(each_path_is_listed_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
