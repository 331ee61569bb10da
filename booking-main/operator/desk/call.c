#include "operator/desk/call.h"

#include "lib/base/container_of.h"
#include "lib/base/timestamp.h"
#include "lib/json/writer.h"
#include "operator/desk/desk_api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ERROR_MAX = 1024,
    ROW_MAX = 8 * 1024, /* more than any row's JSON: an answer that ends so near its limit met it */
};

static struct desk_call *call_of(struct desk_job *job)
{
    return container_of(job, struct desk_call, job);
}

void desk_call_free(struct desk_call *call)
{
    buffer_free(&call->body);
    buffer_free(&call->job.error);
    free(call);
}

/* What the store says, as a sentence of a problem; "" becomes `otherwise`. */
static const char *sentence_of(struct buffer *error, const char *otherwise)
{
    if (error->failed || !error->size)
        return otherwise;
    if (error->data[error->size - 1] != '.')
        buffer_add(error, ".", 1);
    return error->failed ? otherwise : error->data;
}

static void refuse_store(struct desk_call *call)
{
    const struct buffer *error = &call->job.error;
    log_error(call->engine->log, "the desk's database failed", "error",
              error->size ? error->data : "out of memory", "request_id",
              call->request->identity->request_id, NULL);
    http_answer_problem(call->request, PROBLEM_STORE_UNAVAILABLE, NULL,
                        call->changes ? "Look whether it was done before you try again."
                                      : "Try again in a moment.");
}

/* What the store says may begin with the field's name: "return_at: must be after the pickup". */
static void refuse_invalid(struct desk_call *call)
{
    const char *detail = sentence_of(&call->job.error, "The period is not valid.");
    char name[32];
    size_t size = strspn(detail, "abcdefghijklmnopqrstuvwxyz_");
    bool named = size && size < sizeof name && strncmp(detail + size, ": ", 2) == 0;
    snprintf(name, sizeof name, "%.*s", (int)size, detail);
    http_answer_problem(call->request, PROBLEM_INVALID_REQUEST, named ? name : NULL, detail);
}

static void refuse_result(struct desk_call *call)
{
    static const struct {
        enum problem problem;
        const char *parameter, *detail;
    } refusals[] = {
        [DESK_NOT_FOUND] = {PROBLEM_UNKNOWN_BOOKING, "id",
                            "There is none with this id, or it was kept long enough and is gone."},
        [DESK_UNKNOWN_CAR] = {PROBLEM_UNKNOWN_CAR, "carid", "Use a car of the fleet's."},
        [DESK_CHANGED] = {PROBLEM_CHANGED_MEANWHILE, "seen",
                          "Look at what it is now, in 'booking', and decide again."},
        [DESK_WRONG_STATE] = {PROBLEM_WRONG_STATE, NULL,
                              "Look at what it is now, in 'booking'; that does not allow this."},
        [DESK_IN_THE_WAY] = {PROBLEM_IN_THE_WAY, NULL,
                             "Move or change those in 'in_the_way' first, or take another car or "
                             "time."},
    };
    enum desk_result result = call->job.result;
    if (result == DESK_INVALID) {
        refuse_invalid(call);
        return;
    }
    const struct buffer *more = call->body.failed ? NULL : &call->body;
    http_answer_problem_more(call->request, refusals[result].problem, refusals[result].parameter,
                             refusals[result].detail, more);
}

bool desk_call_refuse(struct desk_call *call)
{
    struct http_request *request = call->request;
    switch (call->job.end) {
    case DESK_JOB_NO_STORE:
        refuse_store(call);
        return true;
    case DESK_JOB_WAITED:
        http_answer_problem(
            request, call->engine->store_down ? PROBLEM_STORE_UNAVAILABLE : PROBLEM_OVERLOADED,
            NULL, "Nothing was done: the database is busy. Try again in a moment.");
        return true;
    case DESK_JOB_TOO_SLOW:
        http_answer_problem(request, PROBLEM_TOO_SLOW, NULL,
                            call->changes ? "Look whether it was done before you try again."
                                          : "Ask for less: a narrower filter or a shorter period.");
        return true;
    case DESK_JOB_STOPPED:
        http_answer_problem(request, PROBLEM_DRAINING, NULL, "Ask again in a moment.");
        return true;
    case DESK_JOB_RAN:
        break;
    }
    if (call->job.result == DESK_OK)
        return false;
    if (call->job.result == DESK_FAILED)
        refuse_store(call);
    else
        refuse_result(call);
    return true;
}

void desk_call_answer(struct desk_call *call)
{
    if (call->body.failed && call->body.size > DESK_ANSWER_MAX - ROW_MAX) {
        http_answer_problem(call->request, PROBLEM_INVALID_REQUEST, NULL,
                            "The answer would be over 4 MiB: ask for a smaller page or a shorter "
                            "period.");
        return;
    }
    http_take_body(call->request, &call->body);
    if (*call->location)
        http_header(call->request, "Location", call->location);
    http_answer(call->request, call->status, "application/json");
}

static void on_done(struct desk_job *job)
{
    struct desk_call *call = call_of(job);
    if (!desk_call_refuse(call))
        desk_call_answer(call);
    desk_call_free(call);
}

void *desk_call_new(size_t size, struct engine *engine, struct http_request *request,
                    enum desk_result (*run)(struct desk_job *job, struct desk *desk))
{
    struct desk_call *call = calloc(1, size);
    if (!call) {
        http_answer_problem(request, PROBLEM_INTERNAL_ERROR, NULL, "Out of memory; try again.");
        return NULL;
    }
    call->engine = engine;
    call->request = request;
    call->status = 200;
    call->job.run = run;
    call->job.done = on_done;
    buffer_init(&call->job.error, ERROR_MAX);
    buffer_init(&call->body, DESK_ANSWER_MAX);
    return call;
}

static void refuse_overloaded(struct desk_call *call, const char *detail)
{
    http_answer_problem(call->request, PROBLEM_OVERLOADED, NULL, detail);
    desk_call_free(call);
}

/* The client has gone, and nobody wants to know any more. */
static void on_left(struct http_request *request)
{
    struct desk_call *call = request->call;
    desk_jobs_cancel(call->engine->desk->jobs, &call->job);
}

void desk_call_start(struct desk_call *call)
{
    struct http_request *request = call->request;
    if (!desk_jobs_add(call->engine->desk->jobs, &call->job)) {
        refuse_overloaded(call, "Too much is asked of the desk at once; try again in a moment.");
        return;
    }
    request->call = call;
    if (!call->changes) /* a change that was asked for is done */
        http_tell_left(request, on_left);
}

void desk_call_start_long(struct desk_call *call)
{
    if (!desk_jobs_add_long(call->engine->desk->jobs, &call->job))
        refuse_overloaded(
            call, "Two exports or imports are under way, and others wait: try again in a moment.");
}

void desk_add_minute(struct buffer *out, const char *name, int32_t minute)
{
    char text[TIMESTAMP_SIZE];
    timestamp_format(minute, text);
    json_add_string(out, name, text);
}

const char *desk_call_id(struct http_request *request)
{
    if (booking_id_valid(request->segment)) {
        http_note(request, "booking", request->segment);
        return request->segment;
    }
    http_answer_problem(request, PROBLEM_UNKNOWN_BOOKING, "id",
                        "An id has 22 letters, digits, '-' or '_'.");
    return NULL;
}
