/* What libcurl costs: lib/upstream.h once more, on a small HTTP client of its own. For the bench
 * only, which links it into a second engine in place of lib/upstream.c.
 *
 * It does the same work: 64 kept-alive connections, the same header fields, deadlines, queue,
 * second try and results. It does it more cheaply: a connection's socket is registered with epoll
 * once, edge-triggered; a call is one sendmsg() and mostly one recv(); whether an idle connection
 * is still alive is known from its events, not asked before each call.
 *
 * It is no replacement. Its server is a numeric IPv4 address. It refuses, as UPSTREAM_UNUSABLE,
 * what an adapter of ours never sends but may send by HTTP/1.1: chunked bodies, bodies without a
 * Content-Length, interim (1xx) answers.
 */
#include "upstream.h"

#include "container_of.h"
#include "metrics.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    HOST_MAX = 32,
    IDLE_SECONDS = 60, /* below the time after which an adapter closes an idle connection */
    REQUEST_HEAD_MAX = 1024,
    HEAD_MAX = 16 * 1024,
    INPUT_MAX = HEAD_MAX + UPSTREAM_ANSWER_MAX,
    CLOSING_EVENTS = EPOLLRDHUP | EPOLLHUP | EPOLLERR,
};

struct connection {
    struct upstream *upstream;
    struct connection *next_free;
    struct upstream_call *call; /* NULL when idle */
    struct loop_watch watch;
    int fd; /* -1 when closed */
    bool connected;
    int64_t deadline; /* of the call, or of connecting for it */
    int64_t idle_since;

    struct buffer head; /* of the request */
    size_t sent;        /* of head and body */

    /* The answer, and what its head said. */
    size_t received, head_size, body_size;
    unsigned status;
    const char *content_type;
    bool keep;
    char input[INPUT_MAX + 1];
};

struct upstream {
    struct loop *loop;
    struct sockaddr_in server;
    char host[HOST_MAX];     /* the Host field */
    struct loop_timer timer; /* at the earliest deadline or before it: it is never put off */
    struct connection connections[UPSTREAM_CONNECTIONS];
    struct connection *free_connections;
    struct upstream_call *waiting, **waiting_end;
    size_t waiting_count;
    bool closing;
    uint64_t results[UPSTREAM_RESULTS];
    struct metrics_histogram duration;
};

/* --- reading an answer ----------------------------------------------------------------------- */

enum progress { PROGRESS_MORE, PROGRESS_WHOLE, PROGRESS_UNUSABLE };

/* The value of this header field if the line is one, else NULL. */
static char *value_of(char *line, const char *name)
{
    size_t size = strlen(name);
    if (strncasecmp(line, name, size) != 0 || line[size] != ':')
        return NULL;
    return line + size + 1 + strspn(line + size + 1, " \t");
}

/* `line` ends in NUL. False when it is of no use here. */
static bool read_field(struct connection *connection, char *line, bool *has_size)
{
    char *value;
    if ((value = value_of(line, "Content-Length"))) {
        char *end;
        errno = 0;
        unsigned long long size = strtoull(value, &end, 10);
        if (*value < '0' || *value > '9' || *end || errno || size > UPSTREAM_ANSWER_MAX)
            return false;
        connection->body_size = (size_t)size;
        *has_size = true;
    } else if ((value = value_of(line, "Content-Type"))) {
        connection->content_type = value;
    } else if ((value = value_of(line, "Connection"))) {
        connection->keep &= strcasecmp(value, "close") != 0;
    } else if (value_of(line, "Transfer-Encoding")) {
        return false;
    }
    return true;
}

/* The head is in `input`; its empty line is at `end`. False when it is of no use here. */
static bool read_head(struct connection *connection, char *end)
{
    char *input = connection->input;
    char version = input[sizeof "HTTP/1." - 1];
    connection->status = (unsigned)strtoul(input + sizeof "HTTP/1.1" - 1, NULL, 10);
    connection->content_type = NULL;
    connection->keep = version == '1';
    bool has_size = false;
    char *line_end = memmem(input, (size_t)(end + 2 - input), "\r\n", 2);
    while (line_end != end) { /* which is where the last line ends */
        char *line = line_end + 2;
        line_end = memmem(line, (size_t)(end + 2 - line), "\r\n", 2);
        *line_end = '\0';
        if (!read_field(connection, line, &has_size))
            return false;
    }
    return (version == '0' || version == '1') && has_size && connection->status >= 200 &&
           connection->status <= 999;
}

