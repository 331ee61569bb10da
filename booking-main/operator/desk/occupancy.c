/* GET /api/occupancy. The index knows the answer, and the index is the loop's, so the cars are
 * counted here, a portion of them each round: partners are served in between. */
#include "inventory/occupancy.h"
#include "lib/base/container_of.h"
#include "lib/json/writer.h"
#include "operator/desk/call.h"
#include "operator/desk/desk_api.h"
#include "operator/desk/fields.h"

#include <assert.h>
#include <stdlib.h>

enum { DAYS = 31, COUNTS_MAX = 16 };

_Static_assert((int)OCCUPANCY_DAYS_MAX == (int)DESK_DAYS_MAX, "as desk_read_days says");

struct count {
    struct engine *engine;
    struct http_request *request;
    struct occupancy *occupancy;
    int32_t from;
    unsigned days;
    struct buffer body;
    struct count *next;
};

/* One is counted after the other. */
struct desk_counts {
    struct loop *loop;
    struct loop_timer timer;
    struct count *first, **last;
    unsigned count;
};

static bool add_group(void *context, const struct occupancy_group *group)
{
    struct count *count = context;
    struct buffer *body = &count->body;
    json_open_object(body, NULL);
    json_add_string(body, "location", group->location);
    json_add_string(body, "category", group->category);
    json_add_integer(body, "total", group->total);
    json_open_array(body, "free");
    for (unsigned i = 0; i < count->days; i++)
        json_add_integer(body, NULL, (int64_t)group->total - group->busy[i]);
    json_close_array(body);
    json_close_object(body);
    return !body->failed;
}

static void answer_count(struct count *count)
{
    struct buffer *body = &count->body;
    json_begin(body);
    desk_add_minute(body, "from", count->from);
    json_add_integer(body, "days", count->days);
    json_open_array(body, "groups");
    (void)occupancy_tell(count->occupancy, add_group, count); /* stops when the body has failed */
    json_close_array(body);
    json_end(body);
    http_take_body(count->request, body);
    http_answer(count->request, 200, "application/json");
}

static void end_first(struct desk_counts *counts)
{
    struct count *count = counts->first;
    counts->first = count->next;
    if (!counts->first)
        counts->last = &counts->first;
    counts->count--;
    occupancy_free(count->occupancy);
    buffer_free(&count->body);
    free(count);
}

static void on_step(struct loop_timer *timer)
{
    struct desk_counts *counts = container_of(timer, struct desk_counts, timer);
    struct count *count = counts->first;
    switch (occupancy_step(count->occupancy, count->engine->inventory)) {
    case OCCUPANCY_MORE:
        break;
    case OCCUPANCY_DONE:
        answer_count(count);
        end_first(counts);
        break;
    case OCCUPANCY_TOO_MANY:
        http_answer_problem(count->request, PROBLEM_INVALID_REQUEST, "location",
                            "There are more than 2000 locations and categories: ask for one "
                            "location.");
        end_first(counts);
        break;
    case OCCUPANCY_NO_MEMORY:
        http_answer_problem(count->request, PROBLEM_INTERNAL_ERROR, NULL,
                            "Out of memory; try again.");
        end_first(counts);
        break;
    }
    if (counts->first)
        loop_arm(counts->loop, &counts->timer, loop_now(counts->loop));
}

_Static_assert(OCCUPANCY_GROUPS_MAX == 2000, "the sentence says so");

static void start_count(struct engine *engine, struct http_request *request, const char *location,
                        int32_t from, unsigned days)
{
    struct desk_counts *counts = engine->desk->counts;
    struct count *count = calloc(1, sizeof *count);
    if (count)
        count->occupancy = occupancy_new(location, from, days);
    if (!count || !count->occupancy) {
        free(count);
        http_answer_problem(request, PROBLEM_INTERNAL_ERROR, NULL, "Out of memory; try again.");
        return;
    }
    count->engine = engine;
    count->request = request;
    count->from = from;
    count->days = days;
    buffer_init(&count->body, DESK_ANSWER_MAX);
    *counts->last = count;
    counts->last = &count->next;
    counts->count++;
    if (!counts->timer.armed)
        loop_arm(counts->loop, &counts->timer, loop_now(counts->loop));
}

void desk_api_occupancy(void *context, struct http_request *request)
{
    struct engine *engine = context;
    char location[CAR_LOCATION_MAX + 1] = "";
    int32_t from;
    unsigned days = DAYS;
    struct request_field fields[] = {
        request_required("from", desk_read_time, &from),
        request_optional("days", desk_read_days, &days),
        request_optional("location", desk_read_location, location),
    };
    if (!request_read_query(request, fields, sizeof fields / sizeof fields[0]))
        return;
    if (engine->desk->counts->count >= COUNTS_MAX)
        http_answer_problem(request, PROBLEM_OVERLOADED, NULL,
                            "Too much is asked of the desk at once; try again in a moment.");
    else
        start_count(engine, request, location, from, days);
}

struct desk_counts *desk_counts_new(struct loop *loop)
{
    struct desk_counts *counts = calloc(1, sizeof *counts);
    if (!counts)
        return NULL;
    counts->loop = loop;
    counts->timer.expired = on_step;
    counts->last = &counts->first;
    return counts;
}

void desk_counts_stop(struct desk_counts *counts)
{
    if (!counts)
        return;
    loop_disarm(&counts->timer);
    while (counts->first) {
        http_answer_problem(counts->first->request, PROBLEM_DRAINING, NULL,
                            "Ask again in a moment.");
        end_first(counts);
    }
}

void desk_counts_free(struct desk_counts *counts)
{
    if (!counts)
        return;
    assert(!counts->first);
    loop_remove_timer(counts->loop, &counts->timer);
    free(counts);
}
