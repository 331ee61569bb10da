/* GET /api/cars, GET /api/calendar. */
#include "lib/base/container_of.h"
#include "lib/json/writer.h"
#include "operator/desk/call.h"
#include "operator/desk/desk_api.h"
#include "operator/desk/export.h"
#include "operator/desk/fields.h"
#include "store/desk/document.h"

#include <stdio.h>
#include <string.h>

enum { LIMIT = 50 };

/* A page of cars: as they are, or with a calendar of the period. */
struct cars {
    struct desk_call call;
    struct desk_car_filter filter;
    struct period period;
    char after[CAR_ID_MAX + 1];
    char last[CAR_ID_MAX + 1];
    unsigned limit, count;
    bool more;
};

/* Whether the car is still one of the page's. */
static bool count_car(struct cars *cars, const struct desk_car *car)
{
    if (cars->count == cars->limit) {
        cars->more = true;
        return false;
    }
    cars->count++;
    snprintf(cars->last, sizeof cars->last, "%s", car->carid);
    return true;
}

static void end_page(struct cars *cars)
{
    struct buffer *body = &cars->call.body;
    json_close_array(body);
    if (cars->more)
        json_add_string(body, "next", cars->last);
    json_end(body);
}

static bool add_car(void *context, const struct desk_car *car)
{
    struct cars *cars = context;
    if (!count_car(cars, car))
        return false;
    desk_json_car(&cars->call.body, car);
    return true;
}

static enum desk_result run_cars(struct desk_job *job, struct desk *desk)
{
    struct cars *cars = container_of(job, struct cars, call.job);
    json_begin(&cars->call.body);
    json_open_array(&cars->call.body, "cars");
    bool found = desk_find_cars(desk, &cars->filter, cars->after, cars->limit + 1, add_car, cars,
                                &job->error);
    end_page(cars);
    return desk_result_of(found);
}

/* A car's bars follow it, so its row ends where the next one begins. */
static void end_row(struct cars *cars)
{
    if (!cars->count)
        return;
    json_close_array(&cars->call.body);
    json_close_object(&cars->call.body);
}

static bool begin_row(void *context, const struct desk_car *car)
{
    struct cars *cars = context;
    struct buffer *body = &cars->call.body;
    if (cars->count < cars->limit)
        end_row(cars);
    if (!count_car(cars, car))
        return false;
    json_open_object(body, NULL);
    json_add_string(body, "carid", car->carid);
    json_add_string(body, "location", car->location);
    json_add_string(body, "category", car->category);
    json_add_boolean(body, "offered", car->offered);
    json_open_array(body, "bars");
    return true;
}

static bool add_bar(void *context, const struct desk_booking *booking)
{
    struct cars *cars = context;
    desk_json_booking(&cars->call.body, NULL, booking);
    return !cars->call.body.failed;
}

static enum desk_result run_calendar(struct desk_job *job, struct desk *desk)
{
    struct cars *cars = container_of(job, struct cars, call.job);
    struct buffer *body = &cars->call.body;
    json_begin(body);
    desk_add_minute(body, "from", cars->period.pickup_at);
    desk_add_minute(body, "to", cars->period.return_at);
    json_open_array(body, "rows");
    bool found = desk_calendar(desk, &cars->filter, cars->after, cars->limit + 1, cars->period,
                               begin_row, add_bar, cars, &job->error);
    end_row(cars);
    end_page(cars);
    return desk_result_of(found);
}

static void start_cars(struct engine *engine, struct http_request *request,
                       const struct cars *asked,
                       enum desk_result (*run)(struct desk_job *job, struct desk *desk))
{
    struct cars *cars = desk_call_new(sizeof *cars, engine, request, run);
    if (!cars)
        return;
    cars->filter = asked->filter;
    cars->period = asked->period;
    cars->limit = asked->limit;
    memcpy(cars->after, asked->after, sizeof cars->after);
    desk_call_start(&cars->call);
}

void desk_api_cars(void *context, struct http_request *request)
{
    struct cars asked = {.limit = LIMIT};
    bool csv = false;
    enum { WITHDRAWN = 3, AFTER, SIZE, FORMAT };
    struct request_field fields[] = {
        request_optional("q", desk_read_carid_start, asked.filter.q),
        request_optional("location", desk_read_location, asked.filter.location),
        request_optional("category", desk_read_category, asked.filter.category),
        [WITHDRAWN] = request_optional("withdrawn", desk_read_true, &asked.filter.withdrawn),
        [AFTER] = request_optional("after", desk_read_carid, asked.after),
        [SIZE] = request_optional("limit", desk_read_limit, &asked.limit),
        [FORMAT] = request_optional("format", desk_read_csv, &csv),
    };
    if (!request_read_query(request, fields, sizeof fields / sizeof fields[0]))
        return;
    if (!desk_wants_csv(request, fields[FORMAT].given, csv))
        start_cars(context, request, &asked, run_cars);
    else if (asked.filter.withdrawn)
        request_refuse_field(request, "withdrawn",
                             "cannot be had in a fleet file, which would offer those cars again");
    else if (fields[AFTER].given || fields[SIZE].given)
        request_refuse_field(request, fields[AFTER].given ? "after" : "limit",
                             "is for pages: a CSV file has all that the filter shows");
    else
        desk_export_cars_csv(context, request, &asked.filter);
}

void desk_api_calendar(void *context, struct http_request *request)
{
    struct cars asked = {.limit = LIMIT};
    struct request_field fields[] = {
        request_required("from", desk_read_time, &asked.period.pickup_at),
        request_required("to", desk_read_time, &asked.period.return_at),
        request_optional("q", desk_read_carid_start, asked.filter.q),
        request_optional("location", desk_read_location, asked.filter.location),
        request_optional("category", desk_read_category, asked.filter.category),
        request_optional("after", desk_read_carid, asked.after),
        request_optional("limit", desk_read_limit, &asked.limit),
    };
    if (request_read_query(request, fields, sizeof fields / sizeof fields[0]) &&
        desk_check_period(request, asked.period, "to", DESK_DAYS_MAX))
        start_cars(context, request, &asked, run_calendar);
}
