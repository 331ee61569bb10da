/* From the end of an adapter call to an answer, the same for every request that makes one. */
#ifndef BOOKING_ADAPTER_ANSWER_H
#define BOOKING_ADAPTER_ANSWER_H

#include "http_server.h"
#include "upstream.h"

enum { CONTENT_TYPE_SIZE = 128 };

/* An adapter's answer that outlives its call. */
struct adapter_answer {
    struct buffer body;
    char content_type[CONTENT_TYPE_SIZE];
};

/* Keeps the call's body and content type as they are. Where there is no usable answer, answers the
 * request with the problem that says why, and returns false. */
bool adapter_answer_take(struct adapter_answer *answer, struct http_request *request,
                         const struct upstream_call *call);

/* Answers the request with what was kept. */
void adapter_answer_send(struct adapter_answer *answer, struct http_request *request,
                         unsigned status);

void adapter_answer_free(struct adapter_answer *answer);

#endif
