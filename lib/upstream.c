#include "upstream.h"

#include "container_of.h"
#include "metrics.h"
#include "upstream_connection.h"

#include <stdlib.h>

#define CALL_TIME (UPSTREAM_CALL_MILLISECONDS * LOOP_MILLISECOND)

/* A connection and its call. */
struct slot {
    struct upstream *upstream;
    struct upstream_connection *connection; /* NULL until it is first needed */
    struct upstream_call *call;
    struct slot *next_free;
};

struct upstream {
    struct loop *loop;
    struct upstream_server *server;
    struct slot slots[UPSTREAM_CONNECTIONS];
    struct slot *free_slots; /* the one used last first, so that few connections are in use */
    struct upstream_call *waiting, **waiting_end;
    size_t waiting_count;
    struct loop_timer round;    /* due at once: starts calls when a round of the loop is over */
    struct loop_timer deadline; /* at the earliest one or before it: it is never put off */
    bool closing;
    uint64_t results[UPSTREAM_RESULTS];
    struct metrics_histogram duration;
};

/* --- calls ----------------------------------------------------------------------------------- */

static void watch_deadline(struct upstream *upstream, const struct upstream_call *call)
{
    int64_t at = call->started + CALL_TIME;
    if (!upstream->deadline.armed || at < upstream->deadline.at)
        loop_arm(upstream->loop, &upstream->deadline, at);
}

static void end_call(struct upstream *upstream, struct upstream_call *call,
                     enum upstream_result result)
{
    call->result = result;
    call->duration = loop_clock() - call->started;
    upstream->results[result]++;
    if (result != UPSTREAM_OVERLOADED)
        metrics_observe(&upstream->duration, call->duration);
    call->done(call);
}

/* Ends a slot's call. The answer is in the connection, which is free once `done` has seen it. */
static void end_on(struct slot *slot, enum upstream_result result)
{
    struct upstream_call *call = slot->call;
    slot->call = NULL;
    end_call(slot->upstream, call, result);
    slot->next_free = slot->upstream->free_slots;
    slot->upstream->free_slots = slot;
}

static void start_waiting(struct upstream *upstream);

static void on_end(void *context, enum upstream_end end)
{
    static const enum upstream_result results[] = {
        [UPSTREAM_END_ANSWERED] = UPSTREAM_ANSWERED,
        [UPSTREAM_END_NO_CONNECTION] = UPSTREAM_UNAVAILABLE,
        [UPSTREAM_END_BROKE_OFF] = UPSTREAM_UNAVAILABLE,
        [UPSTREAM_END_USELESS] = UPSTREAM_UNUSABLE,
    };
    struct slot *slot = context;
    struct upstream_call *call = slot->call;
    /* The server may have closed the connection just as the call was sent. Calls change nothing
     * there, so once more does no harm. */
    if (end == UPSTREAM_END_BROKE_OFF && !call->tried_again) {
        call->tried_again = true;
        if (upstream_connection_start(slot->connection, call))
            return;
    }
    end_on(slot, results[end]);
    start_waiting(slot->upstream);
}

/* Starts a call on the first of the free slots. */
static void start_on_free(struct upstream *upstream, struct upstream_call *call)
{
    struct slot *slot = upstream->free_slots;
    upstream->free_slots = slot->next_free;
    slot->call = call;
    if (!slot->connection)
        slot->connection = upstream_connection_new(upstream->server, on_end, slot);
    if (slot->connection && upstream_connection_start(slot->connection, call))
        watch_deadline(upstream, call);
    else
        end_on(slot, UPSTREAM_UNAVAILABLE);
}

static struct upstream_call *take_waiting(struct upstream *upstream)
{
    struct upstream_call *call = upstream->waiting;
    upstream->waiting = call->next;
    if (!upstream->waiting)
        upstream->waiting_end = &upstream->waiting;
    upstream->waiting_count--;
    return call;
}

static void start_waiting(struct upstream *upstream)
{
    int64_t oldest = loop_now(upstream->loop) - CALL_TIME;
    while (upstream->waiting && upstream->waiting->started <= oldest)
        end_call(upstream, take_waiting(upstream), UPSTREAM_TIMEOUT);
    while (upstream->waiting && upstream->free_slots && !upstream->closing)
        start_on_free(upstream, take_waiting(upstream));
    if (upstream->waiting)
        watch_deadline(upstream, upstream->waiting);
}

static void on_round(struct loop_timer *timer)
{
    start_waiting(container_of(timer, struct upstream, round));
}

