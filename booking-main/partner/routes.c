#include "engine.h"
#include "lib/keys/key_file.h"
#include "partner/partner.h"

/* Whether the request has a key that is accepted. */
static bool admit(void *context, struct http_request *request)
{
    struct engine *engine = context;
    if (!engine->api_keys)
        return true;
    const char *name = key_file_accept(engine->api_keys, request->authorization, false);
    if (name) {
        http_set_caller(request, name);
        return true;
    }
    http_answer_problem(request, PROBLEM_UNAUTHORIZED, "Authorization",
                        "Send 'Authorization: Bearer KEY' with a key the operator gave you.");
    return false;
}

const struct http_route partner_routes[] = {
    {"GET", "/bookCar", offer_car, .admit = admit},
    {"POST", "/bookCar", book_car, .admit = admit},
    {"GET", "/bookings/{id}", booking_show, .admit = admit},
    {"DELETE", "/bookings/{id}", booking_cancel, .admit = admit},
    {"POST", "/bookings/{id}/confirm", booking_confirm, .admit = admit},
};
const size_t partner_route_count = sizeof partner_routes / sizeof partner_routes[0];
