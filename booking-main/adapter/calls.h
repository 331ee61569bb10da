/* Calls to one HTTP server: the adapter beside the engine.
 *
 * Over kept-alive connections on the event loop, each call within a fixed time whatever the other
 * side does. Calls beyond the connections there are wait their turn within the same time. So do
 * calls that meet nobody, for a moment after the server went away: a container that is restarted
 * is back in a second or two, and those who call need not know.
 */
#ifndef BOOKING_ADAPTER_CALLS_H
#define BOOKING_ADAPTER_CALLS_H

#include "adapter/outcome.h"
#include "lib/base/buffer.h"
#include "lib/base/loop.h"
#include "lib/http/identity.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    ADAPTER_CALL_MILLISECONDS = 2000,   /* from adapter_calls_start() to the whole answer */
    ADAPTER_CONNECT_MILLISECONDS = 800, /* of it, to connect */
    ADAPTER_RETURN_MILLISECONDS = 2000, /* in which a server that went away is waited for */
    ADAPTER_CONNECTIONS = 64,
    ADAPTER_WAITING_MAX = 1024, /* those of one round of the loop among them */
    ADAPTER_REQUEST_MAX = 64 * 1024,
    ADAPTER_ANSWER_MAX = 64 * 1024, /* of a body */
};

struct adapter_calls;

/* One call; the caller owns it and keeps it alive until `done`. */
struct adapter_call {
    /* Set by the caller, borrowed until `done`. */
    const char *path;
    const char *body;                /* JSON, sent by POST; NULL for a GET */
    size_t body_size;                /* with the header fields at most ADAPTER_REQUEST_MAX */
    const struct identity *identity; /* passed on */
    bool at_once; /* waits for no server that went away: to know whether it is there */
    void (*done)(struct adapter_call *call);

    /* Set before `done` is called; the answer is valid until it returns. */
    enum adapter_outcome outcome; /* never ADAPTER_PENDING */
    unsigned status;
    const char *content_type; /* NULL when there was none */
    const char *answer;       /* ends in NUL, never NULL */
    size_t answer_size;
    int64_t duration; /* nanoseconds */

    int64_t started; /* on loop_clock() */

    /* The tracer's: what is passed on in place of the identity's traceparent, or "". */
    char span[IDENTITY_TRACEPARENT_SIZE + 1];

    /* The module's own. */
    bool tried_again;
    struct adapter_call *next;
};

/* Who records spans of calls, embedded by its owner. */
struct adapter_tracer {
    void (*call_starts)(struct adapter_tracer *tracer, struct adapter_call *call);
    void (*call_over)(struct adapter_tracer *tracer, const struct adapter_call *call);
};

/* `url` is http://HOST[:PORT] without a path. NULL, with a sentence added to `error`, when it is
 * not, or when memory ran out. */
struct adapter_calls *adapter_calls_new(struct loop *loop, const char *url, struct buffer *error);

/* Has `changed` called from the loop when calls show that the adapter begins to answer, or no
 * longer does. That is at most once a second, also for an adapter that comes and goes all the time.
 */
void adapter_calls_watch(struct adapter_calls *calls,
                         void (*changed)(void *context, bool answers, enum adapter_outcome outcome),
                         void *context);

/* Has the tracer told of each call. NULL: of none any more. */
void adapter_calls_trace(struct adapter_calls *calls, struct adapter_tracer *tracer);

/* The traceparent that goes with the call. */
static inline const char *adapter_call_traceparent(const struct adapter_call *call)
{
    return call->span[0] ? call->span : call->identity->traceparent;
}

/* Ends every call that is under way, and from now on each that is started, with
 * ADAPTER_UNREACHABLE. NULL is fine. */
void adapter_calls_stop(struct adapter_calls *calls);

/* The same, and frees it. NULL is fine. */
void adapter_calls_free(struct adapter_calls *calls);

/* Sent at the end of the loop's round. `done` is called from the loop, or before this returns when
 * there is no room for the call. */
void adapter_calls_start(struct adapter_calls *calls, struct adapter_call *call);

/* Adds counters of calls by result, and their durations. */
void adapter_calls_metrics(const struct adapter_calls *calls, struct buffer *out);

#endif
