#include "engine.h"
#include "lib/keys/callers.h"
#include "lib/keys/key_file.h"
#include "partner/partner.h"

#include <stdio.h>

/* Counts the request for its caller, "" where nobody is asked for a key; false when it was refused.
 * The fields are those of draft-ietf-httpapi-ratelimit-headers-10. */
static bool within_limit(struct engine *engine, struct http_request *request)
{
    struct callers_verdict verdict =
        callers_count(engine->callers, request->caller, loop_now(engine->loop));
    if (engine->config->rate_limit) {
        char policy[48], state[48];
        snprintf(policy, sizeof policy, "\"key\";q=%u;w=1", engine->config->rate_limit);
        snprintf(state, sizeof state, "\"key\";r=%u;t=%u", verdict.remaining, verdict.wait);
        http_header(request, "RateLimit-Policy", policy);
        http_header(request, "RateLimit", state);
    }
    if (verdict.granted)
        return true;
    http_header(request, "Retry-After", "1"); /* a token comes within the second */
    http_answer_problem(request, PROBLEM_RATE_LIMITED, NULL,
                        "Send fewer requests a second: RateLimit-Policy says how many.");
    return false;
}

/* Whether the request has a key that is accepted, and its caller not too many requests. */
static bool admit(void *context, struct http_request *request)
{
    struct engine *engine = context;
    if (engine->api_keys) {
        const char *name = key_file_accept(engine->api_keys, request->authorization, false);
        if (!name) {
            http_answer_problem(request, PROBLEM_UNAUTHORIZED, "Authorization",
                                "Send 'Authorization: Bearer KEY' with a key the operator gave "
                                "you.");
            return false;
        }
        http_set_caller(request, name);
    }
    return !engine->callers || within_limit(engine, request);
}

const struct http_route partner_routes[] = {
    {"GET", "/bookCar", offer_car, .admit = admit},
    {"GET", "/offers", offer_list, .admit = admit},
    {"POST", "/bookCar", book_car, .admit = admit},
    {"GET", "/bookings", booking_list, .admit = admit},
    {"GET", "/bookings/{id}", booking_show, .admit = admit},
    {"DELETE", "/bookings/{id}", booking_cancel, .admit = admit},
    {"POST", "/bookings/{id}/confirm", booking_confirm, .admit = admit},
    {"GET", "/changes", changes_list, .admit = admit},
};
const size_t partner_route_count = sizeof partner_routes / sizeof partner_routes[0];
