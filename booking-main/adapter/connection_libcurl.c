/* What libcurl's own transfers would cost: adapter/connection.h once more, with an easy handle
 * for each connection. For the bench only, which links it into a second engine in place of
 * connection.c.
 *
 * For servers with a numeric address only: a look-up's sockets are refused below.
 *
 * It is libcurl as carefully as we know how. Done as its manual shows, each transfer adds its
 * socket to epoll and removes it again, and arms a timer in the kernel; that was two fifths of all
 * CPU time. Here the time is a loop_timer, and a socket stays registered until libcurl closes it.
 * Between transfers libcurl does not want its events; should one come all the same (the server
 * closed), the socket is taken out then.
 */
#include "adapter/connection.h"

#include "lib/base/container_of.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    IDLE_SECONDS = 60,
    FIELDS = 4,
    FIELD_SIZE = 192,
};

/* A socket of libcurl's. */
struct endpoint {
    struct adapter_server *server;
    struct endpoint *next;
    int fd;
    bool watched;
    uint32_t wanted; /* epoll events libcurl wants now; 0 between transfers */
    uint32_t watched_events;
    struct loop_watch watch;
};

struct adapter_server {
    struct loop *loop;
    CURLU *url;
    CURLM *multi;
    struct loop_timer timer;
    struct endpoint *endpoints;
};

/* An easy handle with its request header fields, used for one call after another. */
struct adapter_connection {
    struct adapter_server *server;
    void (*ended)(void *context, enum adapter_outcome end);
    void *context;
    CURL *easy;
    CURLU *url;       /* of `path`, parsed */
    const char *path; /* of the last call; NULL at first */
    struct adapter_call *call;
    struct buffer answer;
    struct curl_slist fields[FIELDS]; /* linked here, not by libcurl: only their text changes */
    char field_text[FIELDS][FIELD_SIZE];
};

/* --- sockets and time ------------------------------------------------------------------------ */

static void finish_transfers(struct adapter_server *server);

static void act(struct adapter_server *server, curl_socket_t fd, int events)
{
    int running;
    (void)curl_multi_socket_action(server->multi, fd, events, &running);
    finish_transfers(server);
}

static void on_socket(struct loop_watch *watch, uint32_t events)
{
    struct endpoint *endpoint = container_of(watch, struct endpoint, watch);
    struct adapter_server *server = endpoint->server;
    if (!endpoint->wanted) { /* the server closed an idle connection; libcurl sees it at reuse */
        loop_unwatch(server->loop, endpoint->fd, watch);
        endpoint->watched = false;
        return;
    }
    int action = 0;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLRDHUP))
        action |= CURL_CSELECT_IN;
    if (events & EPOLLOUT)
        action |= CURL_CSELECT_OUT;
    if (events & EPOLLERR)
        action |= CURL_CSELECT_ERR;
    act(server, endpoint->fd, action);
}

static void on_timer(struct loop_timer *timer)
{
    act(container_of(timer, struct adapter_server, timer), CURL_SOCKET_TIMEOUT, 0);
}

static int set_timer(CURLM *multi, long milliseconds, void *context)
{
    (void)multi;
    struct adapter_server *server = context;
    if (milliseconds < 0)
        loop_disarm(&server->timer);
    else
        loop_arm(server->loop, &server->timer,
                 loop_now(server->loop) + milliseconds * LOOP_MILLISECOND);
    return 0;
}

