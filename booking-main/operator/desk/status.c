/* GET /api/status: what the page has to know before it asks for anything. */
#include "engine.h"
#include "lib/base/timestamp.h"
#include "lib/json/writer.h"
#include "operator/desk/desk_server.h"

void desk_status(void *context, struct http_request *request)
{
    const struct engine *engine = context;
    char now[TIMESTAMP_SIZE];
    timestamp_format_seconds(timestamp_now_milliseconds() / 1000, now);
    struct buffer *out = http_body(request);
    json_begin(out);
    json_add_string(out, "version", BOOKING_VERSION);
    json_add_string(out, "channel", engine->config->channel);
    if (*request->caller)
        json_add_string(out, "operator", request->caller);
    else
        buffer_add_text(out, "\"operator\":null,");
    json_add_string(out, "currency", catalog_currency(inventory_catalog(engine->inventory)));
    json_add_integer(out, "cars", (int64_t)inventory_cars(engine->inventory));
    json_add_string(out, "now", now);
    json_add_string(out, "store", engine->store_down ? "down" : "up");
    json_end(out);
    http_answer(request, 200, "application/json");
}
