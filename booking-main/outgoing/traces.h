/* Traces: a span of each request, of its calls to the adapter and of what it had the store do, sent
 * to a collector by OpenTelemetry's protocol over HTTP (otlp.h).
 *
 * A caller's traceparent says whether its trace is recorded; a request without one begins a trace,
 * which is. Spans wait in a ring for the next batch. One batch is on its way at a time, from the
 * loop and within limits, so a collector that is slow or gone costs a request nothing: what finds
 * the ring full is dropped and counted.
 */
#ifndef BOOKING_OUTGOING_TRACES_H
#define BOOKING_OUTGOING_TRACES_H

#include "adapter/calls.h"
#include "lib/base/buffer.h"
#include "lib/base/loop.h"
#include "lib/http/server.h"
#include "lib/log/log.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    TRACES_RING = 4096, /* spans that wait */
    TRACES_BATCH = 512, /* spans that are sent at a time; fewer are sent once a second */
    TRACES_TRIES = 5,   /* of a batch, before it is dropped */
    TRACES_SECONDS = 5, /* for one try */
    TRACES_PAUSE = 30,  /* seconds at most between tries, unless the collector asks for more: */
    TRACES_RETRY = 300, /* what it may ask for */
    TRACES_FLUSH = 2,   /* seconds for what waits when the engine stops */
    TRACES_ANSWER = 64 * 1024, /* bytes that are read of an answer */
};

struct traces;

struct traces_config {
    struct loop *loop;
    struct log *log;
    const char *endpoint; /* http or https; /v1/traces is added to its path */
    const char *channel;
    const char *database; /* sqlite or postgresql */
    const char *adapter_url;
    unsigned port; /* the public one */
};

/* The texts are borrowed. NULL, with a sentence added to `error`, when the endpoint is not a URL
 * that can be sent to, or when memory ran out. */
struct traces *traces_new(const struct traces_config *config, struct buffer *error);

/* What waits is dropped. NULL is fine. */
void traces_free(struct traces *traces);

/* Who is to be told of requests and calls; NULL for NULL. */
struct http_tracer *traces_of_requests(struct traces *traces);
struct adapter_tracer *traces_of_calls(struct traces *traces);

/* The store has done an operation for a request of this identity, which was handed in at
 * `submitted` on loop_clock(). The texts last as long as the program; `result` says what came of it
 * and `failed` that the store is to blame. */
void traces_stored(struct traces *traces, const struct identity *identity, const char *operation,
                   int64_t submitted, const char *result, bool failed);

/* For an engine that stops and has no more requests: sends what waits, once. True when it is gone,
 * or was not taken, or TRACES_FLUSH seconds have passed since the first call. True for NULL. */
bool traces_flushed(struct traces *traces);

/* Adds counters of spans by what became of them; nothing for NULL. */
void traces_metrics(const struct traces *traces, struct buffer *out);

#endif
