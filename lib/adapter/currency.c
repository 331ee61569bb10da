#include "lib/adapter/currency.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *code, *singular, *plural;
} names[] = {
    {"AUD", "Australian dollar", "Australian dollars"},
    {"CAD", "Canadian dollar", "Canadian dollars"},
    {"CHF", "Swiss franc", "Swiss francs"},
    {"CZK", "koruna", "korunas"},
    {"DKK", "Danish krone", "Danish kroner"},
    {"EUR", "euro", "euros"},
    {"GBP", "pound", "pounds"},
    {"INR", "rupee", "rupees"},
    {"JPY", "yen", "yen"},
    {"KWD", "Kuwaiti dinar", "Kuwaiti dinars"},
    {"NOK", "Norwegian krone", "Norwegian kroner"},
    {"PLN", "zloty", "zlotys"},
    {"SEK", "Swedish krona", "Swedish kronor"},
    {"TND", "Tunisian dinar", "Tunisian dinars"},
    {"USD", "dollar", "dollars"},
};

const char *currency_name(const char *currency, bool plural)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(currency, names[i].code) == 0 || strcmp(currency, names[i].singular) == 0)
            return plural ? names[i].plural : names[i].singular;
    return currency;
}
