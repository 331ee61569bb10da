#include "tests/unit/unit.h"

#include "adapter-jq/filter.h"
#include "adapter-jq/samples.h"

static bool is_list(const char *document)
{
    return strncmp(document, "{\"cars\":", 8) == 0;
}

/* What the filter makes of the document, or what is wrong; until the next call. */
static const char *run(const char *program, const char *document)
{
    static char said[2048];
    struct buffer out, error;
    buffer_init(&out, sizeof said - 1);
    buffer_init(&error, sizeof said - 1);
    struct filter *filter = filter_new(program, strlen(program), &error);
    if (filter) {
        bool made = filter_run(filter, is_list(document), document, strlen(document), &out, &error);
        assert_int_equal(made, error.size == 0);
        /* A run leaves nothing behind. */
        struct buffer again;
        buffer_init(&again, sizeof said - 1);
        assert_int_equal(
            filter_run(filter, is_list(document), document, strlen(document), &again, &error),
            made);
        assert_string_equal(out.size ? out.data : "", again.size ? again.data : "");
        buffer_free(&again);
    }
    snprintf(said, sizeof said, "%s", error.size ? error.data : out.data);
    filter_free(filter);
    buffer_free(&out);
    buffer_free(&error);
    return said;
}

static void makes_an_object(void **state)
{
    (void)state;
    assert_string_equal(run("{z: .carid, a: .price}", "{\"carid\":\"x\",\"price\":520.99}"),
                        "{\"z\":\"x\",\"a\":520.99}");
    assert_string_equal(run(".", "{\"carid\":\"x\",\"booking_id\":\"b\"}"), "{\"carid\":\"x\"}");
    assert_string_equal(run("{}", "{}"), "{}");
    /* A backslash and letters, not U+0000. */
    assert_string_equal(run("{a: \"\\\\u0000\"}", "{}"), "{\"a\":\"\\\\u0000\"}");
}

#define LIST "{\"cars\":[{\"carid\":\"x\",\"price\":1},{\"carid\":\"y\",\"price\":2}]}"

static void is_run_for_each_car_of_a_list_unless_it_knows_lists(void **state)
{
    (void)state;
    assert_string_equal(run("def f: .carid; {a: f} # .cars", LIST),
                        "{\"cars\":[{\"a\":\"x\"},{\"a\":\"y\"}]}");
    assert_string_equal(run("{data: [(.cars // [.])[] | .carid]}", LIST),
                        "{\"data\":[\"x\",\"y\"]}");
    assert_string_equal(run("{data: [(.cars // [.])[] | .carid]}", "{\"carid\":\"z\"}"),
                        "{\"data\":[\"z\"]}");
    static const char *const wrong[] = {".carid", "{}, {}", "empty",
                                        "if .price > 1 then 1 else {} end"};
    for (size_t i = 0; i < LENGTH(wrong); i++)
        assert_non_null(strstr(run(wrong[i], LIST), "one object of each car"));
}

static void one_object_and_nothing_else(void **state)
{
    (void)state;
    static const struct {
        const char *program, *said;
    } cases[] = {
        {"empty", "makes nothing"},
        {"{}, {}", "more than one value"},
        {"{}, error(\"late\")", "fails: late"},
        {"[]", "no object but this: array"},
        {"null", "no object but this: null"},
        {"\"x\"", "no object but this: string"},
        {"error(\"why\")", "fails: why"},
        {"error({a: 1})", "fails: {\"a\":1}"},
        {".a.b.c", "fails: Cannot index"},
        {"{a: \"\\u0000\"}", "U+0000"},
        {"{a: [range(20000)]}", "more than 64 KiB"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++)
        if (!strstr(run(cases[i].program, "{\"a\":\"text\"}"), cases[i].said))
            fail_msg("%s: %s", cases[i].program, run(cases[i].program, "{\"a\":\"text\"}"));
}

static void mistakes_have_a_place(void **state)
{
    (void)state;
    static const struct {
        const char *program, *said;
    } cases[] = {
        {"{a: 1,, b: 2}", "line 1, column 7: syntax error"},
        {"{\n  a: foo\n}", "line 2, column 6: foo/0 is not defined"},
        {"{\n # foo\n  a: \"foo\\(  foo )\"\n}", "line 3, column 14: foo/0 is not defined"},
        {"1 +\n  ", "line 1, column 3: syntax error, unexpected"},
        {"{a: $x}", "line 1, column 5: $x is not defined"},
        {"\"abc", "line 1, column 1: \"abc: this text has no end"},
        {"\"a\\(1", "line 1, column 6: a text that begins before has no end"},
        {"\"a\\(1) b", "line 1, column 6: ) b: this text has no end"},
        {"\"abc\\", "line 1, column 1: \"abc\\: this text has no end"},
        {"{a: (1}", "line 1, column 7: syntax error"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++)
        if (strncmp(run(cases[i].program, "{}"), cases[i].said, strlen(cases[i].said)) != 0)
            fail_msg("%s: %s", cases[i].program, run(cases[i].program, "{}"));
}

static void too_much_is_not_compiled(void **state)
{
    (void)state;
    struct buffer error;
    buffer_init(&error, 200);
    char *program = malloc(FILTER_SIZE_MAX + 2);
    assert_non_null(program);
    memset(program, ' ', FILTER_SIZE_MAX + 1);
    program[FILTER_SIZE_MAX + 1] = '\0';
    assert_null(filter_new(program, FILTER_SIZE_MAX + 1, &error));
    assert_string_equal(error.data, "it has more than 262144 bytes");
    free(program);
    buffer_free(&error);
}

static void every_sample_counts(void **state)
{
    (void)state;
    static const struct {
        const char *program, *sample;
    } cases[] = {
        {"if .status == \"available\" and .location == \"NCE\" then empty else {} end", "offer"},
        {"if .status == \"booked\" then empty else {} end", "booking"},
        {"if .expires_at then empty else {} end", "hold"},
        {"if .status == \"cancelled\" then empty else {} end", "cancelled"},
        {"if .currency == \"KWD\" then empty else {} end", "unusual-currency"},
        {"{at: .pickup_at[0:19], x: (.pickup_at | length | if . < 1 then error(\"x\") else . end)}",
         "required-members-only"},
        {"reduce range(3000) as $i (1; [.]) | {a: .}", "offer"}, /* no JSON that anybody reads */
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct buffer error;
        buffer_init(&error, 4096);
        char line[64];
        snprintf(line, sizeof line, "sample %s: ", cases[i].sample);
        assert_null(samples_try(cases[i].program, strlen(cases[i].program), NULL, &error));
        if (!strstr(error.data, line))
            fail_msg("%s: %s", line, error.data);
        buffer_free(&error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_an_object),
        cmocka_unit_test(is_run_for_each_car_of_a_list_unless_it_knows_lists),
        cmocka_unit_test(one_object_and_nothing_else),
        cmocka_unit_test(mistakes_have_a_place),
        cmocka_unit_test(too_much_is_not_compiled),
        cmocka_unit_test(every_sample_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
