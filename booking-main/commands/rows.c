#include "commands/rows.h"

#include "commands/when.h"
#include "lib/base/money.h"
#include "lib/base/text.h"

#include <string.h>

static const struct column columns[] = {
    {"ID", 0, 0, false},        {"STATE", 0, 0, false},   {"CHANNEL", 6, 4, false},
    {"REFERENCE", 9, 5, false}, {"CAR", 9, 0, false},     {"PLACE", 5, 6, false},
    {"CAT", 0, 7, false},       {"PICKUP", 0, 0, false},  {"RETURN", 0, 0, false},
    {"PRICE", 0, 8, true},      {"REASON", 10, 9, false},
};

struct table *rows_new(FILE *out)
{
    return table_new(columns, sizeof columns / sizeof columns[0], out);
}

static const char *state_of(const struct desk_booking *row)
{
    return row->booking.state == BOOKING_BOOKED && row->returned_at
               ? "returned"
               : booking_state_name(row->booking.state);
}

void rows_add_money(struct buffer *out, int64_t minor, const char *currency)
{
    money_add(out, minor, money_exponent(currency));
    buffer_printf(out, " %s", currency);
}

void rows_add(struct table *table, const struct desk_booking *row)
{
    const struct booking *booking = &row->booking;
    char pickup[WHEN_SIZE], end[WHEN_SIZE];
    struct buffer price;
    buffer_init(&price, MONEY_TEXT_MAX + 8);
    if (*booking->channel) /* a block costs nothing */
        rows_add_money(&price, booking->total, booking->currency);
    when_format(booking->period.pickup_at, pickup);
    when_format(booking->period.return_at, end);
    bool same_year = memcmp(pickup, end, 5) == 0;
    table_add(table, booking->id);
    table_add(table, state_of(row));
    table_add(table, booking->channel);
    table_add(table, booking->reference);
    table_add(table, booking->carid);
    table_add(table, booking->location);
    table_add(table, booking->category);
    table_add(table, pickup);
    table_add(table, same_year ? end + 5 : end);
    table_add(table, price.data ? price.data : "");
    table_add(table, row->reason);
    buffer_free(&price);
}

bool rows_print(FILE *out, const struct desk_booking *bookings, unsigned count)
{
    struct table *table = rows_new(out);
    for (unsigned i = 0; i < count && table; i++)
        rows_add(table, &bookings[i]);
    return table && table_end(table);
}

void rows_print_zone(FILE *out)
{
    struct buffer zone;
    buffer_init(&zone, 512);
    when_add_zone(&zone);
    fprintf(out, "Times are in %s.\n\n", zone.data ? zone.data : "");
    buffer_free(&zone);
}

void rows_print_done(const char *done, const struct desk_booking *row)
{
    const struct booking *booking = &row->booking;
    char pickup[WHEN_SIZE], end[WHEN_SIZE];
    struct buffer line, zone;
    buffer_init(&line, 4096);
    buffer_init(&zone, 512);
    when_add_zone(&zone);
    when_format(booking->period.pickup_at, pickup);
    when_format(booking->period.return_at, end);
    buffer_printf(&line, "%s %s: car ", done, booking->id);
    text_add_shown(&line, booking->carid);
    buffer_printf(&line, ", %s to %s, %s", pickup, end, zone.data ? zone.data : "");
    if (*booking->channel)
        buffer_printf(&line, "; %s", booking->channel);
    if (*booking->reference) {
        buffer_add_text(&line, ", reference ");
        text_add_shown(&line, booking->reference);
    }
    printf("%s.\n", line.data ? line.data : done);
    buffer_free(&line);
    buffer_free(&zone);
}
