#include "car_document.h"

#include "money.h"

#include <jansson.h>
#include <stdbool.h>
#include <string.h>

/* The owner is the parsed JSON itself: texts point into it. */
static struct car_document_owner *owner_of(json_t *root)
{
    return (struct car_document_owner *)(void *)root;
}

void car_document_free(struct car_document_owner *owner)
{
    json_decref((json_t *)(void *)owner);
}

struct reading {
    const json_t *root;
    const char **member;
    struct buffer *error;
};

static bool wrong(struct reading *reading, const char *member, const char *what)
{
    *reading->member = member;
    buffer_printf(reading->error, "%s %s.", member, what);
    return false;
}

static bool read_text(struct reading *reading, const char *member, bool required,
                      const char **target)
{
    const json_t *value = json_object_get(reading->root, member);
    if (!value || json_is_null(value)) {
        *target = NULL;
        return required ? wrong(reading, member, "is missing") : true;
    }
    if (!json_is_string(value))
        return wrong(reading, member, "must be a string");
    size_t size = json_string_length(value);
    if (size == 0 || size > CAR_TEXT_MAX)
        return wrong(reading, member, "must have 1 to 128 bytes");
    *target = json_string_value(value);
    return true;
}

static bool read_amount(struct reading *reading, const char *member, bool required, int64_t *target)
{
    const json_t *value = json_object_get(reading->root, member);
    if (!value || json_is_null(value)) {
        *target = -1;
        return required ? wrong(reading, member, "is missing") : true;
    }
    if (!json_is_number(value))
        return wrong(reading, member, "must be a number");
    const char *problem =
        money_from_number(json_number_value(value), MONEY_FINEST_EXPONENT, target);
    return problem ? wrong(reading, member, problem) : true;
}

static bool read_status(struct reading *reading, const char **target)
{
    static const char *const known[] = {"available", "booked", "held", "cancelled", "expired"};
    if (!read_text(reading, "status", true, target))
        return false;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i], *target) == 0)
            return true;
    return wrong(reading, "status", "must be available, booked, held, cancelled or expired");
}

struct car_document_owner *car_document_parse(const char *json, size_t size,
                                              struct car_document *document, const char **member,
                                              struct buffer *error)
{
    *member = NULL;
    json_error_t where;
    json_t *root = json_loadb(json, size, JSON_REJECT_DUPLICATES, &where);
    if (!root) {
        buffer_printf(error, "The body must be a JSON object: line %d, column %d: %s.", where.line,
                      where.column, where.text);
        return NULL;
    }
    if (!json_is_object(root)) {
        buffer_add_text(error, "The body must be a JSON object.");
        json_decref(root);
        return NULL;
    }
    struct reading reading = {root, member, error};
    struct car_document read;
    if (read_text(&reading, "carid", true, &read.carid) &&
        read_amount(&reading, "price", true, &read.price) &&
        read_text(&reading, "currency", true, &read.currency) &&
        read_status(&reading, &read.status) &&
        read_amount(&reading, "day_price", false, &read.day_price) &&
        read_amount(&reading, "hourly_price", false, &read.hourly_price) &&
        read_text(&reading, "pickup_at", false, &read.pickup_at) &&
        read_text(&reading, "return_at", false, &read.return_at) &&
        read_text(&reading, "location", false, &read.location) &&
        read_text(&reading, "category", false, &read.category) &&
        read_text(&reading, "booking_id", false, &read.booking_id) &&
        read_text(&reading, "expires_at", false, &read.expires_at)) {
        *document = read;
        return owner_of(root);
    }
    json_decref(root);
    return NULL;
}
