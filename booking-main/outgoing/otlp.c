#include "outgoing/otlp.h"

#include "lib/json/read.h"
#include "lib/json/writer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The protocol's own numbers. */
enum { KIND_SERVER = 2, KIND_CLIENT = 3 };
enum { STATUS_ERROR = 2 };
enum { FLAG_SAMPLED = 0x1, FLAG_HAS_IS_REMOTE = 0x100, FLAG_IS_REMOTE = 0x200 };

static void add_text(struct buffer *out, const char *key, const char *value)
{
    if (!value)
        return;
    json_open_object(out, NULL);
    json_add_string(out, "key", key);
    json_open_object(out, "value");
    json_add_string(out, "stringValue", value);
    json_close_object(out);
    json_close_object(out);
}

static void add_number(struct buffer *out, const char *key, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    json_open_object(out, NULL);
    json_add_string(out, "key", key);
    json_open_object(out, "value");
    json_add_string(out, "intValue", text);
    json_close_object(out);
    json_close_object(out);
}

void otlp_begin(struct buffer *out, const struct otlp_source *source)
{
    json_begin(out);
    json_open_array(out, "resourceSpans");
    json_open_object(out, NULL);
    json_open_object(out, "resource");
    json_open_array(out, "attributes");
    add_text(out, "service.name", "booking-main");
    add_text(out, "service.version", BOOKING_VERSION);
    add_text(out, "service.instance.id", source->instance);
    add_text(out, "host.name", source->host[0] ? source->host : NULL);
    add_text(out, "booking.channel", source->channel);
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

static void add_name(struct buffer *out, const struct span *span)
{
    char name[OTLP_METHOD_MAX + HTTP_PATH_MAX + 2];
    if (span->kind == SPAN_STORED) {
        json_add_string(out, "name", span->name);
        return;
    }
    const char *target = span->kind == SPAN_REQUEST ? span->name : span->path;
    snprintf(name, sizeof name, "%s%s%s", is_known(span->method) ? span->method : "HTTP",
             target ? " " : "", target ? target : "");
    json_add_string(out, "name", name);
}

static void add_http(struct buffer *out, const struct otlp_source *source, const struct span *span)
{
    bool known = is_known(span->method);
    add_text(out, "http.request.method", known ? span->method : "_OTHER");
    if (!known)
        add_text(out, "http.request.method_original", span->method);
    if (span->kind == SPAN_REQUEST) {
        add_text(out, "http.route", span->name);
        add_text(out, "url.scheme", "http");
        add_text(out, "url.path", span->path);
        add_number(out, "server.port", source->port);
    } else {
        char url[sizeof source->adapter_host + HTTP_PATH_MAX + 32];
        snprintf(url, sizeof url, "%s%s", source->adapter, span->path);
        add_text(out, "url.full", url);
        add_text(out, "url.template", span->path);
        add_text(out, "server.address", source->adapter_host);
        add_number(out, "server.port", source->adapter_port);
    }
    if (span->status)
        add_number(out, "http.response.status_code", span->status);
}

static void add_error(struct buffer *out, const struct span *span)
{
    char status[12];
    snprintf(status, sizeof status, "%u", span->status);
    add_text(out, "error.type", span->error ? span->error : span->failed ? status : NULL);
}

void otlp_add(struct buffer *out, const struct otlp_source *source, const struct span *span,
              int64_t wall)
{
    char trace_id[IDENTITY_TRACE_ID_SIZE + 1], span_id[IDENTITY_SPAN_ID_SIZE + 1], time[24];
    snprintf(trace_id, sizeof trace_id, "%s", span->traceparent + 3);
    snprintf(span_id, sizeof span_id, "%s", span->traceparent + 3 + sizeof trace_id);
    bool remote = span->kind == SPAN_REQUEST && span->parent[0];

    json_open_object(out, NULL);
    json_add_string(out, "traceId", trace_id);
    json_add_string(out, "spanId", span_id);
    json_add_string(out, "parentSpanId", span->parent[0] ? span->parent : NULL);
    json_add_integer(out, "flags",
                     FLAG_SAMPLED | FLAG_HAS_IS_REMOTE | (remote ? FLAG_IS_REMOTE : 0));
    add_name(out, span);
    json_add_integer(out, "kind", span->kind == SPAN_REQUEST ? KIND_SERVER : KIND_CLIENT);
    snprintf(time, sizeof time, "%" PRId64, span->started + wall);
    json_add_string(out, "startTimeUnixNano", time);
    snprintf(time, sizeof time, "%" PRId64, span->ended + wall);
    json_add_string(out, "endTimeUnixNano", time);
    json_open_array(out, "attributes");
    if (span->kind == SPAN_STORED) {
        add_text(out, "db.system.name", source->database);
        add_text(out, "db.operation.name", span->name);
        add_text(out, "booking.result", span->result);
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
