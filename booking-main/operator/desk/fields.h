/* What a request to the desk brings along, read as strictly as on the public port: nothing unknown,
 * nothing twice, each value of its form. A query's parameters and a JSON body's members are read by
 * the same table.
 */
#ifndef BOOKING_OPERATOR_DESK_FIELDS_H
#define BOOKING_OPERATOR_DESK_FIELDS_H

#include "lib/http/server.h"
#include "store/desk/desk.h"

/* Reads a value into what the field points to; returns NULL, or what is wrong as the end of a
 * sentence. */
typedef const char *desk_field_reader(const char *text, void *value);

struct desk_field {
    const char *name;
    desk_field_reader *read;
    void *value;
    bool required;
    bool number; /* in JSON a number; else a string */
    bool given;
};

static inline struct desk_field desk_optional(const char *name, desk_field_reader *read,
                                              void *value)
{
    return (struct desk_field){.name = name, .read = read, .value = value};
}

static inline struct desk_field desk_required(const char *name, desk_field_reader *read,
                                              void *value)
{
    return (struct desk_field){.name = name, .read = read, .value = value, .required = true};
}

/* Read all of a query or of a body; false when the request was answered with what is wrong in it. A
 * body that is empty has no members. */
bool desk_read_query(struct http_request *request, struct desk_field *fields, size_t count);
bool desk_read_body(struct http_request *request, struct desk_field *fields, size_t count);

/* For a request that takes none. */
bool desk_read_no_query(struct http_request *request);

/* Answers that a field is wrong: what, as the end of a sentence. */
void desk_refuse_field(struct http_request *request, const char *name, const char *what);

/* Whether the period, whose end is the field `to`, is one of at most so many days; false when that
 * was answered. */
bool desk_check_period(struct http_request *request, struct period period, const char *to,
                       int32_t days);

/* The readers, with what they fill. Texts must not be empty, have no control characters, and are as
 * long as the array that the type has room for. */
desk_field_reader desk_read_search;    /* char[DESK_TEXT_MAX + 1] */
desk_field_reader desk_read_reference; /* char[BOOKING_REFERENCE_MAX + 1] */
desk_field_reader desk_read_channel;   /* char[BOOKING_CHANNEL_MAX + 1] */
desk_field_reader desk_read_reason;    /* char[DESK_REASON_MAX + 1] */
desk_field_reader desk_read_carid;     /* char[CAR_ID_MAX + 1] */
desk_field_reader desk_read_carid_start;
desk_field_reader desk_read_location;   /* char[CAR_LOCATION_MAX + 1] */
desk_field_reader desk_read_category;   /* char[CAR_CATEGORY_SIZE + 1] */
desk_field_reader desk_read_state;      /* enum booking_state */
desk_field_reader desk_read_order;      /* enum desk_order */
desk_field_reader desk_read_true;       /* bool: true or false */
desk_field_reader desk_read_csv;        /* bool: csv or json */
desk_field_reader desk_read_time;       /* int32_t, minutes since 1970 */
desk_field_reader desk_read_date;       /* int32_t, of its first minute in UTC */
desk_field_reader desk_read_limit;      /* unsigned: 1 to DESK_PAGE_MAX */
desk_field_reader desk_read_days;       /* unsigned: 1 to DESK_DAYS_MAX */
desk_field_reader desk_read_seen;       /* int64_t, from 1 on */
desk_field_reader desk_read_turnaround; /* int32_t, minutes */
desk_field_reader desk_read_place;      /* struct desk_page_end */

/* Where a page of bookings ended, as the parameter `after` says and `next` is told. */
struct desk_page_end {
    enum desk_order order;
    struct desk_place place;
};
enum { DESK_PAGE_END_SIZE = 48 };
void desk_write_place(const struct desk_page_end *end, char text[DESK_PAGE_END_SIZE]);

#endif
