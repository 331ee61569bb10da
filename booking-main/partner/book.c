/* POST /bookCar: books a car, or holds it for a time.
 *
 * The way of a booking: recall the key's answer, if there is a key; choose a car and claim it; have
 * the adapter write the answer; commit booking and answer in one transaction; answer. Nothing is
 * booked before the commit, and whatever fails before it ends the claim. When another engine was
 * faster, it goes round again with another car. When the fleet was replaced, it does so once the
 * new one is loaded.
 */
#include "engine.h"
#include "lib/base/container_of.h"
#include "lib/base/timestamp.h"
#include "lib/http/fields.h"
#include "partner/document.h"
#include "partner/idempotency.h"
#include "partner/journal.h"
#include "partner/order.h"
#include "partner/partner.h"
#include "partner/relay.h"
#include "rental/price.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DOCUMENT_MAX = 4096, ROUNDS_MAX = 16 };

struct order_flow {
    struct engine *engine;
    struct http_request *request;
    struct booking_order order;
    struct idempotency idempotency;
    struct claim claim;
    struct fleet_waiter fleet_waiter;
    unsigned rounds;
    struct buffer document;
    struct adapter_call call;
    struct relay answer;
    char location[STORE_LOCATION_MAX + 1];
    struct store_request commit; /* also the recall */
};

static void book_choose(struct order_flow *flow);
static void book_recall(struct order_flow *flow);

/* The request has been answered: gives back what it took. */
static void end_flow(struct order_flow *flow)
{
    inventory_unclaim(flow->engine->inventory, &flow->claim);
    idempotency_end(&flow->engine->keys_in_flight, &flow->idempotency);
    buffer_free(&flow->document);
    free(flow);
}

static void book_refuse(struct order_flow *flow, enum problem problem, const char *parameter,
                        const char *detail)
{
    const char *tried = flow->commit.booking.carid;
    const char *carid = tried[0] ? tried : flow->order.carid;
    journal_refused(flow->engine, flow->request, problem, detail);
    journal_note(flow->request, carid[0] ? carid : NULL, NULL, NULL);
    http_answer_problem(flow->request, problem, parameter, detail);
    end_flow(flow);
}

/* No car for this order. */
static void book_refuse_criteria(struct order_flow *flow, enum problem problem,
                                 const char *parameter, const char *detail)
{
    journal_note_criteria(flow->request, &flow->order.criteria);
    book_refuse(flow, problem, parameter, detail);
}

static void answer_committed(struct order_flow *flow)
{
    const struct booking *booking = &flow->commit.booking;
    struct engine_counters *counters = &flow->engine->counters;
    if (flow->order.hold_seconds)
        counters->holds++;
    else
        counters->bookings++;
    journal_note(flow->request, booking->carid, booking->id, booking_state_name(booking->state));
    http_header(flow->request, "Location", flow->location);
    relay_send(&flow->answer, flow->request, 201);
    end_flow(flow);
}

/* The store has another fleet than the one that the car was chosen from. That has been loaded, or
 * could not be. */
static void on_fleet(struct fleet_waiter *waiter, bool loaded)
{
    struct order_flow *flow = container_of(waiter, struct order_flow, fleet_waiter);
    if (loaded)
        book_choose(flow);
    else
        book_refuse(flow, PROBLEM_STORE_UNAVAILABLE, NULL,
                    "Try again in a moment: the fleet is being loaded.");
}

static void await_fleet(struct order_flow *flow)
{
    flow->fleet_waiter.ready = on_fleet;
    inventory_await_fleet(flow->engine->inventory, &flow->claim, &flow->fleet_waiter);
}

static void on_committed(struct store_request *commit)
{
    struct order_flow *flow = container_of(commit, struct order_flow, commit);
    struct engine *engine = flow->engine;
    journal_stored(engine, flow->request, commit);
    if (commit->result == STORE_OK) {
        answer_committed(flow);
        return;
    }
    bool lost = flow->claim.state == CLAIM_LOST;
    inventory_unclaim(engine->inventory, &flow->claim);
    switch (commit->result) {
    case STORE_CAR_TAKEN:
        engine->counters.conflicts++;
        if (lost)
            book_choose(flow);
        else /* the index does not know, and would propose the same car again */
            await_fleet(flow);
        break;
    case STORE_CAR_CHANGED:
        engine->counters.conflicts++;
        await_fleet(flow);
        break;
    case STORE_KEY_EXISTS: /* the same request was faster in another engine */
        book_recall(flow);
        break;
    case STORE_UNKNOWN:
        http_note(flow->request, "booking", commit->booking.id);
        book_refuse(
            flow, PROBLEM_STORE_UNAVAILABLE, NULL,
            "Ask again with the same Idempotency-Key: the disk failed at the last moment, and "
            "whether this was booked is not known yet.");
        break;
    default:
        book_refuse(flow, PROBLEM_STORE_UNAVAILABLE, NULL,
                    "Try again in a moment, with the same Idempotency-Key to be safe.");
    }
}

