/* GET /changes: the channel's own changes in the order of their commits, and waiting for the next.
 *
 * Requests are read for together, some at a time and on one thread: when a change comes, all that
 * wait for it ask at once. A request goes through these lists:
 *
 *     asking --> reading --> answered
 *       ^          | nothing new, and there is time
 *       |          v
 *       +------ waiting --> answered, with nothing: its time is over, or the engine stops
 *     a change came
 *
 * A change that comes while a request is being read for may be missed by that reading. So a request
 * waits only when no change behind what it has read was heard of.
 */
#include "partner/changes.h"

#include "lib/base/container_of.h"
#include "lib/http/fields.h"
#include "lib/json/writer.h"
#include "partner/lookup.h"
#include "partner/partner.h"
#include "store/changes/changes.h"
#include "store/desk/jobs.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ERROR_MAX = 1024, NOWHERE = -1, ROUNDS_MAX = 3 };

struct poll;

struct poll_list {
    struct poll *first, **last;
};

struct poll {
    struct poll *next;
    struct poll_list *list; /* that it is in */
    struct partner_changes *changes;
    struct http_request *request;
    int64_t after; /* NOWHERE: from now on */
    unsigned limit;
    int64_t until;   /* waits so long at most, on loop_now()'s clock; 0: not at all */
    bool left;       /* its client has gone */
    unsigned rounds; /* of reading, since it waited */
    /* What was read: */
    enum desk_result result;
    struct changes_end end;
    unsigned count;
    struct buffer body;
};

struct partner_changes {
    struct engine *engine;
    struct poll_list asking, reading, waiting;
    struct desk_job job; /* for `reading` */
    bool draining;
    int64_t heard; /* the number of the last event that may be a change of the channel's */
    struct loop_timer timer;
};

/* --- lists ----------------------------------------------------------------------------------- */

static void list_init(struct poll_list *list)
{
    list->first = NULL;
    list->last = &list->first;
}

static void list_add(struct poll_list *list, struct poll *poll)
{
    poll->next = NULL;
    poll->list = list;
    *list->last = poll;
    list->last = &poll->next;
}

static void list_remove(struct poll *poll)
{
    struct poll **link = &poll->list->first;
    while (*link && *link != poll)
        link = &(*link)->next;
    assert(*link == poll);
    *link = poll->next;
    if (!poll->next)
        poll->list->last = link;
    poll->list = NULL;
}

/* --- answering ------------------------------------------------------------------------------- */

static void poll_end(struct poll *poll)
{
    buffer_free(&poll->body);
    free(poll);
}

static void poll_refuse(struct poll *poll, enum problem problem, const char *parameter,
                        const char *detail)
{
    http_answer_problem(poll->request, problem, parameter, detail);
    poll_end(poll);
}

static void poll_answer(struct poll *poll)
{
    char count[16];
    snprintf(count, sizeof count, "%u", poll->count);
    http_note(poll->request, "changes", count);
    http_take_body(poll->request, &poll->body);
    http_answer(poll->request, 200, "application/json");
    poll_end(poll);
}

/* The page's end; all of it has been written when it is not failed. */
static void end_page(struct poll *poll)
{
    json_close_array(&poll->body);
    json_add_integer(&poll->body, "next", poll->end.next);
    json_end(&poll->body);
}

static void begin_page(struct poll *poll)
{
    buffer_clear(&poll->body);
    poll->count = 0;
    json_begin(&poll->body);
    json_open_array(&poll->body, "changes");
}

static void stop_waiting(struct poll *poll)
{
    list_remove(poll);
    poll->rounds = 0;
    poll->changes->engine->counters.changes_waiting--;
}

/* --- reading, on the thread ------------------------------------------------------------------ */

static bool add_change(void *context, const struct change *change)
{
    struct poll *poll = context;
    poll->count++;
    json_open_object(&poll->body, NULL);
    change_json_members(&poll->body, change);
    json_close_object(&poll->body);
    return !poll->body.failed;
}

static enum desk_result read_poll(struct poll *poll, struct desk *desk, const char *channel,
                                  struct buffer *error)
{
    begin_page(poll);
    if (poll->after == NOWHERE) {
        poll->end.caught_up = true;
        poll->result = changes_last(desk, &poll->end.next, error);
    } else {
        poll->result = changes_read(desk, channel, poll->after, poll->limit, add_change, poll,
                                    &poll->end, error);
    }
    end_page(poll);
    return poll->result;
}

