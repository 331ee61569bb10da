#include "lib/http/server.h"

#include "lib/base/container_of.h"
#include "lib/base/metrics.h"
#include "lib/http/exchange.h"
#include "lib/http/head.h"
#include "lib/http/listen.h"
#include "lib/http/peers.h"
#include "lib/http/reply.h"
#include "lib/http/request_metrics.h"
#include "lib/http/route.h"
#include "lib/http/target.h"

#include <assert.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    /* libmicrohttpd's pool; header fields that do not fit get its own 431. It scans what it has
     * anew at each read, in ever smaller steps: with twice the pool, a client that fills it costs
     * three times the CPU (1.7 ms against 0.6). */
    CONNECTION_MEMORY = 16 * 1024,
    ACCEPT_ROUNDS_MAX = 512,       /* of about ten connections, when the listening socket closes */
    DISCARD_MAX = 8 * 1024 * 1024, /* read of an unannounced body beyond the limit, to answer 413 */
    MAKING_ROOM = 64,  /* connections beyond the limit, while older ones are closed for them */
    STALLED_LOOKS = 4, /* at an upload, without progress though bytes wait */
    STATUS_CLIENT_LEFT = 499, /* in log and metrics only; nginx made it customary */
};
#define STALLED_TIME (LOOP_SECOND / 10) /* without progress, though libmicrohttpd never paused */

struct http_server {
    struct http_server_config config;
    size_t prefix_size;
    struct MHD_Daemon *daemon;
    int epoll_fd;
    bool run_due; /* libmicrohttpd has something to do before the next wait */
    bool accepting;
    unsigned restless_runs; /* of libmicrohttpd one after the other, without pause */
    int64_t restless_since;
    struct exchange *reading_target; /* whose target libmicrohttpd is reading, or NULL */
    const char *target;              /* this one, in its memory */
    struct loop_watch watch;
    struct loop_task task;
    struct peers peers;
    struct exchanges exchanges;
    struct identity_source identities;
    struct request_metrics *metrics;
};

/* --- routing --------------------------------------------------------------------------------- */

/* The path without the configured prefix; unchanged where it does not begin with it. */
static const char *strip_prefix(const struct http_server *server, struct exchange *exchange)
{
    size_t size = server->prefix_size;
    if (!size || strncmp(exchange->path, server->config.prefix, size) != 0 ||
        exchange->path[size] != '/')
        return exchange->path;
    exchange->request.prefix = server->config.prefix;
    return exchange->path + size;
}

/* Sets the exchange's route, if it has one; `allow` is http_route_find()'s. */
static void server_find_route(const struct http_server *server, struct exchange *exchange,
                              char allow[HTTP_ALLOW_MAX + 1])
{
    exchange->route =
        http_route_find(server->config.routes, server->config.route_count, exchange->request.method,
                        exchange->request.path, exchange->segment, allow);
}

static size_t body_limit(const struct exchange *exchange)
{
    const struct http_route *route = exchange->route;
    return route && route->body_limit ? route->body_limit : HTTP_BODY_MAX;
}

/* Answers a request that has no route. */
static void answer_unrouted(const struct http_server *server, struct exchange *exchange)
{
    struct http_request *request = &exchange->request;
    const struct http_server_config *config = &server->config;
    char allow[HTTP_ALLOW_MAX + 1];
    server_find_route(server, exchange, allow);
    if (*allow) {
        char detail[HTTP_ALLOW_MAX + 64];
        http_header(request, "Allow", allow);
        snprintf(detail, sizeof detail, "Use one of: %s.", allow);
        http_answer_problem(request, PROBLEM_METHOD_NOT_ALLOWED, NULL, detail);
        return;
    }
    struct buffer paths;
    buffer_init(&paths, 2048);
    buffer_add_text(&paths, "Check the path; this service has");
    http_route_add_paths(config->routes, config->route_count, &paths);
    http_answer_problem(request, PROBLEM_NOT_FOUND, NULL,
                        paths.failed ? "Check the path." : paths.data);
    buffer_free(&paths);
}

