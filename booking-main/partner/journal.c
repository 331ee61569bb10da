#include "partner/journal.h"

#include "lib/base/timestamp.h"
#include "lib/json/writer.h"
#include "outgoing/traces.h"
#include "rental/price.h"

#include <stdio.h>
#include <string.h>

/* --- the access log -------------------------------------------------------------------------- */

void journal_note(struct http_request *request, const char *carid, const char *booking_id,
                  const char *state)
{
    http_note(request, "car", carid);
    http_note(request, "booking", booking_id);
    http_note(request, "state", state);
}

void journal_note_criteria(struct http_request *request, const struct criteria *criteria)
{
    char pickup_at[TIMESTAMP_SIZE], return_at[TIMESTAMP_SIZE];
    timestamp_format(criteria->period.pickup_at, pickup_at);
    timestamp_format(criteria->period.return_at, return_at);
    http_note(request, "pickup_at", pickup_at);
    http_note(request, "return_at", return_at);
    http_note(request, "location", criteria->location[0] ? criteria->location : NULL);
    http_note(request, "category", criteria->category[0] ? criteria->category : NULL);
}

void journal_note_replay(struct http_request *request, const struct store_answer *answer)
{
    http_note(request, "replay", "true");
    if (answer->location) /* of a new booking, whose id stands at its end */
        http_note(request, "booking", strrchr(answer->location, '/') + 1);
}

/* --- steps ----------------------------------------------------------------------------------- */

/* The line for a step, or NULL when nobody wants it. */
static struct buffer *begin_step(const struct engine *engine, const struct http_request *request,
                                 const char *step)
{
    if (!log_is_debugging(engine->log))
        return NULL;
    struct buffer *line = log_begin(engine->log, "debug", step);
    json_add_string(line, "request_id", request->identity->request_id);
    return line;
}

static void end_step(const struct engine *engine)
{
    log_end(engine->log);
    log_flush(engine->log);
}

static void add_text(struct buffer *line, const char *name, const char *text)
{
    json_add_string(line, name, text[0] ? text : NULL);
}

void journal_asked(const struct engine *engine, const struct http_request *request,
                   const struct criteria *criteria, const struct booking_order *order)
{
    struct buffer *line = begin_step(engine, request, "asked");
    if (!line)
        return;
    int exponent = catalog_exponent(inventory_catalog(engine->inventory));
    char pickup_at[TIMESTAMP_SIZE], return_at[TIMESTAMP_SIZE];
    timestamp_format(criteria->period.pickup_at, pickup_at);
    timestamp_format(criteria->period.return_at, return_at);
    json_add_string(line, "pickup_at", pickup_at);
    json_add_string(line, "return_at", return_at);
    add_text(line, "location", criteria->location);
    add_text(line, "category", criteria->category);
    if (order) {
        add_text(line, "car", order->carid);
        if (order->price >= 0)
            json_add_money(line, "price", order->price, exponent);
        if (order->hold_seconds)
            json_add_integer(line, "hold_seconds", order->hold_seconds);
    }
    end_step(engine);
}

void journal_chose(const struct engine *engine, const struct http_request *request,
                   const struct catalog_car *car, const struct criteria *criteria,
                   const char *booking_id, unsigned round)
{
    struct buffer *line = begin_step(engine, request, booking_id ? "car claimed" : "car found");
    if (!line)
        return;
    const struct catalog *catalog = inventory_catalog(engine->inventory);
    json_add_string(line, "car", catalog_carid(catalog, car));
    json_add_money(line, "price", price_total(car->day_price, criteria->days),
                   catalog_exponent(catalog));
    json_add_string(line, "booking", booking_id);
    if (round > 1)
        json_add_integer(line, "round", round);
    end_step(engine);
}

void journal_called(const struct engine *engine, const struct http_request *request,
                    const struct adapter_call *call)
{
    static const char *const outcomes[ADAPTER_OUTCOMES] = {
        [ADAPTER_ANSWERED] = "answered",       [ADAPTER_UNREACHABLE] = "no connection",
        [ADAPTER_BROKE_OFF] = "broke off",     [ADAPTER_UNUSABLE] = "unusable answer",
        [ADAPTER_TIMED_OUT] = "took too long", [ADAPTER_OVERLOADED] = "too many calls wait"};
    struct buffer *line = begin_step(engine, request, "adapter called");
    if (!line)
        return;
    json_add_string(line, "outcome", outcomes[call->outcome]);
    if (call->outcome == ADAPTER_ANSWERED) {
        json_add_integer(line, "status", call->status);
        json_add_integer(line, "bytes", (int64_t)call->answer_size);
    }
    json_add_milliseconds(line, "duration_ms", call->duration);
    end_step(engine);
}

void journal_stored(const struct engine *engine, const struct http_request *request,
                    const struct store_request *stored)
{
    static const char *const operations[] = {
        [STORE_BOOK] = "book",     [STORE_SHOW] = "look up",  [STORE_CONFIRM] = "confirm",
        [STORE_CANCEL] = "cancel", [STORE_EXPIRE] = "expire", [STORE_RECALL] = "recall the key"};
    static const char *const results[] = {[STORE_OK] = "done",
                                          [STORE_NOT_FOUND] = "not found",
                                          [STORE_CAR_TAKEN] = "the car is taken",
                                          [STORE_CAR_CHANGED] = "the car has changed",
                                          [STORE_WRONG_STATE] = "not in this state",
                                          [STORE_KEY_EXISTS] = "the key has an answer already",
                                          [STORE_UNAVAILABLE] = "the database does not answer",
                                          [STORE_UNKNOWN] = "not known: the disk failed"};
    bool failed = stored->result == STORE_UNAVAILABLE || stored->result == STORE_UNKNOWN;
    if (engine->traces)
        traces_stored(engine->traces, request->identity, operations[stored->operation],
                      stored->submitted, results[stored->result], failed);
    struct buffer *line = begin_step(engine, request, "stored");
    if (!line)
        return;
    json_add_string(line, "operation", operations[stored->operation]);
    json_add_string(line, "result", results[stored->result]);
    add_text(line, "booking", stored->booking.id);
    end_step(engine);
}

void journal_refused(const struct engine *engine, const struct http_request *request,
                     enum problem problem, const char *detail)
{
    struct buffer *line = begin_step(engine, request, "refused");
    if (!line)
        return;
    json_add_string(line, "problem", problem_name(problem));
    json_add_string(line, "detail", detail);
    end_step(engine);
}