static void on_formatted(struct adapter_call *call)
{
    struct order_flow *flow = container_of(call, struct order_flow, call);
    journal_called(flow->engine, flow->request, call);
    if (!relay_take(&flow->answer, flow->request, call, flow->commit.booking.carid)) {
        end_flow(flow);
        return;
    }
    struct store_request *commit = &flow->commit;
    commit->operation = STORE_BOOK;
    idempotency_fill(&flow->idempotency, &commit->answer);
    commit->answer.status = 201;
    commit->answer.location = flow->location;
    commit->answer.content_type = flow->answer.content_type;
    commit->answer.body = http_body(flow->request)->data;
    commit->answer.body_size = http_body(flow->request)->size;
    commit->done = on_committed;
    store_submit(flow->engine->store, commit);
}

static void make_booking_id(char id[BOOKING_ID_SIZE + 1])
{
    unsigned char random[BOOKING_ID_SIZE];
    identity_random(random, sizeof random);
    booking_id_make(random, id);
}

/* When a hold that begins now ends, in whole seconds: it lasts at least as long as was asked for,
 * but what has to be back by then is not held any longer. */
static int64_t hold_end(int64_t now_milliseconds, unsigned hold_seconds, int32_t return_at)
{
    int64_t end = (now_milliseconds + 999) / 1000 + hold_seconds;
    int64_t latest = (int64_t)return_at * 60;
    return end < latest ? end : latest;
}

/* Describes the claimed car to the adapter as the booking it is to become. */
static void book_format(struct order_flow *flow, const struct catalog_car *car)
{
    struct engine *engine = flow->engine;
    const struct catalog *catalog = inventory_catalog(engine->inventory);
    struct booking *booking = &flow->commit.booking;
    memset(booking, 0, sizeof *booking);
    memcpy(booking->id, flow->claim.booking_id, sizeof booking->id);
    snprintf(booking->channel, sizeof booking->channel, "%s", engine->config->channel);
    memcpy(booking->reference, flow->order.reference, sizeof booking->reference);
    booking->car = car->number;
    booking->period = flow->order.criteria.period;
    booking->turnaround = car->turnaround;
    booking->day_price = car->day_price;
    booking->hour_price = car->hour_price;
    booking->total = price_total(car->day_price, flow->order.criteria.days);
    snprintf(booking->currency, sizeof booking->currency, "%s", catalog_currency(catalog));
    snprintf(booking->carid, sizeof booking->carid, "%s", catalog_carid(catalog, car));
    snprintf(booking->location, sizeof booking->location, "%s", catalog_location(catalog, car));
    memcpy(booking->category, car->category, CAR_CATEGORY_SIZE);
    int64_t milliseconds = timestamp_now_milliseconds();
    flow->commit.now = milliseconds / 1000;
    booking->state = flow->order.hold_seconds ? BOOKING_HELD : BOOKING_BOOKED;
    if (flow->order.hold_seconds)
        booking->expires_at =
            hold_end(milliseconds, flow->order.hold_seconds, booking->period.return_at);

    snprintf(flow->location, sizeof flow->location, "%s/bookings/%s", flow->request->prefix,
             booking->id);
    buffer_clear(&flow->document);
    booking_document_booking(&flow->document, booking, booking->state);
    if (flow->document.failed) {
        book_refuse(flow, PROBLEM_INTERNAL_ERROR, NULL, "Out of memory; try again.");
        return;
    }
    relay_ask(engine->adapter, flow->request, RELAY_CAR, &flow->document, &flow->call,
              on_formatted);
}

/* Whether the car that was asked for by its carid also has the location and category asked for. */
static bool car_matches(const struct catalog *catalog, const struct catalog_car *car,
                        const struct criteria *criteria)
{
    if (criteria->location[0] && strcmp(criteria->location, catalog_location(catalog, car)) != 0)
        return false;
    return !criteria->category[0] || criteria_category_matches(criteria->category, car->category);
}

