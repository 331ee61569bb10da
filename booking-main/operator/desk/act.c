/* What changes something: cancel, change, returned, blocks, turnaround. */
#include "lib/base/container_of.h"
#include "lib/json/writer.h"
#include "operator/desk/call.h"
#include "operator/desk/desk_api.h"
#include "operator/desk/fields.h"
#include "store/desk/document.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

struct act {
    struct desk_call call;
    char actor[DESK_ACTOR_MAX + 1];
    char reason[DESK_REASON_MAX + 1];
    struct desk_act act;
    char id[BOOKING_ID_SIZE + 1];
    char carid[CAR_ID_MAX + 1];
    struct desk_change change;
    struct period period;
    int32_t turnaround;
    struct desk_outcome outcome;
};

_Static_assert((int)HTTP_CALLER_MAX <= (int)DESK_ACTOR_MAX, "a caller's name is an actor");

/* --- on the desk's thread --------------------------------------------------------------------- */

/* Writes the answer, or what a refusal shows besides. */
static enum desk_result finish(struct act *act, enum desk_result result)
{
    struct buffer *body = &act->call.body;
    if (result == DESK_OK)
        json_begin(body);
    if (result != DESK_NOT_FOUND && result != DESK_INVALID && result != DESK_FAILED)
        desk_json_outcome(body, result, &act->outcome);
    if (result == DESK_OK)
        json_end(body);
    return result;
}

static struct act *act_of(struct desk_job *job)
{
    return container_of(job, struct act, call.job);
}

static enum desk_result run_cancel(struct desk_job *job, struct desk *desk)
{
    struct act *act = act_of(job);
    return finish(act, desk_cancel(desk, act->id, &act->act, &act->outcome, &job->error));
}

static enum desk_result run_change(struct desk_job *job, struct desk *desk)
{
    struct act *act = act_of(job);
    return finish(act,
                  desk_change(desk, act->id, &act->change, &act->act, &act->outcome, &job->error));
}

static enum desk_result run_returned(struct desk_job *job, struct desk *desk)
{
    struct act *act = act_of(job);
    return finish(act, desk_returned(desk, act->id, &act->act, &act->outcome, &job->error));
}

static enum desk_result run_block(struct desk_job *job, struct desk *desk)
{
    struct act *act = act_of(job);
    enum desk_result result = finish(
        act, desk_block(desk, act->carid, act->period, &act->act, &act->outcome, &job->error));
    if (result == DESK_OK)
        snprintf(act->call.location, sizeof act->call.location, "/api/bookings/%s",
                 act->outcome.booking.booking.id);
    return result;
}

static enum desk_result run_unblock(struct desk_job *job, struct desk *desk)
{
    struct act *act = act_of(job);
    return finish(act, desk_unblock(desk, act->id, &act->act, &act->outcome, &job->error));
}

static enum desk_result run_turnaround(struct desk_job *job, struct desk *desk)
{
    struct act *act = act_of(job);
    struct buffer *body = &act->call.body;
    bool set = desk_set_turnaround(desk, act->turnaround, &job->error);
    json_begin(body);
    json_add_integer(body, "turnaround", act->turnaround);
    json_end(body);
    return desk_result_of(set);
}

/* --- on the loop ------------------------------------------------------------------------------ */

/* NULL when the request was answered. */
static struct act *begin_act(struct engine *engine, struct http_request *request,
                             enum desk_result (*run)(struct desk_job *job, struct desk *desk))
{
    struct act *act = desk_call_new(sizeof *act, engine, request, run);
    if (!act)
        return NULL;
    act->call.changes = true;
    snprintf(act->actor, sizeof act->actor, "%s", request->caller);
    act->act = (struct desk_act){.actor = act->actor, .reason = act->reason, .now = time(NULL)};
    act->change.return_at = DESK_ANY_TIME;
    return act;
}

