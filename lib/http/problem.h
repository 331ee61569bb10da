/* Errors as RFC 9457 problem details: one list of what can go wrong in an answer.
 *
 * A problem's type is urn:problem-type:<name>; name, status and title never vary, the detail does.
 */
#ifndef LIB_HTTP_PROBLEM_H
#define LIB_HTTP_PROBLEM_H

#include "lib/base/buffer.h"

/* clang-format off */
#define PROBLEM_LIST(X)                                                                            \
    X(INVALID_REQUEST,     400, "invalid-request",         "The request is not valid")             \
    X(UNAUTHORIZED,        401, "unauthorized",            "A valid key is needed")                \
    X(FORBIDDEN,           403, "forbidden",               "The request is not taken from there")  \
    X(NOT_FOUND,           404, "not-found",               "There is nothing at this path")        \
    X(UNKNOWN_LOCATION,    404, "unknown-location",        "The fleet has no such location")       \
    X(UNKNOWN_CAR,         404, "unknown-car",             "The fleet has no such car")            \
    X(UNKNOWN_BOOKING,     404, "unknown-booking",         "There is no such booking")             \
    X(NO_CAR_FREE,         404, "no-car-free",             "No car is free")                       \
    X(METHOD_NOT_ALLOWED,  405, "method-not-allowed",      "This path does not take that method")  \
    X(CAR_UNAVAILABLE,     409, "car-unavailable",         "No such car is free any more")         \
    X(PRICE_CHANGED,       409, "price-changed",           "The price is another")                 \
    X(HOLD_EXPIRED,        409, "hold-expired",            "The hold has expired")                 \
    X(BOOKING_CANCELLED,   409, "booking-cancelled",       "The booking was cancelled")            \
    X(PICKUP_PASSED,       409, "pickup-passed",           "The pickup has passed")                \
    X(WRONG_STATE,         409, "wrong-state",             "Its state does not allow that")        \
    X(CHANGED_MEANWHILE,   409, "changed-meanwhile",       "Somebody else changed it meanwhile")   \
    X(IN_THE_WAY,          409, "in-the-way",              "Other bookings have the car")          \
    X(NEEDS_FORCE,         409, "needs-force",             "The change is so large that it needs force")\
    X(REQUEST_IN_PROGRESS, 409, "request-in-progress",     "The first request is in progress")     \
    X(CHANGES_EXPIRED,     410, "changes-expired",         "Changes that far back are not kept")   \
    X(BODY_TOO_LARGE,      413, "body-too-large",          "The request body is too large")        \
    X(URI_TOO_LONG,        414, "uri-too-long",            "The request target is too long")       \
    X(UNSUPPORTED_ENCODING,415, "unsupported-encoding",    "The body's encoding is not taken")     \
    X(KEY_REUSED,          422, "idempotency-key-reused",  "The idempotency key was used before")  \
    X(RATE_LIMITED,        429, "rate-limited",            "Too many requests of one caller")      \
    X(TOO_MANY_CONNECTIONS,429, "too-many-connections",    "Too many connections of one address")  \
    X(TOO_MANY_ATTEMPTS,   429, "too-many-attempts",       "Too many wrong keys of one address")   \
    X(HEADERS_TOO_LARGE,   431, "headers-too-large",       "The request header fields are too large")\
    X(INTERNAL_ERROR,      500, "internal-error",          "The service failed")                   \
    X(NOT_IMPLEMENTED,     501, "not-implemented",         "The service does not know that coding")\
    X(ADAPTER_ERROR,       502, "adapter-error",           "The adapter gave no usable answer")    \
    X(ADAPTER_UNAVAILABLE, 503, "adapter-unavailable",     "The adapter cannot be reached")        \
    X(STORE_UNAVAILABLE,   503, "store-unavailable",       "The database does not answer")         \
    X(TOO_SLOW,            503, "too-slow",                "The answer took too long")             \
    X(OVERLOADED,          503, "overloaded",              "Too many requests are in progress")    \
    X(DRAINING,            503, "draining",                "The service is stopping")              \
    X(ADAPTER_TIMEOUT,     504, "adapter-timeout",         "The adapter did not answer in time")
/* clang-format on */

enum problem {
#define PROBLEM_ENUM(symbol, status, name, title) PROBLEM_##symbol,
    PROBLEM_LIST(PROBLEM_ENUM)
#undef PROBLEM_ENUM
        PROBLEM_COUNT
};

#define PROBLEM_CONTENT_TYPE "application/problem+json"

unsigned problem_status(enum problem problem);
const char *problem_name(enum problem problem);

/* Writes the document. `parameter` names what was wrong in the request, or is NULL; `detail` is a
 * sentence that says what to do. `more` is further members as json_add_*() write them, or NULL. */
void problem_write(struct buffer *out, enum problem problem, const char *parameter,
                   const char *detail, const struct buffer *more);

#endif