static void forget_endpoint(struct adapter_server *server, int fd)
{
    for (struct endpoint **link = &server->endpoints; *link; link = &(*link)->next) {
        struct endpoint *endpoint = *link;
        if (endpoint->fd != fd)
            continue;
        *link = endpoint->next;
        if (endpoint->watched)
            loop_unwatch(server->loop, fd, &endpoint->watch);
        free(endpoint);
        return;
    }
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *slot)
{
    (void)easy;
    (void)slot;
    struct adapter_server *server = context;
    struct endpoint *endpoint = server->endpoints;
    while (endpoint && endpoint->fd != fd)
        endpoint = endpoint->next;
    if (!endpoint)
        return what == CURL_POLL_REMOVE ? 0 : -1; /* not from open_socket() */
    endpoint->wanted = 0;
    if (what == CURL_POLL_REMOVE)
        return 0;
    if (what & CURL_POLL_IN)
        endpoint->wanted |= EPOLLIN;
    if (what & CURL_POLL_OUT)
        endpoint->wanted |= EPOLLOUT;
    if (endpoint->watched && endpoint->watched_events == endpoint->wanted)
        return 0;
    int error = endpoint->watched
                    ? loop_rewatch(server->loop, fd, endpoint->wanted, &endpoint->watch)
                    : loop_watch(server->loop, fd, endpoint->wanted, &endpoint->watch);
    if (error)
        return -1;
    endpoint->watched = true;
    endpoint->watched_events = endpoint->wanted;
    return 0;
}

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    struct adapter_server *server = context;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;
    forget_endpoint(server, fd);
    struct endpoint *endpoint = calloc(1, sizeof *endpoint);
    if (!endpoint) {
        close(fd);
        return CURL_SOCKET_BAD;
    }
    endpoint->server = server;
    endpoint->fd = fd;
    endpoint->watch.ready = on_socket;
    endpoint->next = server->endpoints;
    server->endpoints = endpoint;
    return fd;
}

static int close_socket(void *context, curl_socket_t fd)
{
    forget_endpoint(context, fd);
    return close(fd);
}

/* --- calls ----------------------------------------------------------------------------------- */

static enum adapter_outcome end_of(CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return ADAPTER_ANSWERED;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
        return ADAPTER_BROKE_OFF;
    case CURLE_WRITE_ERROR: /* add_answer() refused what was too long */
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return ADAPTER_UNUSABLE;
    default:
        return ADAPTER_UNREACHABLE;
    }
}

static void finish_transfer(struct adapter_connection *connection, CURLcode code)
{
    struct adapter_call *call = connection->call;
    long status = 0;
    curl_easy_getinfo(connection->easy, CURLINFO_RESPONSE_CODE, &status);
    char *content_type = NULL;
    curl_easy_getinfo(connection->easy, CURLINFO_CONTENT_TYPE, &content_type);
    call->status = (unsigned)status;
    call->content_type = content_type;
    call->answer = connection->answer.data ? connection->answer.data : "";
    call->answer_size = connection->answer.size;
    connection->call = NULL;
    curl_multi_remove_handle(connection->server->multi, connection->easy);
    connection->ended(connection->context, end_of(code));
}

static void finish_transfers(struct adapter_server *server)
{
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(server->multi, &left));) {
        if (message->msg != CURLMSG_DONE)
            continue;
        char *connection = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &connection);
        finish_transfer((struct adapter_connection *)(void *)connection, message->data.result);
    }
}

static size_t add_answer(char *data, size_t size, size_t count, void *context)
{
    struct adapter_connection *connection = context;
    buffer_add(&connection->answer, data, size * count);
    return connection->answer.failed ? 0 : size * count;
}

/* False when out of memory. */
static bool set_path(struct adapter_connection *connection, const char *path)
{
    if (connection->path && strcmp(connection->path, path) == 0)
        return true;
    connection->path = NULL;
    if (curl_url_set(connection->url, CURLUPART_PATH, path, 0) != CURLUE_OK)
        return false;
    connection->path = path;
    return true;
}

bool adapter_connection_start(struct adapter_connection *connection, struct adapter_call *call)
{
    CURL *easy = connection->easy;
    (void)snprintf(connection->field_text[0], FIELD_SIZE, "X-Request-Id: %s",
                   call->identity->request_id);
    (void)snprintf(connection->field_text[1], FIELD_SIZE, "traceparent: %s",
                   call->identity->traceparent);
    buffer_clear(&connection->answer);
    if (call->body) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)call->body_size);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body); /* not copied */
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
    } else {
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    }
    if (!set_path(connection, call->path) ||
        curl_multi_add_handle(connection->server->multi, easy) != CURLM_OK)
        return false;
    connection->call = call;
    return true;
}

