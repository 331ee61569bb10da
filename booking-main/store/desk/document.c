#include "store/desk/document.h"

#include "fleet/csv_writer.h"
#include "lib/base/money.h"
#include "lib/base/timestamp.h"
#include "lib/json/writer.h"

#include <string.h>

/* A text, or NULL for one that is empty and left out. */
static const char *text_or_none(const char *text)
{
    return *text ? text : NULL;
}

/* A time as text; "" for 0, which is none. */
static const char *time_text(int64_t seconds, char text[TIMESTAMP_SIZE])
{
    text[0] = '\0';
    if (seconds)
        timestamp_format_seconds(seconds, text);
    return text;
}

static void add_time(struct buffer *out, const char *name, int64_t seconds)
{
    char text[TIMESTAMP_SIZE];
    json_add_string(out, name, text_or_none(time_text(seconds, text)));
}

/* Nobody booked a block, and it costs nothing; it stays one when it was given back. */
static bool is_block(const struct booking *booking)
{
    return !*booking->channel;
}

/* When the hold ends, or ended; 0 for what is no hold, or none any more. */
static int64_t hold_end(const struct booking *booking)
{
    return booking->state == BOOKING_BOOKED ? 0 : booking->expires_at;
}

/* --- JSON ------------------------------------------------------------------------------------- */

void desk_json_booking(struct buffer *out, const char *name, const struct desk_booking *desk)
{
    const struct booking *booking = &desk->booking;
    int exponent = money_exponent(booking->currency);
    json_open_object(out, name);
    json_add_string(out, "id", booking->id);
    json_add_string(out, "status", booking_state_name(booking->state));
    json_add_string(out, "channel", text_or_none(booking->channel));
    json_add_string(out, "reference", text_or_none(booking->reference));
    json_add_string(out, "carid", booking->carid);
    json_add_string(out, "location", booking->location);
    json_add_string(out, "category", booking->category);
    add_time(out, "pickup_at", (int64_t)booking->period.pickup_at * 60);
    add_time(out, "return_at", (int64_t)booking->period.return_at * 60);
    json_add_integer(out, "turnaround", booking->turnaround);
    if (!is_block(booking)) {
        json_add_money(out, "price", booking->total, exponent);
        json_add_money(out, "day_price", booking->day_price, exponent);
        json_add_string(out, "currency", booking->currency);
    }
    add_time(out, "created_at", desk->created_at);
    add_time(out, "expires_at", hold_end(booking));
    add_time(out, "returned_at", desk->returned_at);
    json_add_integer(out, "version", desk->version);
    json_add_string(out, "reason", text_or_none(desk->reason));
    json_close_object(out);
}

void desk_json_history(struct buffer *out, const struct desk_history_entry *entry)
{
    static const char *const names[] = {[STORE_BY_PARTNER] = "partner",
                                        [STORE_BY_OPERATOR] = "operator",
                                        [STORE_BY_EXPIRY] = "expiry"};
    json_open_object(out, NULL);
    add_time(out, "at", entry->at);
    json_add_string(out, "what", entry->what);
    json_add_string(out, "by", names[entry->by]);
    json_add_string(out, "actor", text_or_none(entry->actor));
    json_add_string(out, "reason", text_or_none(entry->reason));
    json_add_string(out, "detail", text_or_none(entry->detail));
    json_close_object(out);
}

void desk_json_car_members(struct buffer *out, const struct desk_car *car)
{
    int exponent = money_exponent(car->currency);
    json_add_string(out, "carid", car->carid);
    json_add_string(out, "location", car->location);
    json_add_string(out, "category", car->category);
    json_add_money(out, "day_price", car->day_price, exponent);
    if (car->hour_price >= 0)
        json_add_money(out, "hour_price", car->hour_price, exponent);
    json_add_string(out, "currency", car->currency);
    if (car->turnaround >= 0)
        json_add_integer(out, "turnaround", car->turnaround);
    json_add_boolean(out, "offered", car->offered);
}

void desk_json_car(struct buffer *out, const struct desk_car *car)
{
    json_open_object(out, NULL);
    desk_json_car_members(out, car);
    json_close_object(out);
}

