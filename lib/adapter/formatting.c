#include "lib/adapter/formatting.h"

#include "lib/adapter/car_list.h"
#include "lib/base/money.h"
#include "lib/json/writer.h"

void adapter_amount(struct buffer *out, const char *member, int64_t amount)
{
    json_add_money(out, member, amount, MONEY_FINEST_EXPONENT);
}

/* Answers that the document is not one. `error` is ended here. */
static void refuse_document(const struct adapter *adapter, struct http_request *request,
                            const char *member, struct buffer *error)
{
    enum problem problem = error->failed ? PROBLEM_INTERNAL_ERROR : PROBLEM_INVALID_REQUEST;
    const char *detail = error->failed ? "Out of memory; try again." : error->data;
    log_debug(adapter->log, "car document refused", "request_id", request->identity->request_id,
              "parameter", member, "detail", detail, NULL);
    http_answer_problem(request, problem, member, detail);
    buffer_free(error);
}

/* Has the document written by a format that takes it whole; false when there is no answer, which
 * was answered. `carid` is for the log, NULL for a list. */
static bool write_document(const struct adapter *adapter, struct http_request *request,
                           const char *carid, struct buffer *body)
{
    struct buffer error;
    buffer_init(&error, 1024);
    const struct adapter_document document = {
        .json = request->body,
        .size = request->body_size,
        .is_list = !carid,
        .request_id = request->identity->request_id,
    };
    bool made = adapter->document->format(adapter->document->context, &document, body, &error);
    if (!made) {
        const char *reason = error.size ? error.data : "out of memory";
        log_error(adapter->log, "no answer for a car document", "request_id", document.request_id,
                  "car", carid, "error", reason, NULL);
        http_answer_problem(request, PROBLEM_INTERNAL_ERROR, NULL,
                            "The partner's format has no answer for this document; see the log.");
    }
    buffer_free(&error);
    return made;
}

/* --- a car ------------------------------------------------------------------------------------ */

static void add_unless_said(struct buffer *body, const char *name, const char *value)
{
    if (value && !json_has_member(body, 0, name))
        json_add_string(body, name, value);
}

/* A partner whose format does not name what it has booked can look it up all the same, in the
 * contract's names. An offer has none of this. */
static void add_facts(const struct car_document *car, struct buffer *body)
{
    if (!car->booking_id)
        return;
    if (!json_has_member(body, 0, "price"))
        adapter_amount(body, "price", car->price);
    add_unless_said(body, "currency", car->currency);
    add_unless_said(body, "pickup_at", car->pickup_at);
    add_unless_said(body, "return_at", car->return_at);
    add_unless_said(body, "location", car->location);
    add_unless_said(body, "category", car->category);
    add_unless_said(body, "reference", car->reference);
    add_unless_said(body, "expires_at", car->expires_at);
    add_unless_said(body, "booking_id", car->booking_id);
}

void format_car_info(void *context, struct http_request *request)
{
    const struct adapter *adapter = context;
    struct car_document car;
    const char *member;
    struct buffer error;
    buffer_init(&error, 1024);
    struct car_document_owner *owner =
        car_document_parse(request->body, request->body_size, &car, &member, &error);
    if (!owner) {
        refuse_document(adapter, request, member, &error);
        return;
    }
    struct buffer *body = http_body(request);
    http_note(request, "car", car.carid);
    http_note(request, "booking", car.booking_id);
    bool made = true;
    if (adapter->format) {
        json_begin(body);
        adapter->format(&car, body);
    } else {
        made = write_document(adapter, request, car.carid, body);
        if (made)
            json_reopen(body);
    }
    if (made) {
        add_facts(&car, body);
        json_end(body);
        log_debug(adapter->log, "car formatted", "request_id", request->identity->request_id, "car",
                  car.carid, "booking", car.booking_id, "state", car.status, NULL);
    }
    car_document_free(owner);
    if (made)
        http_answer(request, 200, "application/json");
}

/* --- a list of cars --------------------------------------------------------------------------- */

static void write_each(const struct adapter *adapter, const struct car_list *list,
                       struct buffer *body)
{
    json_begin(body);
    json_open_array(body, "cars");
    for (size_t i = 0; i < list->count; i++) {
        json_open_object(body, NULL);
        adapter->format(&list->cars[i], body);
        json_close_object(body);
    }
    json_close_array(body);
    json_end(body);
}

void format_car_list(void *context, struct http_request *request)
{
    const struct adapter *adapter = context;
    char member[CAR_LIST_MEMBER_SIZE];
    struct buffer error;
    buffer_init(&error, 1024);
    struct car_list *list = car_list_parse(request->body, request->body_size, member, &error);
    if (!list) {
        refuse_document(adapter, request, *member ? member : NULL, &error);
        return;
    }
    struct buffer *body = http_body(request);
    bool made = true;
    if (adapter->format)
        write_each(adapter, list, body);
    else
        made = write_document(adapter, request, NULL, body);
    car_list_free(list);
    if (made)
        http_answer(request, 200, "application/json");
}
