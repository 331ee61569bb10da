/* What the drivers' imports share: when a change of the fleet is more likely a slip than a wish. */
#ifndef BOOKING_STORE_IMPORT_H
#define BOOKING_STORE_IMPORT_H

#include "store/store.h"

/* What a price must not fall below or rise above without force, as a driver's SQL has it too. */
static inline bool store_is_repriced(int64_t before, int64_t now)
{
    return before >= 0 && now >= 0 && (2 * now < before || now > 2 * before);
}

/* Fills needs_force from the rest of the report. */
void store_import_judge(struct store_import_report *report);

/* Whether the import is to change anything. */
bool store_import_writes(const struct store_import_report *report,
                         const struct store_import_options *options);

#endif