static enum desk_result run(struct desk_job *job, struct desk *desk)
{
    struct partner_changes *changes = container_of(job, struct partner_changes, job);
    const char *channel = changes->engine->config->channel;
    enum desk_result result = DESK_OK;
    for (struct poll *poll = changes->reading.first; poll && result != DESK_FAILED;
         poll = poll->next)
        result = read_poll(poll, desk, channel, &job->error);
    return result == DESK_FAILED ? DESK_FAILED : DESK_OK;
}

/* --- reading, on the loop -------------------------------------------------------------------- */

static void start_reading(struct partner_changes *changes);

static void on_timer(struct loop_timer *timer)
{
    struct partner_changes *changes = container_of(timer, struct partner_changes, timer);
    int64_t now = loop_now(changes->engine->loop), next_until = 0;
    struct poll *next;
    for (struct poll *poll = changes->waiting.first; poll; poll = next) {
        next = poll->next;
        if (poll->until <= now) {
            stop_waiting(poll);
            poll_answer(poll);
        } else if (!next_until || poll->until < next_until) {
            next_until = poll->until;
        }
    }
    if (next_until)
        loop_arm(changes->engine->loop, timer, next_until);
}

static void poll_wait(struct poll *poll)
{
    struct partner_changes *changes = poll->changes;
    list_add(&changes->waiting, poll);
    changes->engine->counters.changes_waiting++;
    if (!changes->timer.armed || poll->until < changes->timer.at)
        loop_arm(changes->engine->loop, &changes->timer, poll->until);
}

/* What becomes of a request whose page was read. */
static void take_page(struct poll *poll)
{
    struct partner_changes *changes = poll->changes;
    if (poll->result == DESK_NOT_FOUND) {
        poll_refuse(poll, PROBLEM_CHANGES_EXPIRED, "after",
                    "Ask without 'after' for the number to go on from, then look at your bookings "
                    "anew.");
        return;
    }
    bool waits = !poll->count && poll->end.caught_up && !poll->body.failed && !poll->left &&
                 !changes->draining && poll->until > loop_now(changes->engine->loop) &&
                 changes->engine->counters.changes_waiting < CHANGES_WAITING_MAX;
    bool behind = changes->heard > poll->end.next;
    poll->after = poll->end.next;
    /* Behind for ever is who asks after a backup was restored and before this engine knows. */
    if (!waits || (behind && poll->rounds++ == ROUNDS_MAX))
        poll_answer(poll);
    else if (behind)
        list_add(&changes->asking, poll);
    else
        poll_wait(poll);
}

static void on_read(struct desk_job *job)
{
    struct partner_changes *changes = container_of(job, struct partner_changes, job);
    const char *detail;
    enum problem problem = lookup_problem(changes->engine, job, &detail);
    struct poll *next, *first = changes->reading.first;
    if (problem != PROBLEM_COUNT && job->error.size)
        log_error(changes->engine->log, "the database failed for those who ask for changes",
                  "error", job->error.data, NULL);
    list_init(&changes->reading);
    for (struct poll *poll = first; poll; poll = next) {
        next = poll->next;
        poll->list = NULL;
        if (problem == PROBLEM_COUNT)
            take_page(poll);
        else
            poll_refuse(poll, problem, NULL, detail);
    }
    start_reading(changes);
}

static void start_reading(struct partner_changes *changes)
{
    if (changes->reading.first || !changes->asking.first)
        return;
    for (int i = 0; i < CHANGES_READ_AT_ONCE && changes->asking.first; i++) {
        struct poll *poll = changes->asking.first;
        list_remove(poll);
        list_add(&changes->reading, poll);
    }
    buffer_clear(&changes->job.error);
    changes->job.end = DESK_JOB_WAITED; /* when there are too many */
    if (!desk_jobs_add(changes->engine->lookups, &changes->job))
        on_read(&changes->job);
}

/* --- requests -------------------------------------------------------------------------------- */