/* The position of the car to book, or CATALOG_NONE with the request answered. */
static uint32_t book_pick(struct order_flow *flow)
{
    struct inventory *inventory = flow->engine->inventory;
    const struct catalog *catalog = inventory_catalog(inventory);
    const struct booking_order *order = &flow->order;
    const char *unavailable = "Try another period, location or category.";
    uint32_t position = CATALOG_NONE;
    if (order->criteria.location[0] &&
        catalog_find_location(catalog, order->criteria.location) == CATALOG_NONE) {
        book_refuse_criteria(flow, PROBLEM_UNKNOWN_LOCATION, "location",
                             "Use a location of the operator's fleet.");
        return CATALOG_NONE;
    }
    if (order->carid[0]) {
        position = catalog_by_carid(catalog, order->carid);
        if (position == CATALOG_NONE) {
            book_refuse(flow, PROBLEM_UNKNOWN_CAR, "carid", "Use the carid of an offer.");
            return CATALOG_NONE;
        }
        if (!car_matches(catalog, catalog_car(catalog, position), &order->criteria) ||
            !inventory_is_free(inventory, position, order->criteria.period)) {
            unavailable = "Ask for an offer again, or leave carid out.";
            position = CATALOG_NONE;
        }
    } else {
        position = inventory_find(inventory, &order->criteria);
    }
    if (position == CATALOG_NONE) {
        book_refuse_criteria(flow, PROBLEM_CAR_UNAVAILABLE, NULL, unavailable);
        return CATALOG_NONE;
    }
    int64_t price = price_total(catalog_car(catalog, position)->day_price, order->criteria.days);
    if (order->price >= 0 && order->price != price) {
        book_refuse_criteria(flow, PROBLEM_PRICE_CHANGED, "price", "Ask for an offer again.");
        return CATALOG_NONE;
    }
    return position;
}

static void book_choose(struct order_flow *flow)
{
    struct inventory *inventory = flow->engine->inventory;
    if (flow->rounds++ == ROUNDS_MAX) {
        book_refuse_criteria(flow, PROBLEM_CAR_UNAVAILABLE, NULL,
                             "Try again: others were faster each time.");
        return;
    }
    uint32_t position = book_pick(flow);
    if (position == CATALOG_NONE)
        return;
    make_booking_id(flow->claim.booking_id);
    if (!inventory_claim(inventory, position, flow->order.criteria.period, &flow->claim)) {
        book_refuse(flow, PROBLEM_OVERLOADED, NULL, "Try again in a moment: memory has run out.");
        return;
    }
    const struct catalog_car *car = catalog_car(inventory_catalog(inventory), position);
    journal_chose(flow->engine, flow->request, car, &flow->order.criteria, flow->claim.booking_id,
                  flow->rounds);
    book_format(flow, car);
}

/* Reads the body; false when it was answered with what is wrong in it. */
static bool read_order(struct order_flow *flow)
{
    struct http_request *request = flow->request;
    char field[ORDER_FIELD_MAX + 1];
    struct buffer error;
    buffer_init(&error, 1024);
    int exponent = catalog_exponent(inventory_catalog(flow->engine->inventory));
    bool valid = booking_order_read(request->body, request->body_size, exponent, timestamp_now(),
                                    &flow->order, field, &error);
    if (valid)
        journal_asked(flow->engine, flow->request, &flow->order.criteria, &flow->order);
    else if (error.failed)
        book_refuse(flow, PROBLEM_INTERNAL_ERROR, NULL, "Out of memory; try again.");
    else
        book_refuse(flow, PROBLEM_INVALID_REQUEST, field[0] ? field : NULL, error.data);
    buffer_free(&error);
    return valid;
}

static void on_recalled(struct store_request *recalled)
{
    struct order_flow *flow = container_of(recalled, struct order_flow, commit);
    journal_stored(flow->engine, flow->request, recalled);
    switch (recalled->result) {
    case STORE_OK:
        flow->engine->counters.replays++;
        idempotency_replay(flow->request, &recalled->answer);
        end_flow(flow);
        break;
    case STORE_NOT_FOUND: /* only now what depends on the clock */
        if (read_order(flow))
            book_choose(flow);
        break;
    default:
        book_refuse(flow, PROBLEM_STORE_UNAVAILABLE, NULL, "Try again in a moment.");
    }
}

static void book_recall(struct order_flow *flow)
{
    struct store_request *request = &flow->commit;
    request->operation = STORE_RECALL;
    snprintf(request->booking.channel, sizeof request->booking.channel, "%s",
             flow->engine->config->channel);
    idempotency_fill(&flow->idempotency, &request->answer);
    request->done = on_recalled;
    store_submit(flow->engine->store, request);
}

void book_car(void *context, struct http_request *request)
{
    struct engine *engine = context;
    if (!request_read_no_query(request))
        return;
    struct order_flow *flow = calloc(1, sizeof *flow);
    if (!flow) {
        http_answer_problem(request, PROBLEM_INTERNAL_ERROR, NULL, "Out of memory; try again.");
        return;
    }
    flow->engine = engine;
    flow->request = request;
    buffer_init(&flow->document, DOCUMENT_MAX);
    if (!idempotency_begin(&engine->keys_in_flight, &flow->idempotency, request)) {
        end_flow(flow);
        return;
    }
    if (idempotency_active(&flow->idempotency))
        book_recall(flow);
    else if (read_order(flow))
        book_choose(flow);
}
