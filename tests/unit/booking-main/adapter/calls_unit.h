/* A server, calls to it and a loop, for the tests of the calls to the adapter. */
#ifndef TESTS_UNIT_BOOKING_MAIN_ADAPTER_CALLS_UNIT_H
#define TESTS_UNIT_BOOKING_MAIN_ADAPTER_CALLS_UNIT_H

#include "tests/unit/unit.h"

#include "adapter/calls.h"
#include "adapter/connection.h"
#include "lib/base/container_of.h"
#include "lib/base/loop.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* The server is played here, on the loop of the calls: a test says what it does, and when. What an
 * adapter may do to a whole engine is in tests/http/test_adapter_trouble.py. */

enum {
    PEERS_MAX = 400,
    CALLS_MAX = ADAPTER_CONNECTIONS + ADAPTER_WAITING_MAX + 16,
    REQUEST_MAX = 256 * 1024,
};

static struct loop *loop;
static struct adapter_calls *upstream;

/* What libcurl's own transfers do otherwise (TRANSPORT=libcurl), and why that is right as well:
 * - which idle connection a call gets is libcurl's choice;
 * - it closes an idle connection that the server has ended when it next looks at it, so its
 *   descriptor stays until then, and libcurl has one more for itself;
 * - it sends a request to its end when a good answer came before that, while the call's time lasts.
 */
static inline bool is_libcurl(void)
{
    return strcmp(adapter_transport_name, "libcurl") == 0;
}

/* --- running the loop ------------------------------------------------------------------------ */

/* For what must come, on any machine. */
enum { PATIENCE_SECONDS = 60 };

static const int *awaited; /* the loop runs until this */
static int awaited_value;  /* is that, or more */

static inline int64_t look(struct loop_task *task)
{
    (void)task;
    if (awaited && *awaited >= awaited_value)
        loop_stop(loop);
    return -1;
}

static inline void on_in_vain(struct loop_timer *timer)
{
    (void)timer;
    fail_msg("waited in vain for %d, which is %d", awaited_value, *awaited);
}

static inline void on_enough(struct loop_timer *timer)
{
    (void)timer;
    loop_stop(loop);
}

static struct loop_task looking = {.run = look};
static struct loop_timer in_vain = {.expired = on_in_vain}, enough = {.expired = on_enough};

static inline void run_until(const int *counter, int value)
{
    awaited = counter;
    awaited_value = value;
    loop_arm(loop, &in_vain, loop_clock() + PATIENCE_SECONDS * LOOP_SECOND);
    assert_int_equal(loop_run(loop), 0);
    loop_disarm(&in_vain);
    awaited = NULL;
}

/* Long enough for all that is on its way to arrive: nothing here leaves the machine. */
static inline void run_a_while(void)
{
    loop_arm(loop, &enough, loop_clock() + 10 * LOOP_MILLISECOND);
    assert_int_equal(loop_run(loop), 0);
}

/* --- the server ------------------------------------------------------------------------------ */

/* A connection to it. */
struct peer {
    struct loop_watch watch;
    int fd; /* -1 when closed */
    struct buffer input;
    int number; /* of the call whose request waits for an answer, -1 when there is none */
};

static struct {
    int fd, port;
    struct peer peers[PEERS_MAX];
    int accepted, requests, hung_up; /* hung up on by the other side */
    struct {
        struct peer *peer;
        int number;
    } log[2 * CALLS_MAX];             /* of requests, in the order they came */
    struct buffer request;            /* the last one's bytes */
    void (*serve)(struct peer *peer); /* called with each request */
    void (*peek)(struct peer *peer);  /* and this before with what there is of it, if not NULL */
    size_t read_at_most;              /* at a time */
} server;

static inline void close_peer(struct peer *peer)
{
    if (peer->fd < 0)
        return;
    loop_unwatch(loop, peer->fd, &peer->watch);
    close(peer->fd);
    peer->fd = -1;
    peer->number = -1;
    buffer_free(&peer->input);
}

static inline void reset_peer(struct peer *peer)
{
    struct linger linger = {.l_onoff = 1};
    setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    close_peer(peer);
}

