/* Money: integers of minor units, never floating point.
 *
 * How many decimals a currency has is its exponent in ISO 4217: 2 for EUR, 0 for JPY, 3 for KWD.
 */
#ifndef LIB_BASE_MONEY_H
#define LIB_BASE_MONEY_H

#include "lib/base/buffer.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    MONEY_FINEST_EXPONENT = 4, /* the largest in ISO 4217 (CLF, UYW) */
    MONEY_TEXT_MAX = 32,       /* bytes that any amount as text fits in, with its NUL */
};

/* The largest amount, in minor units: what a JSON number holds exactly (2^53, RFC 8259 section 6).
 */
#define MONEY_MAX INT64_C(9007199254740992)

/* Decimals of the currency, or -1 when `currency` is not a code of three capital letters. A code
 * for which ISO 4217 names no other exponent has 2. So has one that was withdrawn, because there
 * may be bookings in it. */
int money_exponent(const char *currency);

/* Whether ISO 4217 has the code in use for payments: EUR, but not DEM (withdrawn), CLF (of funds),
 * XAU (a metal) or XXX (none). */
bool money_currency_in_use(const char *currency);

/* Reads a plain decimal ("55", "55.50"): digits, at most one point, no sign, no exponent, at most
 * `exponent` decimals that are not zero, at most MONEY_MAX. Returns NULL and sets *minor, or
 * returns what is wrong as the end of a sentence, and leaves *minor alone. */
const char *money_parse(const char *text, int exponent, int64_t *minor);

/* The same from a JSON number in major units. */
const char *money_from_number(double number, int exponent, int64_t *minor);

/* Adds the amount in major units in its shortest decimal form: 55, 55.5, 520.99. */
void money_add(struct buffer *out, int64_t minor, int exponent);

#endif
