/* What a server counts of its requests: how many of each route ended with which status, and how
 * long they took. */
#ifndef LIB_HTTP_REQUEST_METRICS_H
#define LIB_HTTP_REQUEST_METRICS_H

#include "lib/http/server.h"

struct request_metrics;

/* `routes` is borrowed. NULL when out of memory. */
struct request_metrics *request_metrics_new(const struct http_route *routes, size_t count);
void request_metrics_free(struct request_metrics *metrics);

/* Counts one request; `route` is NULL for a path that has none, `duration` in nanoseconds. */
void request_metrics_count(struct request_metrics *metrics, const struct http_route *route,
                           unsigned status, int64_t duration);

void request_metrics_write(const struct request_metrics *metrics, struct buffer *out);

#endif
