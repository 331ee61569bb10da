/* /healthz and /readyz, and the routes of the port. */
#include "lib/base/container_of.h"
#include "operator/operator.h"

#include <stdlib.h>

/* A check of the adapter under way. */
struct check {
    struct http_request *request; /* the readiness check it is for, or NULL */
    struct identity identity;
    struct adapter_call call;
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

static void on_checked(struct adapter_call *call)
{
    struct check *check = container_of(call, struct check, call);
    if (!check->request)
        ; /* nobody asked */
    else if (call->outcome == ADAPTER_ANSWERED && call->status == 200)
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
    check->call.at_once = true;
    check->call.identity = &check->identity;
    check->call.done = on_checked;
    adapter_calls_start(engine->adapter, &check->call);
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
    if (engine->offers_stale) {
        http_answer_problem(request, PROBLEM_STORE_UNAVAILABLE, NULL,
                            "Not ready: the database does not answer; the log says why.");
        return;
    }
    if (!inventory_cars(engine->inventory)) {
        http_answer_problem(
            request, PROBLEM_STORE_UNAVAILABLE, NULL,
            "Not ready: the database has no fleet; import one (booking-main import).");
        return;
    }
    if (!start_check(engine, request))
        http_answer_problem(request, PROBLEM_INTERNAL_ERROR, NULL, "Out of memory; try again.");
}

const struct http_route operator_routes[] = {
    {"GET", "/healthz", operator_healthz, .quiet = true},
    {"GET", "/readyz", operator_readyz, .quiet = true},
    {"GET", "/metrics", operator_metrics, .quiet = true},
};
const size_t operator_route_count = sizeof operator_routes / sizeof operator_routes[0];