static enum progress read_answer(struct connection *connection)
{
    static const char start[] = "HTTP/1.";
    const size_t start_size = sizeof start - 1;
    char *input = connection->input;
    if (!connection->head_size) {
        size_t known = connection->received < start_size ? connection->received : start_size;
        if (memcmp(input, start, known) != 0)
            return PROGRESS_UNUSABLE;
        char *end = memmem(input, connection->received, "\r\n\r\n", 4);
        if (!end)
            return connection->received > HEAD_MAX ? PROGRESS_UNUSABLE : PROGRESS_MORE;
        if (!read_head(connection, end))
            return PROGRESS_UNUSABLE;
        connection->head_size = (size_t)(end + 4 - input);
    }
    size_t whole = connection->head_size + connection->body_size;
    if (connection->received < whole)
        return whole > INPUT_MAX ? PROGRESS_UNUSABLE : PROGRESS_MORE;
    connection->keep &= connection->received == whole;
    input[whole] = '\0';
    return PROGRESS_WHOLE;
}

/* --- connections ----------------------------------------------------------------------------- */

static void close_connection(struct connection *connection)
{
    if (connection->fd < 0)
        return;
    loop_unwatch(connection->upstream->loop, connection->fd, &connection->watch);
    close(connection->fd);
    connection->fd = -1;
}

/* Begins to connect; whether that works, refusal included, an event tells. False when out of
 * descriptors or memory. */
static bool open_connection(struct connection *connection)
{
    const struct upstream *upstream = connection->upstream;
    const int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)connect(fd, (const struct sockaddr *)&upstream->server, sizeof upstream->server);
    if (loop_watch(upstream->loop, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                   &connection->watch) < 0) {
        close(fd);
        return false;
    }
    connection->fd = fd;
    connection->connected = false;
    return true;
}

static void arm_timer(struct upstream *upstream, int64_t at)
{
    if (!upstream->timer.armed || at < upstream->timer.at)
        loop_arm(upstream->loop, &upstream->timer, at);
}

static void set_deadline(struct connection *connection)
{
    struct upstream *upstream = connection->upstream;
    int64_t at = connection->call->started + UPSTREAM_CALL_MILLISECONDS * LOOP_MILLISECOND;
    if (!connection->connected) {
        int64_t connect_at =
            loop_now(upstream->loop) + UPSTREAM_CONNECT_MILLISECONDS * LOOP_MILLISECOND;
        at = connect_at < at ? connect_at : at;
    }
    connection->deadline = at;
    arm_timer(upstream, at);
}

static size_t request_size(const struct connection *connection)
{
    return connection->head.size + (connection->call->body ? connection->call->body_size : 0);
}

/* Sends what is left of the request, as far as there is room. False when the connection broke. */
static bool send_request(struct connection *connection)
{
    const struct upstream_call *call = connection->call;
    const size_t whole = request_size(connection);
    while (connection->sent < whole) {
        size_t of_head =
            connection->sent < connection->head.size ? connection->sent : connection->head.size;
        size_t of_body = connection->sent - of_head;
        struct iovec pieces[] = {
            {connection->head.data + of_head, connection->head.size - of_head},
            {(char *)call->body + of_body, whole - connection->head.size - of_body},
        };
        struct msghdr message = {.msg_iov = pieces, .msg_iovlen = call->body ? 2 : 1};
        ssize_t size = sendmsg(connection->fd, &message, MSG_NOSIGNAL);
        if (size < 0)
            return errno == EAGAIN;
        connection->sent += (size_t)size;
    }
    return true;
}