static void answer_too_large(struct exchange *exchange)
{
    char detail[80];
    snprintf(detail, sizeof detail, "Send at most %zu bytes.", body_limit(exchange));
    http_answer_problem(&exchange->request, PROBLEM_BODY_TOO_LARGE, NULL, detail);
}

/* --- refusing past libmicrohttpd ------------------------------------------------------------- */

/* Answers and ends the connection at a moment when libmicrohttpd takes no answer. */
static void server_refuse(struct exchange *exchange, enum problem problem, const char *field,
                          const char *detail)
{
    http_answer_problem(&exchange->request, problem, field, detail);
    reply_past_library(exchange);
    peers_shut_down(exchange->peer);
}

/* Where libmicrohttpd finds a fault in the head as a whole, such as a Content-Length that is no
 * number, it answers with two heads, or not at all. Before that it writes a line to its log, which
 * is the last moment to answer in its place. The line does not say whose request it is: it is the
 * one whose target is being read, or whose header fields are in while it has not been handed over.
 */
static void on_library_log(void *context, const char *format, va_list arguments)
{
    (void)format;
    (void)arguments;
    struct http_server *server = context;
    if (server->reading_target) {
        struct exchange *exchange = server->reading_target;
        server->reading_target = NULL;
        identity_set(&server->identities, &exchange->identity, NULL, NULL);
        server_refuse(exchange, PROBLEM_URI_TOO_LONG, NULL, "Send at most 64 parameters.");
        return;
    }
    for (struct peer *peer = server->peers.first; peer; peer = peer->next) {
        struct exchange *exchange = peer->exchange;
        if (!exchange || exchange->state != EXCHANGE_HEAD)
            continue;
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
        if (!info || !info->header_size)
            continue;
        struct head head;
        head_read(exchange->connection, NULL, exchange->target_end + 1, &head);
        identity_set(&server->identities, &exchange->identity, head.request_id, head.traceparent);
        if (head.fault)
            server_refuse(exchange, head.problem, head.field, head.fault);
        else
            server_refuse(exchange, PROBLEM_HEADERS_TOO_LARGE, NULL,
                          "Send fewer or shorter header fields.");
        return;
    }
}

/* Ends uploads in which libmicrohttpd makes no progress: it waits for the end of a chunk's size
 * line with a buffer that is full, and runs without pause until then. Called when it has just run
 * twice without pause. An upload that is read as fast as it comes has no bytes waiting, look after
 * look; one that filled the buffer to its last byte has none either, but stays without progress. */
static void cut_stalled_uploads(struct http_server *server)
{
    int64_t now = loop_clock();
    for (struct peer *peer = server->peers.first; peer; peer = peer->next) {
        struct exchange *exchange = peer->exchange;
        if (!exchange || exchange->state != EXCHANGE_RECEIVING || !exchange->chunked)
            continue;
        struct progress *progress = &exchange->progress;
        if (progress->seen != progress->parts || progress->since < server->restless_since) {
            *progress = (struct progress){progress->parts, progress->parts, 0, now};
            continue;
        }
        int waiting = 0;
        (void)ioctl(peer->fd, FIONREAD, &waiting);
        progress->looks = waiting ? progress->looks + 1 : 0;
        if (progress->looks >= STALLED_LOOKS || now - progress->since > STALLED_TIME)
            server_refuse(exchange, PROBLEM_INVALID_REQUEST, NULL,
                          "The size of a chunk, with its extensions, is too long.");
    }
}

/* --- what libmicrohttpd calls ---------------------------------------------------------------- */

/* The request line is in. Begins the exchange here, so that whatever becomes of the request is
 * logged and counted, and returns it for the slot that the other functions get. */
