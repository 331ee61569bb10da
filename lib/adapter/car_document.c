#include "lib/adapter/car_document.h"

#include "lib/base/money.h"
#include "lib/json/flat.h"
#include "lib/json/read.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Every member that a document may have. */
enum member {
    CARID,
    PRICE,
    CURRENCY,
    STATUS,
    DAY_PRICE,
    HOURLY_PRICE,
    PICKUP_AT,
    RETURN_AT,
    LOCATION,
    CATEGORY,
    BOOKING_ID,
    REFERENCE,
    EXPIRES_AT,
    MEMBERS,
};

static const char *const names[MEMBERS] = {
    [CARID] = "carid",           [PRICE] = "price",           [CURRENCY] = "currency",
    [STATUS] = "status",         [DAY_PRICE] = "day_price",   [HOURLY_PRICE] = "hourly_price",
    [PICKUP_AT] = "pickup_at",   [RETURN_AT] = "return_at",   [LOCATION] = "location",
    [CATEGORY] = "category",     [BOOKING_ID] = "booking_id", [REFERENCE] = "reference",
    [EXPIRES_AT] = "expires_at",
};

struct value {
    enum { ABSENT, TEXT, NUMBER, OTHER } type; /* null counts as absent */
    const char *text;                          /* ended by NUL */
    size_t size;
    double number;
};

/* The texts are in one of the two. */
struct car_document_owner {
    json_t *root;
    char copy[];
};

void car_document_free(struct car_document_owner *owner)
{
    if (!owner)
        return;
    json_decref(owner->root);
    free(owner);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* MEMBERS for one that is not known. */
static enum member member_named(const char *name, size_t size)
{
    enum member member = CARID;
    while (member < MEMBERS &&
           (strlen(names[member]) != size || memcmp(names[member], name, size) != 0))
        member++;
    return member;
}

static struct value flat_value(const struct json_flat_member *member)
{
    switch (member->type) {
    case JSON_FLAT_STRING:
        return (struct value){.type = TEXT, .text = member->value, .size = member->value_size};
    case JSON_FLAT_NUMBER:
        return (struct value){.type = NUMBER, .number = strtod(member->value, NULL)};
    case JSON_FLAT_OTHER:
        break;
    }
    return (struct value){.type = *member->value == 'n' ? ABSENT : OTHER};
}

/* Reads a document of the shape that engines send. NULL when jansson has to read it. That is so,
 * too, when a member comes twice, or is not known and so might come twice. */
static struct car_document_owner *read_flat(const char *json, size_t size,
                                            struct value values[MEMBERS])
{
    struct car_document_owner *owner = malloc(sizeof *owner + size + 1);
    if (!owner)
        return NULL;
    owner->root = NULL;
    memcpy(owner->copy, json, size);
    owner->copy[size] = '\0'; /* strtod() stops here at the latest */

    struct json_flat flat = json_flat_begin(owner->copy, size);
    struct json_flat_member member;
    enum json_flat_step step;
    bool seen[MEMBERS] = {false};
    while ((step = json_flat_next(&flat, &member)) == JSON_FLAT_MEMBER) {
        enum member which = member_named(member.name, member.name_size);
        if (which == MEMBERS || seen[which])
            break;
        seen[which] = true;
        values[which] = flat_value(&member);
    }
    if (step != JSON_FLAT_END) {
        free(owner);
        return NULL;
    }
    /* Only now: the closing quotes were needed to read what follows them. */
    for (enum member which = CARID; which < MEMBERS; which++)
        if (values[which].type == TEXT)
            owner->copy[values[which].text - owner->copy + (ptrdiff_t)values[which].size] = '\0';
    return owner;
}

static void take_values(const json_t *object, struct value values[MEMBERS])
{
    for (enum member which = CARID; which < MEMBERS; which++) {
        const json_t *found = json_object_get(object, names[which]);
        struct value *value = &values[which];
        if (!found || json_is_null(found))
            *value = (struct value){.type = ABSENT};
        else if (json_is_string(found))
            *value = (struct value){
                .type = TEXT, .text = json_string_value(found), .size = json_string_length(found)};
        else if (json_is_number(found))
            *value = (struct value){.type = NUMBER, .number = json_number_value(found)};
        else
            *value = (struct value){.type = OTHER};
    }
}

/* NULL, with a sentence added to `error`, when this is no JSON object. */
static struct car_document_owner *read_any(const char *json, size_t size,
                                           struct value values[MEMBERS], struct buffer *error)
{
    json_t *root = json_read_object(json, size, 0, NULL, error);
    if (!root)
        return NULL;
    struct car_document_owner *owner = malloc(sizeof *owner);
    if (!owner) {
        error->failed = true;
        json_decref(root);
        return NULL;
    }
    owner->root = root;
    take_values(root, values);
    return owner;
}

/* --- checking --------------------------------------------------------------------------------- */

struct checking {
    const struct value *values;
    const char **member;
    struct buffer *error;
};

static bool car_document_wrong(struct checking *checking, enum member member, const char *what)
{
    *checking->member = names[member];
    buffer_printf(checking->error, "%s %s.", names[member], what);
    return false;
}

static bool take_text(struct checking *checking, enum member member, bool required,
                      const char **target)
{
    const struct value *value = &checking->values[member];
    *target = NULL;
    if (value->type == ABSENT)
        return required ? car_document_wrong(checking, member, "is missing") : true;
    if (value->type != TEXT)
        return car_document_wrong(checking, member, "must be a string");
    if (value->size == 0 || value->size > CAR_TEXT_MAX)
        return car_document_wrong(checking, member, "must have 1 to 128 bytes");
    *target = value->text;
    return true;
}

static bool take_amount(struct checking *checking, enum member member, bool required,
                        int64_t *target)
{
    const struct value *value = &checking->values[member];
    *target = -1;
    if (value->type == ABSENT)
        return required ? car_document_wrong(checking, member, "is missing") : true;
    if (value->type != NUMBER)
        return car_document_wrong(checking, member, "must be a number");
    const char *problem = money_from_number(value->number, MONEY_FINEST_EXPONENT, target);
    return problem ? car_document_wrong(checking, member, problem) : true;
}

static bool take_status(struct checking *checking, const char **target)
{
    static const char *const known[] = {"available", "booked", "held", "cancelled", "expired"};
    if (!take_text(checking, STATUS, true, target))
        return false;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i], *target) == 0)
            return true;
    return car_document_wrong(checking, STATUS,
                              "must be available, booked, held, cancelled or expired");
}