/* False when out of memory. */
static bool write_head(struct connection *connection)
{
    const struct upstream_call *call = connection->call;
    struct buffer *head = &connection->head;
    buffer_clear(head);
    buffer_add_text(head, call->body ? "POST " : "GET ");
    buffer_add_text(head, call->path);
    buffer_add_text(head, " HTTP/1.1\r\nHost: ");
    buffer_add_text(head, connection->upstream->host);
    buffer_add_text(head, "\r\nAccept: */*\r\nX-Request-Id: ");
    buffer_add_text(head, call->identity->request_id);
    buffer_add_text(head, "\r\ntraceparent: ");
    buffer_add_text(head, call->identity->traceparent);
    buffer_add_text(head, "\r\nContent-Type: application/json\r\n");
    if (call->body) {
        buffer_add_text(head, "Content-Length: ");
        buffer_add_number(head, (long long)call->body_size);
        buffer_add_text(head, "\r\n");
    }
    buffer_add_text(head, "\r\n");
    return !head->failed;
}

/* Sends the call, or connects for it first. False when it cannot be made. */
static bool begin(struct connection *connection)
{
    const struct upstream *upstream = connection->upstream;
    connection->sent = connection->received = connection->head_size = 0;
    connection->status = 0;
    if (connection->idle_since + IDLE_SECONDS * LOOP_SECOND < loop_now(upstream->loop))
        close_connection(connection);
    if (connection->fd >= 0 && !send_request(connection)) {
        close_connection(connection);
        connection->call->tried_again = true;
    }
    if (connection->fd < 0 && !open_connection(connection))
        return false;
    set_deadline(connection);
    return true;
}

/* --- calls ----------------------------------------------------------------------------------- */

static void end_call(struct upstream *upstream, struct upstream_call *call,
                     enum upstream_result result)
{
    call->result = result;
    call->duration = loop_clock() - call->started;
    upstream->results[result]++;
    if (result != UPSTREAM_OVERLOADED)
        metrics_observe(&upstream->duration, call->duration);
    call->done(call);
}

/* Ends the connection's call; its answer stays until `done` has seen it. */
static void end_on(struct connection *connection, enum upstream_result result)
{
    struct upstream *upstream = connection->upstream;
    struct upstream_call *call = connection->call;
    if (result != UPSTREAM_ANSWERED)
        close_connection(connection);
    call->status = connection->status;
    if (result == UPSTREAM_ANSWERED) {
        call->content_type = connection->content_type;
        call->answer = connection->input + connection->head_size;
        call->answer_size = connection->body_size;
    }
    connection->call = NULL;
    connection->idle_since = loop_now(upstream->loop);
    end_call(upstream, call, result);
    connection->next_free = upstream->free_connections;
    upstream->free_connections = connection;
}

/* Starts a call on a connection that is free. */
static void start_on(struct connection *connection, struct upstream_call *call)
{
    connection->upstream->free_connections = connection->next_free;
    connection->call = call;
    if (!write_head(connection) || !begin(connection))
        end_on(connection, UPSTREAM_UNAVAILABLE);
}

static struct upstream_call *take_waiting(struct upstream *upstream)
{
    struct upstream_call *call = upstream->waiting;
    upstream->waiting = call->next;
    if (!upstream->waiting)
        upstream->waiting_end = &upstream->waiting;
    upstream->waiting_count--;
    return call;
}

static void start_waiting(struct upstream *upstream)
{
    int64_t oldest = loop_now(upstream->loop) - UPSTREAM_CALL_MILLISECONDS * LOOP_MILLISECOND;
    while (upstream->waiting && upstream->waiting->started <= oldest)
        end_call(upstream, take_waiting(upstream), UPSTREAM_TIMEOUT);
    while (upstream->waiting && upstream->free_connections && !upstream->closing)
        start_on(upstream->free_connections, take_waiting(upstream));
}

static void finish(struct connection *connection, enum upstream_result result)
{
    end_on(connection, result);
    start_waiting(connection->upstream);
}

/* The connection broke. The server may have closed it just as the call was sent, and calls change
 * nothing there: once more does no harm. */
