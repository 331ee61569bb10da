/* GET /api/status: what the page has to know before it asks for anything. It is answered also when
 * the database is not. */
#include "lib/base/container_of.h"
#include "lib/base/timestamp.h"
#include "lib/json/writer.h"
#include "operator/desk/call.h"
#include "operator/desk/desk_api.h"

struct status {
    struct desk_call call;
    int32_t turnaround;
};

static void answer_status(const struct engine *engine, struct http_request *request,
                          const int32_t *turnaround)
{
    char now[TIMESTAMP_SIZE];
    timestamp_format_seconds(timestamp_now_milliseconds() / 1000, now);
    const char *currency = catalog_currency(inventory_catalog(engine->inventory));
    struct buffer *out = http_body(request);
    json_begin(out);
    json_add_string(out, "version", BOOKING_VERSION);
    json_add_string(out, "channel", engine->config->channel);
    if (*request->caller)
        json_add_string(out, "operator", request->caller);
    else
        buffer_add_text(out, "\"operator\":null,");
    json_add_string(out, "currency", *currency ? currency : NULL);
    json_add_integer(out, "cars", (int64_t)inventory_cars(engine->inventory));
    if (turnaround)
        json_add_integer(out, "turnaround", *turnaround);
    json_add_string(out, "now", now);
    json_add_string(out, "store", turnaround ? "up" : "down");
    json_end(out);
    http_answer(request, 200, "application/json");
}

static struct status *status_of(struct desk_job *job)
{
    return container_of(job, struct status, call.job);
}

static enum desk_result run_status(struct desk_job *job, struct desk *desk)
{
    return desk_result_of(desk_turnaround(desk, &status_of(job)->turnaround, &job->error));
}

static void on_status(struct desk_job *job)
{
    struct status *status = status_of(job);
    bool up = job->end == DESK_JOB_RAN && job->result == DESK_OK;
    answer_status(status->call.engine, status->call.request, up ? &status->turnaround : NULL);
    desk_call_free(&status->call);
}

void desk_status(void *context, struct http_request *request)
{
    struct engine *engine = context;
    if (engine->store_down) {
        answer_status(engine, request, NULL);
        return;
    }
    struct status *status = desk_call_new(sizeof *status, engine, request, run_status);
    if (!status)
        return;
    status->call.job.done = on_status;
    desk_call_start(&status->call);
}
