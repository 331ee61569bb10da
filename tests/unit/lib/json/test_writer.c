#include "tests/unit/unit_out.h"

#include "lib/json/writer.h"

#include <jansson.h>

static void an_object_may_be_empty(void **state)
{
    (void)state;
    json_begin(&out);
    json_end(&out);
    assert_string_equal(out.data, "{}");
}

static void members_keep_their_order(void **state)
{
    (void)state;
    json_begin(&out);
    json_add_string(&out, "b", "x");
    json_add_string(&out, "left out", NULL);
    json_add_integer(&out, "a", -12);
    json_add_money(&out, "price", 5550, 2);
    json_add_milliseconds(&out, "ms", 1500999);
    json_add_string(&out, "empty", "");
    json_end(&out);
    assert_string_equal(out.data,
                        "{\"b\":\"x\",\"a\":-12,\"price\":55.5,\"ms\":1.5,\"empty\":\"\"}");
}

static void only_absent_members_leave_an_empty_object(void **state)
{
    (void)state;
    json_begin(&out);
    json_add_string(&out, "a", NULL);
    json_end(&out);
    assert_string_equal(out.data, "{}");
}

static void a_value_that_ends_in_a_comma_survives(void **state)
{
    (void)state;
    json_begin(&out);
    json_add_string(&out, "a", ",");
    json_end(&out);
    assert_string_equal(out.data, "{\"a\":\",\"}");
}

static void objects_follow_each_other_in_one_buffer(void **state)
{
    (void)state;
    buffer_add_text(&out, "1,"); /* its comma is not the object's */
    json_begin(&out);
    json_end(&out);
    assert_string_equal(out.data, "1,{}");
}

static void objects_and_arrays_within(void **state)
{
    (void)state;
    json_begin(&out);
    json_open_array(&out, "none");
    json_close_array(&out);
    json_open_array(&out, "rows");
    json_open_object(&out, NULL);
    json_add_string(&out, "a", ",");
    json_open_array(&out, "n");
    json_add_integer(&out, NULL, 1);
    json_add_integer(&out, NULL, 2);
    json_close_array(&out);
    json_close_object(&out);
    json_open_object(&out, NULL);
    json_close_object(&out);
    json_add_string(&out, NULL, "text");
    json_close_array(&out);
    json_add_boolean(&out, "yes", true);
    json_add_boolean(&out, "no", false);
    json_open_object(&out, "last");
    json_close_object(&out);
    json_end(&out);
    assert_string_equal(out.data, "{\"none\":[],\"rows\":[{\"a\":\",\",\"n\":[1,2]},{},\"text\"],"
                                  "\"yes\":true,\"no\":false,\"last\":{}}");
}

