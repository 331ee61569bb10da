/* GET /bookCar and GET /offers: the cheapest free car, and that of each category, in the partner's
 * format. They change nothing. */
#include "engine.h"
#include "lib/base/container_of.h"
#include "lib/http/fields.h"
#include "partner/asked.h"
#include "partner/document.h"
#include "partner/journal.h"
#include "partner/partner.h"
#include "partner/relay.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    DOCUMENT_MAX = 4096,
    /* So many that their documents, and what adapters make of these, fit into one call. */
    LIST_MAX = 100,
    LIST_DEFAULT = 20,
    LIST_DOCUMENT_MAX = 60 * 1024,
};

/* An offer on its way through the adapter. */
struct offer {
    struct engine *engine;
    struct http_request *request;
    struct adapter_call call;
    struct buffer document;
    struct relay answer;
};

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

/* NULL when out of memory, which was answered. */
static struct offer *offer_new(struct engine *engine, struct http_request *request,
                               size_t document_max)
{
    struct offer *offer = calloc(1, sizeof *offer);
    if (!offer) {
        http_answer_problem(request, PROBLEM_INTERNAL_ERROR, NULL, "Out of memory; try again.");
        return NULL;
    }
    offer->engine = engine;
    offer->request = request;
    buffer_init(&offer->document, document_max);
    return offer;
}

static void offer_ask(struct offer *offer, const char *path)
{
    if (offer->document.failed) {
        http_answer_problem(offer->request, PROBLEM_INTERNAL_ERROR, NULL,
                            "Out of memory; try again.");
        offer_free(offer);
        return;
    }
    relay_ask(offer->engine->adapter, offer->request, path, &offer->document, &offer->call,
              on_formatted);
}

void offer_car(void *context, struct http_request *request)
{
    struct engine *engine = context;
    struct criteria criteria;
    if (!asked_read(engine, request, &criteria, NULL, 0))
        return;
    uint32_t position = inventory_find(engine->inventory, &criteria);
    if (position == CATALOG_NONE) {
        asked_refuse_no_car(engine, request, &criteria);
        return;
    }
    struct offer *offer = offer_new(engine, request, DOCUMENT_MAX);
    if (!offer)
        return;
    const struct catalog *catalog = inventory_catalog(engine->inventory);
    const struct catalog_car *car = catalog_car(catalog, position);
    journal_chose(engine, request, car, &criteria, NULL, 1);
    http_note(request, "car", catalog_carid(catalog, car));
    booking_document_offer(&offer->document, catalog, car, &criteria);
    offer_ask(offer, RELAY_CAR);
}

void offer_list(void *context, struct http_request *request)
{
    struct engine *engine = context;
    struct criteria criteria;
    unsigned limit = LIST_DEFAULT;
    if (!request_read_no_body(request) || !asked_read(engine, request, &criteria, &limit, LIST_MAX))
        return;
    uint32_t positions[LIST_MAX];
    size_t count = inventory_find_each(engine->inventory, &criteria, positions, limit);
    if (!count) {
        asked_refuse_no_car(engine, request, &criteria);
        return;
    }
    struct offer *offer = offer_new(engine, request, LIST_DOCUMENT_MAX);
    if (!offer)
        return;
    char text[24];
    snprintf(text, sizeof text, "%zu", count);
    http_note(request, "cars", text);
    booking_document_offers(&offer->document, inventory_catalog(engine->inventory), positions,
                            count, &criteria);
    offer_ask(offer, RELAY_LIST);
}
