#include "engine.h"
#include "partner/keys.h"
#include "partner/partner.h"

const struct http_route partner_routes[] = {
    {"GET", "/bookCar", offer_car, false},
    {"POST", "/bookCar", book_car, false},
    {"GET", "/bookings/{id}", booking_show, false},
    {"DELETE", "/bookings/{id}", booking_cancel, false},
    {"POST", "/bookings/{id}/confirm", booking_confirm, false},
};
const size_t partner_route_count = sizeof partner_routes / sizeof partner_routes[0];

bool partner_admit(void *context, struct http_request *request)
{
    struct engine *engine = context;
    if (!engine->api_keys || api_keys_accept(engine->api_keys, request->authorization))
        return true;
    http_answer_problem(request, PROBLEM_UNAUTHORIZED, "Authorization",
                        "Send 'Authorization: Bearer KEY' with a key the operator gave you.");
    return false;
}
