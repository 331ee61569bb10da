#include "tests/unit/unit.h"

#include "lib/adapter/currency.h"

#include <stdbool.h>

static void codes_and_names_have_both_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *given, *one, *many;
    } cases[] = {
        {"EUR", "euro", "euros"},
        {"euro", "euro", "euros"},
        {"USD", "dollar", "dollars"},
        {"JPY", "yen", "yen"},
        {"SEK", "Swedish krona", "Swedish kronor"},
        /* Not known: as it is, whatever the number. */
        {"euros", "euros", "euros"},
        {"eur", "eur", "eur"},
        {"XTS", "XTS", "XTS"},
        {"EURO", "EURO", "EURO"},
        {"EUR ", "EUR ", "EUR "},
        {"E", "E", "E"},
        {"doubloon", "doubloon", "doubloon"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        assert_string_equal(currency_name(cases[i].given, false), cases[i].one);
        assert_string_equal(currency_name(cases[i].given, true), cases[i].many);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(codes_and_names_have_both_numbers)};
    return cmocka_run_group_tests_name("currency", tests, NULL, NULL);
}
