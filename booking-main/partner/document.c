#include "partner/document.h"

#include "lib/base/money.h"
#include "lib/base/timestamp.h"
#include "lib/json/writer.h"
#include "rental/price.h"

/* What both documents have. */
struct facts {
    const char *carid, *status, *location, *category, *currency;
    int64_t total, day_price, hour_price;
    struct period period;
};

/* In the contract's order. */
static void add_facts(struct buffer *out, const struct facts *facts)
{
    int exponent = money_exponent(facts->currency);
    char pickup_at[TIMESTAMP_SIZE], return_at[TIMESTAMP_SIZE];
    timestamp_format(facts->period.pickup_at, pickup_at);
    timestamp_format(facts->period.return_at, return_at);
    json_begin(out);
    json_add_string(out, "carid", facts->carid);
    json_add_money(out, "price", facts->total, exponent);
    json_add_string(out, "currency", facts->currency);
    json_add_string(out, "status", facts->status);
    json_add_money(out, "day_price", facts->day_price, exponent);
    if (facts->hour_price >= 0)
        json_add_money(out, "hourly_price", facts->hour_price, exponent);
    json_add_string(out, "pickup_at", pickup_at);
    json_add_string(out, "return_at", return_at);
    json_add_string(out, "location", facts->location);
    json_add_string(out, "category", facts->category);
}

void booking_document_offer(struct buffer *out, const struct catalog *catalog,
                            const struct catalog_car *car, const struct criteria *criteria)
{
    char category[CAR_CATEGORY_SIZE + 1] = "";
    for (int i = 0; i < CAR_CATEGORY_SIZE; i++)
        category[i] = car->category[i];
    add_facts(out, &(struct facts){
                       .carid = catalog_carid(catalog, car),
                       .status = "available",
                       .location = catalog_location(catalog, car),
                       .category = category,
                       .currency = catalog_currency(catalog),
                       .total = price_total(car->day_price, criteria->days),
                       .day_price = car->day_price,
                       .hour_price = car->hour_price,
                       .period = criteria->period,
                   });
    json_end(out);
}

void booking_document_offers(struct buffer *out, const struct catalog *catalog,
                             const uint32_t *positions, size_t count,
                             const struct criteria *criteria)
{
    json_begin(out);
    json_open_array(out, "cars");
    for (size_t i = 0; i < count; i++) {
        booking_document_offer(out, catalog, catalog_car(catalog, positions[i]), criteria);
        buffer_add(out, ",", 1);
    }
    json_close_array(out);
    json_end(out);
}

void booking_document_booking(struct buffer *out, const struct booking *booking,
                              enum booking_state state)
{
    add_facts(out, &(struct facts){
                       .carid = booking->carid,
                       .status = booking_state_name(state),
                       .location = booking->location,
                       .category = booking->category,
                       .currency = booking->currency,
                       .total = booking->total,
                       .day_price = booking->day_price,
                       .hour_price = booking->hour_price,
                       .period = booking->period,
                   });
    json_add_string(out, "reference", *booking->reference ? booking->reference : NULL);
    json_add_string(out, "booking_id", booking->id);
    if (booking->expires_at && state != BOOKING_BOOKED) {
        char expires_at[TIMESTAMP_SIZE];
        timestamp_format_seconds(booking->expires_at, expires_at);
        json_add_string(out, "expires_at", expires_at);
    }
    json_end(out);
}

void booking_document_listed(struct buffer *out, const struct booking *booking, int64_t created_at)
{
    char text[TIMESTAMP_SIZE];
    booking_document_booking(out, booking, booking->state);
    json_reopen(out);
    timestamp_format_seconds(created_at, text);
    json_add_string(out, "created_at", text);
    json_end(out);
    buffer_add(out, ",", 1);
}