static bool take_all(struct checking *checking, struct car_document *car)
{
    return take_text(checking, CARID, true, &car->carid) &&
           take_amount(checking, PRICE, true, &car->price) &&
           take_text(checking, CURRENCY, true, &car->currency) &&
           take_status(checking, &car->status) &&
           take_amount(checking, DAY_PRICE, false, &car->day_price) &&
           take_amount(checking, HOURLY_PRICE, false, &car->hourly_price) &&
           take_text(checking, PICKUP_AT, false, &car->pickup_at) &&
           take_text(checking, RETURN_AT, false, &car->return_at) &&
           take_text(checking, LOCATION, false, &car->location) &&
           take_text(checking, CATEGORY, false, &car->category) &&
           take_text(checking, BOOKING_ID, false, &car->booking_id) &&
           take_text(checking, REFERENCE, false, &car->reference) &&
           take_text(checking, EXPIRES_AT, false, &car->expires_at);
}

static bool check_values(const struct value values[MEMBERS], struct car_document *document,
                         const char **member, struct buffer *error)
{
    struct checking checking = {values, member, error};
    struct car_document car;
    if (!take_all(&checking, &car))
        return false;
    *document = car;
    return true;
}

struct car_document_owner *car_document_parse(const char *json, size_t size,
                                              struct car_document *document, const char **member,
                                              struct buffer *error)
{
    *member = NULL;
    struct value values[MEMBERS] = {0};
    struct car_document_owner *owner = read_flat(json, size, values);
    if (!owner)
        owner = read_any(json, size, values, error);
    if (!owner)
        return NULL;
    if (check_values(values, document, member, error))
        return owner;
    car_document_free(owner);
    return NULL;
}

bool car_document_take(const json_t *object, struct car_document *document, const char **member,
                       struct buffer *error)
{
    struct value values[MEMBERS];
    *member = NULL;
    take_values(object, values);
    return check_values(values, document, member, error);
}
