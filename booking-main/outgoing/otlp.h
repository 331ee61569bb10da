/* Spans as the OpenTelemetry protocol has them in JSON: what goes to a collector's /v1/traces, and
 * what comes back.
 *
 * https://opentelemetry.io/docs/specs/otlp/ says how protobuf's messages become JSON: ids in
 * hexadecimal, enums as integers, 64-bit integers as strings. The attributes are those of
 * OpenTelemetry's semantic conventions for HTTP and for databases. No I/O.
 */
#ifndef BOOKING_OUTGOING_OTLP_H
#define BOOKING_OUTGOING_OTLP_H

#include "lib/base/buffer.h"
#include "lib/http/identity.h"
#include "lib/http/server.h"

#include <stdbool.h>
#include <stdint.h>

enum { OTLP_METHOD_MAX = 15, OTLP_MESSAGE_MAX = 200 };

enum span_kind {
    SPAN_REQUEST, /* a partner's, on the public port */
    SPAN_CALL,    /* of the adapter */
    SPAN_STORED,  /* an operation of the store, with its commit */
};

/* What a span is about, until it is sent. Texts that are pointers last as long as the program. */
struct span {
    enum span_kind kind;
    char traceparent[IDENTITY_TRACEPARENT_SIZE + 1]; /* with the span's own id */
    char parent[IDENTITY_SPAN_ID_SIZE + 1];          /* "" for none */
    int64_t started, ended;                          /* on loop_clock() */
    char method[OTLP_METHOD_MAX + 1];                /* of an HTTP request */
    char path[HTTP_PATH_MAX + 1];
    const char *name;   /* the request's route, or NULL; the store's operation */
    const char *result; /* of the store's operation */
    const char *error;  /* what went wrong where no status says so, or NULL */
    unsigned status;    /* 0: there was none */
    bool failed;        /* on our side: it counts as an error */
};

/* What is the same for all spans of an engine. */
struct otlp_source {
    const char *channel;
    const char *database; /* as the conventions name it: sqlite, postgresql */
    char instance[IDENTITY_UUID_SIZE + 1];
    char host[256];         /* the machine's or pod's name */
    unsigned port;          /* the public one */
    const char *adapter;    /* its URL, without a slash at its end */
    char adapter_host[256]; /* and what is in it */
    unsigned adapter_port;
};

/* A document is otlp_begin(), spans, otlp_end(); failures are the buffer's. `wall` is what has to
 * be added to the time of loop_clock() for nanoseconds since 1970. */
void otlp_begin(struct buffer *out, const struct otlp_source *source);
void otlp_add(struct buffer *out, const struct otlp_source *source, const struct span *span,
              int64_t wall);
void otlp_end(struct buffer *out);

/* How many spans the collector says it did not take, though it took the document, with its reason,
 * cut off where it is long. 0 and "" for an answer that says nothing of the kind. */
uint64_t otlp_rejected(const char *answer, size_t size, char reason[OTLP_MESSAGE_MAX + 1]);

#endif
