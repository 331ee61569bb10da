/* GET /bookCar: offers the cheapest free car, in the partner's format. It changes nothing. */
#include "engine.h"
#include "lib/base/container_of.h"
#include "lib/base/timestamp.h"
#include "partner/document.h"
#include "partner/journal.h"
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
    else if (error.failed)
        http_answer_problem(request, PROBLEM_INTERNAL_ERROR, NULL, "Out of memory; try again.");
    else
        http_answer_problem(request, PROBLEM_INVALID_REQUEST,
                            reading.parameter && *reading.parameter ? reading.parameter : NULL,
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

static void offer_free(struct offer *offer)
{
    buffer_free(&offer->document);
    free(offer);
}

static void on_formatted(struct adapter_call *call)
{
    struct offer *offer = container_of(call, struct offer, call);
    journal_called(offer->engine, offer->request, call);
    if (relay_take(&offer->answer, offer->request, call, NULL)) {
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
    if (engine->offers_stale) {
        http_answer_problem(request, PROBLEM_STORE_UNAVAILABLE, NULL, "Try again in a moment.");
        return;
    }
    if (!read_criteria(request, &criteria))
        return;
    journal_asked(engine, request, &criteria, NULL);
    if (criteria.location[0] && catalog_find_location(catalog, criteria.location) == CATALOG_NONE) {
        refuse(engine, request, &criteria, PROBLEM_UNKNOWN_LOCATION, "location",
               "Use a location of the operator's fleet.");
        return;
    }
    uint32_t position = inventory_find(engine->inventory, &criteria);
    if (position == CATALOG_NONE) {
        refuse(engine, request, &criteria, PROBLEM_NO_CAR_FREE, NULL,
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
    const struct catalog_car *car = catalog_car(catalog, position);
    journal_chose(engine, request, car, &criteria, NULL, 1);
    http_note(request, "car", catalog_carid(catalog, car));
    booking_document_offer(&offer->document, catalog, car, &criteria);
    if (offer->document.failed) {
        http_answer_problem(request, PROBLEM_INTERNAL_ERROR, NULL, "Out of memory; try again.");
        offer_free(offer);
        return;
    }
    relay_ask(engine->adapter, request, &offer->document, &offer->call, on_formatted);
}
