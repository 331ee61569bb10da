/* What a request brings along, read strictly: nothing unknown, nothing twice, each value of its
 * form. A query's parameters and a JSON body's members are read by the same table.
 */
#ifndef LIB_HTTP_FIELDS_H
#define LIB_HTTP_FIELDS_H

#include "lib/http/server.h"

/* Reads a value into what the field points to; returns NULL, or what is wrong as the end of a
 * sentence. */
typedef const char *request_field_reader(const char *text, void *value);

struct request_field {
    const char *name;
    request_field_reader *read;
    void *value;
    bool required;
    bool number; /* in JSON a number; else a string */
    bool given;
};

static inline struct request_field request_optional(const char *name, request_field_reader *read,
                                                    void *value)
{
    return (struct request_field){.name = name, .read = read, .value = value};
}

static inline struct request_field request_required(const char *name, request_field_reader *read,
                                                    void *value)
{
    return (struct request_field){.name = name, .read = read, .value = value, .required = true};
}

/* Read all of a query or of a body; false when the request was answered with what is wrong in it. A
 * body that is empty has no members. */
bool request_read_query(struct http_request *request, struct request_field *fields, size_t count);
bool request_read_body(struct http_request *request, struct request_field *fields, size_t count);

/* For a request that takes none; a body may be {}. What is passed over could mean something else
 * than what is done. */
bool request_read_no_query(struct http_request *request);
bool request_read_no_body(struct http_request *request);

/* Answers that a field is wrong: what, as the end of a sentence. */
void request_refuse_field(struct http_request *request, const char *name, const char *what);

/* For a reader: digits alone, of a number from `least` to `most`. */
bool request_whole_number(const char *text, int64_t least, int64_t most, int64_t *number);

#endif
