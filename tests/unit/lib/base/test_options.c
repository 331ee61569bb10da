#include "tests/unit/unit.h"

#include "lib/base/options.h"
#include "lib/base/version.h"

#include <stdbool.h>
#include <unistd.h>

struct target {
    const char *name;
    const char *file;
    uint16_t port;
    unsigned wait, keep;
    unsigned fruit;
    const char *place;
};

static const struct option_entry entries[] = {
    {"name", "UNIT_NAME", OPTION_TEXT, offsetof(struct target, name), "NAME", "nobody", "a name"},
    {"file", "UNIT_FILE", OPTION_TEXT, offsetof(struct target, file), "FILE", NULL,
     "a file,\nover two lines"},
    {"port", "UNIT_PORT", OPTION_PORT, offsetof(struct target, port), "PORT", "8033", "a port"},
    {"wait", "UNIT_WAIT", OPTION_SECONDS, offsetof(struct target, wait), "SECONDS", "5", "a wait"},
    {"fruit", "UNIT_FRUIT", OPTION_CHOICE, offsetof(struct target, fruit), "fig|apple|pear",
     "apple", "a fruit"},
    {"keep", "UNIT_KEEP", OPTION_DAYS, offsetof(struct target, keep), "DAYS", "400", "a while"},
    {"place", "UNIT_PLACE OTHERS_PLACE", OPTION_TEXT, offsetof(struct target, place), "PLACE", NULL,
     "a place"},
};

static const struct options options = {
    .program = "unit",
    .service = true,
    .summary = "What it is for.",
    .usage = "       unit import FILE",
    .entries = entries,
    .count = LENGTH(entries),
};

enum { ARGUMENTS_MAX = 8 };

static struct target target;
static int rest;
static char printed[2][8192]; /* standard output and standard error of the last run */

/* Parses a NULL-terminated list, catching what is printed. */
static enum options_result run(bool take_rest, char *const given[])
{
    char *argv[ARGUMENTS_MAX + 2] = {(char[]){"unit"}};
    int argc = 1;
    for (; given[argc - 1]; argc++)
        argv[argc] = given[argc - 1];
    FILE *files[2] = {tmpfile(), tmpfile()};
    int saved[2];
    fflush(stdout);
    fflush(stderr);
    for (int i = 0; i < 2; i++) {
        saved[i] = dup(i + 1);
        dup2(fileno(files[i]), i + 1);
    }
    target = (struct target){0};
    rest = -1;
    enum options_result result =
        options_parse(&options, argc, argv, &target, take_rest ? &rest : NULL);
    fflush(stdout);
    fflush(stderr);
    for (int i = 0; i < 2; i++) {
        dup2(saved[i], i + 1);
        close(saved[i]);
        rewind(files[i]);
        printed[i][fread(printed[i], 1, sizeof printed[i] - 1, files[i])] = '\0';
        fclose(files[i]);
    }
    return result;
}

#define RUN(...) run(false, (char *[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static int clear_environment(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(entries); i++)
        unsetenv(entries[i].environment);
    unsetenv("UNIT_PLACE");
    unsetenv("OTHERS_PLACE");
    return 0;
}

static void defaults_hold_where_nothing_is_said(void **state)
{
    (void)state;
    assert_int_equal(RUN(), OPTIONS_RUN);
    assert_string_equal(target.name, "nobody");
    assert_null(target.file);
    assert_int_equal(target.port, 8033);
    assert_int_equal(target.wait, 5);
    assert_int_equal(target.keep, 400);
    assert_string_equal(printed[0], "");
    assert_string_equal(printed[1], "");
}

static void the_environment_wins_over_defaults_and_flags_over_both(void **state)
{
    (void)state;
    setenv("UNIT_NAME", "env", 1);
    setenv("UNIT_PORT", "1", 1);
    setenv("UNIT_WAIT", "0", 1);
    assert_int_equal(RUN("--port", "65535", "--file=f"), OPTIONS_RUN);
    assert_string_equal(target.name, "env");
    assert_string_equal(target.file, "f");
    assert_int_equal(target.port, 65535);
    assert_int_equal(target.wait, 0);
}

