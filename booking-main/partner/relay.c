#include "partner/relay.h"

#include "lib/json/flat.h"

#include <jansson.h>
#include <stdio.h>

/* What is wrong with an answer that did come; NULL when it is fit for the partner. */
static const char *unfit(const struct adapter_call *call)
{
    if (call->status < 200 || call->status > 299)
        return "refused the car document";
    if (json_flat_valid(call->answer, call->answer_size))
        return NULL;
    json_t *json = json_loadb(call->answer, call->answer_size, JSON_DECODE_ANY, NULL);
    if (!json)
        return "did not answer with JSON";
    json_decref(json);
    return NULL;
}

/* The problem that a call without a usable answer stands for; answers with it. */
static bool refuse(struct http_request *request, const struct adapter_call *call)
{
    const char *fault = "gave an answer that is too long, not HTTP, or to another request";
    switch (call->outcome) {
    case ADAPTER_UNREACHABLE:
    case ADAPTER_BROKE_OFF:
    case ADAPTER_PENDING:
    case ADAPTER_OUTCOMES:
        http_answer_problem(request, PROBLEM_ADAPTER_UNAVAILABLE, NULL,
                            "Try again in a moment: the adapter beside the engine gave no complete "
                            "answer; it may be starting.");
        return true;
    case ADAPTER_TIMED_OUT:
        http_answer_problem(request, PROBLEM_ADAPTER_TIMEOUT, NULL,
                            "Try again: the adapter beside the engine took more than 2 seconds.");
        return true;
    case ADAPTER_OVERLOADED:
        http_answer_problem(request, PROBLEM_OVERLOADED, NULL,
                            "Try again in a moment, with fewer requests at a time.");
        return true;
    case ADAPTER_ANSWERED:
        fault = unfit(call);
        break;
    case ADAPTER_UNUSABLE:
        break;
    }
    if (!fault)
        return false;
    char detail[160], status[32] = "";
    if (call->outcome == ADAPTER_ANSWERED)
        snprintf(status, sizeof status, " (its status: %u)", call->status);
    snprintf(detail, sizeof detail, "Tell the operator: the adapter beside the engine %s%s.", fault,
             status);
    http_answer_problem(request, PROBLEM_ADAPTER_ERROR, NULL, detail);
    return true;
}

bool relay_take(struct relay *answer, struct http_request *request, const struct adapter_call *call)
{
    request->upstream_time += call->duration;
    if (refuse(request, call))
        return false;
    struct buffer *body = http_body(request);
    buffer_clear(body);
    buffer_add(body, call->answer, call->answer_size);
    if (body->failed) {
        http_answer_problem(request, PROBLEM_INTERNAL_ERROR, NULL, "Out of memory; try again.");
        return false;
    }
    snprintf(answer->content_type, sizeof answer->content_type, "%s",
             call->content_type ? call->content_type : "application/json");
    return true;
}

void relay_send(const struct relay *answer, struct http_request *request, unsigned status)
{
    http_answer(request, status, answer->content_type);
}
