#include "partner/asked.h"

#include "lib/base/timestamp.h"
#include "lib/http/fields.h"
#include "partner/journal.h"

#include <stdio.h>
#include <string.h>

struct asked_reading {
    struct criteria_reading criteria;
    unsigned *limit, most;
    bool limited; /* `limit` was given */
};

static bool asked_wrong(struct asked_reading *reading, const char *name, const char *what)
{
    reading->criteria.parameter = name;
    buffer_printf(reading->criteria.error, "%s %s.", name, what);
    return false;
}

static bool read_parameter(void *context, const char *name, const char *value)
{
    struct asked_reading *reading = context;
    if (!reading->limit || strcmp(name, "limit") != 0)
        return criteria_set(&reading->criteria, name, value);
    int64_t number;
    if (reading->limited)
        return asked_wrong(reading, "limit", "is given twice");
    reading->limited = true;
    if (!value || !request_whole_number(value, 1, reading->most, &number)) {
        char what[48];
        snprintf(what, sizeof what, "must be a whole number from 1 to %u", reading->most);
        return asked_wrong(reading, "limit", what);
    }
    *reading->limit = (unsigned)number;
    return true;
}

static bool has_times(struct asked_reading *reading)
{
    if (reading->criteria.seen[0] || reading->criteria.seen[1])
        return true; /* one alone is refused as ever */
    return asked_wrong(reading, "pickup_at", "is missing: a list is of a period");
}

static bool read_query(struct http_request *request, struct criteria *criteria, unsigned *limit,
                       unsigned most)
{
    struct buffer error;
    buffer_init(&error, 512);
    struct asked_reading reading = {.limit = limit, .most = most};
    struct criteria_reading *read = &reading.criteria;
    criteria_begin(read, &error);
    if (limit)
        read->known = "pickup_at, return_at, location, category and limit";
    http_query(request, read_parameter, &reading);
    bool valid =
        !read->parameter && (!limit || has_times(&reading)) && criteria_end(read, timestamp_now());
    if (valid)
        *criteria = read->criteria;
    else if (error.failed)
        http_answer_problem(request, PROBLEM_INTERNAL_ERROR, NULL, "Out of memory; try again.");
    else
        http_answer_problem(request, PROBLEM_INVALID_REQUEST,
                            read->parameter && *read->parameter ? read->parameter : NULL,
                            error.data);
    buffer_free(&error);
    return valid;
}

/* No car for these criteria. */
static void refuse(const struct engine *engine, struct http_request *request,
                   const struct criteria *criteria, enum problem problem, const char *parameter,
                   const char *detail)
{
    journal_refused(engine, request, problem, detail);
    journal_note_criteria(request, criteria);
    http_answer_problem(request, problem, parameter, detail);
}

bool asked_read(struct engine *engine, struct http_request *request, struct criteria *criteria,
                unsigned *limit, unsigned most)
{
    if (engine->offers_stale) {
        http_answer_problem(request, PROBLEM_STORE_UNAVAILABLE, NULL, "Try again in a moment.");
        return false;
    }
    if (!read_query(request, criteria, limit, most))
        return false;
    journal_asked(engine, request, criteria, NULL);
    const struct catalog *catalog = inventory_catalog(engine->inventory);
    if (!criteria->location[0] ||
        catalog_find_location(catalog, criteria->location) != CATALOG_NONE)
        return true;
    refuse(engine, request, criteria, PROBLEM_UNKNOWN_LOCATION, "location",
           "Use a location of the operator's fleet.");
    return false;
}

void asked_refuse_no_car(const struct engine *engine, struct http_request *request,
                         const struct criteria *criteria)
{
    refuse(engine, request, criteria, PROBLEM_NO_CAR_FREE, NULL,
           "Try another period, location or category.");
}