static void *on_target(void *context, const char *target, struct MHD_Connection *connection)
{
    struct http_server *server = context;
    struct exchange *exchange = exchange_begin(&server->exchanges);
    if (!exchange)
        return NULL;
    exchange->connection = connection;
    exchange->peer =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    if (!exchange->peer)
        exchange->peer = &server->peers.unknown;
    exchange->peer->exchange = exchange;
    exchange->started = loop_clock();
    size_t size = strlen(target);
    exchange->target_end = target + size;
    exchange->target_fault =
        target_read(target, size, exchange->path, sizeof exchange->path, &exchange->target_problem);
    server->reading_target = exchange;
    server->target = target;
    return exchange;
}

/* Closes the connection behind the answer that is queued next: where another request would begin is
 * not sure. */
static enum MHD_Result refuse_head(struct exchange *exchange, enum problem problem,
                                   const char *field, const char *detail)
{
    http_header(&exchange->request, "Connection", "close");
    http_answer_problem(&exchange->request, problem, field, detail);
    return reply_queue(exchange);
}

/* The header fields are in: refuses at once what need not be read on. */
static enum MHD_Result begin_request(struct http_server *server, struct exchange *exchange,
                                     const char *method, const char *version)
{
    struct head head;
    head_read(exchange->connection, method, version, &head);
    bool callers =
        identity_set(&server->identities, &exchange->identity, head.request_id, head.traceparent);
    if (server->config.tracer)
        exchange->traced =
            identity_join(&server->identities, &exchange->identity, callers, exchange->parent);
    memcpy(exchange->method, method, strnlen(method, sizeof exchange->method - 1) + 1);
    exchange->method[sizeof exchange->method - 1] = '\0';
    exchange_take(exchange, head.chunked);
    exchange->request.authorization = head.authorization;
    exchange->request.path = strip_prefix(server, exchange);
    char allow[HTTP_ALLOW_MAX + 1];
    server_find_route(server, exchange, allow);
    exchange->body.limit = body_limit(exchange);
    exchange->request.client = exchange->peer->address;

    if (exchange->target_fault)
        return refuse_head(exchange, exchange->target_problem, NULL, exchange->target_fault);
    if (version != exchange->target_end + 1)
        return refuse_head(exchange, PROBLEM_INVALID_REQUEST, NULL,
                           "The target has a NUL byte in it.");
    if (head.fault)
        return refuse_head(exchange, head.problem, head.field, head.fault);
    if (head.content_length > exchange->body.limit) {
        answer_too_large(exchange);
        return reply_queue(exchange); /* which closes the connection, as its body is not read */
    }
    if (exchange->body.limit > HTTP_BODY_MAX && exchange->route->admit) {
        struct http_request *request = &exchange->request;
        exchange->admitted = true;
        request->body_due = true;
        if (!exchange->route->admit(server->config.context, request))
            return reply_queue(exchange);
        request->body_due = false;
    }
    return MHD_YES;
}

static enum MHD_Result receive_body(struct exchange *exchange, const char *data, size_t *size)
{
    exchange_add_body(exchange, data, *size);
    *size = 0;
    /* No answer can be queued while data comes. */
    return exchange->discarded > DISCARD_MAX ? MHD_NO : MHD_YES;
}

