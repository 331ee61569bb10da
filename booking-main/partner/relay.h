/* From the end of an adapter call to an answer, the same for every request that makes one. */
#ifndef BOOKING_PARTNER_RELAY_H
#define BOOKING_PARTNER_RELAY_H

#include "adapter/calls.h"
#include "lib/http/server.h"

enum { CONTENT_TYPE_SIZE = 128 };

/* An adapter's answer that outlives its call. Its body is where the request's answer is written, in
 * http_body(). So all the memory that the answer needs is there before anything is committed. */
struct relay {
    char content_type[CONTENT_TYPE_SIZE];
};

/* Keeps the call's body and content type as they are. Where there is no usable answer, answers the
 * request with the problem that says why, and returns false. */
bool relay_take(struct relay *answer, struct http_request *request,
                const struct adapter_call *call);

/* Answers the request with what was kept. */
void relay_send(const struct relay *answer, struct http_request *request, unsigned status);

#endif
