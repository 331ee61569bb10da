#include "lib/http/server.h"

#include "lib/base/container_of.h"
#include "lib/base/metrics.h"
#include "lib/http/exchange.h"
#include "lib/http/peers.h"
#include "lib/http/request_metrics.h"
#include "lib/http/route.h"

#include <assert.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    /* libmicrohttpd's pool; header fields that do not fit get its own 431. It scans what it has
     * anew at each read, in ever smaller steps: with twice the pool, a client that fills it costs
     * three times the CPU (1.7 ms against 0.6). */
    CONNECTION_MEMORY = 16 * 1024,
    ACCEPT_ROUNDS_MAX = 512,       /* of about ten connections, when the listening socket closes */
    DISCARD_MAX = 8 * 1024 * 1024, /* read of an unannounced body beyond the limit, to answer 413 */
};

struct http_server {
    struct http_server_config config;
    size_t prefix_size;
    struct MHD_Daemon *daemon;
    int epoll_fd;
    bool run_due; /* libmicrohttpd has something to do before the next wait */
    bool closing_connections;
    bool accepting;
    struct loop_watch watch;
    struct loop_task task;
    struct peers peers;
    struct exchanges exchanges;
    struct identity_source identities;
    struct request_metrics *metrics;
};

/* --- answers ------------------------------------------------------------------------------------
 */

/* Adds the fields that every answer has, and this one's own. */
static bool add_headers(const struct http_server *server, const struct exchange *exchange,
                        struct MHD_Response *response)
{
    bool added =
        MHD_add_response_header(response, "Server", server->config.server) == MHD_YES &&
        MHD_add_response_header(response, "X-Request-Id", exchange->identity.request_id) ==
            MHD_YES &&
        MHD_add_response_header(response, "traceparent", exchange->identity.traceparent) == MHD_YES;
    const char *end = exchange->headers.data + exchange->headers.size;
    for (const char *name = exchange->headers.data; added && name < end;) {
        const char *value = name + strlen(name) + 1;
        added = MHD_add_response_header(response, name, value) == MHD_YES;
        name = value + strlen(value) + 1;
    }
    if (added && server->closing_connections)
        added = MHD_add_response_header(response, "Connection", "close") == MHD_YES;
    return added;
}

/* Hands the answer to libmicrohttpd. The body stays the exchange's until the request is completed.
 */
