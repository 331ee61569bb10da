/* What people call a currency. */
#ifndef LIB_ADAPTER_CURRENCY_H
#define LIB_ADAPTER_CURRENCY_H

#include <stdbool.h>

/* `currency` is an ISO 4217 code (EUR) or already a name (euro). Returns its English name, singular
 * or plural; a code or name it does not know comes back as it is. */
const char *currency_name(const char *currency, bool plural);

#endif