static void break_off(struct connection *connection)
{
    close_connection(connection);
    if (!connection->call->tried_again) {
        connection->call->tried_again = true;
        if (begin(connection))
            return;
    }
    finish(connection, UPSTREAM_UNAVAILABLE);
}

static void receive(struct connection *connection, uint32_t events)
{
    for (;;) {
        ssize_t size = recv(connection->fd, connection->input + connection->received,
                            INPUT_MAX - connection->received, 0);
        if (size < 0 && errno == EAGAIN)
            return;
        if (size <= 0) {
            break_off(connection);
            return;
        }
        connection->received += (size_t)size;
        enum progress progress = read_answer(connection);
        if (progress == PROGRESS_MORE)
            continue;
        if (progress == PROGRESS_UNUSABLE) {
            finish(connection, UPSTREAM_UNUSABLE);
            return;
        }
        if (!connection->keep || events & CLOSING_EVENTS ||
            connection->sent < request_size(connection))
            close_connection(connection);
        finish(connection, UPSTREAM_ANSWERED);
        return;
    }
}

static void on_socket(struct loop_watch *watch, uint32_t events)
{
    struct connection *connection = container_of(watch, struct connection, watch);
    if (!connection->call) { /* what comes on an idle connection is its end, or nonsense */
        if (events & (EPOLLIN | CLOSING_EVENTS))
            close_connection(connection);
        return;
    }
    if (!connection->connected) {
        if (events & (EPOLLHUP | EPOLLERR)) {
            finish(connection, UPSTREAM_UNAVAILABLE);
            return;
        }
        if (!(events & EPOLLOUT))
            return;
        connection->connected = true;
        set_deadline(connection);
    }
    if (!send_request(connection))
        break_off(connection);
    else if (events & (EPOLLIN | CLOSING_EVENTS))
        receive(connection, events);
}

/* Ends what is late, and arms the timer for what is left. */
static void on_timer(struct loop_timer *timer)
{
    struct upstream *upstream = container_of(timer, struct upstream, timer);
    const int64_t limit = UPSTREAM_CALL_MILLISECONDS * LOOP_MILLISECOND;
    int64_t now = loop_now(upstream->loop);
    for (size_t i = 0; i < UPSTREAM_CONNECTIONS; i++) {
        struct connection *connection = &upstream->connections[i];
        if (!connection->call || connection->deadline > now)
            continue;
        /* Before the call's time is over it is the connection that is late, not the answer. */
        bool whole_time = connection->connected || connection->call->started + limit <= now;
        end_on(connection, whole_time ? UPSTREAM_TIMEOUT : UPSTREAM_UNAVAILABLE);
    }
    start_waiting(upstream);

    int64_t next = upstream->waiting ? upstream->waiting->started + limit : INT64_MAX;
    for (size_t i = 0; i < UPSTREAM_CONNECTIONS; i++)
        if (upstream->connections[i].call && upstream->connections[i].deadline < next)
            next = upstream->connections[i].deadline;
    if (next < INT64_MAX)
        loop_arm(upstream->loop, timer, next);
}

void upstream_start(struct upstream *upstream, struct upstream_call *call)
{
    call->started = loop_now(upstream->loop);
    call->tried_again = false;
    call->status = 0;
    call->content_type = NULL;
    call->answer = "";
    call->answer_size = 0;
    if (upstream->closing) {
        end_call(upstream, call, UPSTREAM_UNAVAILABLE);
        return;
    }
    if (!upstream->waiting && upstream->free_connections) {
        start_on(upstream->free_connections, call);
        return;
    }
    if (upstream->waiting_count == UPSTREAM_WAITING_MAX) {
        end_call(upstream, call, UPSTREAM_OVERLOADED);
        return;
    }
    call->next = NULL;
    *upstream->waiting_end = call;
    upstream->waiting_end = &call->next;
    upstream->waiting_count++;
    arm_timer(upstream, call->started + UPSTREAM_CALL_MILLISECONDS * LOOP_MILLISECOND);
}