void desk_json_outcome(struct buffer *out, enum desk_result result,
                       const struct desk_outcome *outcome)
{
    if (*outcome->booking.booking.id) /* a block that was refused is none */
        desk_json_booking(out, "booking", &outcome->booking);
    if (result != DESK_IN_THE_WAY)
        return;
    json_open_array(out, "in_the_way");
    for (unsigned i = 0; i < outcome->collision_count && i < DESK_COLLISIONS_MAX; i++)
        desk_json_booking(out, NULL, &outcome->collisions[i]);
    json_close_array(out);
    json_add_integer(out, "in_the_way_count", outcome->collision_count);
}

static void add_import_bookings(struct buffer *out, const char *name,
                                const struct store_import_bookings *bookings)
{
    json_open_object(out, name);
    json_add_integer(out, "count", (int64_t)bookings->count);
    json_open_array(out, "first");
    for (size_t i = 0; i < bookings->count && i < STORE_IMPORT_NAMED; i++)
        json_add_string(out, NULL, bookings->first[i]);
    json_close_array(out);
    json_close_object(out);
}

void desk_json_import(struct buffer *out, bool done, const struct store_import_report *report,
                      const struct buffer *warnings)
{
    json_add_boolean(out, "done", done);
    json_add_integer(out, "added", (int64_t)report->added);
    json_add_integer(out, "changed", (int64_t)report->changed);
    json_add_integer(out, "withdrawn", (int64_t)report->withdrawn);
    json_add_integer(out, "unchanged", (int64_t)report->unchanged);
    json_add_integer(out, "repriced", (int64_t)report->repriced);
    add_import_bookings(out, "moved", &report->bookings_moved);
    add_import_bookings(out, "stranded", &report->bookings_withdrawn);
    json_open_array(out, "warnings");
    char line[512];
    for (const char *at = warnings->data; at && *at;) {
        size_t size = strcspn(at, "\n");
        size_t shown = size < sizeof line ? size : sizeof line - 1;
        memcpy(line, at, shown);
        line[shown] = '\0';
        json_add_string(out, NULL, line);
        at += size + (at[size] == '\n');
    }
    json_close_array(out);
}

/* --- CSV -------------------------------------------------------------------------------------- */

void desk_csv_bookings_heading(struct buffer *out)
{
    buffer_add_text(out, "id,status,channel,reference,carid,category,location,pickup_at,return_at,"
                         "price,currency,created_at,expires_at,returned_at,reason\n");
}

static void add_csv_time(struct buffer *out, int64_t seconds)
{
    char text[TIMESTAMP_SIZE];
    csv_add_text(out, time_text(seconds, text));
}

void desk_csv_booking(struct buffer *out, const struct desk_booking *desk)
{
    const struct booking *booking = &desk->booking;
    csv_add_text(out, booking->id);
    csv_add_text(out, booking_state_name(booking->state));
    csv_add_text(out, booking->channel);
    csv_add_free_text(out, booking->reference);
    csv_add_text(out, booking->carid);
    csv_add_text(out, booking->category);
    csv_add_text(out, booking->location);
    add_csv_time(out, (int64_t)booking->period.pickup_at * 60);
    add_csv_time(out, (int64_t)booking->period.return_at * 60);
    if (is_block(booking)) {
        csv_add_text(out, "");
        csv_add_text(out, "");
    } else {
        csv_add_money(out, booking->total, money_exponent(booking->currency));
        csv_add_text(out, booking->currency);
    }
    add_csv_time(out, desk->created_at);
    add_csv_time(out, hold_end(booking));
    add_csv_time(out, desk->returned_at);
    csv_add_free_text(out, desk->reason);
    csv_end_line(out);
}

void desk_csv_cars_heading(struct buffer *out)
{
    buffer_add_text(out, "carid,category,location,day_price,hour_price,currency,turnaround\n");
}

void desk_csv_car(struct buffer *out, const struct desk_car *car)
{
    int exponent = money_exponent(car->currency);
    csv_add_text(out, car->carid);
    csv_add_text(out, car->category);
    csv_add_text(out, car->location);
    csv_add_money(out, car->day_price, exponent);
    if (car->hour_price >= 0)
        csv_add_money(out, car->hour_price, exponent);
    else
        csv_add_text(out, "");
    csv_add_text(out, car->currency);
    if (car->turnaround >= 0)
        buffer_printf(out, "%d,", car->turnaround);
    else
        csv_add_text(out, "");
    csv_end_line(out);
}
