#include "lib/http/server.h"

#include "lib/base/container_of.h"
#include "lib/base/metrics.h"
#include "lib/http/route.h"
#include "lib/json/writer.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
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
    CONTENT_TYPE_MAX = 127,
    ADDED_HEADERS_MAX = 4,
    HEADER_VALUE_MAX = 255,
    /* For a whole request, however slowly it trickles in; more than a silent connection may last.
     */
    RECEIVE_SECONDS = 120,
    SWEEP_SECONDS = 1,             /* how often that is looked at */
    ACCEPT_ROUNDS_MAX = 512,       /* of about ten connections, when the listening socket closes */
    DISCARD_MAX = 8 * 1024 * 1024, /* read of an unannounced body beyond the limit, to answer 413 */
    STATUS_FIRST = 100,
    STATUS_COUNT = 500,
};

/* One connection, for its address and against clients that send for ever. */
struct peer {
    struct peer *next, *previous;
    int fd;
    bool busy;     /* a whole request came in and is being answered */
    int64_t since; /* when it was opened, or its last request was done */
    char address[INET6_ADDRSTRLEN];
};

struct header {
    const char *name;
    char value[HEADER_VALUE_MAX + 1];
};

enum exchange_state { RECEIVING, HANDLING, SUSPENDED, ANSWERED };

/* One request and its answer, from the first header to the last byte sent. */
struct exchange {
    struct http_request request;
    struct http_server *server;
    struct MHD_Connection *connection;
    struct peer *peer;
    const struct http_route *route; /* NULL when none matched */
    enum exchange_state state;
    bool too_large;
    int64_t started;
    struct identity identity;
    char path[HTTP_PATH_MAX + 1]; /* as it came, for the log */
    char segment[HTTP_PATH_MAX + 1];
    struct buffer body;
    size_t discarded;
    unsigned status;
    struct buffer answer;
    char content_type[CONTENT_TYPE_MAX + 1];
    struct header added[ADDED_HEADERS_MAX];
    size_t added_count;
    struct exchange *next_free;
};

struct route_metrics {
    uint64_t by_status[STATUS_COUNT];
    struct metrics_histogram duration;
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
    struct loop_timer sweep;
    struct peer *peers;
    struct peer unknown; /* stands for one that there was no memory for */
    unsigned connections;
    unsigned in_progress;
    struct exchange *free_exchanges;
    struct identity_source identities;
    struct route_metrics *metrics; /* one for each route, the last for paths without one */
};

/* --- exchanges ------------------------------------------------------------------------------- */

static struct exchange *exchange_new(struct http_server *server)
{
    struct exchange *exchange = server->free_exchanges;
    if (exchange) {
        server->free_exchanges = exchange->next_free;
    } else {
        exchange = calloc(1, sizeof *exchange);
        if (!exchange)
            return NULL;
        exchange->server = server;
        buffer_init(&exchange->body, server->config.body_limit);
        buffer_init(&exchange->answer, HTTP_ANSWER_MAX);
    }
    exchange->request = (struct http_request){
        .body = "", .prefix = "", .path = exchange->path, .segment = exchange->segment};
    exchange->segment[0] = '\0';
    exchange->state = RECEIVING;
    exchange->route = NULL;
    exchange->too_large = false;
    exchange->discarded = 0;
    exchange->status = 0;
    exchange->added_count = 0;
    buffer_clear(&exchange->body);
    buffer_clear(&exchange->answer);
    return exchange;
}

static struct exchange *exchange_of(struct http_request *request)
{
    return container_of(request, struct exchange, request);
}

/* Hands the answer to libmicrohttpd. The body stays the exchange's until the request is completed.
 */
static enum MHD_Result queue_answer(struct exchange *exchange)
{
    struct http_server *server = exchange->server;
    static char empty[1] = "";
    void *body = exchange->answer.size ? exchange->answer.data : empty;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(exchange->answer.size, body, MHD_RESPMEM_PERSISTENT);
    if (!response)
        return MHD_NO;
    bool complete =
        MHD_add_response_header(response, "Server", server->config.server) == MHD_YES &&
        MHD_add_response_header(response, "Content-Type", exchange->content_type) == MHD_YES &&
        MHD_add_response_header(response, "X-Request-Id", exchange->identity.request_id) ==
            MHD_YES &&
        MHD_add_response_header(response, "traceparent", exchange->identity.traceparent) == MHD_YES;
    for (size_t i = 0; complete && i < exchange->added_count; i++)
        complete = MHD_add_response_header(response, exchange->added[i].name,
                                           exchange->added[i].value) == MHD_YES;
    if (complete && server->closing_connections)
        complete = MHD_add_response_header(response, "Connection", "close") == MHD_YES;
    enum MHD_Result result =
        complete ? MHD_queue_response(exchange->connection, exchange->status, response) : MHD_NO;
    MHD_destroy_response(response);
    return result;
}

