/* GET /bookings/{id}, POST /bookings/{id}/confirm, DELETE /bookings/{id}.
 *
 * Each looks the booking up, has the adapter write it as it is to be, and commits the change with
 * the answer, if there is a change. A hold that has expired by the clock is first expired in the
 * store: only a committed change counts.
 */
#include "engine.h"
#include "lib/base/container_of.h"
#include "lib/http/fields.h"
#include "partner/document.h"
#include "partner/idempotency.h"
#include "partner/journal.h"
#include "partner/partner.h"
#include "partner/relay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DOCUMENT_MAX = 4096, ROUNDS_MAX = 4 };

struct change {
    struct engine *engine;
    struct http_request *request;
    enum store_operation operation; /* STORE_SHOW, STORE_CONFIRM or STORE_CANCEL */
    enum booking_state target;      /* what the answer will say */
    struct idempotency idempotency;
    unsigned rounds;
    struct buffer document;
    struct adapter_call call;
    struct relay answer;
    struct store_request store;
};

static void look_up(struct change *change);
static void change_recall(struct change *change);

static void end_change(struct change *change)
{
    idempotency_end(&change->engine->keys_in_flight, &change->idempotency);
    buffer_free(&change->document);
    free(change);
}

/* Notes the booking, in this state, once it was found. */
static void change_note(struct change *change, enum booking_state state)
{
    const struct booking *booking = &change->store.booking;
    bool found = booking->carid[0];
    journal_note(change->request, found ? booking->carid : NULL, booking->id,
                 found ? booking_state_name(state) : NULL);
}

static void change_refuse(struct change *change, enum problem problem, const char *parameter,
                          const char *detail)
{
    journal_refused(change->engine, change->request, problem, detail);
    change_note(change, change->store.booking.state);
    http_answer_problem(change->request, problem, parameter, detail);
    end_change(change);
}

static void refuse_store(struct change *change)
{
    change_refuse(change, PROBLEM_STORE_UNAVAILABLE, NULL, "Try again in a moment.");
}

static void change_submit(struct change *change, enum store_operation operation,
                          void (*done)(struct store_request *request))
{
    struct store_request *request = &change->store;
    request->operation = operation;
    request->now = time(NULL);
    request->done = done;
    store_submit(change->engine->store, request);
}

static void change_answer(struct change *change)
{
    change_note(change, change->target);
    relay_send(&change->answer, change->request, 200);
    end_change(change);
}

static void on_committed(struct store_request *request)
{
    struct change *change = container_of(request, struct change, store);
    struct engine_counters *counters = &change->engine->counters;
    journal_stored(change->engine, change->request, request);
    switch (request->result) {
    case STORE_OK:
        if (change->operation == STORE_CONFIRM)
            counters->confirmed++;
        else
            counters->cancelled++;
        change_answer(change);
        break;
    case STORE_NOT_FOUND:
    case STORE_WRONG_STATE: /* it changed since we looked: look again */
        look_up(change);
        break;
    case STORE_KEY_EXISTS: /* the same request was faster in another engine */
        change_recall(change);
        break;
    case STORE_UNKNOWN:
        change_refuse(
            change, PROBLEM_STORE_UNAVAILABLE, NULL,
            "Ask again: the disk failed at the last moment, and whether this was done is not "
            "known yet.");
        break;
    default:
        refuse_store(change);
    }
}

static void on_formatted(struct adapter_call *call)
{
    struct change *change = container_of(call, struct change, call);
    journal_called(change->engine, change->request, call);
    if (!relay_take(&change->answer, change->request, call, change->store.booking.carid)) {
        end_change(change);
        return;
    }
    /* A booking that is in this state already is not changed, and the answer is not kept either:
     * there is nothing that a retry could do twice. */
    bool changes = change->operation != STORE_SHOW && change->store.booking.state != change->target;
    if (!changes) {
        change_answer(change);
        return;
    }
    struct store_answer *kept = &change->store.answer;
    idempotency_fill(&change->idempotency, kept);
    kept->status = 200;
    kept->location = NULL;
    kept->content_type = change->answer.content_type;
    kept->body = http_body(change->request)->data;
    kept->body_size = http_body(change->request)->size;
    change_submit(change, change->operation, on_committed);
}

static void change_format(struct change *change)
{
    buffer_clear(&change->document);
    booking_document_booking(&change->document, &change->store.booking, change->target);
    if (change->document.failed) {
        change_refuse(change, PROBLEM_INTERNAL_ERROR, NULL, "Out of memory; try again.");
        return;
    }
    relay_ask(change->engine->adapter, change->request, RELAY_CAR, &change->document, &change->call,
              on_formatted);
}