static void handle_request(struct http_server *server, struct exchange *exchange)
{
    struct http_request *request = &exchange->request;
    const struct http_route *route = exchange->route;
    void *context = server->config.context;
    if (exchange->body.size) {
        request->body = exchange->body.data;
        request->body_size = exchange->body.size;
    }
    if (!route)
        answer_unrouted(server, exchange);
    else if (exchange->too_large)
        answer_too_large(exchange);
    else if (exchange->no_room)
        http_answer_problem(request, PROBLEM_OVERLOADED, NULL,
                            "There is no room for the body now; try again.");
    else if (!route->admit || exchange->admitted || route->admit(context, request))
        route->handle(context, request);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
                                  const char *path, const char *method, const char *version,
                                  const char *upload_data, size_t *upload_size, void **slot)
{
    (void)path;
    struct http_server *server = context;
    struct exchange *exchange = *slot;
    if (!exchange)
        return MHD_NO; /* there was no memory for one */
    if (exchange->state == EXCHANGE_HEAD)
        return begin_request(server, exchange, method, version);
    if (*upload_size)
        return receive_body(exchange, upload_data, upload_size);
    if (exchange->state == EXCHANGE_RECEIVING) {
        exchange->peer->busy = true;
        exchange->state = EXCHANGE_HANDLING;
        handle_request(server, exchange);
        if (exchange->state == EXCHANGE_HANDLING) { /* the handler answers later */
            exchange->state = EXCHANGE_SUSPENDED;
            MHD_suspend_connection(connection);
            return MHD_YES;
        }
    }
    return exchange->state == EXCHANGE_ANSWERED ? reply_queue(exchange) : MHD_YES;
}

/* The status that a request is counted under: of the answer that was sent, be it libmicrohttpd's
 * own; 408 for one that did not come in within its time, 499 for a client that left before. */
static unsigned server_outcome(const struct exchange *exchange,
                               enum MHD_RequestTerminationCode reason)
{
    if (exchange->sent || (exchange->queued && reason == MHD_REQUEST_TERMINATED_COMPLETED_OK))
        return exchange->status;
    if (exchange->stream && stream_is_broken(exchange->stream))
        return MHD_HTTP_INTERNAL_SERVER_ERROR;
    if (exchange->state == EXCHANGE_ANSWERED)
        return STATUS_CLIENT_LEFT;
    const union MHD_ConnectionInfo *own =
        MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_HTTP_STATUS);
    if (own && own->http_status)
        return own->http_status;
    bool late = reason == MHD_REQUEST_TERMINATED_TIMEOUT_REACHED || exchange->peer->timed_out;
    return late ? MHD_HTTP_REQUEST_TIMEOUT : STATUS_CLIENT_LEFT;
}

static void server_trace(const struct http_server *server, const struct exchange *exchange,
                         unsigned status, int64_t ended)
{
    struct http_tracer *tracer = server->config.tracer;
    tracer->request_over(tracer, &(struct http_span){
                                     .identity = &exchange->identity,
                                     .parent = exchange->parent,
                                     .method = exchange->method,
                                     .path = exchange->path,
                                     .route = exchange->route ? exchange->route->path : NULL,
                                     .status = status,
                                     .started = exchange->started,
                                     .ended = ended,
                                 });
}

static void server_finish(struct http_server *server, struct exchange *exchange, unsigned status)
{
    int64_t ended = loop_clock(), duration = ended - exchange->started;
    if (!*exchange->identity.request_id)
        identity_set(&server->identities, &exchange->identity, NULL, NULL);
    request_metrics_count(server->metrics, exchange->route, status, duration);
    if (!exchange->route || !exchange->route->quiet || status >= 500)
        exchange_write_log(exchange, status, duration);
    if (exchange->traced)
        server_trace(server, exchange, status, ended);
    peers_done(&server->peers, exchange->peer);
    exchange_end(exchange);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **slot,
                         enum MHD_RequestTerminationCode reason)
{
    (void)connection;
    struct http_server *server = context;
    struct exchange *exchange = *slot;
    if (!exchange)
        return;
    *slot = NULL;
    assert(exchange->state != EXCHANGE_HANDLING && exchange->state != EXCHANGE_SUSPENDED);
    if (server->reading_target == exchange)
        server->reading_target = NULL;
    /* libmicrohttpd gives up on a client that has closed its sending half while its answer was
     * being made. Such a client still waits for it. */
    if (exchange->state == EXCHANGE_ANSWERED && !exchange->queued && !exchange->sent &&
        !exchange->stream)
        reply_past_library(exchange);
    server_finish(server, exchange, server_outcome(exchange, reason));
}

