/* What the files of this folder share; nobody else includes it. */
#ifndef BOOKING_STORE_DESK_INTERNAL_H
#define BOOKING_STORE_DESK_INTERNAL_H

#include "store/desk/transaction.h"

struct desk {
    struct sql *sql;
};

/* The columns of a booking `b` of a car `c`, as desk_read_booking() takes them. */
#define DESK_BOOKING_COLUMNS                                                                       \
    "b.id, b.created_at, b.pickup_at, b.return_at, b.channel, b.reference, b.car, b.turnaround,"   \
    " b.state, b.expires_at, b.day_price, b.hour_price, b.total, b.currency, c.carid, b.location," \
    " b.category, b.returned_at, b.version, (SELECT h.reason FROM history h"                       \
    " WHERE h.booking_id = b.id AND h.by = 2 ORDER BY h.number DESC LIMIT 1)"

/* Their places that an ORDER BY of a UNION names. */
#define DESK_COLUMN_ID      "1"
#define DESK_COLUMN_CREATED "2"
#define DESK_COLUMN_PICKUP  "3"
#define DESK_COLUMN_RETURN  "4"

/* A CROSS JOIN, so that SQLite looks a booking's car up, and not a car's bookings. */
#define DESK_FROM(table) " FROM " table " b CROSS JOIN cars c WHERE c.number = b.car"

void desk_read_booking(const struct sql_rows *rows, struct desk_booking *booking);

/* Reads the first row of a statement; false when there is none. */
bool desk_take_booking(struct desk *desk, const struct sql_statement *statement,
                       struct desk_booking *booking);

/* Tells the rows of a statement; false when `each` stopped it. */
bool desk_tell_bookings(struct desk *desk, const struct sql_statement *statement,
                        desk_booking_reader *each, void *context, struct desk_booking *last,
                        unsigned *count);

/* The number of the car with this carid, -1 for none. */
int64_t desk_car_number(struct desk *desk, const char *carid);

#endif
