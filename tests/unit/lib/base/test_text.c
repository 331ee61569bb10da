#include "tests/unit/unit.h"

#include "lib/base/text.h"

static void what_is_utf8(void **state)
{
    (void)state;
    static const char *const good[] = {"",
                                       "a",
                                       "T\xC3\x9C",
                                       "\xC2\x80",
                                       "\xDF\xBF",
                                       "\xE0\xA0\x80",
                                       "\xED\x9F\xBF",
                                       "\xEE\x80\x80",
                                       "\xEF\xBF\xBF",
                                       "\xF0\x90\x80\x80",
                                       "\xF4\x8F\xBF\xBF",
                                       "\xE4\xBA\xAC\xE9\x83\xBD 300"};
    for (size_t i = 0; i < LENGTH(good); i++)
        if (!text_is_utf8(good[i]))
            fail_msg("%zu", i);
    /* Alone, cut, overlong, a surrogate, beyond the last character, no such byte. */
    static const char *const bad[] = {"\x80",
                                      "a\xBF",
                                      "\xC3",
                                      "\xC3(",
                                      "\xE4\xBA",
                                      "\xF0\x90\x80",
                                      "\xC0\xAF",
                                      "\xC1\xBF",
                                      "\xE0\x9F\xBF",
                                      "\xF0\x8F\xBF\xBF",
                                      "\xED\xA0\x80",
                                      "\xED\xBF\xBF",
                                      "\xF4\x90\x80\x80",
                                      "\xF5\x80\x80\x80",
                                      "\xFE",
                                      "\xFF"};
    for (size_t i = 0; i < LENGTH(bad); i++)
        if (text_is_utf8(bad[i]))
            fail_msg("%zu", i);
}

static void what_is_a_control_character(void **state)
{
    (void)state;
    static const char *const with[] = {"\x01", "a\n", "\x1B[2J", "a\x7F", "\xC2\x80", "\xC2\x9F"};
    for (size_t i = 0; i < LENGTH(with); i++)
        assert_true(text_has_control(with[i]));
    static const char *const without[] = {"", " a ", "~", "\xC2\xA0", "\xE2\x80\xA8", "\xC3\x9F"};
    for (size_t i = 0; i < LENGTH(without); i++)
        assert_false(text_has_control(without[i]));
}

static void white_space_at_an_end(void **state)
{
    (void)state;
    static const char *const with[] = {" a",
                                       "a ",
                                       " ",
                                       "\xC2\xA0"
                                       "a",
                                       "a\xC2\xA0",
                                       "a\xE3\x80\x80",
                                       "\xEF\xBB\xBF"
                                       "a",
                                       "\xE2\x80\x83"
                                       "a"};
    for (size_t i = 0; i < LENGTH(with); i++)
        if (!text_has_space_at_an_end(with[i]))
            fail_msg("%zu", i);
    static const char *const without[] = {"", "a", "a b", "T\xC3\x9C-AB 12",
                                          "a\xC2\xA0"
                                          "b"};
    for (size_t i = 0; i < LENGTH(without); i++)
        if (text_has_space_at_an_end(without[i]))
            fail_msg("%zu", i);
}

static void check_quoted(const char *text, const char *expected)
{
    struct buffer out;
    buffer_init(&out, 1000);
    text_add_quoted(&out, text);
    assert_string_equal(out.data, expected);
    buffer_free(&out);
}

static void a_text_is_shown_without_harm(void **state)
{
    (void)state;
    check_quoted("", "''");
    check_quoted("T\xC3\x9C-AB 12", "'T\xC3\x9C-AB 12'");
    check_quoted("\x1B[2J\a\n", "'\\x1B[2J\\x07\\x0A'");
    check_quoted("T\xDC", "'T\\xDC'");
    check_quoted("\xC2\x9B"
                 "2J",
                 "'\\xC2\\x9B2J'");
    check_quoted("\xE4\xBA", "'\\xE4\\xBA'");
}

static void a_long_text_is_cut_between_characters(void **state)
{
    (void)state;
    char text[200], expected[400];
    memset(text, 'x', 160);
    text[160] = '\0';
    snprintf(expected, sizeof expected, "'%s'", text);
    check_quoted(text, expected);
    strcpy(text + 160, "y");
    snprintf(expected, sizeof expected, "'%.160s...'", text);
    check_quoted(text, expected);
    strcpy(text + 159, "\xC3\x9C");
    snprintf(expected, sizeof expected, "'%.159s...'", text);
    check_quoted(text, expected);
}

static void check_shown(const char *text, const char *expected)
{
    struct buffer out;
    buffer_init(&out, 1000);
    buffer_add_text(&out, "");
    text_add_shown(&out, text);
    assert_string_equal(out.data ? out.data : "", expected);
    buffer_free(&out);
}

#define REPLACED "\xEF\xBF\xBD"

static void what_a_terminal_may_have(void **state)
{
    (void)state;
    check_shown("", "");
    check_shown("T\xC3\x9C-AB 12", "T\xC3\x9C-AB 12");
    check_shown("\x1B[2J\n", REPLACED "[2J" REPLACED);
    check_shown("\xC2\x9B"
                "2J",
                REPLACED "2J");
    check_shown("a\xE2\x80\xAE"
                "b\xE2\x81\xA6\xE2\x80\x8B\xEF\xBB\xBF\xD8\x9C",
                "a" REPLACED "b" REPLACED REPLACED REPLACED REPLACED);
    check_shown("\xDC\xE4\xBA", REPLACED REPLACED REPLACED);
}

static void columns_of_a_terminal(void **state)
{
    (void)state;
    assert_int_equal(text_width(""), 0);
    assert_int_equal(text_width("T\xC3\x9C-AB 12"), 8);
    assert_int_equal(text_width("e\xCC\x81"), 1);                /* e and an accent */
    assert_int_equal(text_width("\xE5\x93\x81\xE5\xB7\x9D"), 4); /* two ideographs */
    assert_int_equal(text_width("\xF0\x9F\x9A\x97"), 2);         /* a car */
    assert_int_equal(text_width("\xFF"), 1);
    static const struct {
        const char *text;
        int width, taken;
        size_t bytes;
    } fits[] = {
        {"abc", 5, 3, 3},        {"abc", 2, 2, 2}, {"\xE5\x93\x81\xE5\xB7\x9D", 3, 2, 3},
        {"e\xCC\x81x", 1, 1, 3}, {"abc", 0, 0, 0},
    };
    for (size_t i = 0; i < LENGTH(fits); i++) {
        int width = fits[i].width;
        assert_int_equal(text_fit(fits[i].text, &width), fits[i].bytes);
        assert_int_equal(width, fits[i].taken);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_utf8),
        cmocka_unit_test(what_is_a_control_character),
        cmocka_unit_test(white_space_at_an_end),
        cmocka_unit_test(a_text_is_shown_without_harm),
        cmocka_unit_test(a_long_text_is_cut_between_characters),
        cmocka_unit_test(what_a_terminal_may_have),
        cmocka_unit_test(columns_of_a_terminal),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