/* Ends the calls whose time has passed, and looks for the next deadline. */
static void on_deadline(struct loop_timer *timer)
{
    struct upstream *upstream = container_of(timer, struct upstream, deadline);
    int64_t oldest = loop_now(upstream->loop) - CALL_TIME;
    for (size_t i = 0; i < UPSTREAM_CONNECTIONS; i++) {
        struct slot *slot = &upstream->slots[i];
        if (!slot->call || slot->call->started > oldest)
            continue;
        upstream_connection_abandon(slot->connection);
        end_on(slot, UPSTREAM_TIMEOUT);
    }
    start_waiting(upstream);
    for (size_t i = 0; i < UPSTREAM_CONNECTIONS; i++)
        if (upstream->slots[i].call)
            watch_deadline(upstream, upstream->slots[i].call);
}

/* The calls of a round are sent together: an adapter that is woken then has several to answer, and
 * sleeps and wakes less often. At 32 connections that is 3 % of the CPU time of both. */
void upstream_start(struct upstream *upstream, struct upstream_call *call)
{
    call->started = loop_clock(); /* not the round's beginning: the request may have come since */
    call->tried_again = false;
    call->status = 0;
    call->content_type = NULL;
    call->answer = "";
    call->answer_size = 0;
    if (upstream->closing) {
        end_call(upstream, call, UPSTREAM_UNAVAILABLE);
        return;
    }
    if (upstream->waiting_count == UPSTREAM_WAITING_MAX) {
        end_call(upstream, call, UPSTREAM_OVERLOADED);
        return;
    }
    call->next = NULL;
    *upstream->waiting_end = call;
    upstream->waiting_end = &call->next;
    upstream->waiting_count++;
    loop_arm(upstream->loop, &upstream->round, loop_now(upstream->loop));
}

/* --- life ------------------------------------------------------------------------------------ */

struct upstream *upstream_new(struct loop *loop, const char *url, struct buffer *error)
{
    struct upstream *upstream = calloc(1, sizeof *upstream);
    if (!upstream) {
        buffer_add_text(error, "out of memory");
        return NULL;
    }
    struct buffer reason;
    buffer_init(&reason, 256);
    upstream->server = upstream_server_new(loop, url, &reason);
    if (!upstream->server) {
        buffer_printf(error, "--adapter-url '%s': %s", url, reason.data ? reason.data : "");
        buffer_free(&reason);
        free(upstream);
        return NULL;
    }
    upstream->loop = loop;
    upstream->waiting_end = &upstream->waiting;
    upstream->round.expired = on_round;
    upstream->deadline.expired = on_deadline;
    for (size_t i = UPSTREAM_CONNECTIONS; i-- > 0;) {
        upstream->slots[i].upstream = upstream;
        upstream->slots[i].next_free = upstream->free_slots;
        upstream->free_slots = &upstream->slots[i];
    }
    return upstream;
}

void upstream_stop(struct upstream *upstream)
{
    if (!upstream)
        return;
    upstream->closing = true;
    while (upstream->waiting)
        end_call(upstream, take_waiting(upstream), UPSTREAM_UNAVAILABLE);
    for (size_t i = 0; i < UPSTREAM_CONNECTIONS; i++) {
        if (!upstream->slots[i].call)
            continue;
        upstream_connection_abandon(upstream->slots[i].connection);
        end_on(&upstream->slots[i], UPSTREAM_UNAVAILABLE);
    }
}

void upstream_free(struct upstream *upstream)
{
    if (!upstream)
        return;
    upstream_stop(upstream);
    for (size_t i = 0; i < UPSTREAM_CONNECTIONS; i++)
        upstream_connection_free(upstream->slots[i].connection);
    upstream_server_free(upstream->server);
    loop_remove_timer(upstream->loop, &upstream->round);
    loop_remove_timer(upstream->loop, &upstream->deadline);
    free(upstream);
}

void upstream_metrics(const struct upstream *upstream, struct buffer *out)
{
    static const char *const labels[UPSTREAM_RESULTS] = {
        [UPSTREAM_ANSWERED] = "result=\"answered\"",
        [UPSTREAM_UNAVAILABLE] = "result=\"unavailable\"",
        [UPSTREAM_TIMEOUT] = "result=\"timeout\"",
        [UPSTREAM_UNUSABLE] = "result=\"unusable\"",
        [UPSTREAM_OVERLOADED] = "result=\"overloaded\"",
    };
    metrics_head(out, "adapter_calls_total", "counter", "Calls to the adapter by their result.");
    for (int i = 0; i < UPSTREAM_RESULTS; i++)
        metrics_sample(out, "adapter_calls_total", labels[i], upstream->results[i]);
    metrics_head(out, "adapter_call_duration_seconds", "histogram",
                 "From the start of a call to its whole answer or its failure.");
    metrics_histogram(out, "adapter_call_duration_seconds", NULL, &upstream->duration);
    metrics_single(out, "adapter_calls_waiting", "gauge", "Calls waiting for a connection.",
                   upstream->waiting_count);
}
