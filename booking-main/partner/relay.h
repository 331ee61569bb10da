/* A request's call to the adapter, from the car document to the answer: the same for every request
 * that makes one. */
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

#define RELAY_CAR  "/formatCarInfo" /* the document is a car's */
#define RELAY_LIST "/formatCarList" /* it is {"cars":[...]} */

/* Has the adapter write the document, which must not have failed, as its partner reads it; `done`
 * is called as adapter/calls.h says. The document is borrowed until then, and so is the call. */
void relay_ask(struct adapter_calls *adapter, const struct http_request *request, const char *path,
               const struct buffer *document, struct adapter_call *call,
               void (*done)(struct adapter_call *call));

/* Keeps the call's body and content type as they are. Where there is no usable answer, answers the
 * request with the problem that says why, and returns false; the access log's line then names the
 * car, unless it is NULL. */
bool relay_take(struct relay *answer, struct http_request *request, const struct adapter_call *call,
                const char *carid);

/* Answers the request with what was kept. */
void relay_send(const struct relay *answer, struct http_request *request, unsigned status);

#endif
