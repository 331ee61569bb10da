/* The operator port: /healthz, /readyz and /metrics. It is never part of the Service. */
#include "container_of.h"
#include "engine.h"
#include "metrics.h"

#include <stdlib.h>

/* A check of the adapter under way. */
struct check {
    struct http_request *request; /* the readiness check it is for, or NULL */
    struct identity identity;
    struct upstream_call call;
};

static void answer_ok(struct http_request *request)
{
    buffer_add_text(http_body(request), "ok\n");
    http_answer(request, 200, "text/plain");
}

/* Alive as long as the loop runs, also while draining: trouble with the adapter is no reason to
 * restart the engine. */
void operator_healthz(void *context, struct http_request *request)
{
    (void)context;
    answer_ok(request);
}

static void on_checked(struct upstream_call *call)
{
    struct check *check = container_of(call, struct check, call);
    if (!check->request)
        ; /* nobody asked */
    else if (call->result == UPSTREAM_ANSWERED && call->status == 200)
        answer_ok(check->request);
    else
        http_answer_problem(check->request, PROBLEM_ADAPTER_UNAVAILABLE, NULL,
                            "Not ready: the adapter does not answer its /healthz.");
    free(check);
}

static bool start_check(struct engine *engine, struct http_request *request)
{
    struct check *check = calloc(1, sizeof *check);
    if (!check)
        return false;
    check->request = request;
    struct identity_source source = {.left = 0};
    if (request)
        check->identity = *request->identity;
    else
        identity_set(&source, &check->identity, NULL, NULL);
    check->call.path = "/healthz";
    check->call.identity = &check->identity;
    check->call.done = on_checked;
    upstream_start(engine->adapter, &check->call);
    return true;
}

void operator_keep_adapter(struct engine *engine)
{
    (void)start_check(engine, NULL);
}

void operator_readyz(void *context, struct http_request *request)
{
    struct engine *engine = context;
    if (drain_started(engine->drain)) {
        http_answer_problem(request, PROBLEM_DRAINING, NULL, "Not ready: told to stop.");
        return;
    }
    if (engine->store_down) {
        http_answer_problem(request, PROBLEM_STORE_UNAVAILABLE, NULL,
                            "Not ready: the database does not answer; the log says why.");
        return;
    }
    if (!start_check(engine, request))
        http_answer_problem(request, PROBLEM_INTERNAL_ERROR, NULL, "Out of memory; try again.");
}

static void booking_metrics(const struct engine *engine, struct buffer *out)
{
    const struct engine_counters *counters = &engine->counters;
    metrics_single(out, "booking_offers_total", "counter", "Offers answered.", counters->offers);
    metrics_single(out, "booking_bookings_total", "counter", "Bookings committed at once.",
                   counters->bookings);
    metrics_single(out, "booking_holds_total", "counter", "Holds committed.", counters->holds);
    metrics_single(out, "booking_confirmed_total", "counter", "Holds that became bookings.",
                   counters->confirmed);
    metrics_single(out, "booking_cancelled_total", "counter", "Bookings and holds cancelled.",
                   counters->cancelled);
    metrics_single(out, "booking_conflicts_total", "counter",
                   "Commits refused because the car was taken or changed meanwhile.",
                   counters->conflicts);
    metrics_single(out, "booking_replays_total", "counter",
                   "Answers given again for an idempotency key.", counters->replays);
    metrics_single(out, "booking_events_total", "counter", "Events received from the store.",
                   counters->events);
    metrics_head(out, "booking_event_lag_seconds", "histogram",
                 "From the writing of an event, by any engine, to its arrival here.");
    metrics_histogram(out, "booking_event_lag_seconds", NULL, &counters->event_lag);
    metrics_single(out, "booking_store_up", "gauge", "1 while the database answers.",
                   !engine->store_down);
    metrics_head(out, "booking_commit_duration_seconds", "histogram",
                 "A transaction, from its begin until it is on disk.");
    metrics_histogram(out, "booking_commit_duration_seconds", NULL, &counters->commit_duration);
    metrics_head(out, "booking_commit_operations", "histogram", "Operations in one transaction.");
    metrics_sizes(out, "booking_commit_operations", &counters->commit_size);
}

void operator_metrics(void *context, struct http_request *request)
{
    struct engine *engine = context;
    struct buffer *body = http_body(request);
    http_server_metrics(engine->public_server, body);
    upstream_metrics(engine->adapter, body);
    booking_metrics(engine, body);
    inventory_metrics(engine->inventory, body);
    metrics_single(body, "log_lines_dropped_total", "counter", "Log lines that were not written.",
                   log_dropped(engine->access_log));
    metrics_process(body, "booking-main", BOOKING_VERSION);
    http_answer(request, 200, METRICS_CONTENT_TYPE);
}
