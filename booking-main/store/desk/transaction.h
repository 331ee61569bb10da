/* Transactions on the desk's connection, for what works on the store as the desk does. */
#ifndef BOOKING_STORE_DESK_TRANSACTION_H
#define BOOKING_STORE_DESK_TRANSACTION_H

#include "store/desk/desk.h"
#include "store/desk/sql.h"

/* The handle's connection. */
struct sql *desk_sql(struct desk *desk);

/* Ends a transaction that only read; false with the sentence in `error` when it failed. */
bool desk_end_reading(struct desk *desk, struct buffer *error);

/* Runs `write` in a transaction that is committed when it returns DESK_OK, and undone when not. One
 * that the database undid for another's sake is run again. DESK_FAILED, with a sentence in `error`,
 * when anything failed. */
enum desk_result desk_write(struct desk *desk,
                            enum desk_result (*write)(struct sql *sql, void *context),
                            void *context, struct buffer *error);

#endif
