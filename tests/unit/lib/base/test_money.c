#include "tests/unit/unit.h"

#include "lib/base/money.h"

static void exponents_are_those_of_iso_4217(void **state)
{
    (void)state;
    static const struct {
        const char *currency;
        int exponent;
    } cases[] = {
        {"EUR", 2}, {"USD", 2},        {"CHF", 2}, {"HUF", 2},  {"JPY", 0},  {"KRW", 0},
        {"ISK", 0}, {"XPF", 0},        {"BIF", 0}, {"KWD", 3},  {"BHD", 3},  {"TND", 3},
        {"CLF", 4}, {"UYW", 4},        {"CLP", 0}, {"UYU", 2},  {"UYI", 0},  {"eur", -1},
        {"EU", -1}, {"EURO", -1},      {"", -1},   {"EU1", -1}, {"E R", -1}, {"PYK", 2},
        {"FBI", 2}, {"\xC3\x89U", -1},
    };
    for (size_t i = 0; i < LENGTH(cases); i++)
        if (money_exponent(cases[i].currency) != cases[i].exponent)
            fail_msg("%s: %d", cases[i].currency, money_exponent(cases[i].currency));
}

static void currencies_in_use_are_those_of_iso_4217(void **state)
{
    (void)state;
    static const char *const in_use[] = {"AED", "CHF", "EUR", "GBP", "JPY", "KWD", "SLE",
                                         "USD", "VED", "XAF", "XCG", "XPF", "ZMW", "ZWG"};
    for (size_t i = 0; i < LENGTH(in_use); i++)
        if (!money_currency_in_use(in_use[i]))
            fail_msg("%s", in_use[i]);
    /* Never there, withdrawn, of funds, metals, units of account, tests and none. */
    static const char *const others[] = {"EUE", "AAA",  "ZZZ", "DEM", "FRF",      "HRK", "BGN",
                                         "ANG", "ZWL",  "CLF", "UYI", "USN",      "CHE", "MXV",
                                         "XAU", "XAG",  "XDR", "XUA", "XTS",      "XXX", "eur",
                                         "EU",  "EURO", "",    "E R", "\xC3\x89U"};
    for (size_t i = 0; i < LENGTH(others); i++)
        if (money_currency_in_use(others[i]))
            fail_msg("%s", others[i]);
    int count = 0;
    for (int code = 0; code < 26 * 26 * 26; code++) {
        char text[] = {(char)('A' + code / 676), (char)('A' + code / 26 % 26),
                       (char)('A' + code % 26), '\0'};
        count += money_currency_in_use(text);
    }
    assert_int_equal(count, 155); /* so the table is sorted and all of it found */
}

static void amounts_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int exponent;
        int64_t minor;
    } cases[] = {
        {"55", 2, 5500},
        {"55.5", 2, 5550},
        {"55.50", 2, 5550},
        {"55.05", 2, 5505},
        {"0", 2, 0},
        {"0.00", 2, 0},
        {"0.01", 2, 1},
        {"007", 2, 700},
        {"55.500", 2, 5550}, /* decimals that are zero say nothing */
        {"55.000000000", 0, 55},
        {"5500", 0, 5500},
        {"55.005", 3, 55005},
        {"1.0001", 4, 10001},
        {"0.0001", 4, 1},
        {"9007199254740992", 0, MONEY_MAX},
        {"90071992547409.92", 2, MONEY_MAX},
        {"900719925474.0992", 4, MONEY_MAX},
        {"0000000000000000000000000000000000000001", 2, 100},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        int64_t minor = -1;
        const char *problem = money_parse(cases[i].text, cases[i].exponent, &minor);
        if (problem)
            fail_msg("%s: %s", cases[i].text, problem);
        assert_int_equal(minor, cases[i].minor);
    }
}

static void what_is_no_amount_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int exponent;
        const char *says;
    } cases[] = {
        {"", 2, "not an amount"},
        {".", 2, "not an amount"},
        {".5", 2, "not an amount"},
        {"5.", 2, "not an amount"},
        {"5..5", 2, "not an amount"},
        {"5.5.5", 2, "not an amount"},
        {"-5", 2, "not an amount"},
        {"+5", 2, "not an amount"},
        {" 5", 2, "not an amount"},
        {"5 ", 2, "not an amount"},
        {"5,5", 2, "not an amount"},
        {"1e3", 2, "not an amount"},
        {"0x10", 2, "not an amount"},
        {"5\xE2\x82\xAC", 2, "not an amount"},
        {"nan", 2, "not an amount"},
        {"55.001", 2, "more decimals"},
        {"55.5", 0, "more decimals"},
        {"55.0005", 3, "more decimals"},
        {"55.00001", 4, "more decimals"},
        {"9007199254740993", 0, "too large"},
        {"90071992547409.93", 2, "too large"},
        {"90071992547410", 2, "too large"},
        {"900719925475", 4, "too large"},
        {"99999999999999999999999999999999", 2, "too large"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        int64_t minor = 4711;
        const char *problem = money_parse(cases[i].text, cases[i].exponent, &minor);
        if (!problem)
            fail_msg("'%s' was taken", cases[i].text);
        if (!strstr(problem, cases[i].says))
            fail_msg("'%s' %s", cases[i].text, problem);
        assert_int_equal(minor, 4711); /* untouched on failure */
    }
}

static void amounts_are_written_in_their_shortest_form(void **state)
{
    (void)state;
    static const struct {
        int64_t minor;
        int exponent;
        const char *text;
    } cases[] = {
        {0, 2, "0"},
        {5500, 2, "55"},
        {5550, 2, "55.5"},
        {52099, 2, "520.99"},
        {1, 2, "0.01"},
        {10, 2, "0.1"},
        {100, 2, "1"},
        {55, 0, "55"},
        {55005, 3, "55.005"},
        {10001, 4, "1.0001"},
        {10010, 4, "1.001"},
        {5000, 3, "5"},
        {-5550, 2, "-55.5"},
        {-1, 2, "-0.01"},
        {MONEY_MAX, 0, "9007199254740992"},
        {MONEY_MAX, 4, "900719925474.0992"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct buffer out;
        buffer_init(&out, MONEY_TEXT_MAX - 1);
        money_add(&out, cases[i].minor, cases[i].exponent);
        assert_false(out.failed);
        assert_string_equal(out.data, cases[i].text);
        buffer_free(&out);
    }
}

static void what_is_written_reads_the_same(void **state)
{
    (void)state;
    uint64_t random = 4217;
    struct buffer out;
    buffer_init(&out, MONEY_TEXT_MAX);
    for (int i = 0; i < 20000; i++) {
        int exponent = i % 5;
        int64_t minor = (int64_t)(unit_random(&random) >> (11 + i % 50)), read = -1;
        if (minor > MONEY_MAX)
            continue;
        buffer_clear(&out);
        money_add(&out, minor, exponent);
        assert_null(money_parse(out.data, exponent, &read));
        assert_int_equal(read, minor);
        size_t size = strlen(out.data);
        if (strchr(out.data, '.'))
            assert_int_not_equal(out.data[size - 1], '0');
    }
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exponents_are_those_of_iso_4217),
        cmocka_unit_test(currencies_in_use_are_those_of_iso_4217),
        cmocka_unit_test(amounts_are_read),
        cmocka_unit_test(what_is_no_amount_is_refused),
        cmocka_unit_test(amounts_are_written_in_their_shortest_form),
        cmocka_unit_test(what_is_written_reads_the_same),
    };
    return cmocka_run_group_tests_name("money", tests, NULL, NULL);
}
