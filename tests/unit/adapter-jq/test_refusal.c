#include "tests/unit/unit.h"

#include "adapter-jq/refusal.h"

/* What is said of the program; "" where it is taken. */
static const char *said_of(const char *program)
{
    static char said[1024];
    struct buffer error;
    buffer_init(&error, sizeof said - 1);
    bool refused = refusal_of_program(program, strlen(program), &error);
    assert_int_equal(refused, error.size > 0);
    snprintf(said, sizeof said, "%s", error.size ? error.data : "");
    buffer_free(&error);
    return said;
}

static void what_reads_more_than_its_input_is_refused(void **state)
{
    (void)state;
    static const char *const words[] = {
        "env",    "input",      "inputs",     "input_filename", "input_line_number",
        "import", "include",    "module",     "debug",          "stderr",
        "halt",   "halt_error", "modulemeta", "get_search_list"};
    static const char *const around[] = {"%s",
                                         "{a: %s}",
                                         "{(%s): 1}",
                                         "{a: 1} | .b = %s",
                                         "[.a, %s]",
                                         "[.[%s:2]]",
                                         "[.[1,%s:2]]",
                                         "\"a\\(%s)b\"",
                                         "\"\\(\"\\(%s)\")\"",
                                         "def f: %s; f",
                                         "{\"\\(%s)\": 1}",
                                         ".. |%s",
                                         "..%s",
                                         "@base64 \"\\(%s)\"",
                                         "1.%s",
                                         "# x\n%s",
                                         "# \"\n%s # \"",
                                         "\"\\\\\" | %s",
                                         "\"#\" | %s",
                                         "{a:{b:1}} | %s",
                                         "$x|%s",
                                         "(%s)",
                                         ". as {a: $y} | %s",
                                         "if %s then 1 else 2 end",
                                         "{a: 1, \"b\": %s}",
                                         "[{a},%s]"};
    for (size_t i = 0; i < LENGTH(words); i++)
        for (size_t j = 0; j < LENGTH(around); j++) {
            char program[128], name[64];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            snprintf(program, sizeof program, around[j], words[i]);
#pragma GCC diagnostic pop
            snprintf(name, sizeof name, ": %s: a filter may use nothing", words[i]);
            if (!strstr(said_of(program), name))
                fail_msg("%s: %s", program, said_of(program));
        }
    static const char *const variables[] = {"$ENV",  "$ENV.PATH",    "{$ENV}",
                                            "$ ENV", "$__prog_args", "\"\\($ENV)\""};
    for (size_t i = 0; i < LENGTH(variables); i++)
        if (!strstr(said_of(variables[i]), ": a filter may use nothing"))
            fail_msg("%s", variables[i]);
}

static void the_same_names_elsewhere_are_not(void **state)
{
    (void)state;
    static const char *const programs[] = {
        ".env",           "{env: 1}",         "{env, input}",
        "{a: 1, env: 2}", "\"env\"",          "# env\n{}",
        ".a.input",       ".[\"debug\"]",     ". as {env: $x} | $x",
        "environment",    "my_input",         "$env",
        "{$input}",       "\"\\\\(env)\"",    "\"\\(1)env\"",
        "{a: {halt: 1}}", "label $debug | 1", "$__loc__",
        "@json \"env\"",  ".a?.env",          "{\"a\": 1, stderr: 2}"};
    for (size_t i = 0; i < LENGTH(programs); i++)
        if (*said_of(programs[i]))
            fail_msg("%s: %s", programs[i], said_of(programs[i]));
}

static void the_place_is_said(void **state)
{
    (void)state;
    assert_string_equal(said_of("{\n  a: 1,\n  b: env\n}"),
                        "line 3, column 6: env: a filter may use nothing but its input");
    /* Columns count characters. */
    assert_non_null(strstr(said_of("\"\xC3\x9C\xC3\x9C\" | $ENV"), "line 1, column 8: $ENV"));
}

static void what_cannot_be_read_for_sure_is_refused(void **state)
{
    (void)state;
    assert_non_null(strstr(said_of("1 # a \\\n| 2"), "line 1, column 3: #: a comment must not"));
    assert_non_null(strstr(said_of("1 # a \\\r\n| 2"), "a comment must not"));
    assert_string_equal(said_of("1 # a \\ b\n| 2"), "");
    assert_string_equal(said_of("\"\xFF\""), "it is not text in UTF-8");
    char deep[2000];
    memset(deep, '[', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    assert_non_null(strstr(said_of(deep), "nested too deep"));
    struct buffer error;
    buffer_init(&error, 100);
    assert_true(refusal_of_program("1\0env", 5, &error));
    buffer_free(&error);
}

static void each_token_gets_a_line(void **state)
{
    (void)state;
    static const char program[] = "{a: 1, # one\n \"b\\( .c )\nd\": ..}";
    struct buffer spread;
    buffer_init(&spread, 1000);
    refusal_spread(program, &spread);
    assert_string_equal(spread.data, "{\na\n:\n1\n,\n\"b\\(\n.c\n) d\"\n:\n..\n}\n");
    unsigned line, column;
    refusal_place(program, 7, &line, &column);
    assert_int_equal(line, 2);
    assert_int_equal(column, 7);
    refusal_place(program, 100, &line, &column);
    assert_int_equal(line, 3);
    buffer_free(&spread);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_reads_more_than_its_input_is_refused),
        cmocka_unit_test(the_same_names_elsewhere_are_not),
        cmocka_unit_test(the_place_is_said),
        cmocka_unit_test(what_cannot_be_read_for_sure_is_refused),
        cmocka_unit_test(each_token_gets_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
