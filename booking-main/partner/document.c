#include "partner/document.h"

#include "lib/base/timestamp.h"
#include "lib/json/writer.h"
#include "rental/price.h"

/* What both documents have, in the contract's order. */
static void add_car(struct buffer *out, const struct catalog *catalog, const char *carid,
                    const char *status, int64_t total, int64_t day_price, int64_t hour_price,
                    struct period period, const char *location, const char *category)
{
    int exponent = catalog_exponent(catalog);
    char pickup_at[TIMESTAMP_SIZE], return_at[TIMESTAMP_SIZE];
    timestamp_format(period.pickup_at, pickup_at);
    timestamp_format(period.return_at, return_at);
    json_begin(out);
    json_add_string(out, "carid", carid);
    json_add_money(out, "price", total, exponent);
    json_add_string(out, "currency", catalog_currency(catalog));
    json_add_string(out, "status", status);
    json_add_money(out, "day_price", day_price, exponent);
    if (hour_price >= 0)
        json_add_money(out, "hourly_price", hour_price, exponent);
    json_add_string(out, "pickup_at", pickup_at);
    json_add_string(out, "return_at", return_at);
    json_add_string(out, "location", location);
    json_add_string(out, "category", category);
}

void booking_document_offer(struct buffer *out, const struct catalog *catalog,
                            const struct catalog_car *car, const struct criteria *criteria)
{
    char category[CAR_CATEGORY_SIZE + 1] = "";
    for (int i = 0; i < CAR_CATEGORY_SIZE; i++)
        category[i] = car->category[i];
    add_car(out, catalog, catalog_carid(catalog, car), "available",
            price_total(car->day_price, criteria->days), car->day_price, car->hour_price,
            criteria->period, catalog_location(catalog, car), category);
    json_end(out);
}

void booking_document_booking(struct buffer *out, const struct catalog *catalog,
                              const struct booking *booking, enum booking_state state)
{
    add_car(out, catalog, booking->carid, booking_state_name(state), booking->total,
            booking->day_price, booking->hour_price, booking->period, booking->location,
            booking->category);
    json_add_string(out, "booking_id", booking->id);
    if (booking->expires_at && state != BOOKING_BOOKED) {
        char expires_at[TIMESTAMP_SIZE];
        timestamp_format_seconds(booking->expires_at, expires_at);
        json_add_string(out, "expires_at", expires_at);
    }
    json_end(out);
}
