/* GET /api/webhooks, POST /api/webhooks/{id}/again, POST /api/webhooks/test. */
#include "outgoing/webhooks.h"
#include "lib/base/container_of.h"
#include "lib/json/writer.h"
#include "operator/desk/call.h"
#include "operator/desk/desk_api.h"
#include "operator/desk/fields.h"
#include "store/changes/webhooks_document.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { LIMIT = 50 };

struct hooks {
    struct desk_call call;
    char channel[BOOKING_CHANNEL_MAX + 1]; /* "" for any */
    enum webhook_state state;
    int64_t id; /* to be sent again, or behind which a page begins; 0: all, or from the start */
    unsigned limit, count;
    int64_t last;
    bool more, stopped;
};

static struct hooks *hooks_of(struct desk_job *job)
{
    return container_of(job, struct hooks, call.job);
}

/* --- on the desk's thread --------------------------------------------------------------------- */

static bool add_summary(void *context, const struct webhook_summary *summary)
{
    struct hooks *hooks = context;
    const char *own = hooks->call.engine->config->channel;
    webhook_json_summary(&hooks->call.body, summary,
                         hooks->stopped && strcmp(summary->channel, own) == 0);
    return true;
}

static bool add_delivery(void *context, const struct webhook_delivery *delivery)
{
    struct hooks *hooks = context;
    if (hooks->count == hooks->limit) {
        hooks->more = true;
        return false;
    }
    hooks->count++;
    hooks->last = delivery->id;
    webhook_json_delivery(&hooks->call.body, delivery);
    return !hooks->call.body.failed;
}

static enum desk_result run_list(struct desk_job *job, struct desk *desk)
{
    struct hooks *hooks = hooks_of(job);
    struct buffer *body = &hooks->call.body;
    json_begin(body);
    json_open_array(body, "webhooks");
    enum desk_result result =
        webhook_summaries(desk, hooks->channel, add_summary, hooks, &job->error);
    json_close_array(body);
    json_open_array(body, "deliveries");
    if (result == DESK_OK)
        result = webhook_list(desk, hooks->channel, hooks->state, hooks->id, hooks->limit + 1,
                              add_delivery, hooks, &job->error);
    json_close_array(body);
    if (hooks->more)
        json_add_integer(body, "next", hooks->last);
    json_end(body);
    return result;
}

static enum desk_result run_again(struct desk_job *job, struct desk *desk)
{
    struct hooks *hooks = hooks_of(job);
    buffer_add_text(&hooks->call.body, "{}");
    return webhook_again(desk, hooks->channel, hooks->id, time(NULL), &job->error);
}

static enum desk_result run_test(struct desk_job *job, struct desk *desk)
{
    struct hooks *hooks = hooks_of(job);
    int64_t id = 0;
    enum desk_result result = webhook_test(desk, hooks->channel, time(NULL), &id, &job->error);
    json_begin(&hooks->call.body);
    json_add_integer(&hooks->call.body, "id", id);
    json_end(&hooks->call.body);
    return result;
}

/* --- on the loop ------------------------------------------------------------------------------ */

static const char *read_state(const char *text, void *value)
{
    enum webhook_state state = webhook_state_of(text);
    *(enum webhook_state *)value = state;
    return state ? NULL : "must be waiting or given_up";
}

static const char *read_after(const char *text, void *value)
{
    int64_t id = webhook_read_id(text);
    *(int64_t *)value = id;
    return id ? NULL : "must be the 'next' of the page before";
}

void desk_api_webhooks(void *context, struct http_request *request)
{
    struct engine *engine = context;
    struct hooks asked = {.limit = LIMIT};
    struct request_field fields[] = {
        request_optional("channel", desk_read_channel, asked.channel),
        request_optional("state", read_state, &asked.state),
        request_optional("after", read_after, &asked.id),
        request_optional("limit", desk_read_limit, &asked.limit),
    };
    if (!request_read_query(request, fields, sizeof fields / sizeof fields[0]))
        return;
    struct hooks *hooks = desk_call_new(sizeof *hooks, engine, request, run_list);
    if (!hooks)
        return;
    memcpy(hooks->channel, asked.channel, sizeof hooks->channel);
    hooks->state = asked.state;
    hooks->id = asked.id;
    hooks->limit = asked.limit;
    hooks->stopped = webhooks_is_stopped(engine->webhooks);
    desk_call_start(&hooks->call);
}

/* What is not there is no booking, as it would be elsewhere at the desk. */
static void on_done(struct desk_job *job)
{
    struct hooks *hooks = hooks_of(job);
    if (job->end == DESK_JOB_RAN && job->result == DESK_NOT_FOUND)
        http_answer_problem(hooks->call.request, PROBLEM_NOT_FOUND, NULL,
                            job->run == run_test
                                ? "No engine of this channel was started with a webhook."
                                : "No such webhook waits or was given up; it may be delivered.");
    else if (!desk_call_refuse(&hooks->call))
        desk_call_answer(&hooks->call);
    desk_call_free(&hooks->call);
}

static struct hooks *begin_write(struct engine *engine, struct http_request *request,
                                 enum desk_result (*run)(struct desk_job *job, struct desk *desk))
{
    if (!request_read_no_query(request))
        return NULL;
    struct hooks *hooks = desk_call_new(sizeof *hooks, engine, request, run);
    if (!hooks)
        return NULL;
    hooks->call.changes = true;
    hooks->call.job.done = on_done;
    return hooks;
}

static void start_with_channel(struct hooks *hooks, struct http_request *request)
{
    struct request_field channel = request_optional("channel", desk_read_channel, hooks->channel);
    if (request_read_body(request, &channel, 1))
        desk_call_start(&hooks->call);
    else
        desk_call_free(&hooks->call);
}

void desk_api_webhook_again(void *context, struct http_request *request)
{
    bool all = strcmp(request->segment, "all") == 0;
    int64_t id = webhook_read_id(request->segment);
    if (!all && !id) {
        http_answer_problem(request, PROBLEM_NOT_FOUND, NULL,
                            "An id is a number; 'all' is what was given up.");
        return;
    }
    struct hooks *hooks = begin_write(context, request, run_again);
    if (!hooks)
        return;
    hooks->id = all ? 0 : id;
    start_with_channel(hooks, request);
}

void desk_api_webhook_test(void *context, struct http_request *request)
{
    struct hooks *hooks = begin_write(context, request, run_test);
    if (!hooks)
        return;
    hooks->call.status = 201;
    snprintf(hooks->channel, sizeof hooks->channel, "%s", hooks->call.engine->config->channel);
    start_with_channel(hooks, request);
}
