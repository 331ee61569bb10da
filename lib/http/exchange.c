#include "lib/http/exchange.h"

#include "lib/base/container_of.h"
#include "lib/json/writer.h"

#include <assert.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* Reserved from the start, so that there is always room for the fields of an answer that says
     * that memory ran out. */
    HEADERS_RESERVED = 511,
    NOTES_MAX = 4 * 1024,
    FREE_MAX = 256,      /* exchanges kept for the next requests, */
    KEPT_MAX = 4 * 1024, /* with buffers up to this size */
};

struct exchange *exchange_begin(struct exchanges *exchanges)
{
    struct exchange *exchange = exchanges->free;
    if (exchange) {
        exchanges->free = exchange->next_free;
        exchanges->free_count--;
    } else {
        exchange = calloc(1, sizeof *exchange);
        if (!exchange)
            return NULL;
        exchange->owner = exchanges;
        buffer_init(&exchange->answer, HTTP_ANSWER_MAX);
        buffer_init(&exchange->headers, HTTP_ANSWER_HEADERS_MAX);
        buffer_init(&exchange->notes, NOTES_MAX);
        if (!buffer_reserve(&exchange->headers, HEADERS_RESERVED)) {
            free(exchange);
            return NULL;
        }
    }
    exchange->request = (struct http_request){
        .method = exchange->method,
        .path = exchange->path,
        .segment = exchange->segment,
        .prefix = "",
        .body = "",
        .identity = &exchange->identity,
    };
    exchange->peer = NULL;
    exchange->route = NULL;
    exchange->state = EXCHANGE_HEAD;
    exchange->in_progress = exchange->chunked = exchange->too_large = exchange->no_room = false;
    exchange->queued = exchange->sent = exchange->admitted = exchange->traced = false;
    exchange->stream = NULL;
    exchange->identity.request_id[0] = exchange->method[0] = exchange->path[0] = '\0';
    exchange->segment[0] = '\0';
    exchange->target_fault = NULL;
    exchange->discarded = 0;
    exchange->progress = (struct progress){0};
    exchange->status = 0;
    buffer_clear(&exchange->body);
    buffer_clear(&exchange->answer);
    exchange->answer.limit = HTTP_ANSWER_MAX; /* a body that was taken over has its own */
    buffer_clear(&exchange->headers);
    buffer_clear(&exchange->notes);
    return exchange;
}

void exchange_take(struct exchange *exchange, bool chunked)
{
    exchange->state = EXCHANGE_RECEIVING;
    exchange->in_progress = true;
    exchange->chunked = chunked;
    exchange->owner->in_progress++;
    exchange->owner->chunked += chunked;
}

void exchange_add_body(struct exchange *exchange, const char *data, size_t size)
{
    struct exchanges *exchanges = exchange->owner;
    struct buffer *body = &exchange->body;
    exchange->progress.parts++;
    if (!exchange->too_large && !exchange->no_room) {
        if (size > body->limit - body->size)
            exchange->too_large = true;
        else if (size > exchanges->bodies_max - exchanges->body_bytes ||
                 !buffer_reserve(body, size))
            exchange->no_room = true;
    }
    if (exchange->too_large || exchange->no_room) {
        exchanges->body_bytes -= body->size; /* nobody reads it: there is room for others */
        buffer_free(body);
        exchange->discarded += size;
        return;
    }
    buffer_add(body, data, size);
    exchanges->body_bytes += size;
}

static void free_exchange(struct exchange *exchange)
{
    buffer_free(&exchange->body);
    buffer_free(&exchange->answer);
    buffer_free(&exchange->headers);
    buffer_free(&exchange->notes);
    free(exchange);
}

static void exchange_give_back(struct buffer *buffer)
{
    if (buffer->capacity > KEPT_MAX)
        buffer_free(buffer);
}

void exchange_end(struct exchange *exchange)
{
    struct exchanges *exchanges = exchange->owner;
    exchanges->in_progress -= exchange->in_progress;
    exchanges->chunked -= exchange->chunked;
    exchanges->body_bytes -= exchange->body.size;
    if (exchange->stream)
        stream_close(exchange->stream);
    if (exchanges->free_count >= FREE_MAX) {
        free_exchange(exchange);
        return;
    }
    exchange_give_back(&exchange->body);
    exchange_give_back(&exchange->answer);
    exchange_give_back(&exchange->headers);
    exchange->next_free = exchanges->free;
    exchanges->free = exchange;
    exchanges->free_count++;
}

void exchanges_free(struct exchanges *exchanges)
{
    struct exchange *next;
    for (struct exchange *exchange = exchanges->free; exchange; exchange = next) {
        next = exchange->next_free;
        free_exchange(exchange);
    }
    exchanges->free = NULL;
    exchanges->free_count = 0;
}