static void an_empty_variable_counts_as_unset(void **state)
{
    (void)state;
    setenv("UNIT_NAME", "", 1);
    setenv("UNIT_PORT", "", 1);
    assert_int_equal(RUN(), OPTIONS_RUN);
    assert_string_equal(target.name, "nobody");
    assert_int_equal(target.port, 8033);
}

static void of_several_variables_the_first_that_is_set_counts(void **state)
{
    (void)state;
    setenv("OTHERS_PLACE", "theirs", 1);
    assert_int_equal(RUN(), OPTIONS_RUN);
    assert_string_equal(target.place, "theirs");
    setenv("UNIT_PLACE", "", 1);
    assert_int_equal(RUN(), OPTIONS_RUN);
    assert_string_equal(target.place, "theirs");
    setenv("UNIT_PLACE", "ours", 1);
    assert_int_equal(RUN(), OPTIONS_RUN);
    assert_string_equal(target.place, "ours");
    assert_int_equal(RUN("--place", "flag"), OPTIONS_RUN);
    assert_string_equal(target.place, "flag");
}

static void the_last_flag_of_a_name_wins(void **state)
{
    (void)state;
    assert_int_equal(RUN("--port", "1", "--port=2"), OPTIONS_RUN);
    assert_int_equal(target.port, 2);
}

static void bad_values_name_the_option_and_help(void **state)
{
    (void)state;
    static char *const ports[] = {"0",   "65536", "-1",  "+1", "0x21",
                                  "33 ", " 33",   "33a", "",   "99999999999999999999999",
                                  "3.3"};
    for (size_t i = 0; i < LENGTH(ports); i++) {
        assert_int_equal(RUN("--port", ports[i]), OPTIONS_EXIT_USAGE);
        assert_non_null(strstr(printed[1], "--port"));
        assert_non_null(strstr(printed[1], "--help"));
        assert_non_null(strstr(printed[1], ports[i]));
    }
    static char *const waits[] = {"3601", "-1", "5s", "", "18446744073709551616"};
    for (size_t i = 0; i < LENGTH(waits); i++) {
        assert_int_equal(RUN("--wait", waits[i]), OPTIONS_EXIT_USAGE);
        assert_non_null(strstr(printed[1], "--wait"));
    }
    assert_int_equal(RUN("--wait", "3600"), OPTIONS_RUN);
    assert_int_equal(target.wait, 3600);
}

static void a_choice_is_one_of_its_words(void **state)
{
    (void)state;
    static char *const words[] = {"fig", "apple", "pear"};
    for (unsigned i = 0; i < LENGTH(words); i++) {
        assert_int_equal(RUN("--fruit", words[i]), OPTIONS_RUN);
        assert_int_equal(target.fruit, i);
    }
    assert_int_equal(RUN(), OPTIONS_RUN);
    assert_int_equal(target.fruit, 1);
    static char *const others[] = {"", "fi", "figs", "Fig", "fig|apple", "|", "pear ", "plum"};
    for (size_t i = 0; i < LENGTH(others); i++) {
        if (RUN("--fruit", others[i]) != OPTIONS_EXIT_USAGE)
            fail_msg("'%s' was taken", others[i]);
        assert_non_null(strstr(printed[1], "not fig|apple|pear"));
    }
}

static void a_bad_variable_names_itself(void **state)
{
    (void)state;
    setenv("UNIT_PORT", "http", 1);
    assert_int_equal(RUN(), OPTIONS_EXIT_USAGE);
    assert_non_null(strstr(printed[1], "UNIT_PORT"));
    assert_null(strstr(printed[1], "enableServiceLinks"));
    setenv("UNIT_PORT", "tcp://10.0.0.1:33", 1);
    assert_int_equal(RUN(), OPTIONS_EXIT_USAGE);
    assert_non_null(strstr(printed[1], "UNIT_PORT"));
    assert_non_null(strstr(printed[1], "enableServiceLinks"));
}

