#include "fleet/csv.h"
#include "fleet/csv_writer.h"
#include "tests/unit/unit_out.h"

static void plain_texts_stay_as_they_are(void **state)
{
    (void)state;
    csv_add_text(&out, "1-XXX-333");
    csv_add_text(&out, "");
    csv_add_text(&out, "T\xC3\x9C-AB 12");
    csv_add_money(&out, 5550, 2);
    csv_add_text(&out, "");
    csv_end_line(&out);
    assert_string_equal(out.data, "1-XXX-333,,T\xC3\x9C-AB 12,55.5,\n");
}

/* Whatever a field holds, a reader has it back. */
static void fields_come_back(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "a,b",      "\"", "say \"when\"", "two\nlines", "two\r\nlines", "\r", " before",
        "behind\t", ";",  "=1",           "a\tb",       "''",
    };
    for (size_t i = 0; i < LENGTH(texts); i++) {
        struct buffer error;
        buffer_init(&error, 1000);
        buffer_clear(&out);
        buffer_add_text(&out, "first,second,third\n");
        csv_add_text(&out, "x");
        csv_add_text(&out, texts[i]);
        csv_add_text(&out, "y");
        csv_end_line(&out);
        static struct csv csv;
        assert_true(csv_begin(&csv, "test", out.data, out.size, &error));
        assert_int_equal(csv_next(&csv), CSV_LINE);
        assert_int_equal(csv_next(&csv), CSV_LINE);
        assert_int_equal(csv.field_count, 3);
        assert_string_equal(csv.fields[1].text, texts[i]);
        assert_string_equal(csv.fields[2].text, "y");
        assert_int_equal(csv_next(&csv), CSV_END);
        buffer_free(&error);
    }
}

static void a_formula_is_none(void **state)
{
    (void)state;
    static const struct {
        const char *text, *field;
    } cases[] = {
        {"=HYPERLINK(\"http://x\",\"y\")", "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\""},
        {"+1", "'+1"},
        {"-1+2", "'-1+2"},
        {"@SUM(A1)", "'@SUM(A1)"},
        {"\t=1", "\"'\t=1\""},
        {"\r=1", "\"'\r=1\""},
        {"K-1=2", "K-1=2"},
        {"'=1", "'=1"},
        {"", ""},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        buffer_clear(&out);
        csv_add_free_text(&out, cases[i].text);
        csv_end_line(&out);
        assert_int_equal(out.data[out.size - 1], '\n');
        out.data[out.size - 1] = '\0';
        assert_string_equal(out.data, cases[i].field);
    }
}

static void too_little_room_fails_the_buffer(void **state)
{
    (void)state;
    static const char whole[] = "\"a,\"\"\",55,\n";
    for (size_t limit = 0; limit <= sizeof whole; limit++) {
        struct buffer small;
        buffer_init(&small, limit);
        csv_add_text(&small, "a,\"");
        csv_add_money(&small, 5500, 2);
        csv_add_free_text(&small, "");
        csv_end_line(&small);
        assert_int_equal(small.failed, limit < sizeof whole - 1);
        if (!small.failed)
            assert_string_equal(small.data, whole);
        buffer_free(&small);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(plain_texts_stay_as_they_are, begin, end),
        cmocka_unit_test_setup_teardown(fields_come_back, begin, end),
        cmocka_unit_test_setup_teardown(a_formula_is_none, begin, end),
        cmocka_unit_test(too_little_room_fails_the_buffer),
    };
    return cmocka_run_group_tests_name("csv_writer", tests, NULL, NULL);
}
