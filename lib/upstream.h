/* Calls to one HTTP server: the adapter beside the engine.
 *
 * Over kept-alive connections on the event loop, each call within a fixed time whatever the other
 * side does. Calls beyond the connections there are wait their turn within the same time.
 */
#ifndef BOOKING_UPSTREAM_H
#define BOOKING_UPSTREAM_H

#include "buffer.h"
#include "identity.h"
#include "loop.h"
#include "upstream_answer.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    UPSTREAM_CALL_MILLISECONDS = 2000,   /* from upstream_start() to the whole answer */
    UPSTREAM_CONNECT_MILLISECONDS = 800, /* of it, to connect */
    UPSTREAM_CONNECTIONS = 64,
    UPSTREAM_WAITING_MAX = 1024, /* those of one round of the loop among them */
    UPSTREAM_REQUEST_MAX = 64 * 1024,
};

enum upstream_result {
    UPSTREAM_ANSWERED,    /* with whatever status */
    UPSTREAM_UNAVAILABLE, /* no connection, or it broke before the answer was whole */
    UPSTREAM_TIMEOUT,
    UPSTREAM_UNUSABLE,   /* too long, not HTTP, or with another X-Request-Id */
    UPSTREAM_OVERLOADED, /* too many calls wait already */
    UPSTREAM_RESULTS,
};

struct upstream;

/* One call; the caller owns it and keeps it alive until `done`. */
struct upstream_call {
    /* Set by the caller, borrowed until `done`. */
    const char *path;
    const char *body;                /* JSON, sent by POST; NULL for a GET */
    size_t body_size;                /* with the header fields at most UPSTREAM_REQUEST_MAX */
    const struct identity *identity; /* passed on */
    void (*done)(struct upstream_call *call);

    /* Set before `done` is called; the answer is valid until it returns. */
    enum upstream_result result;
    unsigned status;
    const char *content_type; /* NULL when there was none */
    const char *answer;       /* ends in NUL, never NULL */
    size_t answer_size;
    int64_t duration; /* nanoseconds */

    /* The module's own. */
    int64_t started;
    bool tried_again;
    struct upstream_call *next;
};

/* `url` is http://HOST[:PORT] without a path. NULL, with a sentence added to `error`, when it is
 * not, or when memory ran out. */
struct upstream *upstream_new(struct loop *loop, const char *url, struct buffer *error);

/* Ends every call that is under way, and from now on each that is started, with
 * UPSTREAM_UNAVAILABLE. NULL is fine. */
void upstream_stop(struct upstream *upstream);

/* The same, and frees it. NULL is fine. */
void upstream_free(struct upstream *upstream);

/* Sent at the end of the loop's round. `done` is called from the loop, or before this returns when
 * there is no room for the call. */
void upstream_start(struct upstream *upstream, struct upstream_call *call);

/* Adds counters of calls by result, and their durations. */
void upstream_metrics(const struct upstream *upstream, struct buffer *out);

#endif
