#include "adapter/calls.h"

#include "adapter/connection.h"
#include "lib/base/container_of.h"
#include "lib/base/metrics.h"

#include <stdlib.h>

#define CALL_TIME   (ADAPTER_CALL_MILLISECONDS * LOOP_MILLISECOND)
#define RETURN_TIME (ADAPTER_RETURN_MILLISECONDS * LOOP_MILLISECOND)
#define LOOK_TIME   (20 * LOOP_MILLISECOND) /* an adapter starts in less */

/* A connection and its call. */
struct slot {
    struct adapter_calls *calls;
    struct adapter_connection *connection; /* NULL until it is first needed */
    struct adapter_call *call;
    struct slot *next_free;
};

struct adapter_calls {
    struct loop *loop;
    struct adapter_server *server;
    struct slot slots[ADAPTER_CONNECTIONS];
    struct slot *free_slots; /* a stack: the slot that was used last is taken first, so that few
                                connections are in use */
    struct adapter_call *waiting, **waiting_end;
    size_t waiting_count;
    struct loop_timer round;    /* due at once: starts calls when a round of the loop is over */
    struct loop_timer deadline; /* at the earliest one or before it: it is never put off */
    struct loop_timer look;     /* for an adapter that went away, with one of the waiting calls */
    enum { NEVER_SEEN, THERE, AWAY } server_is; /* as its last answer and what met nobody say */
    int64_t away_since;
    bool closing;

    /* Whether it answers. */
    enum { UNKNOWN, ANSWERS, SILENT } presence;
    int64_t presence_since;
    void (*changed)(void *context, bool answers, enum adapter_outcome outcome);
    void *changed_context;

    struct adapter_tracer *tracer;
    uint64_t ended[ADAPTER_OUTCOMES];
    struct metrics_histogram duration;
};

/* --- calls ----------------------------------------------------------------------------------- */

static void watch_deadline(struct adapter_calls *calls, const struct adapter_call *call)
{
    int64_t at = call->started + CALL_TIME;
    if (!calls->deadline.armed || at < calls->deadline.at)
        loop_arm(calls->loop, &calls->deadline, at);
}

static void note_presence(struct adapter_calls *calls, enum adapter_outcome outcome)
{
    bool answers = outcome == ADAPTER_ANSWERED || outcome == ADAPTER_UNUSABLE;
    int64_t now = loop_now(calls->loop);
    if (calls->closing || outcome == ADAPTER_OVERLOADED ||
        calls->presence == (answers ? ANSWERS : SILENT) ||
        (calls->presence != UNKNOWN && now - calls->presence_since < LOOP_SECOND))
        return;
    calls->presence = answers ? ANSWERS : SILENT;
    calls->presence_since = now;
    if (calls->changed)
        calls->changed(calls->changed_context, answers, outcome);
}

void adapter_calls_watch(struct adapter_calls *calls,
                         void (*changed)(void *context, bool answers, enum adapter_outcome outcome),
                         void *context)
{
    calls->changed = changed;
    calls->changed_context = context;
}

void adapter_calls_trace(struct adapter_calls *calls, struct adapter_tracer *tracer)
{
    calls->tracer = tracer;
}

/* Nobody listens there for a moment: most likely it was restarted. */
static bool may_return(const struct adapter_calls *calls)
{
    return calls->server_is == AWAY && loop_now(calls->loop) - calls->away_since < RETURN_TIME;
}

/* How a call ends whose time has passed. */
static enum adapter_outcome too_late(const struct adapter_calls *calls)
{
    return calls->server_is == AWAY ? ADAPTER_UNREACHABLE : ADAPTER_TIMED_OUT;
}

static void end_call(struct adapter_calls *calls, struct adapter_call *call,
                     enum adapter_outcome outcome)
{
    call->outcome = outcome;
    call->duration = loop_clock() - call->started;
    calls->ended[outcome]++;
    if (outcome != ADAPTER_OVERLOADED)
        metrics_observe(&calls->duration, call->duration);
    note_presence(calls, outcome);
    if (outcome == ADAPTER_ANSWERED || outcome == ADAPTER_UNUSABLE)
        calls->server_is = THERE;
    if (calls->tracer)
        calls->tracer->call_over(calls->tracer, call);
    call->done(call);
}

/* Ends a slot's call. The answer is in the connection, which is free once `done` has seen it. */
static void end_on(struct slot *slot, enum adapter_outcome outcome)
{
    struct adapter_call *call = slot->call;
    slot->call = NULL;
    end_call(slot->calls, call, outcome);
    slot->next_free = slot->calls->free_slots;
    slot->calls->free_slots = slot;
}