/* --- life ------------------------------------------------------------------------------------ */

/* Takes http://A.B.C.D[:PORT] apart. */
static bool parse_url(struct upstream *upstream, const char *url)
{
    static const char scheme[] = "http://";
    char address[INET_ADDRSTRLEN];
    if (strncmp(url, scheme, sizeof scheme - 1) != 0)
        return false;
    url += sizeof scheme - 1;
    size_t size = strspn(url, "0123456789.");
    if (size >= sizeof address || (url[size] && url[size] != ':'))
        return false;
    unsigned long port = url[size] ? strtoul(url + size + 1, NULL, 10) : 80;
    (void)snprintf(address, sizeof address, "%.*s", (int)size, url);
    (void)snprintf(upstream->host, sizeof upstream->host, "%s", url);
    upstream->server.sin_family = AF_INET;
    upstream->server.sin_port = htons((uint16_t)port);
    return inet_pton(AF_INET, address, &upstream->server.sin_addr) == 1 && port > 0 &&
           port <= UINT16_MAX;
}

struct upstream *upstream_new(struct loop *loop, const char *url, struct buffer *error)
{
    struct upstream *upstream = calloc(1, sizeof *upstream);
    if (!upstream) {
        buffer_add_text(error, "out of memory");
        return NULL;
    }
    if (!parse_url(upstream, url)) {
        buffer_printf(error, "--adapter-url '%s': must be a URL such as http://127.0.0.1:9096",
                      url);
        free(upstream);
        return NULL;
    }
    upstream->loop = loop;
    upstream->waiting_end = &upstream->waiting;
    upstream->timer.expired = on_timer;
    for (size_t i = 0; i < UPSTREAM_CONNECTIONS; i++) {
        struct connection *connection = &upstream->connections[i];
        connection->upstream = upstream;
        connection->watch.ready = on_socket;
        connection->fd = -1;
        buffer_init(&connection->head, REQUEST_HEAD_MAX);
        connection->next_free = upstream->free_connections;
        upstream->free_connections = connection;
    }
    return upstream;
}

void upstream_stop(struct upstream *upstream)
{
    if (!upstream)
        return;
    upstream->closing = true;
    while (upstream->waiting)
        end_call(upstream, take_waiting(upstream), UPSTREAM_UNAVAILABLE);
    for (size_t i = 0; i < UPSTREAM_CONNECTIONS; i++)
        if (upstream->connections[i].call)
            end_on(&upstream->connections[i], UPSTREAM_UNAVAILABLE);
}

void upstream_free(struct upstream *upstream)
{
    if (!upstream)
        return;
    upstream_stop(upstream);
    for (size_t i = 0; i < UPSTREAM_CONNECTIONS; i++) {
        close_connection(&upstream->connections[i]);
        buffer_free(&upstream->connections[i].head);
    }
    loop_remove_timer(upstream->loop, &upstream->timer);
    free(upstream);
}

void upstream_metrics(const struct upstream *upstream, struct buffer *out)
{
    static const char *const labels[UPSTREAM_RESULTS] = {
        [UPSTREAM_ANSWERED] = "result=\"answered\"",
        [UPSTREAM_UNAVAILABLE] = "result=\"unavailable\"",
        [UPSTREAM_TIMEOUT] = "result=\"timeout\"",
        [UPSTREAM_UNUSABLE] = "result=\"unusable\"",
        [UPSTREAM_OVERLOADED] = "result=\"overloaded\"",
    };
    metrics_head(out, "adapter_calls_total", "counter", "Calls to the adapter by their result.");
    for (int i = 0; i < UPSTREAM_RESULTS; i++)
        metrics_sample(out, "adapter_calls_total", labels[i], upstream->results[i]);
    metrics_head(out, "adapter_call_duration_seconds", "histogram",
                 "From the start of a call to its whole answer or its failure.");
    metrics_histogram(out, "adapter_call_duration_seconds", NULL, &upstream->duration);
    metrics_single(out, "adapter_calls_waiting", "gauge", "Calls waiting for a connection.",
                   upstream->waiting_count);
}
