#include "partner/order.h"

#include "lib/json/read.h"

#include "lib/base/money.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

struct reading {
    struct booking_order order;
    struct criteria_reading criteria;
    int exponent;
    char *field;
    struct buffer *error;
};

static bool wrong(struct reading *reading, const char *field, const char *what)
{
    snprintf(reading->field, ORDER_FIELD_MAX + 1, "%s", field);
    buffer_printf(reading->error, "%.*s %s.", ORDER_FIELD_MAX, field, what);
    return false;
}

/* The value as a text without NUL in it, or NULL with the error told. */
static const char *text_of(struct reading *reading, const char *field, const json_t *value)
{
    if (!json_is_string(value)) {
        wrong(reading, field, "must be a string");
        return NULL;
    }
    const char *text = json_string_value(value);
    if (strlen(text) != json_string_length(value)) {
        wrong(reading, field, "has a NUL in it");
        return NULL;
    }
    return text;
}

static bool read_criterion(struct reading *reading, const char *field, const json_t *value)
{
    const char *text = text_of(reading, field, value);
    if (!text)
        return false;
    if (criteria_set(&reading->criteria, field, text))
        return true;
    snprintf(reading->field, ORDER_FIELD_MAX + 1, "%s", field);
    return false;
}

static bool read_carid(struct reading *reading, const char *field, const json_t *value)
{
    const char *text = text_of(reading, field, value);
    if (!text)
        return false;
    const char *problem = car_id_problem(text);
    if (problem)
        return wrong(reading, field, problem);
    memcpy(reading->order.carid, text, strlen(text) + 1);
    return true;
}

static bool read_price(struct reading *reading, const char *field, const json_t *value)
{
    if (!json_is_number(value))
        return wrong(reading, field, "must be a number");
    const char *problem =
        money_from_number(json_number_value(value), reading->exponent, &reading->order.price);
    return problem ? wrong(reading, field, problem) : true;
}

static bool read_hold_seconds(struct reading *reading, const char *field, const json_t *value)
{
    double seconds = json_is_number(value) ? json_number_value(value) : 0; /* 600.0 is whole */
    if (!(seconds >= 1 && seconds <= ORDER_HOLD_SECONDS_MAX) || seconds != (unsigned)seconds)
        return wrong(reading, field, "must be a whole number from 1 to 86400");
    reading->order.hold_seconds = (unsigned)seconds;
    return true;
}

static bool read_reference(struct reading *reading, const char *field, const json_t *value)
{
    const char *text = text_of(reading, field, value);
    if (!text)
        return false;
    size_t size = strlen(text);
    if (size < 1 || size > BOOKING_REFERENCE_MAX)
        return wrong(reading, field, "must have 1 to 128 bytes");
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7F)
            return wrong(reading, field, "has a control character in it");
    memcpy(reading->order.reference, text, size + 1);
    return true;
}

static const struct {
    const char *name;
    bool (*read)(struct reading *reading, const char *field, const json_t *value);
} fields[] = {
    {"pickup_at", read_criterion},
    {"return_at", read_criterion},
    {"location", read_criterion},
    {"category", read_criterion},
    {"carid", read_carid},
    {"price", read_price},
    {"hold_seconds", read_hold_seconds},
    {"reference", read_reference},
};

static bool read_field(struct reading *reading, const char *name, const json_t *value)
{
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (strcmp(name, fields[i].name) == 0)
            return fields[i].read(reading, name, value);
    return wrong(reading, name,
                 "is not known here; known are pickup_at, return_at, location, category, carid, "
                 "price, hold_seconds and reference");
}

bool booking_order_read(const char *json, size_t size, int exponent, int32_t now,
                        struct booking_order *order, char field[ORDER_FIELD_MAX + 1],
                        struct buffer *error)
{
    struct reading reading = {
        .order.price = -1, .exponent = exponent, .field = field, .error = error};
    field[0] = '\0';
    criteria_begin(&reading.criteria, error);
    json_error_t failure = {0};
    json_t *root = json_read_object(json, size, JSON_ALLOW_NUL, &failure, error);
    if (!root) {
        json_read_repeated(&failure, field, ORDER_FIELD_MAX + 1);
        return false;
    }
    bool valid = true;
    const char *name;
    json_t *value;
    json_object_foreach(root, name, value)
    {
        if (!(valid = read_field(&reading, name, value)))
            break;
    }
    for (int i = 0; valid && i < 2; i++) { /* unlike an offer, a booking needs both times */
        const char *time = i == 0 ? "pickup_at" : "return_at";
        if (!json_object_get(root, time))
            valid = wrong(&reading, time, "is missing");
    }
    if (valid && !criteria_end(&reading.criteria, now)) {
        snprintf(field, ORDER_FIELD_MAX + 1, "%s", reading.criteria.parameter);
        valid = false;
    }
    json_decref(root);
    if (!valid)
        return false;
    *order = reading.order;
    order->criteria = reading.criteria.criteria;
    return true;
}
