/* The adapter for Kayak: a car in the format Kayak reads. */
#include "lib/adapter/adapter.h"
#include "lib/adapter/currency.h"
#include "lib/json/writer.h"

static void kayak_format(const struct car_document *car, struct buffer *out)
{
    json_add_string(out, "carid", car->carid);
    adapter_amount(out, "price", car->price);
    json_add_string(out, "currency", currency_name(car->currency, false));
    json_add_string(out, "status", car->status);
    json_add_string(out, "message", "welcome to kayak");
    json_add_string(out, "payment_method", "visa");
}

int main(int argc, char **argv)
{
    return adapter_main(argc, argv, "adapter-kayak", kayak_format);
}