static void start_waiting(struct adapter_calls *calls);

/* The call met nobody. Whether it waits, as all do for a moment, until somebody listens again; it
 * was not sent, so that the adapter gets no call twice by this. The waiting calls are in the order
 * they were started, and this one may be among the first. */
static bool wait_for_return(struct slot *slot)
{
    struct adapter_calls *calls = slot->calls;
    struct adapter_call *call = slot->call;
    if (calls->server_is == THERE) {
        calls->server_is = AWAY;
        calls->away_since = loop_now(calls->loop);
    }
    if (call->at_once || !may_return(calls))
        return false;
    note_presence(calls, ADAPTER_UNREACHABLE);
    struct adapter_call **before = &calls->waiting;
    while (*before && (*before)->started <= call->started)
        before = &(*before)->next;
    call->next = *before;
    *before = call;
    if (!call->next)
        calls->waiting_end = &call->next;
    calls->waiting_count++;
    slot->call = NULL;
    slot->next_free = calls->free_slots;
    calls->free_slots = slot;
    if (!calls->look.armed)
        loop_arm(calls->loop, &calls->look, loop_now(calls->loop) + LOOK_TIME);
    return true;
}

static void on_end(void *context, enum adapter_outcome outcome)
{
    struct slot *slot = context;
    struct adapter_call *call = slot->call;
    /* The server may have closed the connection just as the call was sent. Calls change nothing
     * there, so once more does no harm. */
    if (outcome == ADAPTER_BROKE_OFF && !call->tried_again) {
        call->tried_again = true;
        if (adapter_connection_start(slot->connection, call))
            return;
    }
    if (outcome != ADAPTER_UNREACHABLE || !wait_for_return(slot))
        end_on(slot, outcome);
    start_waiting(slot->calls);
}

/* Starts a call on the first of the free slots. */
static void start_on_free(struct adapter_calls *calls, struct adapter_call *call)
{
    struct slot *slot = calls->free_slots;
    calls->free_slots = slot->next_free;
    slot->call = call;
    if (!slot->connection)
        slot->connection = adapter_connection_new(calls->server, on_end, slot);
    if (slot->connection && adapter_connection_start(slot->connection, call))
        watch_deadline(calls, call);
    else
        end_on(slot, ADAPTER_UNREACHABLE);
}

static struct adapter_call *take_waiting(struct adapter_calls *calls)
{
    struct adapter_call *call = calls->waiting;
    calls->waiting = call->next;
    if (!calls->waiting)
        calls->waiting_end = &calls->waiting;
    calls->waiting_count--;
    return call;
}

static void start_waiting(struct adapter_calls *calls)
{
    int64_t oldest = loop_now(calls->loop) - CALL_TIME;
    while (calls->waiting && calls->waiting->started <= oldest)
        end_call(calls, take_waiting(calls), too_late(calls));
    while (calls->waiting && calls->free_slots && !calls->closing && !may_return(calls))
        start_on_free(calls, take_waiting(calls));
    if (calls->waiting)
        watch_deadline(calls, calls->waiting);
}

static void on_round(struct loop_timer *timer)
{
    start_waiting(container_of(timer, struct adapter_calls, round));
}

/* One call is enough to see whether it is back. The last look lets them all see for themselves. */
static void on_look(struct loop_timer *timer)
{
    struct adapter_calls *calls = container_of(timer, struct adapter_calls, look);
    if (may_return(calls)) {
        loop_arm(calls->loop, &calls->look, loop_now(calls->loop) + LOOK_TIME);
        if (calls->waiting && calls->free_slots)
            start_on_free(calls, take_waiting(calls));
    }
    start_waiting(calls);
}

/* Ends the calls whose time has passed, and looks for the next deadline. */
static void on_deadline(struct loop_timer *timer)
{
    struct adapter_calls *calls = container_of(timer, struct adapter_calls, deadline);
    int64_t oldest = loop_now(calls->loop) - CALL_TIME;
    for (size_t i = 0; i < ADAPTER_CONNECTIONS; i++) {
        struct slot *slot = &calls->slots[i];
        if (!slot->call || slot->call->started > oldest)
            continue;
        adapter_connection_abandon(slot->connection);
        end_on(slot, too_late(calls));
    }
    start_waiting(calls);
    for (size_t i = 0; i < ADAPTER_CONNECTIONS; i++)
        if (calls->slots[i].call)
            watch_deadline(calls, calls->slots[i].call);
}

/* The calls of a round are sent together: an adapter that is woken then has several to answer, and
 * sleeps and wakes less often. At 32 connections that is 3 % of the CPU time of both. */