/* The client has gone while its answer is being made or written. */
static void on_gone(struct peer *peer)
{
    struct exchange *exchange = peer->exchange;
    if (exchange->stream)
        stream_cut(exchange->stream);
    else if (exchange->state == EXCHANGE_SUSPENDED && exchange->request.left)
        exchange->request.left(&exchange->request);
}

/* Refuses a connection before its first request. */
static void refuse_connection(struct http_server *server, struct peer *peer)
{
    struct exchange *exchange = exchange_begin(&server->exchanges);
    if (exchange) {
        exchange->peer = peer;
        exchange->started = loop_clock();
        identity_set(&server->identities, &exchange->identity, NULL, NULL);
        http_answer_problem(&exchange->request, PROBLEM_TOO_MANY_CONNECTIONS, NULL,
                            "Close some, or send more requests on each.");
        reply_past_library(exchange);
        server_finish(server, exchange, exchange->status);
    }
    peers_shut_down(peer);
}

static void on_connection(void *context, struct MHD_Connection *connection, void **slot,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http_server *server = context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        /* NULL without memory. There is no way to refuse here: the connection is served all the
         * same, without an address. */
        struct peer *peer = peers_add(
            &server->peers,
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd,
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr);
        *slot = peer;
        if (peer && !peers_admit(&server->peers, peer))
            refuse_connection(server, peer);
    } else if (*slot) {
        peers_remove(&server->peers, *slot);
        *slot = NULL;
        /* At its limit, or without a descriptor to accept with, libmicrohttpd stops listening, and
         * begins again in a run after the one that closes connections, for which it asks nobody. */
        server->run_due = true;
    }
}

/* --- on the event loop ----------------------------------------------------------------------- */

static void on_ready(struct loop_watch *watch, uint32_t events)
{
    (void)events;
    struct http_server *server = container_of(watch, struct http_server, watch);
    server->run_due = true;
}

/* Whether libmicrohttpd runs without pause. */
static void watch_restlessness(struct http_server *server, bool restless)
{
    if (!restless || !server->exchanges.chunked) {
        server->restless_runs = 0;
        return;
    }
    if (!server->restless_runs++)
        server->restless_since = loop_clock();
    if (server->restless_runs % 2 == 0)
        cut_stalled_uploads(server);
}

static int64_t run_daemon(struct loop_task *task)
{
    struct http_server *server = container_of(task, struct http_server, task);
    if (server->run_due || server->exchanges.resumed) {
        server->run_due = false;
        server->exchanges.resumed = false;
        MHD_run(server->daemon);
        if (server->run_due || server->exchanges.resumed)
            return 0;
    }
    MHD_UNSIGNED_LONG_LONG milliseconds;
    if (MHD_get_timeout(server->daemon, &milliseconds) != MHD_YES)
        return -1;
    watch_restlessness(server, milliseconds == 0);
    server->run_due = server->run_due || milliseconds == 0;
    return (int64_t)milliseconds * LOOP_MILLISECOND;
}

/* Percent-decodes a part of the query in place, but for one with a NUL in it: as a C string that
 * would end there. (It gets the path too, which target_read() has decoded its own way.) */
static size_t server_unescape(void *context, struct MHD_Connection *connection, char *text)
{
    (void)connection;
    struct http_server *server = context;
    if (text == server->target) /* the path comes last */
        server->reading_target = NULL;
    return strstr(text, "%00") ? strlen(text) : MHD_http_unescape(text);
}

