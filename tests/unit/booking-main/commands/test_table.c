#include "tests/unit/unit.h"

#include "commands/table.h"

static const struct column columns[] = {
    {"ID", 0, 0, false}, {"NAME", 5, 0, false}, {"PRICE", 0, 1, true}, {"NOTE", 6, 2, false}};

enum { COLUMNS = sizeof columns / sizeof columns[0] };

static char printed[65536];

/* Prints these cells, COLUMNS a row, on a terminal so wide. */
static void print(const char *width, const char *const *cells, int count)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    setenv("COLUMNS", width, 1);
    struct table *table = table_new(columns, COLUMNS, file);
    assert_non_null(table);
    for (int i = 0; i < count; i++)
        table_add(table, cells[i]);
    assert_true(table_end(table));
    rewind(file);
    printed[fread(printed, 1, sizeof printed - 1, file)] = '\0';
    fclose(file);
}

#define PRINT(width, ...)                                                                          \
    print(width, (const char *[]){__VA_ARGS__},                                                    \
          (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(const char *)))

static void columns_are_aligned(void **state)
{
    (void)state;
    PRINT("80", "1", "short", "5", "x", "22", "T\xC3\x9C-\xE5\x93\x81", "1234567", "");
    assert_string_equal(printed, "ID  NAME     PRICE  NOTE\n"
                                 "1   short        5  x\n"
                                 "22  T\xC3\x9C-\xE5\x93\x81  1234567\n");
}

static void a_column_without_anything_is_left_out(void **state)
{
    (void)state;
    PRINT("80", "1", "a", "", "x", "2", "b", "", "y");
    assert_string_equal(printed, "ID  NAME  NOTE\n1   a     x\n2   b     y\n");
}

static void what_does_not_fit_is_cut_then_left_out(void **state)
{
    (void)state;
#define ROW "id-1", "a long name", "100", "a long note"
    PRINT("35", ROW);
    assert_string_equal(printed, "ID    NAME        PRICE  NOTE\n"
                                 "id-1  a long na\xE2\x80\xA6    100  a long no\xE2\x80\xA6\n");
    PRINT("26", ROW);
    assert_string_equal(printed, "ID    NAME   PRICE  NOTE\n"
                                 "id-1  a lo\xE2\x80\xA6    100  a lon\xE2\x80\xA6\n");
    PRINT("22", ROW);
    assert_string_equal(printed, "ID    NAME       PRICE\n"
                                 "id-1  a long n\xE2\x80\xA6    100\n");
    /* What must be there is, whatever the width. */
    PRINT("20", "an id of many columns", "a long name", "100", "x");
    assert_string_equal(printed, "ID                     NAME\n"
                                 "an id of many columns  a lo\xE2\x80\xA6\n");
}

static void nothing_reaches_the_terminal_raw(void **state)
{
    (void)state;
    PRINT("80", "1", "\x1B[2J\n", "5", "\xFF");
    assert_string_equal(printed, "ID  NAME   PRICE  NOTE\n"
                                 "1   \xEF\xBF\xBD[2J\xEF\xBF\xBD      5  \xEF\xBF\xBD\n");
}

static void a_table_of_any_length_has_one_heading(void **state)
{
    (void)state;
    enum { ROWS = 1200 };
    static const char *cells[ROWS * COLUMNS];
    for (int i = 0; i < ROWS * COLUMNS; i++)
        cells[i] = i / COLUMNS < 600 ? "ab" : "abcdefghij"; /* the first rows decide */
    print("80", cells, ROWS * COLUMNS);
    int lines = 0, headings = 0;
    for (const char *at = printed; *at; at = strchr(at, '\n') + 1) {
        lines++;
        headings += strncmp(at, "ID", 2) == 0;
    }
    assert_int_equal(lines, ROWS + 1);
    assert_int_equal(headings, 1);
    assert_non_null(strstr(printed, "\nabcdefghij  abc\xE2\x80\xA6"));
}

static void an_empty_table_prints_nothing(void **state)
{
    (void)state;
    print("80", NULL, 0);
    assert_string_equal(printed, "");
}

static void a_full_disk_is_told(void **state)
{
    (void)state;
    FILE *full = fopen("/dev/full", "w");
    if (!full)
        skip();
    struct table *table = table_new(columns, COLUMNS, full);
    for (int i = 0; i < COLUMNS; i++)
        table_add(table, "x");
    assert_false(table_end(table));
    fclose(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_aligned),
        cmocka_unit_test(a_column_without_anything_is_left_out),
        cmocka_unit_test(what_does_not_fit_is_cut_then_left_out),
        cmocka_unit_test(nothing_reaches_the_terminal_raw),
        cmocka_unit_test(a_table_of_any_length_has_one_heading),
        cmocka_unit_test(an_empty_table_prints_nothing),
        cmocka_unit_test(a_full_disk_is_told),
    };
    return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