static inline void say(struct peer *peer, const char *text)
{
    assert_int_equal(send(peer->fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* By the number of its call, so that an answer that went astray is seen. */
static inline void answer_with(struct peer *peer, const char *fields)
{
    char body[20], text[300];
    int size = snprintf(body, sizeof body, "{\"number\":%d}", peer->number);
    assert_true(peer->number >= 0);
    snprintf(text, sizeof text,
             "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s",
             fields, size, body);
    peer->number = -1;
    say(peer, text);
}

static inline void answer(struct peer *peer)
{
    answer_with(peer, "");
}

static inline void hold(struct peer *peer)
{
    assert_true(peer->number >= 0); /* for the test to answer later, or never */
}

static inline void answer_all_held(void)
{
    for (int i = 0; i < server.accepted; i++)
        if (server.peers[i].number >= 0)
            answer(&server.peers[i]);
}

/* Whether a whole request was there; it is taken out. */
static inline bool take_request(struct peer *peer)
{
    struct buffer *input = &peer->input;
    const char *head_end = input->size ? strstr(input->data, "\r\n\r\n") : NULL;
    if (!head_end)
        return false;
    size_t size = (size_t)(head_end + 4 - input->data);
    const char *length = strstr(input->data, "\r\nContent-Length: ");
    if (length && length < head_end)
        size += strtoul(length + strlen("\r\nContent-Length: "), NULL, 10);
    if (input->size < size)
        return false;
    assert_int_equal(input->size, size); /* the next one comes after the answer to this */
    buffer_clear(&server.request);
    buffer_add(&server.request, input->data, size);
    buffer_clear(input);
    const char *path = strchr(server.request.data, '/');
    assert_non_null(path);
    assert_int_equal(peer->number, -1);
    peer->number = atoi(path + 1);
    server.log[server.requests].peer = peer;
    server.log[server.requests++].number = peer->number;
    return true;
}

static inline void on_peer(struct loop_watch *watch, uint32_t events)
{
    (void)events;
    struct peer *peer = container_of(watch, struct peer, watch);
    char bytes[16384];
    size_t room = server.read_at_most < sizeof bytes ? server.read_at_most : sizeof bytes;
    ssize_t size = recv(peer->fd, bytes, room, 0);
    if (size <= 0) {
        server.hung_up++;
        close_peer(peer);
        return;
    }
    buffer_add(&peer->input, bytes, (size_t)size);
    if (server.peek)
        server.peek(peer);
    else if (take_request(peer))
        server.serve(peer);
}

static inline void on_listener(struct loop_watch *watch, uint32_t events)
{
    (void)watch;
    (void)events;
    int fd;
    while ((fd = accept4(server.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        assert_true(server.accepted < PEERS_MAX);
        struct peer *peer = &server.peers[server.accepted++];
        *peer = (struct peer){.watch.ready = on_peer, .fd = fd, .number = -1};
        buffer_init(&peer->input, REQUEST_MAX);
        assert_int_equal(loop_watch(loop, fd, EPOLLIN, &peer->watch), 0);
    }
}

static struct loop_watch listener = {.ready = on_listener};

/* Bound to a free port of 127.0.0.1 or ::1; -1 when there is no such address. */
static inline int bound_socket(int family, int *port)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {0};
    socklen_t size = family == AF_INET ? sizeof address.v4 : sizeof address.v6;
    address.any.sa_family = (sa_family_t)family;
    if (family == AF_INET)
        address.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
        address.v6.sin6_addr = in6addr_loopback;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind(fd, &address.any, size) != 0) {
        close(fd);
        fd = -1;
    }
    if (fd >= 0)
        assert_int_equal(getsockname(fd, &address.any, &size), 0);
    *port = ntohs(family == AF_INET ? address.v4.sin_port : address.v6.sin6_port);
    return fd;
}

/* False when there is no such address. */
static inline bool start_server(int family)
{
    memset(&server, 0, sizeof server);
    server.serve = answer;
    server.read_at_most = SIZE_MAX;
    buffer_init(&server.request, REQUEST_MAX);
    server.fd = bound_socket(family, &server.port);
    return server.fd >= 0 && listen(server.fd, PEERS_MAX) == 0 &&
           loop_watch(loop, server.fd, EPOLLIN, &listener) == 0;
}

static inline void stop_server(void)
{
    for (int i = 0; i < server.accepted; i++)
        close_peer(&server.peers[i]);
    buffer_free(&server.request);
    if (server.fd < 0)
        return;
    loop_unwatch(loop, server.fd, &listener);
    close(server.fd);
}

/* --- calls ----------------------------------------------------------------------------------- */

struct exchange {
    struct adapter_call call;
    char path[16];                           /* a slash and the call's number */
    void (*then)(struct exchange *exchange); /* from `done`, if not NULL */
    int times;                               /* `done` was called */
    char answer[24], type[24];
};

static struct exchange exchanges[CALLS_MAX];
static int started, ended;
static struct identity identity;

static inline void done(struct adapter_call *call)
{
    struct exchange *exchange = container_of(call, struct exchange, call);
    exchange->times++;
    ended++;
    assert_non_null(call->answer);
    assert_int_equal(call->answer[call->answer_size], '\0');
    assert_true(call->duration >= 0);
    if (call->outcome != ADAPTER_ANSWERED) {
        assert_int_equal(call->status, 0);
        assert_int_equal(call->answer_size, 0);
    }
    snprintf(exchange->answer, sizeof exchange->answer, "%s", call->answer);
    snprintf(exchange->type, sizeof exchange->type, "%s",
             call->content_type ? call->content_type : "");
    if (exchange->then)
        exchange->then(exchange);
}

static inline struct exchange *prepare(void (*then)(struct exchange *exchange))
{
    assert_true(started < CALLS_MAX);
    struct exchange *exchange = &exchanges[started];
    memset(exchange, 0, sizeof *exchange);
    snprintf(exchange->path, sizeof exchange->path, "/%d", started++);
    exchange->then = then;
    exchange->call.path = exchange->path;
    exchange->call.identity = &identity;
    exchange->call.done = done;
    return exchange;
}

static inline struct exchange *start_then(void (*then)(struct exchange *exchange))
{
    struct exchange *exchange = prepare(then);
    adapter_calls_start(upstream, &exchange->call);
    return exchange;
}

static inline struct exchange *start(void)
{
    return start_then(NULL);
}

static inline struct exchange *start_with_body(const char *body, size_t size)
{
    struct exchange *exchange = prepare(NULL);
    exchange->call.body = body;
    exchange->call.body_size = size;
    adapter_calls_start(upstream, &exchange->call);
    return exchange;
}

static inline void start_many(int count)
{
    while (count--)
        start();
}

/* It ended once, and with its own answer. */
static inline void assert_answered(const struct exchange *exchange)
{
    char expected[24];
    snprintf(expected, sizeof expected, "{\"number\":%s}", exchange->path + 1);
    assert_int_equal(exchange->times, 1);
    assert_int_equal(exchange->call.outcome, ADAPTER_ANSWERED);
    assert_int_equal(exchange->call.status, 200);
    assert_string_equal(exchange->answer, expected);
    assert_string_equal(exchange->type, "application/json");
}

static inline void assert_failed(const struct exchange *exchange, enum adapter_outcome result)
{
    assert_int_equal(exchange->times, 1);
    assert_int_equal(exchange->call.outcome, result);
}

static inline void assert_all_answered(void)
{
    assert_int_equal(ended, started);
    for (int i = 0; i < started; i++)
        assert_answered(&exchanges[i]);
}

static inline void assert_all_failed(enum adapter_outcome result)
{
    assert_int_equal(ended, started);
    for (int i = 0; i < started; i++)
        assert_failed(&exchanges[i], result);
}

/* One call from start to end, whatever others there are. */
static inline void call_once(void)
{
    struct exchange *exchange = start();
    run_until(&exchange->times, 1);
    assert_answered(exchange);
}

/* So many connections, all idle. */
static inline void open_connections(int count)
{
    void (*serve)(struct peer * peer) = server.serve;
    server.serve = hold;
    int before = server.requests;
    start_many(count);
    run_until(&server.requests, before + count);
    answer_all_held();
    run_until(&ended, started);
    assert_all_answered();
    assert_int_equal(server.accepted, count);
    server.serve = serve;
}

/* --- descriptors ----------------------------------------------------------------------------- */

static inline int count_descriptors(void)
{
    int count = 0;
    DIR *directory = opendir("/proc/self/fd");
    assert_non_null(directory);
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

/* Of the calls' side: sockets whose other end is the server; `*fd` is one of them. */
static inline int client_sockets(int *fd)
{
    int count = 0;
    *fd = -1;
    for (int i = 0; i < 2000; i++) {
        struct sockaddr_in address;
        socklen_t size = sizeof address;
        if (getpeername(i, (struct sockaddr *)&address, &size) != 0 ||
            address.sin_family != AF_INET || ntohs(address.sin_port) != server.port)
            continue;
        count++;
        *fd = i;
    }
    return count;
}

/* --- life ------------------------------------------------------------------------------------ */

static inline struct adapter_calls *connect_to(const char *format, int port)
{
    char url[60];
    struct buffer error;
    buffer_init(&error, 1000);
    snprintf(url, sizeof url, format, port);
    struct adapter_calls *new = adapter_calls_new(loop, url, &error);
    if (!new)
        fail_msg("%s", error.data);
    assert_int_equal(error.size, 0);
    buffer_free(&error);
    return new;
}

static int descriptors_before;

static inline int begin(void **state)
{
    (void)state;
    static struct identity_source source;
    identity_set(&source, &identity, "unit:1",
                 "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    descriptors_before = count_descriptors();
    started = ended = 0;
    awaited = NULL;
    loop = loop_new();
    if (!loop)
        return -1;
    loop_add_task(loop, &looking);
    if (!start_server(AF_INET))
        return -1;
    upstream = connect_to("http://127.0.0.1:%d", server.port);
    return 0;
}

/* After each test no descriptor is left. */
static inline int end(void **state)
{
    (void)state;
    adapter_calls_free(upstream);
    upstream = NULL;
    stop_server();
    loop_remove_timer(loop, &in_vain);
    loop_remove_timer(loop, &enough);
    loop_free(loop);
    /* A thread of libcurl's that was left to itself closes its own when it ends. */
    for (int i = 0; i < PATIENCE_SECONDS * 100 && count_descriptors() != descriptors_before; i++)
        usleep(10000);
    assert_int_equal(count_descriptors(), descriptors_before);
    return 0;
}

static inline void answer_nonsense(struct peer *peer)
{
    peer->number = -1;
    say(peer, "SSH-2.0-OpenSSH_9.2\r\n");
}

/* The value of a field that the last request has once at most; NULL when it has not. */
static inline const char *field(const char *name)
{
    static char value[200];
    int count = 0;
    const char *end_of_head = strstr(server.request.data, "\r\n\r\n");
    for (const char *line = strstr(server.request.data, "\r\n"); line < end_of_head;
         line = strstr(line + 2, "\r\n")) {
        size_t size = strcspn(line + 2, ":");
        if (size != strlen(name) || strncasecmp(line + 2, name, size) != 0)
            continue;
        const char *start_of_value = line + 2 + size + 1;
        start_of_value += strspn(start_of_value, " \t");
        snprintf(value, sizeof value, "%.*s", (int)strcspn(start_of_value, "\r"), start_of_value);
        count++;
    }
    assert_true(count <= 1);
    return count ? value : NULL;
}

static inline void assert_common_fields(const char *host)
{
    char expected[40];
    snprintf(expected, sizeof expected, "%s:%d", host, server.port);
    assert_string_equal(field("Host"), expected);
    assert_string_equal(field("X-Request-Id"), "unit:1");
    assert_string_equal(field("traceparent"), identity.traceparent);
    assert_null(field("Transfer-Encoding"));
    assert_null(field("Expect"));
    assert_null(field("Connection"));
}

#endif
