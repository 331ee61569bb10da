/* What handlers do to an exchange: header fields, notes, and memory that runs out. */
#include "lib/http/exchange.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static struct exchanges exchanges;

/* An exchange whose handler is running. */
static struct exchange *begin(void)
{
    struct exchange *exchange = exchange_begin(&exchanges);
    assert_non_null(exchange);
    exchange->state = EXCHANGE_HANDLING;
    return exchange;
}

static void finish(struct exchange *exchange)
{
    exchange_end(exchange);
    assert_int_equal(exchanges.in_progress, 0);
    exchanges_free(&exchanges);
}

/* The value of the answer's header field, or NULL. */
static const char *header_of(const struct exchange *exchange, const char *wanted)
{
    const char *end = exchange->headers.data + exchange->headers.size;
    for (const char *name = exchange->headers.data; name < end;) {
        const char *value = name + strlen(name) + 1;
        if (strcmp(name, wanted) == 0)
            return value;
        name = value + strlen(value) + 1;
    }
    return NULL;
}

static void any_number_of_headers(void **state)
{
    (void)state;
    struct exchange *exchange = begin();
    char name[16], value[301];
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "X-%d", i);
        http_header(&exchange->request, name, value);
    }
    http_answer(&exchange->request, 200, "text/plain");
    assert_int_equal(exchange->state, EXCHANGE_ANSWERED);
    assert_int_equal(exchange->status, 200);
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "X-%d", i);
        assert_string_equal(header_of(exchange, name), value);
    }
    assert_string_equal(header_of(exchange, "Content-Type"), "text/plain");
    finish(exchange);
}

static void assert_out_of_memory(const struct exchange *exchange)
{
    assert_int_equal(exchange->state, EXCHANGE_ANSWERED);
    assert_int_equal(exchange->status, 500);
    assert_string_equal(header_of(exchange, "Content-Type"), PROBLEM_CONTENT_TYPE);
    assert_null(header_of(exchange, "X-Early"));
}

static void no_room_for_a_header_is_500(void **state)
{
    (void)state;
    struct exchange *exchange = begin();
    exchange->headers.limit = 1000;
    char value[1001];
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    http_header(&exchange->request, "X-Early", "kept until then");
    http_header(&exchange->request, "X-Long", value);
    http_answer(&exchange->request, 200, "text/plain");
    assert_out_of_memory(exchange);
    finish(exchange);
}

static void no_room_for_a_body_is_500(void **state)
{
    (void)state;
    struct exchange *exchange = begin();
    exchange->answer.limit = 10;
    http_header(&exchange->request, "X-Early", "kept until then");
    buffer_add_text(http_body(&exchange->request), "more than ten");
    http_answer(&exchange->request, 200, "text/plain");
    assert_out_of_memory(exchange);
    assert_int_equal(exchange->answer.size, 0); /* not even for the problem's document */
    finish(exchange);
}

static void notes_are_members(void **state)
{
    (void)state;
    struct exchange *exchange = begin();
    http_note(&exchange->request, "car", "1-XXX-333");
    http_note(&exchange->request, "left_out", NULL);
    static char value[64 * 1024];
    memset(value, 'v', sizeof value - 1);
    http_note(&exchange->request, "too_long", value);
    http_answer_problem(&exchange->request, PROBLEM_NO_CAR_FREE, NULL, "Try another.");
    assert_string_equal(exchange->notes.data, "\"car\":\"1-XXX-333\",\"problem\":\"no-car-free\",");
    finish(exchange);
}

/* The next request finds nothing of the last. */
static void an_exchange_is_used_again(void **state)
{
    (void)state;
    struct exchange *exchange = begin();
    http_note(&exchange->request, "car", "1-XXX-333");
    buffer_add_text(http_body(&exchange->request), "body");
    http_header(&exchange->request, "X-Early", "1");
    http_answer(&exchange->request, 200, "text/plain");
    exchange_end(exchange);
    struct exchange *again = begin();
    assert_ptr_equal(again, exchange);
    assert_int_equal(again->headers.size + again->notes.size + again->answer.size, 0);
    finish(again);
}

static void a_body_written_elsewhere(void **state)
{
    (void)state;
    struct exchange *exchange = begin();
    struct buffer body;
    buffer_init(&body, 2 * HTTP_ANSWER_MAX);
    assert_true(buffer_reserve(&body, HTTP_ANSWER_MAX + 1));
    memset(body.data, 'x', HTTP_ANSWER_MAX + 1);
    body.size = HTTP_ANSWER_MAX + 1;
    buffer_add_text(http_body(&exchange->request), "replaced");
    http_take_body(&exchange->request, &body);
    assert_null(body.data);
    http_answer(&exchange->request, 200, "text/plain");
    assert_int_equal(exchange->status, 200);
    assert_int_equal(exchange->answer.size, HTTP_ANSWER_MAX + 1);
    exchange_end(exchange);

    exchange = begin(); /* the next one's limit is its own */
    assert_int_equal(exchange->answer.limit, HTTP_ANSWER_MAX);
    buffer_init(&body, 10);
    buffer_add_text(&body, "more than ten");
    http_take_body(&exchange->request, &body);
    http_answer(&exchange->request, 200, "text/plain");
    assert_out_of_memory(exchange);
    finish(exchange);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_of_headers),     cmocka_unit_test(no_room_for_a_header_is_500),
        cmocka_unit_test(no_room_for_a_body_is_500), cmocka_unit_test(notes_are_members),
        cmocka_unit_test(an_exchange_is_used_again), cmocka_unit_test(a_body_written_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
