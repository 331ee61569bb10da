/* Idempotency keys in flight. The HTTP server is played by this file: link with
 * -Wl,--wrap=http_field,--wrap=http_answer,--wrap=http_answer_problem,--wrap=http_header,
 * --wrap=http_body. */
#include "tests/unit/unit.h"

#include "partner/idempotency.h"

const char *__wrap_http_field(struct http_request *request, const char *name);
void __wrap_http_answer(struct http_request *request, unsigned status, const char *content_type);
void __wrap_http_answer_problem(struct http_request *request, enum problem problem,
                                const char *parameter, const char *detail);
void __wrap_http_header(struct http_request *request, const char *name, const char *value);
struct buffer *__wrap_http_body(struct http_request *request);

/* What was answered. */
static struct {
    const char *key; /* that the request has */
    int problem;     /* -1: none */
    unsigned status;
    char location[64], content_type[64];
    struct buffer body;
} http;

const char *__wrap_http_field(struct http_request *request, const char *name)
{
    (void)request;
    assert_string_equal(name, "Idempotency-Key");
    return http.key;
}

void __wrap_http_answer(struct http_request *request, unsigned status, const char *content_type)
{
    (void)request;
    http.status = status;
    snprintf(http.content_type, sizeof http.content_type, "%s", content_type);
}

void __wrap_http_answer_problem(struct http_request *request, enum problem problem,
                                const char *parameter, const char *detail)
{
    (void)request;
    assert_string_equal(parameter, "Idempotency-Key");
    assert_true(*detail);
    http.problem = (int)problem;
}

void __wrap_http_header(struct http_request *request, const char *name, const char *value)
{
    (void)request;
    assert_string_equal(name, "Location");
    snprintf(http.location, sizeof http.location, "%s", value);
}

struct buffer *__wrap_http_body(struct http_request *request)
{
    (void)request;
    return &http.body;
}

static int reset(void **state)
{
    (void)state;
    buffer_free(&http.body);
    memset(&http, 0, sizeof http);
    http.problem = -1;
    buffer_init(&http.body, 1024);
    return 0;
}

static int end(void **state)
{
    (void)state;
    buffer_free(&http.body);
    return 0;
}

static struct idempotency *list;

static bool begin(struct idempotency *idempotency, const char *key, const char *path,
                  const char *body)
{
    struct http_request request = {
        .method = "POST", .path = path, .body = body, .body_size = strlen(body)};
    memset(idempotency, 0, sizeof *idempotency);
    http.key = key;
    return idempotency_begin(&list, idempotency, &request);
}

static void without_a_key_nothing_is_entered(void **state)
{
    (void)state;
    struct idempotency none;
    struct store_answer answer = {.key = "other"};
    assert_true(begin(&none, NULL, "/bookCar", "{}"));
    assert_false(idempotency_active(&none));
    assert_null(list);
    idempotency_fill(&none, &answer);
    assert_null(answer.key);
    idempotency_end(&list, &none);
}

static void a_key_is_some_visible_characters(void **state)
{
    (void)state;
    char longest[STORE_KEY_MAX + 2] = {0};
    memset(longest, 'k', STORE_KEY_MAX);
    const char *const good[] = {"k", "!~", "550e8400-e29b-41d4-a716-446655440000", longest};
    const char *const bad[] = {"", " ", "a b", "a\t", "\x7F", "k\xC3\xBC"};
    struct idempotency idempotency;
    for (size_t i = 0; i < LENGTH(good); i++) {
        assert_true(begin(&idempotency, good[i], "/bookCar", "{}"));
        assert_true(idempotency_active(&idempotency));
        idempotency_end(&list, &idempotency);
    }
    for (size_t i = 0; i < LENGTH(bad); i++) {
        http.problem = -1;
        assert_false(begin(&idempotency, bad[i], "/bookCar", "{}"));
        assert_int_equal(http.problem, PROBLEM_INVALID_REQUEST);
        assert_false(idempotency_active(&idempotency));
    }
    longest[STORE_KEY_MAX] = 'k';
    assert_false(begin(&idempotency, longest, "/bookCar", "{}"));
    assert_null(list);
}

