/* The operator port: /healthz, /readyz and /metrics. A Kubernetes Service never
 * names it: it is for probes and monitoring, not for partners. */
#ifndef BOOKING_OPERATOR_OPERATOR_H
#define BOOKING_OPERATOR_OPERATOR_H

#include "engine.h"

/* The routes; their context is the engine. */
extern const struct http_route operator_routes[];
extern const size_t operator_route_count;

/* Their handlers. */
http_handler operator_healthz;
http_handler operator_readyz;
http_handler operator_metrics;

/* Calls the adapter, so that there is a connection to it. An adapter that is told to stop at the
 * same moment serves on as long as somebody is connected. */
void operator_keep_adapter(struct engine *engine);

#endif