struct http_server *http_server_new(const struct http_server_config *config)
{
    struct http_server *server = calloc(1, sizeof *server);
    if (!server)
        return NULL;
    server->config = *config;
    server->prefix_size = config->prefix ? strlen(config->prefix) : 0;
    server->accepting = true;
    server->exchanges.access_log = config->access_log;
    server->exchanges.channel = config->channel;
    server->exchanges.server = config->server;
    server->exchanges.fields = config->fields;
    server->exchanges.field_count = config->field_count;
    server->exchanges.bodies_max = config->bodies_max ? config->bodies_max : HTTP_BODIES_MAX;
    server->exchanges.streams.loop = config->loop;
    server->peers.gone = on_gone;
    server->peers.limit = config->connection_limit;
    server->peers.limit_per_address = config->connections_per_address;
    server->metrics = request_metrics_new(config->routes, config->route_count);
    if (!server->metrics)
        goto failed;
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request,
        server, MHD_OPTION_EXTERNAL_LOGGER, on_library_log, server, MHD_OPTION_LISTEN_SOCKET,
        config->listen_fd, MHD_OPTION_UNESCAPE_CALLBACK, server_unescape, server,
        MHD_OPTION_URI_LOG_CALLBACK, on_target, server, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
        server, MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_CONNECTION_LIMIT,
        config->connection_limit + MAKING_ROOM, MHD_OPTION_CONNECTION_TIMEOUT, config->idle_seconds,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_END);
    if (!server->daemon)
        goto failed;
    server->epoll_fd = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    server->watch.ready = on_ready;
    if (loop_watch(config->loop, server->epoll_fd, EPOLLIN, &server->watch) < 0)
        goto failed;
    server->task.run = run_daemon;
    loop_add_task(config->loop, &server->task);
    peers_start(&server->peers, config->loop);
    return server;

failed:
    if (server->daemon)
        MHD_stop_daemon(server->daemon);
    request_metrics_free(server->metrics);
    free(server);
    return NULL;
}

struct http_server *http_server_open(struct http_server_config *config, const char *address,
                                     uint16_t port, const char *option, struct buffer *error)
{
    config->listen_fd = listen_tcp(address, port, option, error);
    if (config->listen_fd < 0)
        return NULL;
    struct http_server *server = http_server_new(config);
    if (!server)
        buffer_add_text(error, "out of memory or descriptors");
    return server;
}

void http_server_free(struct http_server *server)
{
    if (!server)
        return;
    struct loop *loop = server->config.loop;
    loop_remove_task(loop, &server->task);
    peers_stop(&server->peers);
    loop_unwatch(loop, server->epoll_fd, &server->watch);
    streams_cut_all(&server->exchanges.streams);
    MHD_stop_daemon(server->daemon);
    streams_stop(&server->exchanges.streams);
    exchanges_free(&server->exchanges);
    request_metrics_free(server->metrics);
    free(server);
}

void http_server_cut_streams(struct http_server *server)
{
    streams_cut_all(&server->exchanges.streams);
}

void http_server_close_connections(struct http_server *server)
{
    server->exchanges.closing = true;
}

void http_server_stop_accepting(struct http_server *server)
{
    if (!server->accepting)
        return;
    server->accepting = false;
    /* Takes in what the kernel has accepted by now; closing would reset it. */
    struct pollfd waiting = {.fd = server->config.listen_fd, .events = POLLIN};
    for (int i = 0; i < ACCEPT_ROUNDS_MAX && poll(&waiting, 1, 0) == 1; i++)
        MHD_run(server->daemon);
    MHD_socket fd = MHD_quiesce_daemon(server->daemon);
    if (fd != MHD_INVALID_SOCKET)
        close(fd);
}

unsigned http_server_connections(const struct http_server *server)
{
    return server->peers.count;
}

unsigned http_server_requests_in_progress(const struct http_server *server)
{
    return server->exchanges.in_progress;
}

void http_server_metrics(const struct http_server *server, struct buffer *out)
{
    request_metrics_write(server->metrics, out);
    metrics_single(out, "http_connections", "gauge", "Open connections.", server->peers.count);
    metrics_single(out, "http_requests_in_progress", "gauge",
                   "Requests being received or answered.", server->exchanges.in_progress);
}
