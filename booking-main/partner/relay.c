#include "partner/relay.h"

#include "lib/json/flat.h"
#include "lib/json/read.h"

#include <stdio.h>

void relay_ask(struct adapter_calls *adapter, const struct http_request *request, const char *path,
               const struct buffer *document, struct adapter_call *call,
               void (*done)(struct adapter_call *call))
{
    call->path = path;
    call->body = document->data;
    call->body_size = document->size;
    call->identity = request->identity;
    call->done = done;
    adapter_calls_start(adapter, call);
}

/* What is wrong with an answer that did come; NULL when it is fit for the partner, or when there is
 * no memory to find out. */
static const char *unfit(const struct adapter_call *call, bool *no_memory)
{
    if (call->status < 200 || call->status > 299)
        return "refused the car document";
    if (json_flat_valid(call->answer, call->answer_size))
        return NULL;
    json_error_t failure;
    json_t *json = json_read(call->answer, call->answer_size, JSON_DECODE_ANY, &failure, no_memory);
    bool fit = json || *no_memory;
    json_decref(json);
    return fit ? NULL : "did not answer with JSON";
}

/* The problem that a call without a usable answer stands for, with its detail; NULL when the answer
 * is usable. `text` is room for a detail. */
static const char *trouble(const struct adapter_call *call, enum problem *problem, char text[160])
{
    const char *fault = "gave an answer that is too long, not HTTP, or to another request";
    char status[32] = "";
    bool no_memory = false;
    switch (call->outcome) {
    case ADAPTER_UNREACHABLE:
    case ADAPTER_BROKE_OFF:
    case ADAPTER_PENDING:
    case ADAPTER_OUTCOMES:
        *problem = PROBLEM_ADAPTER_UNAVAILABLE;
        return "Try again in a moment: the adapter beside the engine gave no complete answer; it "
               "may be starting.";
    case ADAPTER_TIMED_OUT:
        *problem = PROBLEM_ADAPTER_TIMEOUT;
        return "Try again: the adapter beside the engine took more than 2 seconds.";
    case ADAPTER_OVERLOADED:
        *problem = PROBLEM_OVERLOADED;
        return "Try again in a moment, with fewer requests at a time.";
    case ADAPTER_ANSWERED:
        fault = unfit(call, &no_memory);
        snprintf(status, sizeof status, " (its status: %u)", call->status);
        break;
    case ADAPTER_UNUSABLE:
        break;
    }
    if (no_memory) {
        *problem = PROBLEM_INTERNAL_ERROR;
        return "Out of memory; try again.";
    }
    if (!fault)
        return NULL;
    *problem = PROBLEM_ADAPTER_ERROR;
    snprintf(text, 160, "Tell the operator: the adapter beside the engine %s%s.", fault, status);
    return text;
}

bool relay_take(struct relay *answer, struct http_request *request, const struct adapter_call *call,
                const char *carid)
{
    request->upstream_time += call->duration;
    enum problem problem;
    char text[160];
    const char *detail = trouble(call, &problem, text);
    if (detail) {
        http_note(request, "car", carid);
        /* Where there are several engines, the next request had better find another one. */
        if (problem == PROBLEM_ADAPTER_UNAVAILABLE)
            http_header(request, "Connection", "close");
        http_answer_problem(request, problem, NULL, detail);
        return false;
    }
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