const char *http_field(struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(exchange_of(request)->connection, MHD_HEADER_KIND, name);
}

struct buffer *http_body(struct http_request *request)
{
    return &exchange_of(request)->answer;
}

void http_header(struct http_request *request, const char *name, const char *value)
{
    struct exchange *exchange = exchange_of(request);
    if (exchange->added_count == ADDED_HEADERS_MAX)
        return;
    struct header *header = &exchange->added[exchange->added_count++];
    header->name = name;
    snprintf(header->value, sizeof header->value, "%s", value);
}

void http_answer(struct http_request *request, unsigned status, const char *content_type)
{
    struct exchange *exchange = exchange_of(request);
    if (exchange->answer.failed) {
        http_answer_problem(request, PROBLEM_INTERNAL_ERROR, NULL, "Out of memory; try again.");
        return;
    }
    exchange->status = status;
    snprintf(exchange->content_type, sizeof exchange->content_type, "%s", content_type);
    bool suspended = exchange->state == SUSPENDED;
    exchange->state = ANSWERED;
    if (suspended) {
        MHD_resume_connection(exchange->connection); /* it asks for the answer again */
        exchange->server->run_due = true;
    }
}

void http_answer_problem(struct http_request *request, enum problem problem, const char *parameter,
                         const char *detail)
{
    struct buffer *body = http_body(request);
    buffer_clear(body);
    problem_write(body, problem, parameter, detail);
    if (body->failed) /* out of memory: the status alone */
        buffer_clear(body);
    if (problem_status(problem) == 503)
        http_header(request, "Retry-After", "1");
    if (problem == PROBLEM_UNAUTHORIZED)
        http_header(request, "WWW-Authenticate", "Bearer");
    http_answer(request, problem_status(problem), PROBLEM_CONTENT_TYPE);
}

/* --- routing --------------------------------------------------------------------------------- */

/* The path without the configured prefix; unchanged where it does not begin with it. */
static const char *strip_prefix(struct exchange *exchange, const char *path)
{
    const struct http_server *server = exchange->server;
    size_t size = server->prefix_size;
    if (!size || strncmp(path, server->config.prefix, size) != 0 || path[size] != '/')
        return path;
    exchange->request.prefix = server->config.prefix;
    return path + size;
}

/* Sets the exchange's route and answers what is refused before any handler. */
static bool refuse_unrouted(struct exchange *exchange)
{
    struct http_request *request = &exchange->request;
    const struct http_server_config *config = &exchange->server->config;
    char allow[HTTP_ALLOW_MAX + 1];
    exchange->route = http_route_find(config->routes, config->route_count, request->method,
                                      request->path, exchange->segment, allow);
    if (exchange->route)
        return false;
    char detail[HEADER_VALUE_MAX + 64];
    if (*allow) {
        http_header(request, "Allow", allow);
        snprintf(detail, sizeof detail, "Use one of: %s.", allow);
        http_answer_problem(request, PROBLEM_METHOD_NOT_ALLOWED, NULL, detail);
        return true;
    }
    size_t used = (size_t)snprintf(detail, sizeof detail, "Check the path; this service has");
    for (size_t i = 0; i < config->route_count && used < sizeof detail - 1; i++)
        used += (size_t)snprintf(detail + used, sizeof detail - used, "%s %s%s", i ? "," : "",
                                 config->routes[i].path, i + 1 == config->route_count ? "." : "");
    http_answer_problem(request, PROBLEM_NOT_FOUND, NULL, detail);
    return true;
}

