#include "outgoing/otlp.h"

#include "lib/json/read.h"
#include "lib/json/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The protocol's own numbers. */
enum { KIND_SERVER = 2, KIND_CLIENT = 3 };
enum { STATUS_ERROR = 2 };
enum { FLAG_SAMPLED = 0x1, FLAG_HAS_IS_REMOTE = 0x100, FLAG_IS_REMOTE = 0x200 };

/* Adds a text that stands here. A span is some fifty of these: to have the writer put each name
 * together took three times the instructions. As there, what is behind an object is a comma. */
#define ADD(out, literal) buffer_add(out, literal, sizeof(literal) - 1)

#define ATTRIBUTE(key, type)         "{\"key\":\"" key "\",\"value\":{\"" type "\":"
#define ADD_TEXT(out, key, value)    add_text(out, ATTRIBUTE(key, "stringValue"), value)
#define ADD_NUMBER(out, key, number) add_number(out, ATTRIBUTE(key, "intValue"), number)

/* Left out where there is no value. */
static inline void add_text(struct buffer *out, const char *start, const char *value)
{
    if (!value)
        return;
    buffer_add_text(out, start);
    json_add_string(out, NULL, value);
    json_close_object(out);
    json_close_object(out);
}

static inline void add_number(struct buffer *out, const char *start, int64_t value)
{
    buffer_add_text(out, start);
    ADD(out, "\"");
    buffer_add_number(out, value);
    ADD(out, "\"}},");
}

void otlp_begin(struct buffer *out, const struct otlp_source *source)
{
    json_begin(out);
    json_open_array(out, "resourceSpans");
    json_open_object(out, NULL);
    json_open_object(out, "resource");
    json_open_array(out, "attributes");
    ADD_TEXT(out, "service.name", "booking-main");
    ADD_TEXT(out, "service.version", BOOKING_VERSION);
    ADD_TEXT(out, "service.instance.id", source->instance);
    ADD_TEXT(out, "host.name", source->host[0] ? source->host : NULL);
    ADD_TEXT(out, "booking.channel", source->channel);
    json_close_array(out);
    json_close_object(out);
    json_open_array(out, "scopeSpans");
    json_open_object(out, NULL);
    json_open_object(out, "scope");
    json_add_string(out, "name", "booking-main");
    json_add_string(out, "version", BOOKING_VERSION);
    json_close_object(out);
    json_open_array(out, "spans");
}

void otlp_end(struct buffer *out)
{
    json_close_array(out);
    json_close_object(out);
    json_close_array(out);
    json_close_object(out);
    json_close_array(out);
    json_end(out);
}

/* A method that the conventions know. Others are the caller's invention, of any number. */
static bool is_known(const char *method)
{
    static const char *const known[] = {"GET",     "POST",    "PUT",   "DELETE", "HEAD",
                                        "OPTIONS", "CONNECT", "TRACE", "PATCH"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(method, known[i]) == 0)
            return true;
    return false;
}

/* What is in a name is ours: a method that is known, a route, a path that we call. */
static void add_name(struct buffer *out, const struct span *span)
{
    ADD(out, "\"name\":\"");
    const char *target = span->name;
    if (span->kind != SPAN_STORED)
        buffer_add_text(out, is_known(span->method) ? span->method : "HTTP");
    if (span->kind == SPAN_CALL)
        target = span->path;
    if (target && span->kind != SPAN_STORED)
        ADD(out, " ");
    buffer_add_text(out, target ? target : "");
    ADD(out, "\",");
}

static void add_http(struct buffer *out, const struct otlp_source *source, const struct span *span)
{
    bool known = is_known(span->method);
    ADD_TEXT(out, "http.request.method", known ? span->method : "_OTHER");
    if (!known)
        ADD_TEXT(out, "http.request.method_original", span->method);
    if (span->kind == SPAN_REQUEST) {
        ADD_TEXT(out, "http.route", span->name);
        ADD_TEXT(out, "url.scheme", "http");
        ADD_TEXT(out, "url.path", span->path);
        ADD_NUMBER(out, "server.port", source->port);
    } else {
        ADD(out, ATTRIBUTE("url.full", "stringValue") "\"");
        buffer_add_text(out, source->adapter); /* which libcurl has found to be a URL */
        buffer_add_text(out, span->path);
        ADD(out, "\"}},");
        ADD_TEXT(out, "url.template", span->path);
        ADD_TEXT(out, "server.address", source->adapter_host);
        ADD_NUMBER(out, "server.port", source->adapter_port);
    }
    if (span->status)
        ADD_NUMBER(out, "http.response.status_code", span->status);
}

