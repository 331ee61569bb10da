#include "lib/http/fields.h"

#include "lib/json/read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 64 };

/* A query or a body on its way through the table. */
struct reading {
    struct request_field *fields;
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
static struct request_field *take_field(struct reading *reading, const char *name)
{
    for (size_t i = 0; i < reading->count; i++) {
        struct request_field *field = &reading->fields[i];
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
    struct request_field *field = take_field(reading, name);
    if (!field)
        return false;
    if (!value)
        return fields_fail(reading, name, "has no value, or a NUL in it");
    const char *problem = field->read(value, field->value);
    return problem ? fields_fail(reading, name, problem) : true;
}

bool request_read_query(struct http_request *request, struct request_field *fields, size_t count)
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

bool request_read_no_query(struct http_request *request)
{
    const char *name = NULL;
    http_query(request, take_first, &name);
    if (!name)
        return true;
    http_answer_problem(request, PROBLEM_INVALID_REQUEST, *name ? name : NULL,
                        "Send no query with this.");
    return false;
}

void request_refuse_field(struct http_request *request, const char *name, const char *what)
{
    char detail[256];
    snprintf(detail, sizeof detail, "%s %s.", name, what);
    http_answer_problem(request, PROBLEM_INVALID_REQUEST, name, detail);
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
    struct request_field *field = take_field(reading, name);
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

bool request_read_body(struct http_request *request, struct request_field *fields, size_t count)
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

/* Nothing, or an object of nothing, with the white space that JSON allows (RFC 8259, section 2). */
static bool body_is_empty(const char *body, size_t size)
{
    static const char space[] = " \t\r\n";
    const char *at = body + strspn(body, space);
    if (*at == '{') {
        at += 1;
        at += strspn(at, space);
        if (*at++ != '}')
            return false;
        at += strspn(at, space);
    }
    return at == body + size;
}

bool request_read_no_body(struct http_request *request)
{
    if (body_is_empty(request->body, request->body_size))
        return true;
    http_answer_problem(request, PROBLEM_INVALID_REQUEST, NULL, "Send no body with this.");
    return false;
}

/* --- a reader's help -------------------------------------------------------------------------- */

bool request_whole_number(const char *text, int64_t least, int64_t most, int64_t *number)
{
    size_t size = strlen(text);
    if (size < 1 || size > 18 || strspn(text, "0123456789") != size)
        return false;
    *number = strtoll(text, NULL, 10);
    return *number >= least && *number <= most;
}
