#include "lib/base/money.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ISO 4217, the codes whose exponent is not 2, those of funds too. */
static const struct {
    char codes[80];
    int exponent;
} other_exponents[] = {
    {"BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF ", 0},
    {"BHD IQD JOD KWD LYD OMR TND ", 3},
    {"CLF UYW ", 4},
};

int money_exponent(const char *currency)
{
    if (strlen(currency) != 3)
        return -1;
    for (int i = 0; i < 3; i++)
        if (currency[i] < 'A' || currency[i] > 'Z')
            return -1;
    for (size_t i = 0; i < sizeof other_exponents / sizeof other_exponents[0]; i++)
        for (const char *code = other_exponents[i].codes; *code; code += 4)
            if (memcmp(code, currency, 3) == 0)
                return other_exponents[i].exponent;
    return 2;
}

/* ISO 4217, list one: the codes in which something is paid today. Not those of funds (CLF, USN),
 * metals (XAU), units of account (XDR), tests (XTS) or no currency (XXX). Sorted. */
static const char in_use[][4] = {
    "AED", "AFN", "ALL", "AMD", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BHD",
    "BIF", "BMD", "BND", "BOB", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHF",
    "CLP", "CNY", "COP", "CRC", "CUP", "CVE", "CZK", "DJF", "DKK", "DOP", "DZD", "EGP", "ERN",
    "ETB", "EUR", "FJD", "FKP", "GBP", "GEL", "GHS", "GIP", "GMD", "GNF", "GTQ", "GYD", "HKD",
    "HNL", "HTG", "HUF", "IDR", "ILS", "INR", "IQD", "IRR", "ISK", "JMD", "JOD", "JPY", "KES",
    "KGS", "KHR", "KMF", "KPW", "KRW", "KWD", "KYD", "KZT", "LAK", "LBP", "LKR", "LRD", "LSL",
    "LYD", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR", "MVR", "MWK", "MXN",
    "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "OMR", "PAB", "PEN", "PGK", "PHP",
    "PKR", "PLN", "PYG", "QAR", "RON", "RSD", "RUB", "RWF", "SAR", "SBD", "SCR", "SDG", "SEK",
    "SGD", "SHP", "SLE", "SOS", "SRD", "SSP", "STN", "SVC", "SYP", "SZL", "THB", "TJS", "TMT",
    "TND", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH", "UGX", "USD", "UYU", "UZS", "VED", "VES",
    "VND", "VUV", "WST", "XAF", "XCD", "XCG", "XOF", "XPF", "YER", "ZAR", "ZMW", "ZWG",
};

static int compare_codes(const void *code, const void *entry)
{
    return strcmp(code, entry);
}

bool money_currency_in_use(const char *currency)
{
    return bsearch(currency, in_use, sizeof in_use / sizeof in_use[0], sizeof in_use[0],
                   compare_codes);
}

/* Appends a decimal digit; false when the amount would be too large. */
static bool add_digit(int64_t *amount, int digit)
{
    if (*amount > (MONEY_MAX - digit) / 10)
        return false;
    *amount = *amount * 10 + digit;
    return true;
}

const char *money_parse(const char *text, int exponent, int64_t *minor)
{
    static const char malformed[] = "is not an amount such as 55 or 55.50";
    static const char too_large[] = "is too large an amount";
    size_t length = strlen(text);
    if (!length || text[0] == '.' || text[length - 1] == '.')
        return malformed;
    int64_t amount = 0;
    int decimals = -1; /* read after the point so far; -1 before it */
    for (const char *at = text; *at; at++) {
        if (*at == '.' && decimals < 0) {
            decimals = 0;
            continue;
        }
        if (*at < '0' || *at > '9')
            return malformed;
        if (decimals == exponent) {
            if (*at != '0')
                return "has more decimals than its currency";
            continue;
        }
        if (!add_digit(&amount, *at - '0'))
            return too_large;
        if (decimals >= 0)
            decimals++;
    }
    for (int i = decimals < 0 ? 0 : decimals; i < exponent; i++)
        if (!add_digit(&amount, 0))
            return too_large;
    *minor = amount;
    return NULL;
}

const char *money_from_number(double number, int exponent, int64_t *minor)
{
    /* Whole amounts, most prices, without a detour over text: that took a sixteenth of an adapter's
     * instructions. What is too large comes to the same below. */
    int64_t unit = 1;
    for (int i = 0; i < exponent; i++)
        unit *= 10;
    if (!signbit(number) && number <= (double)(MONEY_MAX / unit) &&
        number == (double)(int64_t)number) {
        *minor = (int64_t)number * unit;
        return NULL;
    }
    /* Fifteen digits bring back the decimal number that was sent: a double holds that many
     * (DBL_DIG), and no amount has more. */
    char text[MONEY_TEXT_MAX];
    int length = snprintf(text, sizeof text, "%.15g", number);
    if (length < 0 || (size_t)length >= sizeof text)
        return "is out of range";
    return money_parse(text, exponent, minor);
}

void money_add(struct buffer *out, int64_t minor, int exponent)
{
    int64_t unit = 1;
    for (int i = 0; i < exponent; i++)
        unit *= 10;
    if (minor < 0) { /* not a price, but a rate or a difference prints right all the same */
        buffer_add(out, "-", 1);
        minor = -minor;
    }
    buffer_add_number(out, minor / unit);
    int64_t fraction = minor % unit;
    if (!fraction)
        return;
    buffer_add(out, ".", 1);
    while (fraction) {
        unit /= 10;
        buffer_add(out, &(char){(char)('0' + fraction / unit)}, 1);
        fraction %= unit;
    }
}
