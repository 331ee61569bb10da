/* The values that requests to the desk bring along, for the tables of lib/http/fields.h. */
#ifndef BOOKING_OPERATOR_DESK_FIELDS_H
#define BOOKING_OPERATOR_DESK_FIELDS_H

#include "lib/http/fields.h"
#include "store/desk/desk.h"
#include "store/desk/page.h"

/* Whether the period, whose end is the field `to`, is one of at most so many days; false when that
 * was answered. */
bool desk_check_period(struct http_request *request, struct period period, const char *to,
                       int32_t days);

/* The readers, with what they fill. Texts must not be empty, have no control characters, and are as
 * long as the array that the type has room for. */
request_field_reader desk_read_search;    /* char[DESK_TEXT_MAX + 1] */
request_field_reader desk_read_reference; /* char[BOOKING_REFERENCE_MAX + 1] */
request_field_reader desk_read_channel;   /* char[BOOKING_CHANNEL_MAX + 1] */
request_field_reader desk_read_reason;    /* char[DESK_REASON_MAX + 1] */
request_field_reader desk_read_carid;     /* char[CAR_ID_MAX + 1] */
request_field_reader desk_read_carid_start;
request_field_reader desk_read_location;   /* char[CAR_LOCATION_MAX + 1] */
request_field_reader desk_read_category;   /* char[CAR_CATEGORY_SIZE + 1] */
request_field_reader desk_read_state;      /* enum booking_state */
request_field_reader desk_read_order;      /* enum desk_order */
request_field_reader desk_read_true;       /* bool: true or false */
request_field_reader desk_read_csv;        /* bool: csv or json */
request_field_reader desk_read_time;       /* int32_t, minutes since 1970 */
request_field_reader desk_read_date;       /* int32_t, of its first minute in UTC */
request_field_reader desk_read_limit;      /* unsigned: 1 to DESK_PAGE_MAX */
request_field_reader desk_read_days;       /* unsigned: 1 to DESK_DAYS_MAX */
request_field_reader desk_read_seen;       /* int64_t, from 1 on */
request_field_reader desk_read_turnaround; /* int32_t, minutes */
request_field_reader desk_read_place;      /* struct desk_page_end */

#endif
