/* GET /bookCar: offers the cheapest free car, in the partner's format. It changes nothing. */
#include "adapter_answer.h"
#include "booking_document.h"
#include "container_of.h"
#include "criteria.h"
#include "engine.h"
#include "timestamp.h"

#include <stdlib.h>

enum { DOCUMENT_MAX = 4096 };

/* An offer on its way through the adapter. */
struct offer {
    struct engine *engine;
    struct http_request *request;
    struct upstream_call call;
    struct buffer document;
    struct adapter_answer answer;
};

static bool read_parameter(void *context, const char *name, const char *value)
{
    return criteria_set(context, name, value);
}

/* Reads the query; false when it was answered with what is wrong in it. */
static bool read_criteria(struct http_request *request, struct criteria *criteria)
{
    struct buffer error;
    buffer_init(&error, 512);
    struct criteria_reading reading;
    criteria_begin(&reading, &error);
    http_query(request, read_parameter, &reading);
    bool valid = !reading.parameter && criteria_end(&reading, timestamp_now());
    if (valid)
        *criteria = reading.criteria;
    else
        http_answer_problem(request, PROBLEM_INVALID_REQUEST, reading.parameter,
                            error.data ? error.data : "The query is not valid.");
    buffer_free(&error);
    return valid;
}

static void offer_free(struct offer *offer)
{
    buffer_free(&offer->document);
    adapter_answer_free(&offer->answer);
    free(offer);
}

static void on_formatted(struct upstream_call *call)
{
    struct offer *offer = container_of(call, struct offer, call);
    if (adapter_answer_take(&offer->answer, offer->request, call)) {
        offer->engine->counters.offers++;
        adapter_answer_send(&offer->answer, offer->request, 200);
    }
    offer_free(offer);
}

void offer_car(void *context, struct http_request *request)
{
    struct engine *engine = context;
    const struct catalog *catalog = inventory_catalog(engine->inventory);
    struct criteria criteria;
    if (!read_criteria(request, &criteria))
        return;
    if (criteria.location[0] && catalog_find_location(catalog, criteria.location) == CATALOG_NONE) {
        http_answer_problem(request, PROBLEM_UNKNOWN_LOCATION, "location",
                            "Use a location of the operator's fleet.");
        return;
    }
    uint32_t position = inventory_find(engine->inventory, &criteria);
    if (position == CATALOG_NONE) {
        http_answer_problem(request, PROBLEM_NO_CAR_FREE, NULL,
                            "Try another period, location or category.");
        return;
    }
    struct offer *offer = calloc(1, sizeof *offer);
    if (!offer) {
        http_answer_problem(request, PROBLEM_INTERNAL_ERROR, NULL, "Out of memory; try again.");
        return;
    }
    offer->engine = engine;
    offer->request = request;
    buffer_init(&offer->document, DOCUMENT_MAX);
    booking_document_offer(&offer->document, catalog, catalog_car(catalog, position),
                           criteria.period);
    if (offer->document.failed) {
        http_answer_problem(request, PROBLEM_INTERNAL_ERROR, NULL, "Out of memory; try again.");
        offer_free(offer);
        return;
    }
    offer->call.path = "/formatCarInfo";
    offer->call.body = offer->document.data;
    offer->call.body_size = offer->document.size;
    offer->call.identity = request->identity;
    offer->call.done = on_formatted;
    upstream_start(engine->adapter, &offer->call);
}
