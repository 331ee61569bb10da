/* The adapter for Airbnb: a car in the format Airbnb reads, with its costs in words. */
#include "lib/adapter/adapter.h"
#include "lib/adapter/currency.h"
#include "lib/base/money.h"
#include "lib/json/writer.h"

/* "10 euros an hour"; by the day where no hourly price is known. */
static void add_costs(const struct car_document *car, struct buffer *costs)
{
    int64_t amount = car->price;
    const char *rate = "a day";
    if (car->hourly_price >= 0) {
        amount = car->hourly_price;
        rate = "an hour";
    } else if (car->day_price >= 0) {
        amount = car->day_price;
    }
    money_add(costs, amount, MONEY_FINEST_EXPONENT);
    bool plural = !(costs->size == 1 && costs->data[0] == '1');
    buffer_printf(costs, " %s %s", currency_name(car->currency, plural), rate);
}

static void airbnb_format(const struct car_document *car, struct buffer *out)
{
    struct buffer costs;
    buffer_init(&costs, MONEY_TEXT_MAX + CAR_TEXT_MAX + sizeof " an hour");
    add_costs(car, &costs);
    json_add_string(out, "carid", car->carid);
    json_add_string(out, "status", car->status);
    json_add_string(out, "costs", costs.data);
    json_add_string(out, "payment_method", "paypal airbnb");
    out->failed = out->failed || costs.failed;
    buffer_free(&costs);
}

int main(int argc, char **argv)
{
    return adapter_main(argc, argv, "adapter-airbnb", airbnb_format);
}
