#include "operator/desk/fields.h"

#include "lib/base/text.h"
#include "lib/base/timestamp.h"
#include "lib/json/read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 64 };

/* A query or a body on its way through the table. */
struct reading {
    struct desk_field *fields;
    size_t count;
    bool wrong;
    char name[NAME_MAX_BYTES + 1]; /* of the field that is wrong, "" for none */
    struct buffer error;
};

static bool fields_fail(struct reading *reading, const char *name, const char *what)
{
    reading->wrong = true;
    snprintf(reading->name, sizeof reading->name, "%s", name);
    buffer_printf(&reading->error, "%.*s %s.", NAME_MAX_BYTES, name, what);
    return false;
}

static bool fail_unknown(struct reading *reading, const char *name)
{
    reading->wrong = true;
    snprintf(reading->name, sizeof reading->name, "%s", name);
    if (!*name) {
        buffer_add_text(&reading->error, "A parameter has no name: write name=value, with one '&' "
                                         "between two.");
        return false;
    }
    buffer_printf(&reading->error, "'%.32s' is not known here; known %s ", name,
                  reading->count == 1 ? "is" : "are");
    for (size_t i = 0; i < reading->count; i++)
        buffer_printf(&reading->error, "%s%s",
                      i == 0                    ? ""
                      : i == reading->count - 1 ? " and "
                                                : ", ",
                      reading->fields[i].name);
    buffer_add(&reading->error, ".", 1);
    return false;
}

/* The field of that name that was not given yet; NULL with the error told. */
static struct desk_field *take_field(struct reading *reading, const char *name)
{
    for (size_t i = 0; i < reading->count; i++) {
        struct desk_field *field = &reading->fields[i];
        if (strcmp(field->name, name) != 0)
            continue;
        if (field->given) {
            fields_fail(reading, name, "is given twice");
            return NULL;
        }
        field->given = true;
        return field;
    }
    fail_unknown(reading, name);
    return NULL;
}

static bool check_required(struct reading *reading)
{
    for (size_t i = 0; i < reading->count; i++)
        if (reading->fields[i].required && !reading->fields[i].given)
            return fields_fail(reading, reading->fields[i].name, "is missing");
    return true;
}

/* Answers what is wrong, if anything is; true when nothing is. */
static bool finish(struct reading *reading, struct http_request *request)
{
    bool valid = !reading->wrong && check_required(reading);
    if (!valid && reading->error.failed)
        http_answer_problem(request, PROBLEM_INTERNAL_ERROR, NULL, "Out of memory; try again.");
    else if (!valid)
        http_answer_problem(request, PROBLEM_INVALID_REQUEST, *reading->name ? reading->name : NULL,
                            reading->error.data);
    buffer_free(&reading->error);
    return valid;
}

/* --- a query ---------------------------------------------------------------------------------- */

static bool read_parameter(void *context, const char *name, const char *value)
{
    struct reading *reading = context;
    struct desk_field *field = take_field(reading, name);
    if (!field)
        return false;
    if (!value)
        return fields_fail(reading, name, "has no value, or a NUL in it");
    const char *problem = field->read(value, field->value);
    return problem ? fields_fail(reading, name, problem) : true;
}

bool desk_read_query(struct http_request *request, struct desk_field *fields, size_t count)
{
    struct reading reading = {.fields = fields, .count = count};
    buffer_init(&reading.error, 1024);
    http_query(request, read_parameter, &reading);
    return finish(&reading, request);
}

static bool take_first(void *context, const char *name, const char *value)
{
    (void)value;
    const char **first = context;
    *first = name;
    return false;
}

bool desk_read_no_query(struct http_request *request)
{
    const char *name = NULL;
    http_query(request, take_first, &name);
    if (!name)
        return true;
    http_answer_problem(request, PROBLEM_INVALID_REQUEST, *name ? name : NULL,
                        "Send no query with this.");
    return false;
}

void desk_refuse_field(struct http_request *request, const char *name, const char *what)
{
    char detail[256];
    snprintf(detail, sizeof detail, "%s %s.", name, what);
    http_answer_problem(request, PROBLEM_INVALID_REQUEST, name, detail);
}

bool desk_check_period(struct http_request *request, struct period period, const char *to,
                       int32_t days)
{
    char what[64];
    if (period.return_at <= period.pickup_at) {
        desk_refuse_field(request, to, "must be later than the beginning");
        return false;
    }
    if (period.return_at - period.pickup_at <= days * MINUTES_PER_DAY)
        return true;
    snprintf(what, sizeof what, "must be at most %d days after the beginning", days);
    desk_refuse_field(request, to, what);
    return false;
}

/* --- a body ----------------------------------------------------------------------------------- */