static void on_left(struct http_request *request)
{
    struct poll *poll = request->call;
    struct partner_changes *changes = poll->changes;
    poll->left = true;
    if (poll->list == &changes->reading)
        return; /* the thread has it */
    if (poll->list == &changes->waiting)
        stop_waiting(poll);
    else
        list_remove(poll);
    begin_page(poll);
    poll->end.next = poll->after;
    end_page(poll);
    poll_answer(poll);
}

static const char *read_after(const char *text, void *value)
{
    return request_whole_number(text, 0, INT64_MAX, value) ? NULL
                                                           : "must be the 'next' of an answer";
}

static const char *read_limit(const char *text, void *value)
{
    return request_whole_number(text, 1, CHANGES_LIMIT_MAX, value)
               ? NULL
               : "must be a whole number from 1 to 500";
}

static const char *read_wait(const char *text, void *value)
{
    return request_whole_number(text, 0, CHANGES_WAIT_MAX, value)
               ? NULL
               : "must be a whole number of seconds from 0 to 60";
}

void changes_list(void *context, struct http_request *request)
{
    struct engine *engine = context;
    struct partner_changes *changes = engine->changes;
    int64_t after = NOWHERE, limit = CHANGES_LIMIT, wait = 0;
    struct request_field fields[] = {
        request_optional("after", read_after, &after),
        request_optional("limit", read_limit, &limit),
        request_optional("wait", read_wait, &wait),
    };
    if (!request_read_query(request, fields, sizeof fields / sizeof fields[0]) ||
        !request_read_no_body(request))
        return;
    struct poll *poll = calloc(1, sizeof *poll);
    if (!poll) {
        http_answer_problem(request, PROBLEM_INTERNAL_ERROR, NULL, "Out of memory; try again.");
        return;
    }
    poll->changes = changes;
    poll->request = request;
    poll->after = after;
    poll->limit = (unsigned)limit;
    if (wait)
        poll->until = loop_now(engine->loop) + wait * LOOP_SECOND;
    buffer_init(&poll->body, HTTP_ANSWER_MAX);
    request->call = poll;
    http_tell_left(request, on_left);
    list_add(&changes->asking, poll);
    start_reading(changes);
}

/* --- what the engine tells ------------------------------------------------------------------- */

/* A new fleet's event may also stand for events that this engine was not told of. */
static bool may_be_ours(const struct partner_changes *changes, const struct store_event *event)
{
    return event->kind == EVENT_FLEET ||
           (event->change && strcmp(event->channel, changes->engine->config->channel) == 0);
}

void partner_changes_event(struct partner_changes *changes, const struct store_event *event)
{
    if (!changes || !may_be_ours(changes, event))
        return;
    struct poll *next;
    changes->heard = event->number;
    for (struct poll *poll = changes->waiting.first; poll; poll = next) {
        next = poll->next;
        if (event->kind != EVENT_FLEET && event->number <= poll->after)
            continue; /* it was read already */
        stop_waiting(poll);
        list_add(&changes->asking, poll);
    }
    start_reading(changes);
}

static void answer_waiting(struct partner_changes *changes)
{
    struct poll *next, *first = changes->waiting.first;
    list_init(&changes->waiting);
    changes->engine->counters.changes_waiting = 0;
    for (struct poll *poll = first; poll; poll = next) {
        next = poll->next;
        poll_answer(poll);
    }
}

void partner_changes_drain(struct partner_changes *changes)
{
    if (!changes)
        return;
    changes->draining = true;
    answer_waiting(changes);
}

/* --- life ------------------------------------------------------------------------------------ */

struct partner_changes *partner_changes_new(struct engine *engine)
{
    struct partner_changes *changes = calloc(1, sizeof *changes);
    if (!changes)
        return NULL;
    changes->engine = engine;
    list_init(&changes->asking);
    list_init(&changes->reading);
    list_init(&changes->waiting);
    changes->job.run = run;
    changes->job.done = on_read;
    buffer_init(&changes->job.error, ERROR_MAX);
    changes->timer.expired = on_timer;
    return changes;
}

void partner_changes_stop(struct partner_changes *changes)
{
    if (!changes)
        return;
    partner_changes_drain(changes);
    assert(!changes->reading.first && !changes->asking.first);
}

void partner_changes_free(struct partner_changes *changes)
{
    if (!changes)
        return;
    loop_remove_timer(changes->engine->loop, &changes->timer);
    buffer_free(&changes->job.error);
    free(changes);
}
