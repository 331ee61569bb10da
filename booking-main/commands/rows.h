/* Bookings as people read them: a row of a table, a line. */
#ifndef BOOKING_COMMANDS_ROWS_H
#define BOOKING_COMMANDS_ROWS_H

#include "commands/table.h"
#include "lib/base/buffer.h"
#include "store/desk/desk.h"

/* A table of bookings, holds and blocks; NULL when out of memory. See table.h. */
struct table *rows_new(FILE *out);
void rows_add(struct table *table, const struct desk_booking *booking);

/* A table of these. */
bool rows_print(FILE *out, const struct desk_booking *bookings, unsigned count);

/* "Times are in UTC." and an empty line. */
void rows_print_zone(FILE *out);

/* An amount with its currency: "165 EUR". */
void rows_add_money(struct buffer *out, int64_t minor, const char *currency);

/* What a command did to a booking: "Cancelled ID: car 1-XXX-333, ... to ..., kayak, K-1." */
void rows_print_done(const char *done, const struct desk_booking *booking);

#endif