void adapter_calls_start(struct adapter_calls *calls, struct adapter_call *call)
{
    call->started = loop_clock(); /* not the round's beginning: the request may have come since */
    call->tried_again = false;
    call->span[0] = '\0';
    if (calls->tracer)
        calls->tracer->call_starts(calls->tracer, call);
    call->status = 0;
    call->content_type = NULL;
    call->answer = "";
    call->answer_size = 0;
    if (calls->closing) {
        end_call(calls, call, ADAPTER_UNREACHABLE);
        return;
    }
    if (calls->waiting_count == ADAPTER_WAITING_MAX) {
        end_call(calls, call, calls->server_is == AWAY ? ADAPTER_UNREACHABLE : ADAPTER_OVERLOADED);
        return;
    }
    if (call->at_once && calls->free_slots) {
        start_on_free(calls, call);
        return;
    }
    call->next = NULL;
    *calls->waiting_end = call;
    calls->waiting_end = &call->next;
    calls->waiting_count++;
    loop_arm(calls->loop, &calls->round, loop_now(calls->loop));
}

/* --- life ------------------------------------------------------------------------------------ */

struct adapter_calls *adapter_calls_new(struct loop *loop, const char *url, struct buffer *error)
{
    struct adapter_calls *calls = calloc(1, sizeof *calls);
    if (!calls) {
        buffer_add_text(error, "out of memory");
        return NULL;
    }
    struct buffer reason;
    buffer_init(&reason, 256);
    calls->server = adapter_server_new(loop, url, &reason);
    if (!calls->server) {
        buffer_printf(error, "--adapter-url '%s': %s", url, reason.data ? reason.data : "");
        buffer_free(&reason);
        free(calls);
        return NULL;
    }
    calls->loop = loop;
    calls->waiting_end = &calls->waiting;
    calls->round.expired = on_round;
    calls->deadline.expired = on_deadline;
    calls->look.expired = on_look;
    for (size_t i = ADAPTER_CONNECTIONS; i-- > 0;) {
        calls->slots[i].calls = calls;
        calls->slots[i].next_free = calls->free_slots;
        calls->free_slots = &calls->slots[i];
    }
    return calls;
}

void adapter_calls_stop(struct adapter_calls *calls)
{
    if (!calls)
        return;
    calls->closing = true;
    while (calls->waiting)
        end_call(calls, take_waiting(calls), ADAPTER_UNREACHABLE);
    for (size_t i = 0; i < ADAPTER_CONNECTIONS; i++) {
        if (!calls->slots[i].call)
            continue;
        adapter_connection_abandon(calls->slots[i].connection);
        end_on(&calls->slots[i], ADAPTER_UNREACHABLE);
    }
}

void adapter_calls_free(struct adapter_calls *calls)
{
    if (!calls)
        return;
    adapter_calls_stop(calls);
    for (size_t i = 0; i < ADAPTER_CONNECTIONS; i++)
        adapter_connection_free(calls->slots[i].connection);
    adapter_server_free(calls->server);
    loop_remove_timer(calls->loop, &calls->round);
    loop_remove_timer(calls->loop, &calls->deadline);
    loop_remove_timer(calls->loop, &calls->look);
    free(calls);
}

void adapter_calls_metrics(const struct adapter_calls *calls, struct buffer *out)
{
    const uint64_t *ended = calls->ended;
    metrics_head(out, "adapter_calls_total", "counter", "Calls to the adapter by their result.");
    metrics_sample(out, "adapter_calls_total", "result=\"answered\"", ended[ADAPTER_ANSWERED]);
    metrics_sample(out, "adapter_calls_total", "result=\"unavailable\"",
                   ended[ADAPTER_UNREACHABLE] + ended[ADAPTER_BROKE_OFF]);
    metrics_sample(out, "adapter_calls_total", "result=\"timeout\"", ended[ADAPTER_TIMED_OUT]);
    metrics_sample(out, "adapter_calls_total", "result=\"unusable\"", ended[ADAPTER_UNUSABLE]);
    metrics_sample(out, "adapter_calls_total", "result=\"overloaded\"", ended[ADAPTER_OVERLOADED]);
    metrics_head(out, "adapter_call_duration_seconds", "histogram",
                 "From the start of a call to its whole answer or its failure.");
    metrics_histogram(out, "adapter_call_duration_seconds", NULL, &calls->duration);
    metrics_single(out, "adapter_calls_waiting", "gauge", "Calls waiting for a connection.",
                   calls->waiting_count);
}