/* A whole number as its digits, which is how a query would have it. */
static const char *number_text(double number, char text[24])
{
    enum { LARGEST = 1 << 30 };
    if (!(number >= 0 && number <= LARGEST) || number != (double)(long)number)
        return NULL;
    snprintf(text, 24, "%ld", (long)number);
    return text;
}

static bool read_member(struct reading *reading, const char *name, const json_t *value)
{
    struct desk_field *field = take_field(reading, name);
    if (!field)
        return false;
    char digits[24];
    const char *text;
    if (field->number) {
        if (!json_is_number(value))
            return fields_fail(reading, name, "must be a number");
        text = number_text(json_number_value(value), digits);
        if (!text)
            return fields_fail(reading, name, "must be a whole number, and not so large a one");
    } else {
        if (!json_is_string(value))
            return fields_fail(reading, name, "must be a string");
        text = json_string_value(value);
        if (strlen(text) != json_string_length(value))
            return fields_fail(reading, name, "has a NUL in it");
    }
    const char *problem = field->read(text, field->value);
    return problem ? fields_fail(reading, name, problem) : true;
}

bool desk_read_body(struct http_request *request, struct desk_field *fields, size_t count)
{
    struct reading reading = {.fields = fields, .count = count};
    buffer_init(&reading.error, 1024);
    if (!request->body_size)
        return finish(&reading, request);
    json_error_t failure = {0};
    json_t *root = json_read_object(request->body, request->body_size, JSON_ALLOW_NUL, &failure,
                                    &reading.error);
    const char *name;
    json_t *value;
    if (!root) {
        reading.wrong = true;
        json_read_repeated(&failure, reading.name, sizeof reading.name);
    }
    json_object_foreach(root, name, value)
    {
        if (!read_member(&reading, name, value))
            break;
    }
    bool valid = finish(&reading, request);
    json_decref(root);
    return valid;
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

/* Digits alone, of a number from `least` to `most`. */
static bool read_whole(const char *text, int64_t least, int64_t most, int64_t *number)
{
    size_t size = strlen(text);
    if (size < 1 || size > 18 || strspn(text, "0123456789") != size)
        return false;
    *number = strtoll(text, NULL, 10);
    return *number >= least && *number <= most;
}

const char *desk_read_limit(const char *text, void *value)
{
    int64_t number;
    if (!read_whole(text, 1, DESK_PAGE_MAX, &number))
        return "must be a whole number from 1 to 200";
    *(unsigned *)value = (unsigned)number;
    return NULL;
}

const char *desk_read_days(const char *text, void *value)
{
    int64_t number;
    if (!read_whole(text, 1, DESK_DAYS_MAX, &number))
        return "must be a whole number from 1 to 92";
    *(unsigned *)value = (unsigned)number;
    return NULL;
}

const char *desk_read_seen(const char *text, void *value)
{
    return read_whole(text, 1, INT32_MAX, value) ? NULL : "must be the version that was shown";
}

const char *desk_read_turnaround(const char *text, void *value)
{
    int64_t number;
    if (!read_whole(text, 0, DESK_TURNAROUND_MAX, &number))
        return "must be a whole number of minutes from 0 to 10080";
    *(int32_t *)value = (int32_t)number;
    return NULL;
}

_Static_assert(DESK_PAGE_MAX == 200 && DESK_DAYS_MAX == 92 && DESK_TURNAROUND_MAX == 10080,
               "the sentences say so");

/* --- where a page ends ------------------------------------------------------------------------ */

void desk_write_place(const struct desk_page_end *end, char text[DESK_PAGE_END_SIZE])
{
    snprintf(text, DESK_PAGE_END_SIZE, "%c%lld.%s", end->order == DESK_BY_PICKUP ? 'p' : 'n',
             (long long)end->place.at, end->place.id);
}

const char *desk_read_place(const char *text, void *value)
{
    static const char unknown[] = "is not the 'next' of a page";
    struct desk_page_end *end = value;
    char digits[20];
    const char *point = strchr(text, '.');
    if ((*text != 'n' && *text != 'p') || !point || point - text < 2 ||
        (size_t)(point - text) > sizeof digits)
        return unknown;
    snprintf(digits, sizeof digits, "%.*s", (int)(point - text - 1), text + 1);
    if (!booking_id_valid(point + 1) ||
        !read_whole(digits, 0, *text == 'p' ? INT32_MAX : INT64_MAX, &end->place.at))
        return unknown;
    end->order = *text == 'p' ? DESK_BY_PICKUP : DESK_NEWEST_FIRST;
    memcpy(end->place.id, point + 1, sizeof end->place.id);
    return NULL;
}