static void add_error(struct buffer *out, const struct span *span)
{
    char status[12];
    if (!span->error && !span->failed)
        return;
    snprintf(status, sizeof status, "%u", span->status);
    ADD_TEXT(out, "error.type", span->error ? span->error : status);
}

static void add_ids(struct buffer *out, const struct span *span)
{
    const char *trace_id = span->traceparent + 3, *span_id = trace_id + IDENTITY_TRACE_ID_SIZE + 1;
    ADD(out, "{\"traceId\":\"");
    buffer_add(out, trace_id, IDENTITY_TRACE_ID_SIZE);
    ADD(out, "\",\"spanId\":\"");
    buffer_add(out, span_id, IDENTITY_SPAN_ID_SIZE);
    if (span->parent[0]) {
        ADD(out, "\",\"parentSpanId\":\"");
        buffer_add(out, span->parent, IDENTITY_SPAN_ID_SIZE);
    }
    ADD(out, "\",");
}

void otlp_add(struct buffer *out, const struct otlp_source *source, const struct span *span,
              int64_t wall)
{
    bool remote = span->kind == SPAN_REQUEST && span->parent[0];
    add_ids(out, span);
    json_add_integer(out, "flags",
                     FLAG_SAMPLED | FLAG_HAS_IS_REMOTE | (remote ? FLAG_IS_REMOTE : 0));
    add_name(out, span);
    json_add_integer(out, "kind", span->kind == SPAN_REQUEST ? KIND_SERVER : KIND_CLIENT);
    ADD(out, "\"startTimeUnixNano\":\"");
    buffer_add_number(out, span->started + wall);
    ADD(out, "\",\"endTimeUnixNano\":\"");
    buffer_add_number(out, span->ended + wall);
    ADD(out, "\",\"attributes\":[");
    if (span->kind == SPAN_STORED) {
        ADD_TEXT(out, "db.system.name", source->database);
        ADD_TEXT(out, "db.operation.name", span->name);
        ADD_TEXT(out, "booking.result", span->result);
    } else {
        add_http(out, source, span);
    }
    add_error(out, span);
    json_close_array(out);
    if (span->failed) {
        json_open_object(out, "status");
        json_add_integer(out, "code", STATUS_ERROR);
        json_close_object(out);
    }
    json_close_object(out);
}

/* A count, which protobuf writes as a string, and reads as a number too. */
static uint64_t count_of(const json_t *value)
{
    json_int_t number = json_integer_value(value);
    const char *text = json_string_value(value);
    if (text)
        number = strtoll(text, NULL, 10);
    return number > 0 ? (uint64_t)number : 0;
}

uint64_t otlp_rejected(const char *answer, size_t size, char reason[OTLP_MESSAGE_MAX + 1])
{
    reason[0] = '\0';
    json_error_t failure;
    bool no_memory;
    json_t *root = json_read(answer, size, 0, &failure, &no_memory);
    const json_t *partial = json_object_get(root, "partialSuccess");
    uint64_t count = count_of(json_object_get(partial, "rejectedSpans"));
    const char *message = json_string_value(json_object_get(partial, "errorMessage"));
    size_t length = message ? strlen(message) : 0;
    if (length > OTLP_MESSAGE_MAX) /* not within a character */
        for (length = OTLP_MESSAGE_MAX; length && (message[length] & 0xC0) == 0x80;)
            length--;
    if (message)
        snprintf(reason, OTLP_MESSAGE_MAX + 1, "%.*s", (int)length, message);
    json_decref(root);
    return count;
}