static void unknown_and_incomplete_options_name_themselves(void **state)
{
    (void)state;
    static const struct {
        char *arguments[3];
        const char *named;
    } cases[] = {
        {{"--nonsense"}, "--nonsense"},
        {{"--nonsense=1"}, "--nonsense"},
        {{"-x"}, "-x"},
        {{"--port", "1", "--what"}, "--what"},
        {{"--port"}, "--port"},
        {{"--help=x"}, "--help"},
        {{"--wait", "1", "--file"}, "--file"},
        {{"stray"}, "stray"},
        {{"--port", "1", "stray"}, "stray"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char *arguments[4] = {cases[i].arguments[0], cases[i].arguments[1], cases[i].arguments[2]};
        if (run(false, arguments) != OPTIONS_EXIT_USAGE)
            fail_msg("%s was taken", cases[i].named);
        if (!strstr(printed[1], cases[i].named) || !strstr(printed[1], "--help"))
            fail_msg("%s is not named: %s", cases[i].named, printed[1]);
        assert_string_equal(printed[0], "");
    }
}

static void help_shows_every_row_of_the_table(void **state)
{
    (void)state;
    assert_int_equal(RUN("--help"), OPTIONS_EXIT_OK);
    for (size_t i = 0; i < LENGTH(entries); i++) {
        char flag[40];
        snprintf(flag, sizeof flag, "--%s %s\n", entries[i].flag, entries[i].argument);
        assert_non_null(strstr(printed[0], flag));
        if (!strchr(entries[i].environment, ' '))
            assert_non_null(strstr(printed[0], entries[i].environment));
        if (entries[i].default_value)
            assert_non_null(strstr(printed[0], entries[i].default_value));
    }
    static const char *const also[] = {"--help",
                                       "--version",
                                       "--healthcheck",
                                       "What it is for.",
                                       "unit import FILE",
                                       "a file,\n      over two lines",
                                       "\n      UNIT_PLACE or OTHERS_PLACE; default: none\n"};
    for (size_t i = 0; i < LENGTH(also); i++)
        assert_non_null(strstr(printed[0], also[i]));
    assert_string_equal(printed[1], "");
}

static void version_is_program_and_version(void **state)
{
    (void)state;
    assert_int_equal(RUN("--version"), OPTIONS_EXIT_OK);
    char expected[64];
    snprintf(expected, sizeof expected, "unit %s\n", version_text);
    assert_string_equal(printed[0], expected);
    assert_memory_equal(version_text, BOOKING_VERSION, strlen(BOOKING_VERSION));
}

static void help_and_version_need_no_valid_environment(void **state)
{
    (void)state;
    setenv("UNIT_PORT", "broken", 1);
    assert_int_equal(RUN("--help"), OPTIONS_EXIT_OK);
    assert_int_equal(RUN("--version"), OPTIONS_EXIT_OK);
}

static void healthcheck_reads_the_other_options(void **state)
{
    (void)state;
    assert_int_equal(RUN("--healthcheck", "--port", "99"), OPTIONS_HEALTHCHECK);
    assert_int_equal(target.port, 99);
    assert_int_equal(RUN("--port=98", "--healthcheck"), OPTIONS_HEALTHCHECK);
    assert_int_equal(target.port, 98);
    assert_int_equal(RUN("--healthcheck", "--port", "no"), OPTIONS_EXIT_USAGE);
}

static void the_rest_is_the_callers(void **state)
{
    (void)state;
    assert_int_equal(run(true, (char *[]){"--port", "7", "import", NULL}), OPTIONS_RUN);
    assert_int_equal(rest, 3);
    assert_int_equal(target.port, 7);
    assert_null(target.file);
    assert_int_equal(run(true, (char *[]){NULL}), OPTIONS_RUN);
    assert_int_equal(rest, 1);
}

int main(void)
{
#define CLEAN(test) cmocka_unit_test_setup(test, clear_environment)
    const struct CMUnitTest tests[] = {
        CLEAN(defaults_hold_where_nothing_is_said),
        CLEAN(the_environment_wins_over_defaults_and_flags_over_both),
        CLEAN(an_empty_variable_counts_as_unset),
        CLEAN(of_several_variables_the_first_that_is_set_counts),
        CLEAN(the_last_flag_of_a_name_wins),
        CLEAN(bad_values_name_the_option_and_help),
        CLEAN(a_choice_is_one_of_its_words),
        CLEAN(a_bad_variable_names_itself),
        CLEAN(unknown_and_incomplete_options_name_themselves),
        CLEAN(help_shows_every_row_of_the_table),
        CLEAN(version_is_program_and_version),
        CLEAN(help_and_version_need_no_valid_environment),
        CLEAN(healthcheck_reads_the_other_options),
        CLEAN(the_rest_is_the_callers),
    };
    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
