/* GET /api/day. */
#include "lib/base/container_of.h"
#include "lib/base/money.h"
#include "lib/json/writer.h"
#include "operator/desk/call.h"
#include "operator/desk/desk_api.h"
#include "operator/desk/fields.h"
#include "store/desk/document.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { DAY_PERIOD_DAYS_MAX = 31 };

static const char *const list_names[DESK_DAY_LISTS] = {
    [DESK_PICKUPS] = "pickups", [DESK_RETURNS] = "returns", [DESK_LATE] = "late",
    [DESK_BLOCKS] = "blocks",   [DESK_HOLDS] = "holds",
};

struct day {
    struct desk_call call;
    struct period period;
    char location[CAR_LOCATION_MAX + 1];
    char currency[BOOKING_CURRENCY_SIZE + 1]; /* the fleet's; "" while there is none */
    int64_t now;
    /* Each grows for itself, in whatever order the store tells. */
    struct buffer lists[DESK_DAY_LISTS];
    struct buffer sales;
    int64_t counts[DESK_DAY_LISTS];
};

static bool add_to_list(void *context, enum desk_day_list list, const struct desk_booking *booking)
{
    struct day *day = context;
    desk_json_booking(&day->lists[list], NULL, booking);
    return !day->lists[list].failed;
}

static bool add_sales(void *context, const struct desk_sales *sales)
{
    struct day *day = context;
    json_open_object(&day->sales, NULL);
    json_add_string(&day->sales, "channel", sales->channel);
    json_add_integer(&day->sales, "count", sales->count);
    if (*day->currency)
        json_add_money(&day->sales, "total", sales->total, money_exponent(day->currency));
    json_close_object(&day->sales);
    return !day->sales.failed;
}

static bool take_count(void *context, enum desk_day_list list, int64_t count)
{
    struct day *day = context;
    day->counts[list] = count;
    return true;
}

static void add_list(struct buffer *body, const char *name, struct buffer *elements)
{
    json_open_array(body, name);
    if (elements->size)
        buffer_add(body, elements->data, elements->size);
    json_close_array(body);
    body->failed |= elements->failed;
    buffer_free(elements);
}

static enum desk_result run_day(struct desk_job *job, struct desk *desk)
{
    struct day *day = container_of(job, struct day, call.job);
    struct buffer *body = &day->call.body;
    for (size_t i = 0; i < DESK_DAY_LISTS; i++)
        buffer_init(&day->lists[i], DESK_ANSWER_MAX);
    buffer_init(&day->sales, DESK_ANSWER_MAX);
    const struct desk_day_reader reader = {day, add_to_list, add_sales, take_count};
    bool found = desk_day(desk, day->period, day->location, day->now, &reader, &job->error);
    json_begin(body);
    desk_add_minute(body, "from", day->period.pickup_at);
    desk_add_minute(body, "to", day->period.return_at);
    for (size_t i = 0; i < DESK_DAY_LISTS; i++)
        add_list(body, list_names[i], &day->lists[i]);
    json_open_object(body, "counts");
    for (size_t i = 0; i < DESK_DAY_LISTS; i++)
        json_add_integer(body, list_names[i], day->counts[i]);
    json_close_object(body);
    add_list(body, "sales", &day->sales);
    if (*day->currency)
        json_add_string(body, "currency", day->currency);
    json_end(body);
    return desk_result_of(found);
}

void desk_api_day(void *context, struct http_request *request)
{
    struct engine *engine = context;
    int64_t now = time(NULL);
    int32_t date = (int32_t)(now / 60 / MINUTES_PER_DAY) * MINUTES_PER_DAY;
    struct period period = {0};
    char location[CAR_LOCATION_MAX + 1] = "";
    enum { DATE, FROM, TO, LOCATION };
    struct request_field fields[] = {
        [DATE] = request_optional("date", desk_read_date, &date),
        [FROM] = request_optional("from", desk_read_time, &period.pickup_at),
        [TO] = request_optional("to", desk_read_time, &period.return_at),
        [LOCATION] = request_optional("location", desk_read_location, location),
    };
    if (!request_read_query(request, fields, sizeof fields / sizeof fields[0]))
        return;
    if (fields[DATE].given && (fields[FROM].given || fields[TO].given)) {
        request_refuse_field(request, "date", "is given as well as a period: give one of them");
        return;
    }
    if (fields[FROM].given != fields[TO].given) {
        request_refuse_field(request, fields[FROM].given ? "to" : "from",
                             "is missing: give both times or neither");
        return;
    }
    if (!fields[FROM].given)
        period = (struct period){date, date + MINUTES_PER_DAY};
    if (!desk_check_period(request, period, "to", DAY_PERIOD_DAYS_MAX))
        return;
    struct day *day = desk_call_new(sizeof *day, engine, request, run_day);
    if (!day)
        return;
    day->period = period;
    day->now = now;
    memcpy(day->location, location, sizeof day->location);
    snprintf(day->currency, sizeof day->currency, "%s",
             catalog_currency(inventory_catalog(engine->inventory)));
    desk_call_start(&day->call);
}