void adapter_connection_abandon(struct adapter_connection *connection)
{
    if (connection->call)
        curl_multi_remove_handle(connection->server->multi, connection->easy);
    connection->call = NULL;
}

/* --- life ------------------------------------------------------------------------------------ */

/* Sets what is the same for all calls. */
static void set_up(struct adapter_connection *connection)
{
    CURL *easy = connection->easy;
    for (int i = 0; i < FIELDS; i++) {
        connection->fields[i].data = connection->field_text[i];
        connection->fields[i].next = i + 1 < FIELDS ? &connection->fields[i + 1] : NULL;
    }
    (void)snprintf(connection->field_text[2], FIELD_SIZE, "Content-Type: application/json");
    (void)snprintf(connection->field_text[3], FIELD_SIZE, "Expect:"); /* no wait for leave */

    curl_easy_setopt(easy, CURLOPT_PRIVATE, connection);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    /* As text it would be parsed and put together again for each call: 8 % of the engine's
     * instructions. */
    curl_easy_setopt(easy, CURLOPT_CURLU, connection->url);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)ADAPTER_CONNECT_MILLISECONDS);
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)IDLE_SECONDS);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 16L * 1024);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 16L * 1024);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, connection->fields);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, add_answer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, connection);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, connection->server);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, connection->server);
}

struct adapter_connection *adapter_connection_new(struct adapter_server *server,
                                                  void (*ended)(void *context,
                                                                enum adapter_outcome end),
                                                  void *context)
{
    struct adapter_connection *connection = calloc(1, sizeof *connection);
    if (!connection)
        return NULL;
    connection->server = server;
    connection->ended = ended;
    connection->context = context;
    connection->easy = curl_easy_init();
    connection->url = curl_url_dup(server->url);
    buffer_init(&connection->answer, ADAPTER_ANSWER_MAX);
    if (!connection->easy || !connection->url) {
        adapter_connection_free(connection);
        return NULL;
    }
    set_up(connection);
    return connection;
}

void adapter_connection_free(struct adapter_connection *connection)
{
    if (!connection)
        return;
    adapter_connection_abandon(connection);
    curl_easy_cleanup(connection->easy);
    curl_url_cleanup(connection->url);
    buffer_free(&connection->answer);
    free(connection);
}

struct adapter_server *adapter_server_new(struct loop *loop, const char *url, struct buffer *error)
{
    struct adapter_server *server = calloc(1, sizeof *server);
    if (!server || curl_global_init(CURL_GLOBAL_NOTHING) != CURLE_OK) {
        free(server);
        buffer_add_text(error, "out of memory");
        return NULL;
    }
    server->loop = loop;
    server->timer.expired = on_timer;
    server->url = curl_url();
    server->multi = curl_multi_init();
    if (!server->url || !server->multi ||
        curl_url_set(server->url, CURLUPART_URL, url, 0) != CURLUE_OK) {
        adapter_server_free(server);
        buffer_add_text(error, "not a URL, or out of memory");
        return NULL;
    }
    curl_multi_setopt(server->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
    curl_multi_setopt(server->multi, CURLMOPT_SOCKETDATA, server);
    curl_multi_setopt(server->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(server->multi, CURLMOPT_TIMERDATA, server);
    curl_multi_setopt(server->multi, CURLMOPT_MAXCONNECTS, (long)ADAPTER_CONNECTIONS);
    curl_multi_setopt(server->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    return server;
}

void adapter_server_free(struct adapter_server *server)
{
    if (!server)
        return;
    curl_multi_cleanup(server->multi); /* closes the sockets */
    while (server->endpoints)
        forget_endpoint(server, server->endpoints->fd);
    loop_remove_timer(server->loop, &server->timer);
    curl_url_cleanup(server->url);
    free(server);
    curl_global_cleanup();
}