/* What goes in, and what a JSON reader must get back. */
static const struct {
    const char *value, *read;
} texts[] = {
    {"plain", "plain"},
    {"quote \" backslash \\ slash /", "quote \" backslash \\ slash /"},
    {"\x01\x1f\b\f\n\r\t\x7f", "\x01\x1f\b\f\n\r\t\x7f"},
    {"caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x9A\x97", "caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x9A\x97"},
    /* The first and last of each length, and around the surrogates. */
    {"\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF",
     "\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"},
    {"\xED\x9F\xBF\xEE\x80\x80", "\xED\x9F\xBF\xEE\x80\x80"},
    /* Not UTF-8: stray, overlong, surrogate, too large, cut off. */
    {"\x80", "\xEF\xBF\xBD"},
    {"a\xFF"
     "b",
     "a\xEF\xBF\xBD"
     "b"},
    {"\xC0\xAF", "\xEF\xBF\xBD\xEF\xBF\xBD"},
    {"\xC1\xBF", "\xEF\xBF\xBD\xEF\xBF\xBD"},
    {"\xE0\x9F\xBF", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
    {"\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
    {"\xF0\x8F\xBF\xBF", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
    {"\xF4\x90\x80\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
    {"\xF5\x80\x80\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
    {"\xC3", "\xEF\xBF\xBD"},
    {"\xC3\"", "\xEF\xBF\xBD\""},
};

static void texts_come_back_through_a_reader(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(texts); i++) {
        buffer_clear(&out);
        json_begin(&out);
        json_add_string(&out, "value", texts[i].value);
        json_end(&out);
        json_error_t error;
        json_t *root = json_loads(out.data, 0, &error);
        if (!root)
            fail_msg("text %zu: %s in %s", i, error.text, out.data);
        assert_string_equal(json_string_value(json_object_get(root, "value")), texts[i].read);
        json_decref(root);
    }
}

static void any_bytes_make_valid_json(void **state)
{
    (void)state;
    uint64_t random = 33;
    for (int i = 0; i < 3000; i++) {
        char value[24];
        size_t size = unit_random(&random) % sizeof value;
        for (size_t j = 0; j < size; j++) {
            value[j] = (char)(unit_random(&random) >> 20 & 0xFF);
            if (!value[j])
                value[j] = '"';
        }
        value[size] = '\0';
        buffer_clear(&out);
        json_begin(&out);
        json_add_string(&out, "v", value);
        json_end(&out);
        json_t *root = json_loads(out.data, 0, NULL);
        if (!root)
            fail_msg("not JSON: %s", out.data);
        json_decref(root);
    }
}

static void cut_off_sequences_do_not_read_past_the_end(void **state)
{
    (void)state;
    static const char *const leads[] = {"\xC3", "\xE2\x82", "\xF0\x9F\x9A", "\xE0", "\xF0"};
    for (size_t i = 0; i < LENGTH(leads); i++) {
        char *exact = strdup(leads[i]); /* a reader past its end meets the sanitizer */
        buffer_clear(&out);
        json_begin(&out);
        json_add_string(&out, "v", exact);
        json_end(&out);
        json_t *root = json_loads(out.data, 0, NULL);
        assert_non_null(root);
        json_decref(root);
        free(exact);
    }
}

static void numbers(void **state)
{
    (void)state;
    json_begin(&out);
    json_add_integer(&out, "min", INT64_MIN);
    json_add_integer(&out, "max", INT64_MAX);
    json_add_milliseconds(&out, "none", 999);
    json_add_milliseconds(&out, "least", 1000);
    json_add_milliseconds(&out, "hour", INT64_C(3600000000000));
    json_add_money(&out, "yen", 5500, 0);
    json_add_money(&out, "dinar", 55005, 3);
    json_add_money(&out, "cent", 1, 2);
    json_add_money(&out, "unidad", 1, 4);
    json_add_money(&out, "zero", 0, 2);
    json_end(&out);
    assert_string_equal(out.data,
                        "{\"min\":-9223372036854775808,\"max\":9223372036854775807,\"none\":0,"
                        "\"least\":0.001,\"hour\":3600000,\"yen\":5500,\"dinar\":55.005,"
                        "\"cent\":0.01,\"unidad\":0.0001,\"zero\":0}");
}

static void members_are_found_at_the_top_alone(void **state)
{
    (void)state;
    static const char text[] =
        "xx{\"a\":1,\"b\" : "
        "{\"c\":2},\"d\":[\"e\",{\"f\":3}],\"g\\\"h\":\"i\\\\\",\"j\":\"k\\\":\",";
    struct buffer text_of;
    buffer_init(&text_of, 1024);
    buffer_add_text(&text_of, text);
    static const char *const there[] = {"a", "b", "d", "g\\\"h", "j"};
    static const char *const absent[] = {"c", "e", "f", "i\\\\", "k\\\":", "", "h", "aa", "xx"};
    for (size_t i = 0; i < LENGTH(there); i++)
        assert_true(json_has_member(&text_of, 2, there[i]));
    for (size_t i = 0; i < LENGTH(absent); i++)
        assert_false(json_has_member(&text_of, 2, absent[i]));
    buffer_free(&text_of);
}

static void too_little_room_fails_the_buffer(void **state)
{
    (void)state;
    static const char whole[] = "{\"name\":\"v\\u0001\",\"n\":7,\"list\":[{\"yes\":true}]}";
    for (size_t limit = 0; limit <= sizeof whole; limit++) {
        struct buffer small;
        buffer_init(&small, limit);
        json_begin(&small);
        json_add_string(&small, "name", "v\x01");
        json_add_integer(&small, "n", 7);
        json_open_array(&small, "list");
        json_open_object(&small, NULL);
        json_add_boolean(&small, "yes", true);
        json_close_object(&small);
        json_close_array(&small);
        json_end(&small);
        assert_int_equal(small.failed, limit < sizeof whole - 1);
        if (!small.failed)
            assert_string_equal(small.data, whole);
        buffer_free(&small);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_object_may_be_empty, begin, end),
        cmocka_unit_test_setup_teardown(members_keep_their_order, begin, end),
        cmocka_unit_test_setup_teardown(only_absent_members_leave_an_empty_object, begin, end),
        cmocka_unit_test_setup_teardown(a_value_that_ends_in_a_comma_survives, begin, end),
        cmocka_unit_test_setup_teardown(objects_follow_each_other_in_one_buffer, begin, end),
        cmocka_unit_test_setup_teardown(objects_and_arrays_within, begin, end),
        cmocka_unit_test_setup_teardown(texts_come_back_through_a_reader, begin, end),
        cmocka_unit_test_setup_teardown(any_bytes_make_valid_json, begin, end),
        cmocka_unit_test_setup_teardown(cut_off_sequences_do_not_read_past_the_end, begin, end),
        cmocka_unit_test_setup_teardown(numbers, begin, end),
        cmocka_unit_test(members_are_found_at_the_top_alone),
        cmocka_unit_test(too_little_room_fails_the_buffer),
    };
    return cmocka_run_group_tests_name("json_writer", tests, NULL, NULL);
}
