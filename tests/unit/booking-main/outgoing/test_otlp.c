#include "tests/unit/unit.h"

#include "outgoing/otlp.h"

#include <jansson.h>

static const struct otlp_source source = {
    .channel = "kayak",
    .database = "sqlite",
    .instance = "0f8fad5b-d9cb-469f-a165-70867728950e",
    .host = "pod-1",
    .port = 33,
    .adapter = "http://127.0.0.1:9096",
    .adapter_host = "127.0.0.1",
    .adapter_port = 9096,
};

static const struct span request = {
    .kind = SPAN_REQUEST,
    .traceparent = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01",
    .parent = "b7ad6b7169203331",
    .started = 100,
    .ended = 350,
    .method = "GET",
    .path = "/bookings/abc",
    .name = "/bookings/{id}",
    .status = 200,
};

/* One document of these spans, as it is sent. */
static const char *document_of(const struct span *spans, size_t count)
{
    static struct buffer out;
    buffer_free(&out);
    buffer_init(&out, 1 << 20);
    otlp_begin(&out, &source);
    for (size_t i = 0; i < count; i++)
        otlp_add(&out, &source, &spans[i], INT64_C(1700000000000000000));
    otlp_end(&out);
    assert_false(out.failed);
    json_t *json = json_loadb(out.data, out.size, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    json_decref(json);
    return out.data;
}

static void expect(const struct span *span, const char *part)
{
    const char *document = document_of(span, 1);
    if (!strstr(document, part))
        fail_msg("no %s in %s", part, document);
}

static void expect_no(const struct span *span, const char *part)
{
    const char *document = document_of(span, 1);
    if (strstr(document, part))
        fail_msg("%s in %s", part, document);
}

static void a_document_is_as_the_protocol_has_it(void **state)
{
    (void)state;
    assert_string_equal(
        document_of(&request, 1),
        "{\"resourceSpans\":[{\"resource\":{\"attributes\":["
        "{\"key\":\"service.name\",\"value\":{\"stringValue\":\"booking-main\"}},"
        "{\"key\":\"service.version\",\"value\":{\"stringValue\":\"" BOOKING_VERSION "\"}},"
        "{\"key\":\"service.instance.id\",\"value\":{\"stringValue\":"
        "\"0f8fad5b-d9cb-469f-a165-70867728950e\"}},"
        "{\"key\":\"host.name\",\"value\":{\"stringValue\":\"pod-1\"}},"
        "{\"key\":\"booking.channel\",\"value\":{\"stringValue\":\"kayak\"}}]},"
        "\"scopeSpans\":[{\"scope\":{\"name\":\"booking-main\",\"version\":\"" BOOKING_VERSION
        "\"},"
        "\"spans\":[{\"traceId\":\"0af7651916cd43dd8448eb211c80319c\","
        "\"spanId\":\"00f067aa0ba902b7\",\"parentSpanId\":\"b7ad6b7169203331\",\"flags\":769,"
        "\"name\":\"GET /bookings/{id}\",\"kind\":2,"
        "\"startTimeUnixNano\":\"1700000000000000100\","
        "\"endTimeUnixNano\":\"1700000000000000350\",\"attributes\":["
        "{\"key\":\"http.request.method\",\"value\":{\"stringValue\":\"GET\"}},"
        "{\"key\":\"http.route\",\"value\":{\"stringValue\":\"/bookings/{id}\"}},"
        "{\"key\":\"url.scheme\",\"value\":{\"stringValue\":\"http\"}},"
        "{\"key\":\"url.path\",\"value\":{\"stringValue\":\"/bookings/abc\"}},"
        "{\"key\":\"server.port\",\"value\":{\"intValue\":\"33\"}},"
        "{\"key\":\"http.response.status_code\",\"value\":{\"intValue\":\"200\"}}]}]}]}]}");
}

static void a_root_has_no_parent(void **state)
{
    (void)state;
    struct span span = request;
    span.parent[0] = '\0';
    expect_no(&span, "parentSpanId");
    expect(&span, "\"flags\":257,"); /* and none that is remote */
}

static void only_methods_that_are_known_are_named(void **state)
{
    (void)state;
    struct span span = request;
    strcpy(span.method, "BREW");
    expect(&span, "\"name\":\"HTTP /bookings/{id}\"");
    expect(&span, "{\"stringValue\":\"_OTHER\"}");
    expect(&span, "\"http.request.method_original\",\"value\":{\"stringValue\":\"BREW\"}");
    span.name = NULL;
    expect(&span, "\"name\":\"HTTP\"");
    expect_no(&span, "http.route");
    strcpy(span.method, "GET");
    expect(&span, "\"name\":\"GET\"");
    expect_no(&span, "method_original");
}

static void a_failure_is_an_error(void **state)
{
    (void)state;
    struct span span = request;
    span.status = 503;
    span.failed = true;
    expect(&span, "\"status\":{\"code\":2}");
    expect(&span, "\"error.type\",\"value\":{\"stringValue\":\"503\"}");
    span.status = 0;
    span.error = "timeout";
    expect(&span, "\"error.type\",\"value\":{\"stringValue\":\"timeout\"}");
    expect_no(&span, "status_code");
    span.failed = false;
    expect_no(&span, "\"status\"");
}

static void a_call_names_its_server(void **state)
{
    (void)state;
    struct span span = request;
    span.kind = SPAN_CALL;
    strcpy(span.method, "POST");
    strcpy(span.path, "/formatCarInfo");
    span.name = NULL;
    expect(&span, "\"name\":\"POST /formatCarInfo\",\"kind\":3,");
    expect(&span,
           "\"url.full\",\"value\":{\"stringValue\":\"http://127.0.0.1:9096/formatCarInfo\"}");
    expect(&span, "\"server.address\",\"value\":{\"stringValue\":\"127.0.0.1\"}");
    expect(&span, "\"server.port\",\"value\":{\"intValue\":\"9096\"}");
    expect(&span, "\"flags\":257,"); /* its parent is in this process */
    expect_no(&span, "http.route");
}

static void an_operation_names_its_database(void **state)
{
    (void)state;
    struct span span = request;
    span.kind = SPAN_STORED;
    span.name = "book";
    span.result = "done";
    expect(&span, "\"name\":\"book\",\"kind\":3,");
    expect(&span, "\"db.system.name\",\"value\":{\"stringValue\":\"sqlite\"}");
    expect(&span, "\"db.operation.name\",\"value\":{\"stringValue\":\"book\"}");
    expect(&span, "\"booking.result\",\"value\":{\"stringValue\":\"done\"}");
    expect_no(&span, "http.");
}

static void a_path_is_a_text_whatever_is_in_it(void **state)
{
    (void)state;
    struct span span = request;
    strcpy(span.path, "/\"\\\n\x1b\xff\xc3\xa9");
    expect(&span, "\"/\\\"\\\\\\u000a\\u001b\\ufffd\xc3\xa9\"");
    memset(span.path, '\x01', sizeof span.path - 1);
    span.path[sizeof span.path - 1] = '\0';
    expect(&span, "\\u0001\\u0001");
}

static void check_rejected(const char *answer, uint64_t count, const char *reason)
{
    char found[OTLP_MESSAGE_MAX + 1];
    assert_int_equal(otlp_rejected(answer, strlen(answer), found), count);
    assert_string_equal(found, reason);
}

static void what_a_collector_did_not_take_is_read(void **state)
{
    (void)state;
    check_rejected("{\"partialSuccess\":{\"rejectedSpans\":\"3\",\"errorMessage\":\"why\"}}", 3,
                   "why");
    check_rejected("{\"partialSuccess\":{\"rejectedSpans\":4}}", 4, "");
    check_rejected("{\"partialSuccess\":{\"errorMessage\":\"a warning\"}}", 0, "a warning");
    static const char *const nothing[] = {
        "",
        "{}",
        "null",
        "[]",
        "{\"partialSuccess\":null}",
        "{\"partialSuccess\":[1]}",
        "{\"partialSuccess\":{\"rejectedSpans\":\"-1\"}}",
        "{\"partialSuccess\":{\"rejectedSpans\":\"many\"}}",
        "{\"partialSuccess\":{\"rejectedSpans\":{}}}",
        "{\"partialSuccess\":{\"rejectedSpans\":1}",
        "\xff",
    };
    for (size_t i = 0; i < LENGTH(nothing); i++)
        check_rejected(nothing[i], 0, "");
}

static void a_long_reason_is_cut_off_between_characters(void **state)
{
    (void)state;
    char answer[1000], reason[OTLP_MESSAGE_MAX + 1];
    int size = snprintf(answer, sizeof answer,
                        "{\"partialSuccess\":{\"errorMessage\":\"%0199d\xc3\xa9x\"}}", 0);
    otlp_rejected(answer, (size_t)size, reason);
    assert_int_equal(strlen(reason), 199);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_is_as_the_protocol_has_it),
        cmocka_unit_test(a_root_has_no_parent),
        cmocka_unit_test(only_methods_that_are_known_are_named),
        cmocka_unit_test(a_failure_is_an_error),
        cmocka_unit_test(a_call_names_its_server),
        cmocka_unit_test(an_operation_names_its_database),
        cmocka_unit_test(a_path_is_a_text_whatever_is_in_it),
        cmocka_unit_test(what_a_collector_did_not_take_is_read),
        cmocka_unit_test(a_long_reason_is_cut_off_between_characters),
    };
    return cmocka_run_group_tests_name("otlp", tests, NULL, NULL);
}
