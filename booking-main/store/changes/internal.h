/* What the files of this folder share; nobody else includes it. */
#ifndef BOOKING_STORE_CHANGES_INTERNAL_H
#define BOOKING_STORE_CHANGES_INTERNAL_H

#include "store/changes/changes.h"
#include "store/desk/transaction.h"

struct changes_scan {
    const char *channel;
    int64_t after;
    unsigned limit;
    bool not_the_partners; /* without the changes that the partner made itself */
    change_reader *each;
    void *context;
};

/* As changes_read(), in an open transaction; failure is the connection's. With DESK_NOT_FOUND
 * end->next is behind what the events that are kept begin. */
enum desk_result changes_scan(struct sql *sql, const struct changes_scan *scan,
                              struct changes_end *end);

#endif
