/* POST /api/fleet: what a fleet file would change, or changes. Reading a large file and writing its
 * cars takes longer than a short job has, so it is a long one. */
#include "fleet/fleet.h"
#include "lib/base/container_of.h"
#include "lib/json/writer.h"
#include "operator/desk/call.h"
#include "operator/desk/desk_api.h"
#include "operator/desk/fields.h"
#include "store/desk/document.h"

enum { SENTENCE_MAX = 256 };

struct upload {
    struct desk_call call;
    const char *file; /* the request's body */
    size_t size;
    bool dry_run, force;
    struct buffer needs_force; /* a sentence: why it does; "" when it does not */
};

static enum desk_result import_fleet(struct upload *upload, const struct fleet *fleet)
{
    struct store *store = upload->call.engine->store;
    struct buffer *body = &upload->call.body, *error = &upload->call.job.error;
    struct store_import_report report;
    struct store_import_options options = {.dry_run = upload->dry_run, .force = upload->force};
    if (!store_import(store, fleet, &options, &report, error))
        return DESK_FAILED;
    if (report.needs_force) {
        buffer_add_text(&upload->needs_force, "It would ");
        store_import_doubts(&report, &upload->needs_force);
        buffer_add_text(&upload->needs_force, ".");
    }
    bool writes = !upload->dry_run && (upload->force || !report.needs_force);
    bool whole = upload->dry_run || writes; /* else the members of a problem */
    if (whole)
        json_begin(body);
    desk_json_import(body, writes, &report, &fleet->warnings);
    if (upload->needs_force.size)
        json_add_string(body, "needs_force", upload->needs_force.data);
    if (whole)
        json_end(body);
    return DESK_OK;
}

static struct upload *upload_of(struct desk_job *job)
{
    return container_of(job, struct upload, call.job);
}

static enum desk_result run_upload(struct desk_job *job, struct desk *desk)
{
    (void)desk; /* an import has a connection of its own */
    struct upload *upload = upload_of(job);
    struct fleet *fleet = fleet_parse("file", upload->file, upload->size, &job->error);
    if (!fleet)
        return DESK_INVALID;
    enum desk_result result = import_fleet(upload, fleet);
    fleet_free(fleet);
    return result;
}

static void on_uploaded(struct desk_job *job)
{
    struct upload *upload = upload_of(job);
    struct desk_call *call = &upload->call;
    bool refused = upload->needs_force.size && !upload->dry_run && !upload->force;
    if (desk_call_refuse(call))
        ; /* answered */
    else if (refused)
        http_answer_problem_more(call->request, PROBLEM_NEEDS_FORCE, "force",
                                 upload->needs_force.data, &call->body);
    else
        desk_call_answer(call);
    buffer_free(&upload->needs_force);
    desk_call_free(call);
}

void desk_api_fleet(void *context, struct http_request *request)
{
    bool dry_run = false, force = false;
    struct request_field fields[] = {
        request_optional("dry_run", desk_read_true, &dry_run),
        request_optional("force", desk_read_true, &force),
    };
    if (!request_read_query(request, fields, sizeof fields / sizeof fields[0]))
        return;
    struct upload *upload = desk_call_new(sizeof *upload, context, request, run_upload);
    if (!upload)
        return;
    upload->call.job.done = on_uploaded;
    upload->call.changes = !dry_run;
    upload->file = request->body;
    upload->size = request->body_size;
    upload->dry_run = dry_run;
    upload->force = force;
    buffer_init(&upload->needs_force, SENTENCE_MAX);
    desk_call_start_long(&upload->call);
}