/* The same for a booking or block that the path names. */
static struct act *begin_act_on(struct engine *engine, struct http_request *request,
                                enum desk_result (*run)(struct desk_job *job, struct desk *desk))
{
    const char *id = desk_call_id(request);
    if (!id || !request_read_no_query(request))
        return NULL;
    struct act *act = begin_act(engine, request, run);
    if (act)
        memcpy(act->id, id, sizeof act->id);
    return act;
}

/* Starts it if what came before is well; else the request was answered. */
static void start_if(bool valid, struct act *act)
{
    if (valid)
        desk_call_start(&act->call);
    else
        desk_call_free(&act->call);
}

static struct request_field seen_field(struct act *act)
{
    struct request_field field = request_optional("seen", desk_read_seen, &act->act.seen);
    field.number = true;
    return field;
}

void desk_api_cancel(void *context, struct http_request *request)
{
    struct act *act = begin_act_on(context, request, run_cancel);
    if (!act)
        return;
    struct request_field fields[] = {request_required("reason", desk_read_reason, act->reason),
                                     seen_field(act)};
    start_if(request_read_body(request, fields, sizeof fields / sizeof fields[0]), act);
}

void desk_api_change(void *context, struct http_request *request)
{
    struct act *act = begin_act_on(context, request, run_change);
    if (!act)
        return;
    enum { RETURN_AT, CARID, REASON, SEEN };
    struct request_field fields[] = {
        [RETURN_AT] = request_optional("return_at", desk_read_time, &act->change.return_at),
        [CARID] = request_optional("carid", desk_read_carid, act->carid),
        [REASON] = request_required("reason", desk_read_reason, act->reason),
        [SEEN] = seen_field(act),
    };
    bool valid = request_read_body(request, fields, sizeof fields / sizeof fields[0]);
    if (valid && !fields[RETURN_AT].given && !fields[CARID].given) {
        request_refuse_field(request, "return_at",
                             "is missing, and so is carid: say what to change");
        valid = false;
    }
    if (fields[CARID].given)
        act->change.carid = act->carid;
    start_if(valid, act);
}

void desk_api_returned(void *context, struct http_request *request)
{
    struct act *act = begin_act_on(context, request, run_returned);
    if (!act)
        return;
    struct request_field fields[] = {request_optional("reason", desk_read_reason, act->reason),
                                     seen_field(act)};
    start_if(request_read_body(request, fields, sizeof fields / sizeof fields[0]), act);
}

void desk_api_block(void *context, struct http_request *request)
{
    if (!request_read_no_query(request))
        return;
    struct act *act = begin_act(context, request, run_block);
    if (!act)
        return;
    act->call.status = 201;
    struct request_field fields[] = {
        request_required("carid", desk_read_carid, act->carid),
        request_required("from", desk_read_time, &act->period.pickup_at),
        request_required("to", desk_read_time, &act->period.return_at),
        request_required("reason", desk_read_reason, act->reason),
    };
    bool valid = request_read_body(request, fields, sizeof fields / sizeof fields[0]) &&
                 desk_check_period(request, act->period, "to", DESK_BLOCK_DAYS_MAX);
    if (valid)
        http_note(request, "car", act->carid);
    start_if(valid, act);
}

void desk_api_unblock(void *context, struct http_request *request)
{
    struct act *act = begin_act_on(context, request, run_unblock);
    if (!act)
        return;
    struct request_field fields[] = {request_optional("reason", desk_read_reason, act->reason),
                                     seen_field(act)};
    start_if(request_read_body(request, fields, sizeof fields / sizeof fields[0]), act);
}

void desk_api_turnaround(void *context, struct http_request *request)
{
    if (!request_read_no_query(request))
        return;
    struct act *act = begin_act(context, request, run_turnaround);
    if (!act)
        return;
    struct request_field fields[] = {
        request_required("minutes", desk_read_turnaround, &act->turnaround)};
    fields[0].number = true;
    start_if(request_read_body(request, fields, 1), act);
}
