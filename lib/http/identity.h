/* Request identity: X-Request-Id and traceparent, accepted from the caller or made here.
 *
 * These services export no spans of their own, so a caller's traceparent is passed on unmodified,
 * as W3C Trace Context (https://www.w3.org/TR/trace-context/, section 4.3) has it for a service
 * that forwards without taking part: a new parent-id would point to a span that nobody recorded.
 */
#ifndef LIB_HTTP_IDENTITY_H
#define LIB_HTTP_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

enum {
    IDENTITY_REQUEST_ID_MAX = 128,
    IDENTITY_TRACEPARENT_SIZE = 55, /* 00-<32 hex>-<16 hex>-<2 hex> */
};

struct identity {
    char request_id[IDENTITY_REQUEST_ID_MAX + 1];
    char traceparent[IDENTITY_TRACEPARENT_SIZE + 1];
};

/* Random bytes in stock: one call to the kernel for many requests, where each would be half a
 * microsecond. All zero is an empty one. */
struct identity_source {
    unsigned char bytes[4096];
    size_t left;
};

/* Takes what the caller sent where it is well formed (a request id: 1 to 128 letters, digits and
 * "._:/+=@-"), else makes new ones: a random UUID (RFC 9562, version 4) and an unsampled trace.
 * Either text may be NULL. */
void identity_set(struct identity_source *source, struct identity *identity, const char *request_id,
                  const char *traceparent);

/* Fills `data` with random bytes from the kernel. */
void identity_random(void *data, size_t size);

#endif
