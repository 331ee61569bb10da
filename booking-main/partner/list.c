/* GET /bookings: the channel's own bookings, newest first, a page at a time.
 *
 * In the contract's names and without the adapter: a list is for a program that looks after many
 * bookings, and its partner's format is of one car.
 */
#include "engine.h"
#include "lib/base/container_of.h"
#include "lib/base/text.h"
#include "lib/http/fields.h"
#include "partner/document.h"
#include "partner/lookup.h"
#include "partner/partner.h"
#include "store/desk/jobs.h"
#include "store/desk/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT = 50, LIMIT_MAX = 200, ANSWER_MAX = 1024 * 1024 };

struct list {
    struct desk_job job;
    struct engine *engine;
    struct http_request *request;
    struct desk_page page;
    struct buffer body;
};

static void list_free(struct list *list)
{
    buffer_free(&list->job.error);
    buffer_free(&list->body);
    free(list);
}

/* --- on the thread ---------------------------------------------------------------------------- */

static void add_booking(struct buffer *body, const struct desk_booking *row)
{
    booking_document_listed(body, &row->booking, row->created_at);
}

static enum desk_result run_list(struct desk_job *job, struct desk *desk)
{
    struct list *list = container_of(job, struct list, job);
    return desk_page_add(desk, &list->page, &list->body, &job->error) ? DESK_OK : DESK_FAILED;
}

/* --- on the loop ------------------------------------------------------------------------------ */

static void on_listed(struct desk_job *job)
{
    struct list *list = container_of(job, struct list, job);
    const char *detail;
    enum problem problem = lookup_problem(list->engine, job, &detail);
    if (job->error.size)
        log_error(list->engine->log, "bookings cannot be listed", "error", job->error.data,
                  "request_id", list->request->identity->request_id, NULL);
    if (problem == PROBLEM_COUNT) {
        http_take_body(list->request, &list->body);
        http_answer(list->request, 200, "application/json");
    } else {
        http_answer_problem(list->request, problem, NULL, detail);
    }
    list_free(list);
}

static void on_left(struct http_request *request)
{
    struct list *list = request->call;
    desk_jobs_cancel(list->engine->lookups, &list->job);
}

static const char *read_reference(const char *text, void *value)
{
    size_t size = strlen(text);
    if (size < 1 || size > BOOKING_REFERENCE_MAX)
        return "must have 1 to 128 bytes";
    if (!text_is_utf8(text) || text_has_control(text))
        return "must be UTF-8 without control characters";
    memcpy(value, text, size + 1);
    return NULL;
}

static const char *read_status(const char *text, void *value)
{
    for (enum booking_state state = BOOKING_HELD; state < BOOKING_BLOCKED; state++)
        if (strcmp(text, booking_state_name(state)) == 0) {
            *(enum booking_state *)value = state;
            return NULL;
        }
    return "must be booked, held, cancelled or expired";
}

static const char *read_after(const char *text, void *value)
{
    struct desk_page_end *end = value;
    const char *problem = desk_page_end_read(text, end);
    return problem || end->order == DESK_NEWEST_FIRST ? problem : "is not the 'next' of a page";
}

static const char *read_limit(const char *text, void *value)
{
    int64_t number;
    if (!request_whole_number(text, 1, LIMIT_MAX, &number))
        return "must be a whole number from 1 to 200";
    *(unsigned *)value = (unsigned)number;
    return NULL;
}

void booking_list(void *context, struct http_request *request)
{
    struct engine *engine = context;
    struct list *list = calloc(1, sizeof *list);
    if (!list) {
        http_answer_problem(request, PROBLEM_INTERNAL_ERROR, NULL, "Out of memory; try again.");
        return;
    }
    list->job.run = run_list;
    list->job.done = on_listed;
    buffer_init(&list->job.error, 1024);
    buffer_init(&list->body, ANSWER_MAX);
    list->engine = engine;
    list->request = request;
    struct desk_page *page = &list->page;
    *page = (struct desk_page){.filter = desk_filter_any(), .limit = LIMIT, .add = add_booking};
    snprintf(page->filter.channel, sizeof page->filter.channel, "%s", engine->config->channel);
    enum { AFTER = 2, FIELDS = 4 };
    struct request_field fields[FIELDS] = {
        request_optional("reference", read_reference, page->filter.reference),
        request_optional("status", read_status, &page->filter.state),
        [AFTER] = request_optional("after", read_after, &page->after),
        request_optional("limit", read_limit, &page->limit),
    };
    if (!request_read_query(request, fields, FIELDS) || !request_read_no_body(request)) {
        list_free(list);
        return;
    }
    page->behind = fields[AFTER].given;
    if (!desk_jobs_add(engine->lookups, &list->job)) {
        http_answer_problem(request, PROBLEM_OVERLOADED, NULL, "Try again in a moment.");
        list_free(list);
        return;
    }
    request->call = list;
    http_tell_left(request, on_left);
}