static enum MHD_Result queue_answer(const struct http_server *server, struct exchange *exchange)
{
    assert(exchange->state == EXCHANGE_ANSWERED);
    static char empty[1] = "";
    void *body = exchange->answer.size ? exchange->answer.data : empty;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(exchange->answer.size, body, MHD_RESPMEM_PERSISTENT);
    if (!response)
        return MHD_NO;
    enum MHD_Result result =
        add_headers(server, exchange, response)
            ? MHD_queue_response(exchange->connection, exchange->status, response)
            : MHD_NO;
    MHD_destroy_response(response);
    return result;
}

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
static void find_route(const struct http_server *server, struct exchange *exchange,
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
    find_route(server, exchange, allow);
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

/* --- what libmicrohttpd calls ---------------------------------------------------------------- */

/* What the header fields say, gathered in one pass over them. */
struct fields {
    size_t size;
    const char *request_id;
    const char *traceparent;
    const char *authorization;
    const char *content_length;
};

static enum MHD_Result read_field(void *context, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    (void)kind;
    struct fields *fields = context;
    if (!value)
        value = "";
    fields->size += strlen(name) + strlen(value) + 4; /* with ": " and the line's end */
    if (strcasecmp(name, "X-Request-Id") == 0)
        fields->request_id = value;
    else if (strcasecmp(name, "traceparent") == 0)
        fields->traceparent = value;
    else if (strcasecmp(name, "Authorization") == 0)
        fields->authorization = value;
    else if (strcasecmp(name, "Content-Length") == 0)
        fields->content_length = value;
    return MHD_YES;
}

/* The header fields are in: sets up the exchange, refuses at once what need not be read on. */
static enum MHD_Result begin_request(struct http_server *server, struct MHD_Connection *connection,
                                     const char *path, const char *method, void **slot)
{
    struct exchange *exchange = exchange_begin(&server->exchanges);
    if (!exchange)
        return MHD_NO;
    *slot = exchange;
    exchange->connection = connection;
    exchange->peer =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    if (!exchange->peer)
        exchange->peer = &server->peers.unknown;
    exchange->started = loop_clock();

    struct fields fields = {0};
    MHD_get_connection_values(connection, MHD_HEADER_KIND, read_field, &fields);
    identity_set(&server->identities, &exchange->identity, fields.request_id, fields.traceparent);
    snprintf(exchange->path, sizeof exchange->path, "%s", path);
    exchange->request.method = method;
    exchange->request.identity = &exchange->identity;
    exchange->request.authorization = fields.authorization;
    exchange->request.path = strip_prefix(server, exchange);
    char allow[HTTP_ALLOW_MAX + 1];
    find_route(server, exchange, allow);
    exchange->body.limit = body_limit(exchange);

    /* Here a queued answer closes the connection, which is right for both. */
    if (fields.size > HTTP_HEADERS_MAX) {
        http_answer_problem(&exchange->request, PROBLEM_HEADERS_TOO_LARGE, NULL,
                            "Send at most 8192 bytes of header fields.");
        return queue_answer(server, exchange);
    }
    if (fields.content_length && strtoull(fields.content_length, NULL, 10) > exchange->body.limit) {
        answer_too_large(exchange);
        return queue_answer(server, exchange);
    }
    return MHD_YES;
}

static enum MHD_Result receive_body(struct exchange *exchange, const char *data, size_t *size)
{
    if (!exchange->too_large) {
        buffer_add(&exchange->body, data, *size);
        exchange->too_large = exchange->body.failed;
    } else {
        exchange->discarded += *size;
        if (exchange->discarded > DISCARD_MAX)
            return MHD_NO; /* no answer can be queued while data comes: close */
    }
    *size = 0;
    return MHD_YES;
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
    else if (!route->admit || route->admit(context, request))
        route->handle(context, request);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
                                  const char *path, const char *method, const char *version,
                                  const char *upload_data, size_t *upload_size, void **slot)
{
    (void)version;
    struct http_server *server = context;
    struct exchange *exchange = *slot;
    if (!exchange)
        return begin_request(server, connection, path, method, slot);
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
    return exchange->state == EXCHANGE_ANSWERED ? queue_answer(server, exchange) : MHD_YES;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **slot,
                         enum MHD_RequestTerminationCode reason)
{
    (void)connection;
    (void)reason;
    struct http_server *server = context;
    struct exchange *exchange = *slot;
    if (!exchange)
        return;
    *slot = NULL;
    assert(exchange->state == EXCHANGE_RECEIVING || exchange->state == EXCHANGE_ANSWERED);
    int64_t now = loop_clock();
    if (exchange->state == EXCHANGE_ANSWERED) {
        int64_t duration = now - exchange->started;
        request_metrics_count(server->metrics, exchange->route, exchange->status, duration);
        if (!exchange->route || !exchange->route->quiet || exchange->status >= 500)
            exchange_write_log(exchange, duration);
    }
    exchange->peer->busy = false;
    exchange->peer->since = now;
    exchange_end(exchange);
}

static void on_connection(void *context, struct MHD_Connection *connection, void **slot,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http_server *server = context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        /* NULL without memory. There is no way to refuse here: the connection is served all the
         * same, without an address. */
        *slot = peers_add(
            &server->peers,
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd,
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr);
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
    server->run_due = server->run_due || milliseconds == 0;
    return (int64_t)milliseconds * LOOP_MILLISECOND;
}

/* Percent-decodes a path or a part of the query in place, but for one with a NUL in it: as a C
 * string that would end there. */
static size_t unescape(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
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
    server->metrics = request_metrics_new(config->routes, config->route_count);
    if (!server->metrics)
        goto failed;
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, server,
        MHD_OPTION_LISTEN_SOCKET, config->listen_fd, MHD_OPTION_UNESCAPE_CALLBACK, unescape, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, server, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, server, MHD_OPTION_CONNECTION_LIMIT, config->connection_limit,
        MHD_OPTION_CONNECTION_TIMEOUT, config->idle_seconds, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_MEMORY, MHD_OPTION_END);
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

void http_server_free(struct http_server *server)
{
    if (!server)
        return;
    struct loop *loop = server->config.loop;
    loop_remove_task(loop, &server->task);
    peers_stop(&server->peers);
    loop_unwatch(loop, server->epoll_fd, &server->watch);
    MHD_stop_daemon(server->daemon);
    exchanges_free(&server->exchanges);
    request_metrics_free(server->metrics);
    free(server);
}

void http_server_close_connections(struct http_server *server)
{
    server->closing_connections = true;
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