/* Decides by what the booking is now whether it may become what is asked for. */
static void change_decide(struct change *change)
{
    const struct booking *booking = &change->store.booking;
    if (change->operation == STORE_SHOW) {
        change->target = booking->state;
        change_format(change);
        return;
    }
    bool confirm = change->operation == STORE_CONFIRM;
    change->target = confirm ? BOOKING_BOOKED : BOOKING_CANCELLED;
    if (!confirm && booking->state == BOOKING_EXPIRED)
        change->target = BOOKING_EXPIRED;          /* released already */
    bool again = booking->state == change->target; /* is the same */
    if (booking->state == BOOKING_EXPIRED && !again)
        change_refuse(change, PROBLEM_HOLD_EXPIRED, NULL,
                      "Book again: the car may be another's by now.");
    else if (booking->state == BOOKING_CANCELLED && !again)
        change_refuse(change, PROBLEM_BOOKING_CANCELLED, NULL, "Book again.");
    else if (!confirm && booking->state == BOOKING_BOOKED &&
             (int64_t)booking->period.pickup_at * 60 <= change->store.now)
        change_refuse(change, PROBLEM_PICKUP_PASSED, NULL,
                      "A booking can be cancelled only before its pickup.");
    else
        change_format(change);
}

static void on_expired(struct store_request *request)
{
    struct change *change = container_of(request, struct change, store);
    journal_stored(change->engine, change->request, request);
    if (request->result == STORE_UNAVAILABLE || request->result == STORE_UNKNOWN)
        refuse_store(change);
    else
        look_up(change);
}

static void on_found(struct store_request *request)
{
    struct change *change = container_of(request, struct change, store);
    const struct booking *booking = &request->booking;
    journal_stored(change->engine, change->request, request);
    if (request->result == STORE_NOT_FOUND)
        change_refuse(change, PROBLEM_UNKNOWN_BOOKING, "id",
                      "Use the Location of a booking made through this partner.");
    else if (request->result != STORE_OK)
        refuse_store(change);
    else if (booking->state == BOOKING_HELD && booking->expires_at <= request->now)
        change_submit(change, STORE_EXPIRE, on_expired);
    else
        change_decide(change);
}

static void look_up(struct change *change)
{
    if (change->rounds++ == ROUNDS_MAX)
        refuse_store(change);
    else
        change_submit(change, STORE_SHOW, on_found);
}

static void on_recalled(struct store_request *recalled)
{
    struct change *change = container_of(recalled, struct change, store);
    journal_stored(change->engine, change->request, recalled);
    switch (recalled->result) {
    case STORE_OK:
        change->engine->counters.replays++;
        http_note(change->request, "booking", change->store.booking.id);
        idempotency_replay(change->request, &recalled->answer);
        end_change(change);
        break;
    case STORE_NOT_FOUND:
        look_up(change);
        break;
    default:
        refuse_store(change);
    }
}

static void change_recall(struct change *change)
{
    idempotency_fill(&change->idempotency, &change->store.answer);
    change_submit(change, STORE_RECALL, on_recalled);
}

static void change_begin(struct engine *engine, struct http_request *request,
                         enum store_operation operation)
{
    if (!booking_id_valid(request->segment)) {
        http_answer_problem(request, PROBLEM_INVALID_REQUEST, "id",
                            "A booking's id has 22 letters, digits, '-' or '_'.");
        return;
    }
    if (!request_read_no_query(request) || !request_read_no_body(request))
        return;
    struct change *change = calloc(1, sizeof *change);
    if (!change) {
        http_answer_problem(request, PROBLEM_INTERNAL_ERROR, NULL, "Out of memory; try again.");
        return;
    }
    change->engine = engine;
    change->request = request;
    change->operation = operation;
    buffer_init(&change->document, DOCUMENT_MAX);
    memcpy(change->store.booking.id, request->segment, BOOKING_ID_SIZE + 1);
    snprintf(change->store.booking.channel, sizeof change->store.booking.channel, "%s",
             engine->config->channel);
    if (operation == STORE_CONFIRM &&
        !idempotency_begin(&engine->keys_in_flight, &change->idempotency, request)) {
        end_change(change);
        return;
    }
    if (idempotency_active(&change->idempotency))
        change_recall(change);
    else
        look_up(change);
}

void booking_show(void *context, struct http_request *request)
{
    change_begin(context, request, STORE_SHOW);
}

void booking_confirm(void *context, struct http_request *request)
{
    change_begin(context, request, STORE_CONFIRM);
}

void booking_cancel(void *context, struct http_request *request)
{
    change_begin(context, request, STORE_CANCEL);
}