void exchange_write_log(const struct exchange *exchange, unsigned status, int64_t duration)
{
    const struct exchanges *exchanges = exchange->owner;
    char trace_id[33];
    memcpy(trace_id, exchange->identity.traceparent + 3, 32);
    trace_id[32] = '\0';

    struct buffer *line = log_begin(exchanges->access_log, "info", "request");
    json_add_string(line, "channel", exchanges->channel);
    json_add_string(line, "method", *exchange->method ? exchange->method : NULL);
    json_add_string(line, "path", exchange->path);
    json_add_integer(line, "status", status);
    if (exchange->status && exchange->status != status)
        json_add_integer(line, "unsent_status", exchange->status);
    json_add_milliseconds(line, "duration_ms", duration);
    if (exchange->request.upstream_time)
        json_add_milliseconds(line, "upstream_ms", exchange->request.upstream_time);
    uint64_t sent = exchange->stream ? stream_sent(exchange->stream) : exchange->answer.size;
    if (exchange->status != status && !exchange->stream)
        sent = 0;
    json_add_integer(line, "bytes", (int64_t)sent);
    json_add_string(line, "client", exchange->peer->address);
    json_add_string(line, "caller", *exchange->request.caller ? exchange->request.caller : NULL);
    json_add_string(line, "request_id", exchange->identity.request_id);
    json_add_string(line, "trace_id", trace_id);
    buffer_add(line, exchange->notes.data, exchange->notes.size);
    log_end(exchanges->access_log);
}

/* --- what handlers call ---------------------------------------------------------------------- */

static struct exchange *exchange_of(struct http_request *request)
{
    return container_of(request, struct exchange, request);
}

const char *http_field(struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(exchange_of(request)->connection, MHD_HEADER_KIND, name);
}

struct query {
    bool (*each)(void *context, const char *name, const char *value);
    void *context;
};

static enum MHD_Result read_argument(void *context, enum MHD_ValueKind kind, const char *name,
                                     size_t name_size, const char *value, size_t value_size)
{
    (void)kind;
    struct query *query = context;
    if (strlen(name) != name_size || (value && strlen(value) != value_size))
        value = NULL;
    return query->each(query->context, name, value) ? MHD_YES : MHD_NO;
}

void http_query(struct http_request *request,
                bool (*each)(void *context, const char *name, const char *value), void *context)
{
    struct query query = {each, context};
    MHD_get_connection_values_n(exchange_of(request)->connection, MHD_GET_ARGUMENT_KIND,
                                read_argument, &query);
}

struct buffer *http_body(struct http_request *request)
{
    struct exchange *exchange = exchange_of(request);
    assert(exchange->state != EXCHANGE_ANSWERED);
    return &exchange->answer;
}

void http_take_body(struct http_request *request, struct buffer *body)
{
    struct buffer *answer = http_body(request);
    buffer_free(answer);
    *answer = *body;
    buffer_init(body, answer->limit);
}

void http_set_caller(struct http_request *request, const char *name)
{
    snprintf(request->caller, sizeof request->caller, "%s", name);
}

void http_tell_left(struct http_request *request, void (*left)(struct http_request *request))
{
    request->left = left;
    exchange_of(request)->peer->watched = true;
}

void http_header(struct http_request *request, const char *name, const char *value)
{
    struct exchange *exchange = exchange_of(request);
    assert(exchange->state != EXCHANGE_ANSWERED);
    buffer_add(&exchange->headers, name, strlen(name) + 1);
    buffer_add(&exchange->headers, value, strlen(value) + 1);
}

void http_note(struct http_request *request, const char *name, const char *value)
{
    struct buffer *notes = &exchange_of(request)->notes;
    size_t size = notes->size;
    json_add_string(notes, name, value);
    if (notes->failed) { /* half a member would spoil the line */
        notes->size = size;
        notes->failed = false;
        if (notes->data)
            notes->data[size] = '\0';
    }
}

void http_answer(struct http_request *request, unsigned status, const char *content_type)
{
    struct exchange *exchange = exchange_of(request);
    assert(exchange->state != EXCHANGE_ANSWERED);
    http_header(request, "Content-Type", content_type);
    if (exchange->answer.failed || exchange->headers.failed)
        exchange_answer_out_of_memory(exchange);
    else
        exchange_answered(exchange, status);
}

void exchange_answer_out_of_memory(struct exchange *exchange)
{
    buffer_clear(&exchange->headers);
    http_answer_problem(&exchange->request, PROBLEM_INTERNAL_ERROR, NULL,
                        "Out of memory; try again.");
}

void exchange_answered(struct exchange *exchange, unsigned status)
{
    exchange->status = status;
    bool suspended = exchange->state == EXCHANGE_SUSPENDED;
    exchange->state = EXCHANGE_ANSWERED;
    if (suspended) {
        MHD_resume_connection(exchange->connection); /* it asks for the answer again */
        exchange->owner->resumed = true;
    }
}

void http_answer_problem(struct http_request *request, enum problem problem, const char *parameter,
                         const char *detail)
{
    http_answer_problem_more(request, problem, parameter, detail, NULL);
}

void http_answer_problem_more(struct http_request *request, enum problem problem,
                              const char *parameter, const char *detail, const struct buffer *more)
{
    struct buffer *body = http_body(request);
    buffer_clear(body);
    problem_write(body, problem, parameter, detail, more);
    if (body->failed) /* out of memory: the status alone */
        buffer_clear(body);
    http_note(request, "problem", problem_name(problem));
    if (problem_status(problem) == 503)
        http_header(request, "Retry-After", "1");
    if (problem == PROBLEM_UNAUTHORIZED)
        http_header(request, "WWW-Authenticate", "Bearer");
    http_answer(request, problem_status(problem), PROBLEM_CONTENT_TYPE);
}