static void answer_too_large(struct exchange *exchange)
{
    char detail[80];
    snprintf(detail, sizeof detail, "Send at most %zu bytes.", exchange->server->config.body_limit);
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
    struct exchange *exchange = exchange_new(server);
    if (!exchange)
        return MHD_NO;
    *slot = exchange;
    exchange->connection = connection;
    exchange->peer =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    if (!exchange->peer)
        exchange->peer = &server->unknown;
    exchange->started = loop_clock();

    struct fields fields = {0};
    MHD_get_connection_values(connection, MHD_HEADER_KIND, read_field, &fields);
    identity_set(&server->identities, &exchange->identity, fields.request_id, fields.traceparent);
    snprintf(exchange->path, sizeof exchange->path, "%s", path);
    exchange->request.method = method;
    exchange->request.identity = &exchange->identity;
    exchange->request.authorization = fields.authorization;
    exchange->request.path = strip_prefix(exchange, exchange->path);
    server->in_progress++;

    /* Here a queued answer closes the connection, which is right for both. */
    if (fields.size > HTTP_HEADERS_MAX) {
        http_answer_problem(&exchange->request, PROBLEM_HEADERS_TOO_LARGE, NULL,
                            "Send at most 8192 bytes of header fields.");
        return queue_answer(exchange);
    }
    if (fields.content_length &&
        strtoull(fields.content_length, NULL, 10) > server->config.body_limit) {
        answer_too_large(exchange);
        return queue_answer(exchange);
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

static void handle_request(struct exchange *exchange)
{
    struct http_request *request = &exchange->request;
    const struct http_server_config *config = &exchange->server->config;
    if (exchange->body.size) {
        request->body = exchange->body.data;
        request->body_size = exchange->body.size;
    }
    if (refuse_unrouted(exchange))
        return;
    if (exchange->too_large)
        answer_too_large(exchange);
    else if (!config->admit || config->admit(config->context, request))
        exchange->route->handle(config->context, request);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
                                  const char *path, const char *method, const char *version,
                                  const char *upload_data, size_t *upload_size, void **slot)
{
    (void)version;
    struct exchange *exchange = *slot;
    if (!exchange)
        return begin_request(context, connection, path, method, slot);
    if (*upload_size)
        return receive_body(exchange, upload_data, upload_size);
    if (exchange->state == RECEIVING) {
        exchange->peer->busy = true;
        exchange->state = HANDLING;
        handle_request(exchange);
        if (exchange->state == HANDLING) { /* the handler answers later */
            exchange->state = SUSPENDED;
            MHD_suspend_connection(connection);
            return MHD_YES;
        }
    }
    return exchange->state == ANSWERED ? queue_answer(exchange) : MHD_YES;
}

static void write_access_log(const struct exchange *exchange, int64_t duration)
{
    const struct http_server_config *config = &exchange->server->config;
    char trace_id[33];
    memcpy(trace_id, exchange->identity.traceparent + 3, 32);
    trace_id[32] = '\0';

    struct buffer *line = log_begin(config->access_log, "info", "request");
    json_add_string(line, "channel", config->channel);
    json_add_string(line, "method", exchange->request.method);
    json_add_string(line, "path", exchange->path);
    json_add_integer(line, "status", exchange->status);
    json_add_milliseconds(line, "duration_ms", duration);
    if (exchange->request.upstream_time)
        json_add_milliseconds(line, "upstream_ms", exchange->request.upstream_time);
    json_add_integer(line, "bytes", (int64_t)exchange->answer.size);
    json_add_string(line, "client", exchange->peer->address);
    json_add_string(line, "request_id", exchange->identity.request_id);
    json_add_string(line, "trace_id", trace_id);
    log_end(config->access_log);
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
    int64_t now = loop_clock();
    const struct http_server_config *config = &server->config;
    if (exchange->state == ANSWERED) {
        size_t index =
            exchange->route ? (size_t)(exchange->route - config->routes) : config->route_count;
        server->metrics[index].by_status[exchange->status - STATUS_FIRST]++;
        metrics_observe(&server->metrics[index].duration, now - exchange->started);
        if (!exchange->route || !exchange->route->quiet || exchange->status >= 500)
            write_access_log(exchange, now - exchange->started);
    }
    server->in_progress--;
    exchange->peer->busy = false;
    exchange->peer->since = now;
    exchange->next_free = server->free_exchanges;
    server->free_exchanges = exchange;
}

static void set_address(struct peer *peer, const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr,
                  peer->address, sizeof peer->address);
    } else if (address->sa_family == AF_INET6) {
        const struct in6_addr *v6 =
            &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(v6)) /* an IPv4 client of a socket for both */
            inet_ntop(AF_INET, &v6->s6_addr[12], peer->address, sizeof peer->address);
        else
            inet_ntop(AF_INET6, v6, peer->address, sizeof peer->address);
    }
}

static void on_connection(void *context, struct MHD_Connection *connection, void **slot,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http_server *server = context;
    struct peer *peer = *slot;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *slot = peer = calloc(1, sizeof *peer);
        if (!peer) /* no way to refuse here: the connection is served, without an address */
            return;
        peer->fd =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        peer->since = loop_now(server->config.loop);
        set_address(
            peer,
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr);
        peer->next = server->peers;
        if (peer->next)
            peer->next->previous = peer;
        server->peers = peer;
        server->connections++;
    } else if (peer) {
        if (peer->next)
            peer->next->previous = peer->previous;
        if (peer->previous)
            peer->previous->next = peer->next;
        else
            server->peers = peer->next;
        server->connections--;
        /* At its limit, or without a descriptor to accept with, libmicrohttpd stops listening, and
         * begins again in a run after the one that closes connections, for which it asks nobody. */
        server->run_due = true;
        free(peer);
        *slot = NULL;
    }
}

