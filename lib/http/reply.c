#include "lib/http/reply.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { HEAD_MAX = HTTP_ANSWER_HEADERS_MAX + 1024 };

/* Calls `add` for the fields that every answer has, and for this one's own, until it fails. */
static bool each_header(const struct exchange *exchange,
                        bool (*add)(void *context, const char *name, const char *value),
                        void *context)
{
    bool added = add(context, "Server", exchange->owner->server) &&
                 add(context, "X-Request-Id", exchange->identity.request_id) &&
                 add(context, "traceparent", exchange->identity.traceparent);
    const struct exchanges *owner = exchange->owner;
    for (size_t i = 0; added && i < owner->field_count; i++)
        added = add(context, owner->fields[i].name, owner->fields[i].value);
    const char *end = exchange->headers.data + exchange->headers.size;
    for (const char *name = exchange->headers.data; added && name < end;) {
        const char *value = name + strlen(name) + 1;
        added = add(context, name, value);
        name = value + strlen(value) + 1;
    }
    return added;
}

/* --- through libmicrohttpd ------------------------------------------------------------------- */

static bool add_to_response(void *context, const char *name, const char *value)
{
    return MHD_add_response_header(context, name, value) == MHD_YES;
}

enum MHD_Result reply_queue(struct exchange *exchange)
{
    assert(exchange->state == EXCHANGE_ANSWERED);
    static char empty[1] = "";
    void *body = exchange->answer.size ? exchange->answer.data : empty;
    struct MHD_Response *response =
        exchange->stream
            ? stream_response(exchange->stream)
            : MHD_create_response_from_buffer(exchange->answer.size, body, MHD_RESPMEM_PERSISTENT);
    if (!response)
        return MHD_NO;
    enum MHD_Result result = MHD_NO;
    if (each_header(exchange, add_to_response, response) &&
        (!exchange->owner->closing || add_to_response(response, "Connection", "close")))
        result = MHD_queue_response(exchange->connection, exchange->status, response);
    exchange->queued = result == MHD_YES;
    MHD_destroy_response(response);
    return result;
}

/* --- past it --------------------------------------------------------------------------------- */

static bool add_to_head(void *context, const char *name, const char *value)
{
    buffer_printf(context, "%s: %s\r\n", name, value);
    return true;
}

void reply_past_library(struct exchange *exchange)
{
    assert(exchange->state == EXCHANGE_ANSWERED);
    char date[48];
    time_t now = time(NULL);
    struct tm utc;
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &utc));
    struct buffer out;
    buffer_init(&out, HEAD_MAX + HTTP_ANSWER_MAX);
    buffer_printf(&out, "HTTP/1.1 %u %s\r\n", exchange->status,
                  MHD_get_reason_phrase_for(exchange->status));
    add_to_head(&out, "Date", date);
    each_header(exchange, add_to_head, &out);
    buffer_printf(&out, "Content-Length: %zu\r\nConnection: close\r\n\r\n", exchange->answer.size);
    if (exchange->answer.size && strcmp(exchange->method, "HEAD") != 0)
        buffer_add(&out, exchange->answer.data, exchange->answer.size);
    /* The kernel takes a problem's few hundred bytes whole. Of a long answer to a slow client it
     * may take a part, which then ends short of its Content-Length, so the client can tell. */
    if (!out.failed)
        exchange->sent = send(exchange->peer->fd, out.data, out.size,
                              MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)out.size;
    buffer_free(&out);
}
