/* A call is one send() and mostly one recv(): libcurl connects the socket, what is said on it is
 * written and read here. With libcurl's own transfers a request takes half as much CPU time again
 * or more (docs/performance.md, "What the libraries cost").
 *
 * The socket is registered with epoll once, edge-triggered. Whether an idle connection is still
 * alive is known from its events, not asked before each call.
 */
#include "adapter/connection.h"

#include "adapter/answer.h"
#include "adapter/libcurl_connector.h"
#include "lib/base/container_of.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    IDLE_SECONDS = 60, /* below the time after which an adapter closes an idle connection */
    CLOSING_EVENTS = EPOLLRDHUP | EPOLLHUP | EPOLLERR,
    EVENTS = EPOLLIN | EPOLLRDHUP | EPOLLET,
};

struct adapter_server {
    struct loop *loop;
    struct connector *connector;
};

struct adapter_connection {
    struct adapter_server *server;
    void (*ended)(void *context, enum adapter_outcome outcome);
    void *context;
    struct adapter_call *call; /* NULL when idle */
    struct connector_attempt attempt;
    struct loop_watch watch;
    int fd; /* -1 when not connected */
    int64_t idle_since;
    struct buffer request;
    size_t sent; /* of it */
    struct adapter_answer answer;
};

const char adapter_transport_name[] = "own";

static void close_connection(struct adapter_connection *connection)
{
    connector_cancel(connection->server->connector, &connection->attempt);
    if (connection->fd < 0)
        return;
    loop_unwatch(connection->server->loop, connection->fd, &connection->watch);
    close(connection->fd);
    connection->fd = -1;
}

static void connection_end(struct adapter_connection *connection, enum adapter_outcome outcome)
{
    if (outcome != ADAPTER_ANSWERED)
        close_connection(connection);
    connection->call = NULL;
    connection->idle_since = loop_now(connection->server->loop);
    connection->ended(connection->context, outcome);
}

/* --- sending ---------------------------------------------------------------------------------- */

/* False when out of memory. */
static bool write_request(struct adapter_connection *connection)
{
    const struct adapter_call *call = connection->call;
    struct buffer *request = &connection->request;
    buffer_clear(request);
    buffer_add_text(request, call->body ? "POST " : "GET ");
    buffer_add_text(request, call->path);
    buffer_add_text(request, " HTTP/1.1\r\nHost: ");
    buffer_add_text(request, connector_host(connection->server->connector));
    buffer_add_text(request, "\r\nAccept: */*\r\nX-Request-Id: ");
    buffer_add_text(request, call->identity->request_id);
    buffer_add_text(request, "\r\ntraceparent: ");
    buffer_add_text(request, adapter_call_traceparent(call));
    if (call->body) {
        buffer_add_text(request, "\r\nContent-Type: application/json\r\nContent-Length: ");
        buffer_add_number(request, (long long)call->body_size);
    }
    buffer_add_text(request, "\r\n\r\n");
    if (call->body)
        buffer_add(request, call->body, call->body_size);
    return !request->failed;
}

/* Sends what is left of the request, as far as there is room. False when the connection broke. */
static bool send_request(struct adapter_connection *connection)
{
    const struct buffer *request = &connection->request;
    while (connection->sent < request->size) {
        ssize_t size = send(connection->fd, request->data + connection->sent,
                            request->size - connection->sent, MSG_NOSIGNAL);
        if (size < 0 && errno == EAGAIN) /* from now on it is told when there is room again */
            return loop_rewatch(connection->server->loop, connection->fd, EVENTS | EPOLLOUT,
                                &connection->watch) == 0;
        if (size < 0)
            return false;
        connection->sent += (size_t)size;
    }
    return true;
}

static void on_connected(struct connector_attempt *attempt, int fd)
{
    struct adapter_connection *connection =
        container_of(attempt, struct adapter_connection, attempt);
    if (fd >= 0 && loop_watch(connection->server->loop, fd, EVENTS, &connection->watch) < 0) {
        close(fd);
        fd = -1;
    }
    connection->fd = fd;
    if (fd < 0)
        connection_end(connection, ADAPTER_UNREACHABLE);
    else if (!send_request(connection))
        connection_end(connection, ADAPTER_BROKE_OFF);
}

