#include "store/outcome.h"

#include <stdlib.h>

void store_outcome_give(struct store_outcome *outcome, struct store_request *request)
{
    request->result = outcome->result;
    if (outcome->has_booking)
        request->booking = outcome->booking;
    if (outcome->has_answer)
        request->answer = outcome->answer;
    request->memory = outcome->memory;
    outcome->memory = NULL;
}

void store_outcome_drop(struct store_outcome *outcome)
{
    free(outcome->memory);
    outcome->memory = NULL;
}

bool store_request_reads_only(const struct store_request *request)
{
    return request->operation == STORE_SHOW || request->operation == STORE_RECALL;
}

bool store_hold_expired(const struct booking *booking, int64_t now)
{
    return booking->state == BOOKING_HELD && booking->expires_at <= now;
}

bool store_change_allowed(const struct store_request *request, const struct booking *booking)
{
    int64_t now = request->now;
    bool held = booking->state == BOOKING_HELD;
    switch (request->operation) {
    case STORE_CONFIRM:
        return held && !store_hold_expired(booking, now);
    case STORE_CANCEL:
        if (held)
            return !store_hold_expired(booking, now);
        return booking->state == BOOKING_BOOKED && (int64_t)booking->period.pickup_at * 60 > now;
    case STORE_EXPIRE:
        return store_hold_expired(booking, now);
    default:
        return false;
    }
}
