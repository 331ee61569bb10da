#include "lib/http/request_metrics.h"

#include "lib/base/metrics.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { STATUS_FIRST = 100, STATUS_COUNT = 500 };

struct route_metrics {
    uint64_t by_status[STATUS_COUNT];
    struct metrics_histogram duration;
};

struct request_metrics {
    const struct http_route *routes;
    size_t count;
    struct route_metrics by_route[]; /* the last is for paths without a route */
};

struct request_metrics *request_metrics_new(const struct http_route *routes, size_t count)
{
    struct request_metrics *metrics =
        calloc(1, sizeof *metrics + (count + 1) * sizeof metrics->by_route[0]);
    if (!metrics)
        return NULL;
    metrics->routes = routes;
    metrics->count = count;
    return metrics;
}

void request_metrics_free(struct request_metrics *metrics)
{
    free(metrics);
}

void request_metrics_count(struct request_metrics *metrics, const struct http_route *route,
                           unsigned status, int64_t duration)
{
    assert(status >= STATUS_FIRST && status < STATUS_FIRST + STATUS_COUNT);
    size_t index = route ? (size_t)(route - metrics->routes) : metrics->count;
    metrics->by_route[index].by_status[status - STATUS_FIRST]++;
    metrics_observe(&metrics->by_route[index].duration, duration);
}

/* The labels of route `index`; one beyond the last stands for unknown paths. */
static void route_labels(const struct request_metrics *metrics, size_t index, char *out,
                         size_t size)
{
    if (index == metrics->count)
        snprintf(out, size, "method=\"\",path=\"\"");
    else
        snprintf(out, size, "method=\"%s\",path=\"%s\"", metrics->routes[index].method,
                 metrics->routes[index].path);
}

void request_metrics_write(const struct request_metrics *metrics, struct buffer *out)
{
    char labels[320], sample[384];
    metrics_head(out, "http_requests_total", "counter",
                 "Requests answered; an empty path stands for all unknown ones.");
    for (size_t i = 0; i <= metrics->count; i++)
        for (int status = 0; status < STATUS_COUNT; status++) {
            uint64_t count = metrics->by_route[i].by_status[status];
            if (!count)
                continue;
            route_labels(metrics, i, labels, sizeof labels);
            snprintf(sample, sizeof sample, "%s,code=\"%d\"", labels, STATUS_FIRST + status);
            metrics_sample(out, "http_requests_total", sample, count);
        }
    metrics_head(out, "http_request_duration_seconds", "histogram",
                 "From the request's header fields to its answer's last byte.");
    for (size_t i = 0; i < metrics->count; i++) {
        if (metrics->routes[i].quiet)
            continue;
        route_labels(metrics, i, labels, sizeof labels);
        metrics_histogram(out, "http_request_duration_seconds", labels,
                          &metrics->by_route[i].duration);
    }
}
