/* GET /api/bookings, GET /api/bookings/{id}. */
#include "lib/base/container_of.h"
#include "lib/json/writer.h"
#include "operator/desk/call.h"
#include "operator/desk/desk_api.h"
#include "operator/desk/export.h"
#include "operator/desk/fields.h"
#include "store/desk/document.h"

#include <string.h>

enum { LIMIT = 50 };

/* --- a page of them --------------------------------------------------------------------------- */

struct page_call {
    struct desk_call call;
    struct desk_page page;
};

static void add_booking(struct buffer *body, const struct desk_booking *booking)
{
    desk_json_booking(body, NULL, booking);
}

static enum desk_result run_page(struct desk_job *job, struct desk *desk)
{
    struct page_call *call = container_of(job, struct page_call, call.job);
    return desk_result_of(desk_page_add(desk, &call->page, &call->call.body, &job->error));
}

/* Whether both limits, where they are given, leave something between them. */
static bool check_range(struct http_request *request, int32_t from, int32_t to, const char *name)
{
    if (from == DESK_ANY_TIME || to == DESK_ANY_TIME || from < to)
        return true;
    request_refuse_field(request, name, "must be later than its 'from'");
    return false;
}

void desk_api_bookings(void *context, struct http_request *request)
{
    struct desk_filter filter = desk_filter_any();
    struct desk_page_end after = {.order = DESK_NEWEST_FIRST};
    unsigned limit = LIMIT;
    bool csv = false;
    enum { AFTER = 12, SIZE, FORMAT };
    struct request_field fields[] = {
        request_optional("q", desk_read_search, filter.q),
        request_optional("reference", desk_read_reference, filter.reference),
        request_optional("carid", desk_read_carid, filter.carid),
        request_optional("channel", desk_read_channel, filter.channel),
        request_optional("location", desk_read_location, filter.location),
        request_optional("category", desk_read_category, filter.category),
        request_optional("state", desk_read_state, &filter.state),
        request_optional("pickup_from", desk_read_time, &filter.pickup_from),
        request_optional("pickup_to", desk_read_time, &filter.pickup_to),
        request_optional("return_from", desk_read_time, &filter.return_from),
        request_optional("return_to", desk_read_time, &filter.return_to),
        request_optional("order", desk_read_order, &filter.order),
        [AFTER] = request_optional("after", desk_read_place, &after),
        [SIZE] = request_optional("limit", desk_read_limit, &limit),
        [FORMAT] = request_optional("format", desk_read_csv, &csv),
    };
    if (!request_read_query(request, fields, sizeof fields / sizeof fields[0]) ||
        !check_range(request, filter.pickup_from, filter.pickup_to, "pickup_to") ||
        !check_range(request, filter.return_from, filter.return_to, "return_to"))
        return;
    if (desk_wants_csv(request, fields[FORMAT].given, csv)) {
        if (fields[AFTER].given || fields[SIZE].given)
            request_refuse_field(request, fields[AFTER].given ? "after" : "limit",
                                 "is for pages: a CSV file has all that the filter shows");
        else
            desk_export_bookings_csv(context, request, &filter);
        return;
    }
    if (fields[AFTER].given && after.order != filter.order) {
        request_refuse_field(request, "after", "is the 'next' of a page in another order");
        return;
    }
    struct page_call *call = desk_call_new(sizeof *call, context, request, run_page);
    if (!call)
        return;
    call->page = (struct desk_page){filter, after, fields[AFTER].given, limit, add_booking};
    desk_call_start(&call->call);
}

/* --- one of them ------------------------------------------------------------------------------ */

struct show {
    struct desk_call call;
    char id[BOOKING_ID_SIZE + 1];
};

static bool add_history(void *context, const struct desk_history_entry *entry)
{
    desk_json_history(context, entry);
    return true;
}

static enum desk_result run_show(struct desk_job *job, struct desk *desk)
{
    struct show *show = container_of(job, struct show, call.job);
    struct buffer *body = &show->call.body;
    struct desk_booking booking;
    json_begin(body);
    json_open_array(body, "history");
    enum desk_result result = desk_show(desk, show->id, &booking, add_history, body, &job->error);
    json_close_array(body);
    if (result == DESK_OK) {
        desk_json_booking(body, "booking", &booking);
        json_end(body);
    } else {
        buffer_clear(body); /* a refusal has nothing more to say */
    }
    return result;
}

void desk_api_booking(void *context, struct http_request *request)
{
    const char *id = desk_call_id(request);
    if (!id || !request_read_no_query(request))
        return;
    struct show *show = desk_call_new(sizeof *show, context, request, run_show);
    if (!show)
        return;
    memcpy(show->id, id, sizeof show->id);
    desk_call_start(&show->call);
}
