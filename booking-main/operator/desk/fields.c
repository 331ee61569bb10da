#include "operator/desk/fields.h"

#include "lib/base/text.h"
#include "lib/base/timestamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool desk_check_period(struct http_request *request, struct period period, const char *to,
                       int32_t days)
{
    char what[64];
    if (period.return_at <= period.pickup_at) {
        request_refuse_field(request, to, "must be later than the beginning");
        return false;
    }
    if (period.return_at - period.pickup_at <= days * MINUTES_PER_DAY)
        return true;
    snprintf(what, sizeof what, "must be at most %d days after the beginning", days);
    request_refuse_field(request, to, what);
    return false;
}

/* --- values ----------------------------------------------------------------------------------- */

static const char *fields_read_text(const char *text, size_t limit, char *value)
{
    size_t size = strlen(text);
    if (size < 1 || size > limit)
        return limit == DESK_TEXT_MAX     ? "must have 1 to 128 bytes"
               : limit == DESK_REASON_MAX ? "must have 1 to 200 bytes"
                                          : "must have 1 to 64 bytes";
    if (!text_is_utf8(text))
        return "is not UTF-8";
    if (text_has_control(text))
        return "has a control character in it";
    memcpy(value, text, size + 1);
    return NULL;
}

_Static_assert(BOOKING_REFERENCE_MAX == 128 && DESK_TEXT_MAX == 128, "the sentence says 128 bytes");
_Static_assert(DESK_REASON_MAX == 200, "the sentence says 200 bytes");
_Static_assert(BOOKING_CHANNEL_MAX == 64 && CAR_ID_MAX == 64, "the sentence says 64 bytes");

const char *desk_read_search(const char *text, void *value)
{
    return fields_read_text(text, DESK_TEXT_MAX, value);
}

const char *desk_read_reference(const char *text, void *value)
{
    return fields_read_text(text, BOOKING_REFERENCE_MAX, value);
}

const char *desk_read_channel(const char *text, void *value)
{
    return fields_read_text(text, BOOKING_CHANNEL_MAX, value);
}

const char *desk_read_reason(const char *text, void *value)
{
    if (text[strspn(text, " ")] == '\0' && *text)
        return "must say something";
    return fields_read_text(text, DESK_REASON_MAX, value);
}

const char *desk_read_carid(const char *text, void *value)
{
    const char *problem = car_id_problem(text);
    if (!problem)
        memcpy(value, text, strlen(text) + 1);
    return problem;
}

const char *desk_read_carid_start(const char *text, void *value)
{
    return fields_read_text(text, CAR_ID_MAX, value);
}

const char *desk_read_location(const char *text, void *value)
{
    if (!car_location_valid(text))
        return "must be 1 to 32 letters, digits, '.', '_' or '-'";
    memcpy(value, text, strlen(text) + 1);
    return NULL;
}

const char *desk_read_category(const char *text, void *value)
{
    if (!car_category_valid(text))
        return "must be an ACRISS code of four capital letters";
    memcpy(value, text, CAR_CATEGORY_SIZE + 1);
    return NULL;
}

const char *desk_read_state(const char *text, void *value)
{
    for (enum booking_state state = BOOKING_HELD; state <= BOOKING_BLOCKED; state++)
        if (strcmp(text, booking_state_name(state)) == 0) {
            *(enum booking_state *)value = state;
            return NULL;
        }
    return "must be booked, held, cancelled, expired or blocked";
}

/* Sets *second when the text is the second word. */
static bool is_either(const char *text, const char *first, const char *second, bool *is_second)
{
    *is_second = strcmp(text, second) == 0;
    return *is_second || strcmp(text, first) == 0;
}

const char *desk_read_order(const char *text, void *value)
{
    bool by_pickup;
    if (!is_either(text, "newest", "pickup", &by_pickup))
        return "must be newest or pickup";
    *(enum desk_order *)value = by_pickup ? DESK_BY_PICKUP : DESK_NEWEST_FIRST;
    return NULL;
}

const char *desk_read_true(const char *text, void *value)
{
    return is_either(text, "false", "true", value) ? NULL : "must be true or false";
}

const char *desk_read_csv(const char *text, void *value)
{
    return is_either(text, "json", "csv", value) ? NULL : "must be csv or json";
}

const char *desk_read_time(const char *text, void *value)
{
    return timestamp_parse(text, value);
}

const char *desk_read_date(const char *text, void *value)
{
    static const char form[] = "1970-01-01", midnight[] = "T00:00:00Z";
    char time[sizeof form + sizeof midnight];
    int32_t minutes;
    if (strlen(text) != sizeof form - 1)
        return "is not a date, such as 2026-12-01";
    snprintf(time, sizeof time, "%s%s", text, midnight);
    if (timestamp_parse(time, &minutes) != NULL)
        return "is not a date, such as 2026-12-01";
    *(int32_t *)value = minutes;
    return NULL;
}

const char *desk_read_limit(const char *text, void *value)
{
    int64_t number;
    if (!request_whole_number(text, 1, DESK_PAGE_MAX, &number))
        return "must be a whole number from 1 to 200";
    *(unsigned *)value = (unsigned)number;
    return NULL;
}

const char *desk_read_days(const char *text, void *value)
{
    int64_t number;
    if (!request_whole_number(text, 1, DESK_DAYS_MAX, &number))
        return "must be a whole number from 1 to 92";
    *(unsigned *)value = (unsigned)number;
    return NULL;
}

const char *desk_read_seen(const char *text, void *value)
{
    return request_whole_number(text, 1, INT32_MAX, value) ? NULL
                                                           : "must be the version that was shown";
}

const char *desk_read_turnaround(const char *text, void *value)
{
    int64_t number;
    if (!request_whole_number(text, 0, DESK_TURNAROUND_MAX, &number))
        return "must be a whole number of minutes from 0 to 10080";
    *(int32_t *)value = (int32_t)number;
    return NULL;
}

_Static_assert(DESK_PAGE_MAX == 200 && DESK_DAYS_MAX == 92 && DESK_TURNAROUND_MAX == 10080,
               "the sentences say so");

const char *desk_read_place(const char *text, void *value)
{
    return desk_page_end_read(text, value);
}