bool adapter_connection_start(struct adapter_connection *connection, struct adapter_call *call)
{
    struct adapter_server *server = connection->server;
    connection->call = call;
    connection->sent = 0;
    adapter_answer_begin(&connection->answer);
    if (connection->idle_since + IDLE_SECONDS * LOOP_SECOND < loop_now(server->loop))
        close_connection(connection);
    bool started = write_request(connection);
    if (started && connection->fd >= 0 && !send_request(connection)) {
        /* The server closed it just now: a new one will do. */
        close_connection(connection);
        connection->sent = 0;
    }
    if (started && connection->fd < 0)
        started = connector_start(server->connector, &connection->attempt);
    if (!started)
        connection->call = NULL;
    return started;
}

/* --- receiving -------------------------------------------------------------------------------- */

static void end_with_answer(struct adapter_connection *connection, bool closing)
{
    const struct adapter_answer *answer = &connection->answer;
    struct adapter_call *call = connection->call;
    if (answer->request_id && strcmp(answer->request_id, call->identity->request_id) != 0) {
        /* One answer too many came on this connection, so every answer since belongs to another
         * request. */
        connection_end(connection, ADAPTER_UNUSABLE);
        return;
    }
    call->status = answer->status;
    call->content_type = answer->content_type;
    call->answer = answer->body;
    call->answer_size = answer->body_size;
    if (closing || !answer->keep || connection->sent < connection->request.size)
        close_connection(connection);
    connection_end(connection, ADAPTER_ANSWERED);
}

static void connection_receive(struct adapter_connection *connection, bool closing)
{
    enum adapter_outcome outcome = ADAPTER_PENDING;
    while (outcome == ADAPTER_PENDING) {
        size_t room;
        char *target = adapter_answer_room(&connection->answer, &room);
        ssize_t size = recv(connection->fd, target, room, 0);
        if (size < 0 && errno == EAGAIN)
            return;
        if (size < 0)
            outcome = ADAPTER_BROKE_OFF;
        else if (size == 0)
            outcome = adapter_answer_closed(&connection->answer);
        else
            outcome = adapter_answer_received(&connection->answer, (size_t)size);
    }
    if (outcome == ADAPTER_ANSWERED)
        end_with_answer(connection, closing);
    else
        connection_end(connection, outcome);
}

static void on_socket(struct loop_watch *watch, uint32_t events)
{
    struct adapter_connection *connection = container_of(watch, struct adapter_connection, watch);
    bool closing = events & CLOSING_EVENTS;
    if (!connection->call) { /* what comes on an idle connection is its end, or nonsense */
        if (closing || events & EPOLLIN)
            close_connection(connection);
    } else if (!send_request(connection)) {
        connection_end(connection, ADAPTER_BROKE_OFF);
    } else if (closing || events & EPOLLIN) {
        connection_receive(connection, closing);
    }
}

/* --- life ------------------------------------------------------------------------------------- */

void adapter_connection_abandon(struct adapter_connection *connection)
{
    connection->call = NULL;
    close_connection(connection);
}

struct adapter_connection *adapter_connection_new(struct adapter_server *server,
                                                  void (*ended)(void *context,
                                                                enum adapter_outcome outcome),
                                                  void *context)
{
    struct adapter_connection *connection = calloc(1, sizeof *connection);
    if (!connection)
        return NULL;
    connection->server = server;
    connection->ended = ended;
    connection->context = context;
    connection->attempt.ended = on_connected;
    connection->watch.ready = on_socket;
    connection->fd = -1;
    buffer_init(&connection->request, ADAPTER_REQUEST_MAX);
    return connection;
}

void adapter_connection_free(struct adapter_connection *connection)
{
    if (!connection)
        return;
    close_connection(connection);
    buffer_free(&connection->request);
    free(connection);
}

struct adapter_server *adapter_server_new(struct loop *loop, const char *url, struct buffer *error)
{
    struct adapter_server *server = calloc(1, sizeof *server);
    if (!server) {
        buffer_add_text(error, "out of memory");
        return NULL;
    }
    server->loop = loop;
    server->connector = connector_new(loop, url, ADAPTER_CONNECT_MILLISECONDS, error);
    if (server->connector)
        return server;
    free(server);
    return NULL;
}

void adapter_server_free(struct adapter_server *server)
{
    if (!server)
        return;
    connector_free(server->connector);
    free(server);
}