static void a_key_in_flight_is_refused_until_its_end(void **state)
{
    (void)state;
    struct idempotency flying[5], again;
    static const char *const keys[] = {"a", "b", "c", "d", "e"};
    static const int order_of_ends[] = {2, 0, 4, 1, 3}; /* in the middle, at the ends */
    for (int i = 0; i < 5; i++)
        assert_true(begin(&flying[i], keys[i], "/bookCar", "{}"));
    for (int i = 0; i < 5; i++) {
        http.problem = -1;
        assert_false(begin(&again, keys[i], "/bookCar", "{\"other\":1}"));
        assert_int_equal(http.problem, PROBLEM_REQUEST_IN_PROGRESS);
    }
    for (int i = 0; i < 5; i++) {
        idempotency_end(&list, &flying[order_of_ends[i]]);
        idempotency_end(&list, &flying[order_of_ends[i]]); /* does no harm */
        for (int j = 0; j < 5; j++) {
            bool ended = false;
            for (int k = 0; k <= i; k++)
                ended = ended || order_of_ends[k] == j;
            assert_int_equal(begin(&again, keys[j], "/bookCar", "{}"), ended);
            if (ended)
                idempotency_end(&list, &again);
        }
    }
    assert_null(list);
}

static void the_request_is_method_path_and_body(void **state)
{
    (void)state;
    static const char *const paths[] = {"/bookCar", "/bookCar/"}; /* the same */
    for (size_t i = 0; i < LENGTH(paths); i++) {
        struct idempotency idempotency;
        struct store_answer answer = {0};
        static const char expected[] = "POST /bookCar\n{\"a\":1}";
        assert_true(begin(&idempotency, "k", paths[i], "{\"a\":1}"));
        idempotency_fill(&idempotency, &answer);
        assert_string_equal(answer.key, "k");
        assert_int_equal(answer.request_size, sizeof expected - 1);
        assert_memory_equal(answer.request, expected, sizeof expected - 1);
        idempotency_end(&list, &idempotency);
    }
}

static void the_first_answer_is_given_again(void **state)
{
    (void)state;
    struct idempotency idempotency;
    struct http_request request = {0};
    struct store_answer answer = {.key = "k",
                                  .status = 201,
                                  .location = "/bookings/x",
                                  .content_type = "application/json",
                                  .body = "{\"n\":1}\0x",
                                  .body_size = 9};
    assert_true(begin(&idempotency, "k", "/bookCar", "{}"));
    buffer_add_text(&http.body, "what the adapter wrote for the repetition");
    idempotency_replay(&request, &answer);
    assert_int_equal(http.problem, -1);
    assert_int_equal(http.status, 201);
    assert_string_equal(http.location, "/bookings/x");
    assert_string_equal(http.content_type, "application/json");
    assert_int_equal(http.body.size, 9);
    assert_memory_equal(http.body.data, answer.body, 9);
    reset(state);
    answer.location = NULL; /* a confirmation has none */
    idempotency_replay(&request, &answer);
    assert_string_equal(http.location, "");
    idempotency_end(&list, &idempotency);
}

static void another_request_under_the_key_is_refused(void **state)
{
    (void)state;
    struct http_request request = {0};
    struct store_answer answer = {
        .other_request = true, .status = 201, .content_type = "a/b", .body = ""};
    idempotency_replay(&request, &answer);
    assert_int_equal(http.problem, PROBLEM_KEY_REUSED);
    assert_int_equal(http.status, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, reset, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_a_key_nothing_is_entered),
        TEST(a_key_is_some_visible_characters),
        TEST(a_key_in_flight_is_refused_until_its_end),
        TEST(the_request_is_method_path_and_body),
        TEST(the_first_answer_is_given_again),
        TEST(another_request_under_the_key_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
