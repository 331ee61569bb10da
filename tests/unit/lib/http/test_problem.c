#include "tests/unit/unit.h"

#include "lib/http/problem.h"
#include "lib/json/writer.h"

#include <jansson.h>

static void each_is_a_complete_problem_document(void **state)
{
    (void)state;
    for (int i = 0; i < PROBLEM_COUNT; i++) {
        enum problem problem = (enum problem)i;
        struct buffer out;
        buffer_init(&out, 4096);
        problem_write(&out, problem, "pickup_at", "Say \"when\".", NULL);
        json_t *root = json_loads(out.data, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(root);
        assert_int_equal(json_object_size(root), 5);
        char type[100];
        snprintf(type, sizeof type, "urn:problem-type:%s", problem_name(problem));
        assert_string_equal(json_string_value(json_object_get(root, "type")), type);
        assert_int_equal(json_integer_value(json_object_get(root, "status")),
                         problem_status(problem));
        assert_true(json_string_length(json_object_get(root, "title")) > 0);
        assert_string_equal(json_string_value(json_object_get(root, "detail")), "Say \"when\".");
        assert_string_equal(json_string_value(json_object_get(root, "parameter")), "pickup_at");
        json_decref(root);
        buffer_free(&out);
    }
}

static void without_a_parameter_there_is_none(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out, 4096);
    problem_write(&out, PROBLEM_NOT_FOUND, NULL, "Go.", NULL);
    assert_null(strstr(out.data, "parameter"));
    buffer_free(&out);
}

static void further_members_follow_its_own(void **state)
{
    (void)state;
    struct buffer out, more;
    buffer_init(&out, 4096);
    buffer_init(&more, 4096);
    problem_write(&out, PROBLEM_IN_THE_WAY, NULL, "Go.", &more);
    assert_null(strstr(out.data, "booking\":"));
    buffer_clear(&out);
    json_open_object(&more, "booking");
    json_add_integer(&more, "version", 2);
    json_close_object(&more);
    problem_write(&out, PROBLEM_IN_THE_WAY, NULL, "Go.", &more);
    json_t *root = json_loads(out.data, JSON_REJECT_DUPLICATES, NULL);
    assert_int_equal(json_integer_value(json_object_get(root, "status")), 409);
    const json_t *booking = json_object_get(root, "booking");
    assert_int_equal(json_integer_value(json_object_get(booking, "version")), 2);
    json_decref(root);
    buffer_free(&more);
    buffer_free(&out);
}

/* The names and statuses of the contract, written down a second time. */
static void names_and_statuses_are_the_contracts(void **state)
{
    (void)state;
    static const struct {
        enum problem problem;
        const char *name;
        unsigned status;
    } contract[] = {
        {PROBLEM_ADAPTER_ERROR, "adapter-error", 502},
        {PROBLEM_ADAPTER_UNAVAILABLE, "adapter-unavailable", 503},
        {PROBLEM_ADAPTER_TIMEOUT, "adapter-timeout", 504},
        {PROBLEM_OVERLOADED, "overloaded", 503},
        {PROBLEM_INVALID_REQUEST, "invalid-request", 400},
        {PROBLEM_UNAUTHORIZED, "unauthorized", 401},
        {PROBLEM_NOT_FOUND, "not-found", 404},
        {PROBLEM_METHOD_NOT_ALLOWED, "method-not-allowed", 405},
        {PROBLEM_CHANGES_EXPIRED, "changes-expired", 410},
        {PROBLEM_BODY_TOO_LARGE, "body-too-large", 413},
        {PROBLEM_URI_TOO_LONG, "uri-too-long", 414},
        {PROBLEM_UNSUPPORTED_ENCODING, "unsupported-encoding", 415},
        {PROBLEM_TOO_MANY_CONNECTIONS, "too-many-connections", 429},
        {PROBLEM_HEADERS_TOO_LARGE, "headers-too-large", 431},
        {PROBLEM_NOT_IMPLEMENTED, "not-implemented", 501},
        {PROBLEM_WRONG_STATE, "wrong-state", 409},
        {PROBLEM_CHANGED_MEANWHILE, "changed-meanwhile", 409},
        {PROBLEM_IN_THE_WAY, "in-the-way", 409},
        {PROBLEM_NEEDS_FORCE, "needs-force", 409},
        {PROBLEM_TOO_SLOW, "too-slow", 503},
    };
    for (size_t i = 0; i < LENGTH(contract); i++) {
        assert_string_equal(problem_name(contract[i].problem), contract[i].name);
        assert_int_equal(problem_status(contract[i].problem), contract[i].status);
    }
}

static void names_are_unique_and_plain(void **state)
{
    (void)state;
    for (int i = 0; i < PROBLEM_COUNT; i++) {
        const char *name = problem_name((enum problem)i);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz-"), strlen(name));
        for (int j = 0; j < i; j++)
            assert_string_not_equal(name, problem_name((enum problem)j));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_a_complete_problem_document),
        cmocka_unit_test(without_a_parameter_there_is_none),
        cmocka_unit_test(further_members_follow_its_own),
        cmocka_unit_test(names_and_statuses_are_the_contracts),
        cmocka_unit_test(names_are_unique_and_plain),
    };
    return cmocka_run_group_tests_name("problem", tests, NULL, NULL);
}
