/* GET /bookCar: offers the cheapest free car, in the partner's format. It changes nothing. */
#include "engine.h"
#include "lib/base/container_of.h"
#include "lib/base/timestamp.h"
#include "partner/document.h"
#include "partner/partner.h"
#include "partner/relay.h"
#include "rental/criteria.h"

#include <stdlib.h>

enum { DOCUMENT_MAX = 4096 };

/* An offer on its way through the adapter. */
struct offer {
    struct engine *engine;
    struct http_request *request;
    struct adapter_call call;
    struct buffer document;
    struct relay answer;
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
    free(offer);
}

static void on_formatted(struct adapter_call *call)
{
    struct offer *offer = container_of(call, struct offer, call);
    if (relay_take(&offer->answer, offer->request, call)) {
        offer->engine->counters.offers++;
        relay_send(&offer->answer, offer->request, 200);
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
    adapter_calls_start(engine->adapter, &offer->call);
}