/* Whether the client has closed its side. libmicrohttpd does not see that where the last data came
 * with it: its epoll events are edge-triggered. */
static bool peer_is_gone(const struct peer *peer)
{
    char byte;
    return recv(peer->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* Closes connections that send too slowly, or have left in the middle of a request.
 * libmicrohttpd's own timeout starts anew with every byte; this one does not. */
static void sweep_peers(struct loop_timer *timer)
{
    struct http_server *server = container_of(timer, struct http_server, sweep);
    int64_t now = loop_now(server->config.loop);
    for (struct peer *peer = server->peers; peer; peer = peer->next) {
        int64_t quiet = now - peer->since;
        if (!peer->busy && quiet > SWEEP_SECONDS * LOOP_SECOND &&
            (quiet > RECEIVE_SECONDS * LOOP_SECOND || peer_is_gone(peer)))
            shutdown(peer->fd, SHUT_RDWR);
    }
    loop_arm(server->config.loop, timer, now + SWEEP_SECONDS * LOOP_SECOND);
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
    if (server->run_due) {
        server->run_due = false;
        MHD_run(server->daemon);
        if (server->run_due)
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
    server->metrics = calloc(config->route_count + 1, sizeof *server->metrics);
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
    server->sweep.expired = sweep_peers;
    loop_arm(config->loop, &server->sweep, loop_now(config->loop) + SWEEP_SECONDS * LOOP_SECOND);
    return server;

failed:
    if (server->daemon)
        MHD_stop_daemon(server->daemon);
    free(server->metrics);
    free(server);
    return NULL;
}

void http_server_free(struct http_server *server)
{
    if (!server)
        return;
    struct loop *loop = server->config.loop;
    loop_remove_task(loop, &server->task);
    loop_remove_timer(loop, &server->sweep);
    loop_unwatch(loop, server->epoll_fd, &server->watch);
    MHD_stop_daemon(server->daemon);
    struct exchange *next;
    for (struct exchange *exchange = server->free_exchanges; exchange; exchange = next) {
        next = exchange->next_free;
        buffer_free(&exchange->body);
        buffer_free(&exchange->answer);
        free(exchange);
    }
    free(server->metrics);
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
    return server->connections;
}

unsigned http_server_requests_in_progress(const struct http_server *server)
{
    return server->in_progress;
}

/* --- metrics --------------------------------------------------------------------------------- */

/* The labels of route `index`; one beyond the last stands for unknown paths. */
static void route_labels(const struct http_server *server, size_t index, char *out, size_t size)
{
    const struct http_server_config *config = &server->config;
    if (index == config->route_count)
        snprintf(out, size, "method=\"\",path=\"\"");
    else
        snprintf(out, size, "method=\"%s\",path=\"%s\"", config->routes[index].method,
                 config->routes[index].path);
}

void http_server_metrics(const struct http_server *server, struct buffer *out)
{
    char labels[320], sample[384];
    metrics_head(out, "http_requests_total", "counter",
                 "Requests answered; an empty path stands for all unknown ones.");
    for (size_t i = 0; i <= server->config.route_count; i++)
        for (int status = 0; status < STATUS_COUNT; status++) {
            uint64_t count = server->metrics[i].by_status[status];
            if (!count)
                continue;
            route_labels(server, i, labels, sizeof labels);
            snprintf(sample, sizeof sample, "%s,code=\"%d\"", labels, STATUS_FIRST + status);
            metrics_sample(out, "http_requests_total", sample, count);
        }
    metrics_head(out, "http_request_duration_seconds", "histogram",
                 "From the request's header fields to its answer's last byte.");
    for (size_t i = 0; i < server->config.route_count; i++) {
        if (server->config.routes[i].quiet)
            continue;
        route_labels(server, i, labels, sizeof labels);
        metrics_histogram(out, "http_request_duration_seconds", labels,
                          &server->metrics[i].duration);
    }
    metrics_single(out, "http_connections", "gauge", "Open connections.", server->connections);
    metrics_single(out, "http_requests_in_progress", "gauge",
                   "Requests being received or answered.", server->in_progress);
}

/* --- the query ------------------------------------------------------------------------------- */

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
