/* /metrics. */
#include "lib/base/metrics.h"
#include "lib/keys/callers.h"
#include "operator/desk/desk_server.h"
#include "operator/operator.h"
#include "outgoing/traces.h"
#include "outgoing/webhooks.h"

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
    metrics_single(out, "booking_changes_waiting", "gauge",
                   "Requests that wait for the next change.", counters->changes_waiting);
    metrics_head(out, "booking_event_lag_seconds", "histogram",
                 "From the writing of an event, by any engine, to its arrival here.");
    metrics_histogram(out, "booking_event_lag_seconds", NULL, &counters->event_lag);
    metrics_single(out, "booking_store_up", "gauge", "1 while the database answers.",
                   !engine->store_down);
    metrics_single(out, "booking_offers_stale", "gauge",
                   "1 while offers are refused, as the database has not answered for too long.",
                   engine->offers_stale);
    metrics_head(out, "booking_commit_duration_seconds", "histogram",
                 "A transaction, from its begin until it is on disk.");
    metrics_histogram(out, "booking_commit_duration_seconds", NULL, &counters->commit_duration);
    metrics_head(out, "booking_commit_operations", "histogram", "Operations in one transaction.");
    metrics_sizes(out, "booking_commit_operations", &counters->commit_size);
}

static void store_metrics(const struct engine *engine, struct buffer *out)
{
    struct store_stats stats = store_stats(engine->store);
    metrics_single(out, "booking_database_bytes", "gauge", "Size of the database's file.",
                   stats.database_bytes);
    metrics_single(out, "booking_database_log_bytes", "gauge",
                   "Size of the log beside it, FILE-wal. A reader that does not end keeps it "
                   "growing.",
                   stats.log_bytes);
    metrics_single(out, "booking_database_checkpoint_timestamp_seconds", "gauge",
                   "When all of the log had last been copied into the database's file; 0: not yet.",
                   (uint64_t)stats.checkpointed);
}

/* Few, since people call it, and not the partners that a rate or a latency is promised to. */
void operator_metrics(void *context, struct http_request *request)
{
    struct engine *engine = context;
    struct buffer *body = http_body(request);
    http_server_metrics(engine->public_server, body);
    if (engine->callers)
        callers_metrics(engine->callers, body);
    adapter_calls_metrics(engine->adapter, body);
    booking_metrics(engine, body);
    store_metrics(engine, body);
    inventory_metrics(engine->inventory, body);
    desk_server_metrics(engine->desk, body);
    traces_metrics(engine->traces, body);
    webhooks_metrics(engine->webhooks, body);
    metrics_single(body, "log_lines_dropped_total", "counter", "Log lines that were not written.",
                   log_dropped(engine->access_log));
    metrics_process(body, "booking-main", BOOKING_VERSION);
    http_answer(request, 200, METRICS_CONTENT_TYPE);
}
