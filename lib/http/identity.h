/* Request identity: X-Request-Id and traceparent, accepted from the caller or made here.
 *
 * A service that records no span of a request passes the caller's traceparent on unmodified, as W3C
 * Trace Context (https://www.w3.org/TR/trace-context/, section 4.3) has it for one that forwards
 * without taking part: a new parent-id would point to a span that nobody recorded. One that does
 * record it puts its own span's id there, with identity_join().
 */
#ifndef LIB_HTTP_IDENTITY_H
#define LIB_HTTP_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

enum {
    IDENTITY_REQUEST_ID_MAX = 128,
    IDENTITY_TRACEPARENT_SIZE = 55, /* 00-<32 hex>-<16 hex>-<2 hex> */
    IDENTITY_TRACE_ID_SIZE = 32,
    IDENTITY_SPAN_ID_SIZE = 16,
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
 * Either text may be NULL. Whether the trace is the caller's. */
bool identity_set(struct identity_source *source, struct identity *identity, const char *request_id,
                  const char *traceparent);

/* Whether the trace is one that is recorded. */
bool identity_is_sampled(const char *traceparent);

/* Joins the trace with a span of this service's, whose id is in the traceparent from then on. Fills
 * `parent` with the caller's span id, or with "" where the trace begins here, which makes it a
 * sampled one. False, with nothing changed, when the caller's trace is not sampled. */
bool identity_join(struct identity_source *source, struct identity *identity, bool callers,
                   char parent[IDENTITY_SPAN_ID_SIZE + 1]);

/* The same trace with the id of a new span in it. `from` and `to` may be the same. */
void identity_add_span(struct identity_source *source, const char *from,
                       char to[IDENTITY_TRACEPARENT_SIZE + 1]);

/* Makes a random UUID (RFC 9562, version 4). */
enum { IDENTITY_UUID_SIZE = 36 };
void identity_make_uuid(struct identity_source *source, char uuid[IDENTITY_UUID_SIZE + 1]);

/* Fills `data` with random bytes from the kernel. */
void identity_random(void *data, size_t size);

#endif
