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
 * - it tries once more by itself what broke off on a connection in use before, so that the server
 *   may be asked a third time;
 * - it sends a request to its end when a good answer came before that, while the call's time lasts.
 */
static bool is_libcurl(void)
{
    return strcmp(adapter_transport_name, "libcurl") == 0;
}

/* --- running the loop ------------------------------------------------------------------------ */

static const int *awaited; /* the loop runs until this */
static int awaited_value;  /* is that, or more */

static int64_t look(struct loop_task *task)
{
    (void)task;
    if (awaited && *awaited >= awaited_value)
        loop_stop(loop);
    return -1;
}

static void on_in_vain(struct loop_timer *timer)
{
    (void)timer;
    fail_msg("waited in vain for %d, which is %d", awaited_value, *awaited);
}

static void on_enough(struct loop_timer *timer)
{
    (void)timer;
    loop_stop(loop);
}

static struct loop_task looking = {.run = look};
static struct loop_timer in_vain = {.expired = on_in_vain}, enough = {.expired = on_enough};

static void run_until(const int *counter, int value)
{
    awaited = counter;
    awaited_value = value;
    loop_arm(loop, &in_vain, loop_clock() + 3 * LOOP_SECOND);
    assert_int_equal(loop_run(loop), 0);
    loop_disarm(&in_vain);
    awaited = NULL;
}

/* Long enough for all that is on its way to arrive: nothing here leaves the machine. */
static void run_a_while(void)
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

static void close_peer(struct peer *peer)
{
    if (peer->fd < 0)
        return;
    loop_unwatch(loop, peer->fd, &peer->watch);
    close(peer->fd);
    peer->fd = -1;
    peer->number = -1;
    buffer_free(&peer->input);
}

static void reset_peer(struct peer *peer)
{
    struct linger linger = {.l_onoff = 1};
    setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    close_peer(peer);
}

static void say(struct peer *peer, const char *text)
{
    assert_int_equal(send(peer->fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* By the number of its call, so that an answer that went astray is seen. */
static void answer_with(struct peer *peer, const char *fields)
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

static void answer(struct peer *peer)
{
    answer_with(peer, "");
}

static void hold(struct peer *peer)
{
    assert_true(peer->number >= 0); /* for the test to answer later, or never */
}

static void answer_all_held(void)
{
    for (int i = 0; i < server.accepted; i++)
        if (server.peers[i].number >= 0)
            answer(&server.peers[i]);
}

/* Whether a whole request was there; it is taken out. */
static bool take_request(struct peer *peer)
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

static void on_peer(struct loop_watch *watch, uint32_t events)
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

static void on_listener(struct loop_watch *watch, uint32_t events)
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
static int bound_socket(int family, int *port)
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
static bool start_server(int family)
{
    memset(&server, 0, sizeof server);
    server.serve = answer;
    server.read_at_most = SIZE_MAX;
    buffer_init(&server.request, REQUEST_MAX);
    server.fd = bound_socket(family, &server.port);
    return server.fd >= 0 && listen(server.fd, PEERS_MAX) == 0 &&
           loop_watch(loop, server.fd, EPOLLIN, &listener) == 0;
}

static void stop_server(void)
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

static void done(struct adapter_call *call)
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

static struct exchange *prepare(void (*then)(struct exchange *exchange))
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

static struct exchange *start_then(void (*then)(struct exchange *exchange))
{
    struct exchange *exchange = prepare(then);
    adapter_calls_start(upstream, &exchange->call);
    return exchange;
}

static struct exchange *start(void)
{
    return start_then(NULL);
}

static struct exchange *start_with_body(const char *body, size_t size)
{
    struct exchange *exchange = prepare(NULL);
    exchange->call.body = body;
    exchange->call.body_size = size;
    adapter_calls_start(upstream, &exchange->call);
    return exchange;
}

static void start_many(int count)
{
    while (count--)
        start();
}

/* It ended once, and with its own answer. */
static void assert_answered(const struct exchange *exchange)
{
    char expected[24];
    snprintf(expected, sizeof expected, "{\"number\":%s}", exchange->path + 1);
    assert_int_equal(exchange->times, 1);
    assert_int_equal(exchange->call.outcome, ADAPTER_ANSWERED);
    assert_int_equal(exchange->call.status, 200);
    assert_string_equal(exchange->answer, expected);
    assert_string_equal(exchange->type, "application/json");
}

static void assert_failed(const struct exchange *exchange, enum adapter_outcome result)
{
    assert_int_equal(exchange->times, 1);
    assert_int_equal(exchange->call.outcome, result);
}

static void assert_all_answered(void)
{
    assert_int_equal(ended, started);
    for (int i = 0; i < started; i++)
        assert_answered(&exchanges[i]);
}

static void assert_all_failed(enum adapter_outcome result)
{
    assert_int_equal(ended, started);
    for (int i = 0; i < started; i++)
        assert_failed(&exchanges[i], result);
}

/* One call from start to end, whatever others there are. */
static void call_once(void)
{
    struct exchange *exchange = start();
    run_until(&exchange->times, 1);
    assert_answered(exchange);
}

/* So many connections, all idle. */
static void open_connections(int count)
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

static int count_descriptors(void)
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
static int client_sockets(int *fd)
{
    int count = 0;
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

static struct adapter_calls *connect_to(const char *format, int port)
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

static int begin(void **state)
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
static int end(void **state)
{
    (void)state;
    adapter_calls_free(upstream);
    upstream = NULL;
    stop_server();
    loop_remove_timer(loop, &in_vain);
    loop_remove_timer(loop, &enough);
    loop_free(loop);
    assert_int_equal(count_descriptors(), descriptors_before);
    return 0;
}

/* --- requests -------------------------------------------------------------------------------- */

/* The value of a field that the last request has once at most; NULL when it has not. */
static const char *field(const char *name)
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

/* Each line of the head is one by RFC 9112, and nothing else. */
static void assert_well_formed(const char *request_line)
{
    static const char token[] = "!#$%&'*+-.^_`|~0123456789"
                                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const char *line = server.request.data;
    assert_memory_equal(line, request_line, strlen(request_line));
    line += strlen(request_line);
    for (;;) {
        assert_memory_equal(line, "\r\n", 2);
        line += 2;
        if (*line == '\r')
            break;
        size_t name = strspn(line, token);
        assert_true(name > 0);
        assert_int_equal(line[name], ':');
        line += name;
        while (*line != '\r') {
            assert_true(*line == '\t' || ((unsigned char)*line >= ' ' && *line != 0x7f));
            line++;
        }
    }
}

static const char *body_sent(size_t *size)
{
    const char *body = strstr(server.request.data, "\r\n\r\n") + 4;
    *size = server.request.size - (size_t)(body - server.request.data);
    return body;
}

static void assert_common_fields(const char *host)
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

static void a_call_without_a_body_is_a_get(void **state)
{
    (void)state;
    call_once();
    assert_well_formed("GET /0 HTTP/1.1");
    assert_common_fields("127.0.0.1");
    assert_null(field("Content-Length"));
    assert_null(field("Content-Type"));
    size_t size;
    body_sent(&size);
    assert_int_equal(size, 0);
}

static void a_call_with_a_body_is_a_post(void **state)
{
    (void)state;
    static const char json[] = "{\"a\":\"\xc3\xa9\"}\r\n\r\n\0x";
    struct exchange *exchange = start_with_body(json, sizeof json - 1);
    run_until(&ended, 1);
    assert_answered(exchange);
    assert_well_formed("POST /0 HTTP/1.1");
    assert_common_fields("127.0.0.1");
    assert_string_equal(field("Content-Type"), "application/json");
    assert_int_equal(atoi(field("Content-Length")), sizeof json - 1);
    size_t size;
    assert_memory_equal(body_sent(&size), json, sizeof json - 1);
    assert_int_equal(size, sizeof json - 1);
}

static void an_empty_body_is_one(void **state)
{
    (void)state;
    struct exchange *exchange = start_with_body("", 0);
    run_until(&ended, 1);
    assert_answered(exchange);
    assert_well_formed("POST /0 HTTP/1.1");
    assert_string_equal(field("Content-Length"), "0");
}

/* The next request on a connection owes nothing to the last. */
static void requests_follow_each_other_unmixed(void **state)
{
    (void)state;
    char body[3000];
    for (size_t i = 0; i < 40; i++) {
        size_t size = i % 4 * 999;
        memset(body, 'a' + (int)i % 26, sizeof body);
        struct exchange *exchange = i % 4 ? start_with_body(body, size) : start();
        run_until(&ended, started);
        assert_answered(exchange);
        size_t size_sent;
        const char *sent = body_sent(&size_sent);
        assert_int_equal(size_sent, size);
        assert_memory_equal(sent, body, size);
    }
    assert_int_equal(server.accepted, 1);
}

/* --- large requests -------------------------------------------------------------------------- */

enum { LARGE = 64000 };

static char *large_body(void)
{
    static char body[LARGE];
    uint64_t random = 7;
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (char)unit_random(&random);
    return body;
}

/* A connection that holds little: what is sent next does not fit into it at once. */
static void open_narrow_connection(void)
{
    int fd, least = 1;
    setsockopt(server.fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof least);
    open_connections(1);
    assert_int_equal(client_sockets(&fd), 1);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &least, sizeof least);
}

static int pieces;

static void count_pieces(struct peer *peer)
{
    pieces++;
    if (take_request(peer))
        server.serve(peer);
}

static void a_large_request_is_sent_as_there_is_room(void **state)
{
    (void)state;
    char *body = large_body();
    open_narrow_connection();
    server.read_at_most = 999;
    server.peek = count_pieces;
    pieces = 0;
    for (int i = 0; i < 3; i++) {
        start_with_body(body, LARGE);
        run_until(&ended, started);
        size_t size;
        assert_memory_equal(body_sent(&size), body, LARGE);
        assert_int_equal(size, LARGE);
    }
    assert_true(pieces > 3 * LARGE / 999);
    assert_all_answered();
    assert_int_equal(server.accepted, 1);
}

/* While one waits for room, others are served. */
static void a_large_request_holds_up_nobody(void **state)
{
    (void)state;
    open_narrow_connection();
    loop_rewatch(loop, server.peers[0].fd, 0, &server.peers[0].watch); /* reads nothing */
    struct exchange *large = start_with_body(large_body(), LARGE);
    run_a_while();
    for (int i = 0; i < 5; i++)
        call_once();
    assert_int_equal(large->times, 0);
    loop_rewatch(loop, server.peers[0].fd, EPOLLIN, &server.peers[0].watch);
    run_until(&ended, started);
    assert_all_answered();
}

static int answered_early;

static void answer_early(struct peer *peer)
{
    if (answered_early++ == 0) {
        peer->number = atoi(strchr(peer->input.data, '/') + 1);
        answer(peer);
    }
    buffer_clear(&peer->input);
}

/* What is left of the request would be read as another. */
static void an_answer_before_the_request_was_sent_ends_the_connection(void **state)
{
    (void)state;
    if (is_libcurl())
        return;
    open_narrow_connection();
    server.peek = answer_early;
    answered_early = 0;
    start_with_body(large_body(), LARGE);
    run_until(&ended, 2);
    run_until(&server.hung_up, 1);
    server.peek = NULL;
    call_once();
    assert_int_equal(server.accepted, 2);
    assert_all_answered();
}

/* Sent whole or not at all, and the next call does not suffer for it. */
static void a_request_that_is_too_large_fails_alone(void **state)
{
    (void)state;
    size_t size = 200000;
    char *body = malloc(size);
    assert_non_null(body);
    memset(body, 'b', size);
    call_once();
    struct exchange *exchange = start_with_body(body, size);
    run_until(&ended, 2);
    assert_int_equal(exchange->times, 1);
    if (exchange->call.outcome == ADAPTER_ANSWERED)
        assert_answered(exchange);
    else
        assert_int_equal(server.requests, 1);
    free(body);
    call_once();
}

/* --- answers --------------------------------------------------------------------------------- */

static void an_answer_may_come_in_pieces(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        "Content-Length: 12\r\n\r\n{\"number\":0}",
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        "5\r\n{\"num\r\n7\r\nber\":1}\r\n0\r\nA: b\r\n\r\n",
    };
    server.serve = hold;
    for (int i = 0; i < 2; i++) {
        start();
        run_until(&server.requests, i + 1);
        struct peer *peer = server.log[i].peer;
        for (const char *next = texts[i]; *next; next++) {
            assert_int_equal(ended, i);
            char byte[] = {*next, '\0'};
            say(peer, byte);
            loop_arm(loop, &enough, loop_clock()); /* one round or two of the loop */
            loop_run(loop);
        }
        run_until(&ended, i + 1);
        peer->number = -1;
    }
    assert_all_answered();
    assert_int_equal(server.accepted, 1);
}

static void answer_and_close(struct peer *peer)
{
    answer(peer);
    close_peer(peer);
}

static void an_answer_counts_though_its_connection_is_closed(void **state)
{
    (void)state;
    server.serve = answer_and_close;
    for (int i = 0; i < 20; i++)
        call_once();
    assert_int_equal(server.requests, 20);
    assert_int_equal(server.accepted, 20);
}

static void an_answer_may_end_with_its_connection(void **state)
{
    (void)state;
    server.serve = hold;
    struct exchange *exchange = start();
    run_until(&server.requests, 1);
    say(server.log[0].peer, "HTTP/1.0 201 Created\r\n\r\nhello");
    run_a_while();
    assert_int_equal(ended, 0);
    close_peer(server.log[0].peer);
    run_until(&ended, 1);
    assert_int_equal(exchange->call.outcome, ADAPTER_ANSWERED);
    assert_int_equal(exchange->call.status, 201);
    assert_string_equal(exchange->answer, "hello");
    assert_string_equal(exchange->type, "");
    assert_int_equal(server.requests, 1);
}

static void answer_nonsense(struct peer *peer)
{
    peer->number = -1;
    say(peer, "SSH-2.0-OpenSSH_9.2\r\n");
}

static void answer_by_name(struct peer *peer)
{
    answer_with(peer, "X-Request-Id: unit:1\r\n");
}

static void answer_another(struct peer *peer)
{
    answer_with(peer, "X-Request-Id: unit:2\r\n");
}

static void an_answer_to_another_request_is_useless(void **state)
{
    (void)state;
    server.serve = answer_by_name;
    call_once();
    call_once();
    assert_int_equal(server.accepted, 1);
    server.serve = answer_another;
    struct exchange *exchange = start();
    run_until(&ended, 3);
    assert_failed(exchange, ADAPTER_UNUSABLE);
    run_until(&server.hung_up, 1);
    server.serve = answer_by_name;
    call_once();
    assert_int_equal(server.accepted, 2);
}

static void a_useless_answer_is_not_asked_for_again(void **state)
{
    (void)state;
    server.serve = answer_nonsense;
    struct exchange *exchange = start();
    run_until(&ended, 1);
    assert_failed(exchange, ADAPTER_UNUSABLE);
    run_until(&server.hung_up, 1);
    assert_int_equal(server.requests, 1);
    server.serve = answer;
    call_once();
    assert_int_equal(server.accepted, 2);
}

/* --- connections ----------------------------------------------------------------------------- */

static void a_connection_is_used_again(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++)
        call_once();
    assert_int_equal(server.accepted, 1);
    assert_int_equal(server.requests, 100);
}

/* So that few of them are in use, and the others may be closed by the server. */
static void the_connection_used_last_is_taken_first(void **state)
{
    (void)state;
    server.serve = hold;
    start_many(3);
    run_until(&server.requests, 3);
    struct peer *peers[] = {server.log[1].peer, server.log[2].peer, server.log[0].peer};
    for (int i = 0; i < 3; i++) {
        answer(peers[i]);
        run_until(&ended, i + 1);
    }
    for (int i = 0; i < 3; i++) {
        start();
        run_until(&server.requests, 4 + i);
        if (!is_libcurl())
            assert_ptr_equal(server.log[3 + i].peer, peers[2 - i]);
    }
    answer(server.log[4].peer);
    run_until(&ended, 4);
    server.serve = answer;
    for (int i = 0; i < 5; i++) {
        call_once();
        assert_ptr_equal(server.log[6 + i].peer, server.log[4].peer);
    }
    assert_int_equal(server.accepted, 3);
}

static void answer_with_close(struct peer *peer)
{
    answer_with(peer, "Connection: keep-alive, CLOSE\r\n");
}

static void a_connection_is_closed_when_the_server_says_so(void **state)
{
    (void)state;
    server.serve = answer_with_close;
    for (int i = 0; i < 5; i++) {
        call_once();
        run_until(&server.hung_up, i + 1);
    }
    assert_int_equal(server.accepted, 5);
}

static void answer_twice(struct peer *peer)
{
    int number = peer->number;
    answer(peer);
    peer->number = number + 1; /* as if it knew the next call */
    answer(peer);
}

/* RFC 9112, section 6.3: what was not asked for is no answer to the next call. */
static void a_second_answer_is_not_taken_for_the_next(void **state)
{
    (void)state;
    server.serve = answer_twice;
    call_once();
    run_until(&server.hung_up, 1);
    server.serve = answer;
    call_once();
    assert_int_equal(server.requests, 2);
    assert_int_equal(server.accepted, 2);
}

static void what_comes_on_an_idle_connection_is_its_end(void **state)
{
    (void)state;
    call_once();
    say(&server.peers[0], "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
    run_until(&server.hung_up, 1);
    call_once();
    assert_int_equal(server.requests, 2);
    assert_int_equal(server.accepted, 2);
}

static void idle_connections_that_are_closed_are_replaced(void **state)
{
    (void)state;
    open_connections(ADAPTER_CONNECTIONS);
    for (int i = 0; i < ADAPTER_CONNECTIONS; i++)
        close_peer(&server.peers[i]);
    run_a_while();
    int fd;
    if (!is_libcurl())
        assert_int_equal(client_sockets(&fd), 0);
    server.serve = hold;
    start_many(ADAPTER_CONNECTIONS);
    run_until(&server.requests, 2 * ADAPTER_CONNECTIONS);
    answer_all_held();
    run_until(&ended, started);
    assert_all_answered();
    assert_int_equal(server.accepted, 2 * ADAPTER_CONNECTIONS);
}

/* Closed in the very moment that calls are started. */
static void connections_closed_unseen_are_replaced(void **state)
{
    (void)state;
    open_connections(ADAPTER_CONNECTIONS);
    for (int i = 0; i < ADAPTER_CONNECTIONS; i++)
        if (i % 2)
            close_peer(&server.peers[i]);
        else
            reset_peer(&server.peers[i]);
    start_many(ADAPTER_CONNECTIONS + 20);
    run_until(&ended, started);
    assert_all_answered();
    assert_int_equal(server.requests, started); /* none was read twice */
}

/* --- connections that break ------------------------------------------------------------------ */

static void reset_it(struct peer *peer)
{
    reset_peer(peer);
}

static void half_an_answer(struct peer *peer)
{
    say(peer, "HTTP/1.1 500 X\r\nContent-Type: text/html\r\nContent-Length: 100\r\n\r\n<html>");
    close_peer(peer);
}

static void (*const ways_to_break[])(struct peer *peer) = {close_peer, reset_it, half_an_answer};

static void a_call_that_broke_off_is_tried_once_more(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(ways_to_break); i++) {
        int before = server.requests;
        server.serve = ways_to_break[i];
        struct exchange *exchange = start();
        run_until(&server.requests, before + 1);
        server.serve = answer;
        run_until(&ended, started);
        assert_answered(exchange);
        assert_int_equal(server.requests, before + 2);
    }
}

static void a_call_is_tried_once_more_only(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(ways_to_break); i++) {
        call_once(); /* so that the first try is on a connection in use already */
        int before = server.requests;
        server.serve = ways_to_break[i];
        struct exchange *exchange = start();
        run_until(&ended, started);
        assert_failed(exchange, ADAPTER_BROKE_OFF);
        assert_true(exchange->call.duration < LOOP_SECOND);
        run_a_while();
        assert_in_range(server.requests, before + 2, before + 2 + is_libcurl());
        server.serve = answer;
    }
}

/* A try is a call's own: one that used up its second leaves the next its two. */
static void a_call_started_again_has_two_tries_again(void **state)
{
    (void)state;
    server.serve = close_peer;
    struct exchange *exchange = start();
    run_until(&ended, 1);
    assert_failed(exchange, ADAPTER_BROKE_OFF);
    exchange->times = 0;
    adapter_calls_start(upstream, &exchange->call);
    run_until(&server.requests, 3);
    server.serve = answer;
    run_until(&ended, 2);
    assert_answered(exchange);
    assert_int_equal(server.requests, 4);
}

static void a_refused_connection_is_unavailable(void **state)
{
    (void)state;
    adapter_calls_free(upstream);
    int port, fd = bound_socket(AF_INET, &port); /* nobody listens there, and nobody else can */
    upstream = connect_to("http://127.0.0.1:%d", port);
    int descriptors = count_descriptors();
    start_many(ADAPTER_CONNECTIONS + 20);
    assert_int_equal(ended, 0); /* from the loop, not before */
    run_until(&ended, started);
    assert_all_failed(ADAPTER_UNREACHABLE);
    for (int i = 0; i < started; i++)
        assert_true(exchanges[i].call.duration < LOOP_SECOND);
    assert_int_equal(count_descriptors(), descriptors);
    close(fd);
}

/* --- waiting --------------------------------------------------------------------------------- */

static void calls_beyond_the_connections_wait_in_turn(void **state)
{
    (void)state;
    server.serve = hold;
    start_many(ADAPTER_CONNECTIONS + 10);
    run_until(&server.requests, ADAPTER_CONNECTIONS);
    run_a_while();
    assert_int_equal(server.requests, ADAPTER_CONNECTIONS);
    assert_int_equal(server.accepted, ADAPTER_CONNECTIONS);
    for (int i = 0; i < ADAPTER_CONNECTIONS; i++)
        assert_true(server.log[i].number < ADAPTER_CONNECTIONS);
    for (int i = 0; i < 10; i++) {
        int next = ADAPTER_CONNECTIONS + i;
        answer(server.log[i].peer);
        run_until(&server.requests, next + 1);
        assert_int_equal(server.log[next].number, next);
        assert_ptr_equal(server.log[next].peer, server.log[i].peer);
        assert_int_equal(ended, i + 1);
    }
    answer_all_held();
    run_until(&ended, started);
    assert_all_answered();
    assert_int_equal(server.accepted, ADAPTER_CONNECTIONS);
}

/* All connections are busy, and all that may wait does. */
static void fill(void)
{
    int ended_before = ended, requests = server.requests + ADAPTER_CONNECTIONS;
    server.serve = hold;
    start_many(ADAPTER_CONNECTIONS);
    run_until(&server.requests, requests);
    start_many(ADAPTER_WAITING_MAX);
    run_a_while();
    assert_int_equal(ended, ended_before);
    assert_int_equal(server.requests, requests);
}

static void too_many_waiting_calls_are_an_overload(void **state)
{
    (void)state;
    fill();
    for (int i = 0; i < 3; i++) {
        struct exchange *refused = start();
        assert_failed(refused, ADAPTER_OVERLOADED);
        assert_string_equal(refused->answer, "");
    }
    answer(server.log[0].peer);
    run_until(&server.requests, ADAPTER_CONNECTIONS + 1);
    struct exchange *taken = start(); /* there is room for one again, and for no more */
    assert_int_equal(taken->times, 0);
    assert_failed(start(), ADAPTER_OVERLOADED);

    server.serve = answer;
    answer_all_held();
    run_until(&ended, started);
    int overloaded = 0;
    for (int i = 0; i < started; i++)
        if (exchanges[i].call.outcome == ADAPTER_OVERLOADED)
            overloaded++;
        else
            assert_answered(&exchanges[i]);
    assert_int_equal(overloaded, 4);
    assert_int_equal(server.accepted, ADAPTER_CONNECTIONS);
}

/* With the first call that was late. */
static void serve_the_next(struct exchange *exchange)
{
    if (exchange == &exchanges[0]) {
        server.serve = answer;
        start();
    }
}

/* The one test that waits for it. */
static void calls_end_in_time_with_a_connection_or_without(void **state)
{
    (void)state;
    server.serve = hold;
    start_then(serve_the_next);
    start_many(ADAPTER_CONNECTIONS + 9);
    run_until(&ended, ADAPTER_CONNECTIONS + 11);
    assert_int_equal(started, ended);
    int64_t limit = ADAPTER_CALL_MILLISECONDS * LOOP_MILLISECOND;
    for (int i = 0; i < started - 1; i++) {
        assert_failed(&exchanges[i], ADAPTER_TIMED_OUT);
        assert_true(exchanges[i].call.duration >= limit);
        assert_true(exchanges[i].call.duration < limit + LOOP_SECOND / 2);
    }
    assert_answered(&exchanges[started - 1]);
    run_until(&server.hung_up, ADAPTER_CONNECTIONS); /* their answers may yet come */
    assert_int_equal(server.requests, ADAPTER_CONNECTIONS + 1);
}

/* --- calls from `done` ----------------------------------------------------------------------- */

static void start_next(struct exchange *exchange)
{
    (void)exchange;
    if (started < 200)
        start_then(start_next);
}

static void a_call_may_start_another_from_done(void **state)
{
    (void)state;
    start_then(start_next);
    run_until(&ended, 200);
    assert_all_answered();
    assert_true(server.accepted <= 2); /* the first is still in use while `done` is called */
}

static void start_itself(struct exchange *exchange)
{
    if (ended == 5)
        return;
    exchange->times = 0;
    adapter_calls_start(upstream, &exchange->call);
}

static void a_call_may_start_itself_from_done(void **state)
{
    (void)state;
    struct exchange *exchange = start_then(start_itself);
    run_until(&ended, 5);
    assert_answered(exchange);
    assert_int_equal(server.requests, 5);
}

/* It goes behind those that wait already. */
static void a_call_started_from_done_waits_its_turn(void **state)
{
    (void)state;
    server.serve = hold;
    start_then(start_next);
    start_many(ADAPTER_CONNECTIONS + 4);
    run_until(&server.requests, ADAPTER_CONNECTIONS);
    for (int i = 0; i < ADAPTER_CONNECTIONS; i++)
        if (server.log[i].number == 0)
            answer(server.log[i].peer);
    run_until(&ended, 1);
    for (int i = ADAPTER_CONNECTIONS; i < started; i++) {
        run_until(&server.requests, i + 1);
        assert_int_equal(server.log[i].number, i);
        exchanges[i].then = NULL;
        answer(server.log[i].peer);
    }
    answer_all_held();
    run_until(&ended, started);
    assert_all_answered();
}

static void start_more_and_compare(struct exchange *exchange)
{
    struct adapter_call *call = &exchange->call;
    char before[24], type[24];
    snprintf(before, sizeof before, "%s", call->answer);
    snprintf(type, sizeof type, "%s", call->content_type);
    start_many(2 * ADAPTER_CONNECTIONS);
    assert_string_equal(call->answer, before);
    assert_int_equal(call->answer_size, strlen(before));
    assert_string_equal(call->content_type, type);
    assert_int_equal(call->status, 200);
    assert_int_equal(call->outcome, ADAPTER_ANSWERED);
}

static void an_answer_is_intact_while_done_starts_calls(void **state)
{
    (void)state;
    open_connections(ADAPTER_CONNECTIONS / 2); /* some are connected, and are sent at once */
    start_then(start_more_and_compare);
    run_until(&ended, started + 2 * ADAPTER_CONNECTIONS);
    assert_all_answered();
}

static void stop_and_compare(struct exchange *exchange)
{
    char before[24];
    snprintf(before, sizeof before, "%s", exchange->call.answer);
    adapter_calls_stop(upstream);
    assert_string_equal(exchange->call.answer, before);
}

static void done_may_stop_all_calls(void **state)
{
    (void)state;
    server.serve = hold;
    start_then(stop_and_compare);
    start_many(ADAPTER_CONNECTIONS + 10);
    run_until(&server.requests, ADAPTER_CONNECTIONS);
    answer_all_held();
    run_until(&ended, started);
    run_a_while();
    assert_int_equal(ended, started);
    assert_answered(&exchanges[0]);
    for (int i = 1; i < started; i++) /* as it was already, or as it ended then */
        if (exchanges[i].call.outcome == ADAPTER_ANSWERED)
            assert_answered(&exchanges[i]);
        else
            assert_failed(&exchanges[i], ADAPTER_UNREACHABLE);
    assert_failed(&exchanges[started - 1], ADAPTER_UNREACHABLE);
}

/* --- stopping -------------------------------------------------------------------------------- */

static void stopping_ends_calls_under_way_and_waiting(void **state)
{
    (void)state;
    fill();
    adapter_calls_stop(upstream);
    assert_all_failed(ADAPTER_UNREACHABLE);
    adapter_calls_stop(upstream);
    int fd;
    assert_int_equal(client_sockets(&fd), 0); /* what comes there now is for nobody */
    run_until(&server.hung_up, ADAPTER_CONNECTIONS);
    assert_int_equal(ended, started);
}

/* Connecting neither works nor fails where no more connections are accepted. */
static void stopping_ends_calls_that_connect(void **state)
{
    (void)state;
    adapter_calls_free(upstream);
    int port, full = bound_socket(AF_INET, &port), fillers[3];
    assert_int_equal(listen(full, 0), 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (size_t i = 0; i < LENGTH(fillers); i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        connect(fillers[i], (struct sockaddr *)&address, sizeof address);
    }
    upstream = connect_to("http://127.0.0.1:%d", port);
    int descriptors = count_descriptors();
    start_many(10);
    run_a_while();
    assert_int_equal(ended, 0);
    assert_int_equal(count_descriptors(), descriptors + 10);
    adapter_calls_stop(upstream);
    assert_all_failed(ADAPTER_UNREACHABLE);
    assert_int_equal(count_descriptors(), descriptors);
    run_a_while();
    for (size_t i = 0; i < LENGTH(fillers); i++)
        close(fillers[i]);
    close(full);
}

static void calls_after_stopping_are_unavailable(void **state)
{
    (void)state;
    call_once();
    adapter_calls_stop(upstream);
    start_many(3);
    run_until(&ended, 4);
    run_a_while();
    for (int i = 1; i < 4; i++)
        assert_failed(&exchanges[i], ADAPTER_UNREACHABLE);
    assert_int_equal(server.requests, 1);
}

static void calls_started_while_stopping_are_unavailable(void **state)
{
    (void)state;
    server.serve = hold;
    for (int i = 0; i < ADAPTER_CONNECTIONS + 20; i++)
        start_then(start_next); /* each end starts another */
    run_until(&server.requests, ADAPTER_CONNECTIONS);
    adapter_calls_stop(upstream);
    run_a_while();
    assert_int_equal(started, 200);
    assert_all_failed(ADAPTER_UNREACHABLE);
    assert_int_equal(server.requests, ADAPTER_CONNECTIONS);
}

static void freeing_stops(void **state)
{
    (void)state;
    server.serve = hold;
    start_many(ADAPTER_CONNECTIONS + 5);
    run_until(&server.requests, ADAPTER_CONNECTIONS);
    adapter_calls_free(upstream);
    upstream = NULL;
    assert_all_failed(ADAPTER_UNREACHABLE);
    run_until(&server.hung_up, ADAPTER_CONNECTIONS); /* and the loop goes on without it */
    adapter_calls_stop(NULL);
    adapter_calls_free(NULL);
}

/* --- descriptors ----------------------------------------------------------------------------- */

static void a_connection_costs_one_descriptor(void **state)
{
    (void)state;
    if (is_libcurl())
        call_once();
    int before = count_descriptors() - 2 * is_libcurl(), fd;
    call_once();
    assert_int_equal(client_sockets(&fd), 1);
    assert_int_equal(count_descriptors(), before + 2); /* and the server's */
    for (int i = 0; i < 10; i++)
        call_once();
    assert_int_equal(count_descriptors(), before + 2);
    for (int i = 0; i < server.accepted; i++)
        close_peer(&server.peers[i]);
    run_a_while();
    assert_int_equal(count_descriptors(), before + is_libcurl());
}

static void all_connections_cost_a_descriptor_each(void **state)
{
    (void)state;
    int before = count_descriptors(), fd;
    open_connections(ADAPTER_CONNECTIONS);
    assert_int_equal(client_sockets(&fd), ADAPTER_CONNECTIONS);
    assert_int_equal(count_descriptors(), before + 2 * ADAPTER_CONNECTIONS);
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

static void connections_that_end_badly_leave_no_descriptor(void **state)
{
    (void)state;
    int before = count_descriptors();
    void (*const ways[])(struct peer *) = {close_peer,      reset_it,          half_an_answer,
                                           answer_nonsense, answer_with_close, answer_twice,
                                           answer_and_close};
    for (size_t i = 0; i < LENGTH(ways); i++) {
        server.serve = ways[i];
        start_many(20);
        run_until(&ended, started);
        run_a_while();
        assert_in_range(count_descriptors(), before,
                        before + (is_libcurl() ? ADAPTER_CONNECTIONS : 0));
    }
}

/* --- URLs ------------------------------------------------------------------------------------ */

/* In place of the C library's own, for names of which only a test knows: they have no address, and
 * to find that out takes time. It is called in a thread of libcurl's. */
static int lookup_milliseconds;
static atomic_int lookups_under_way;

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **result)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    if (!strstr(name, "unit.invalid"))
        return real(name, service, hints, result);
    lookups_under_way++;
    usleep((useconds_t)lookup_milliseconds * 1000);
    lookups_under_way--;
    return EAI_NONAME;
}

/* Then libcurl can let go of what it held for them, if it has not before. */
static void let_lookups_end(void)
{
    while (lookups_under_way)
        usleep(1000);
    usleep(10000);
}

static void a_name_is_looked_up(void **state)
{
    (void)state;
    adapter_calls_free(upstream);
    upstream = connect_to("http://localhost:%d", server.port);
    int before = count_descriptors();
    for (int i = 0; i < 5; i++)
        call_once();
    assert_common_fields("localhost");
    assert_int_equal(server.accepted, 1);
    run_a_while();
    assert_int_equal(count_descriptors(), before + 2);
}

static void a_name_without_an_address_is_unavailable(void **state)
{
    (void)state;
    adapter_calls_free(upstream);
    upstream = connect_to("http://unit.invalid:%d", server.port);
    lookup_milliseconds = 0;
    int before = count_descriptors();
    start_many(3);
    run_until(&ended, 3);
    assert_all_failed(ADAPTER_UNREACHABLE);
    assert_int_equal(count_descriptors(), before);
}

static int64_t last_look, longest_pause;

static int64_t measure_pause(struct loop_task *task)
{
    (void)task;
    int64_t now = loop_clock();
    if (last_look && now - last_look > longest_pause)
        longest_pause = now - last_look;
    last_look = now;
    return 5 * LOOP_MILLISECOND;
}

/* Nor does it hold up the loop, neither before it is given up nor then. */
static void a_slow_lookup_takes_no_longer_than_connecting_may(void **state)
{
    (void)state;
    adapter_calls_free(upstream);
    upstream = connect_to("http://unit.invalid:%d", server.port);
    lookup_milliseconds = ADAPTER_CONNECT_MILLISECONDS + 200;
    struct loop_task measuring = {.run = measure_pause};
    last_look = longest_pause = 0;
    loop_add_task(loop, &measuring);
    start();
    run_until(&ended, 1);
    loop_remove_task(loop, &measuring);
    let_lookups_end();
    assert_all_failed(ADAPTER_UNREACHABLE);
    int64_t limit = ADAPTER_CONNECT_MILLISECONDS * LOOP_MILLISECOND;
    assert_in_range(exchanges[0].call.duration, limit - limit / 8, limit + limit / 8);
    assert_in_range(longest_pause, 0, 100 * LOOP_MILLISECOND);
}

static void stopping_waits_for_no_lookup(void **state)
{
    (void)state;
    adapter_calls_free(upstream);
    upstream = connect_to("http://unit.invalid:%d", server.port);
    lookup_milliseconds = 300;
    start();
    run_a_while();
    assert_int_equal(ended, 0);
    int64_t before = loop_clock();
    adapter_calls_stop(upstream);
    int64_t spent = loop_clock() - before;
    let_lookups_end();
    assert_all_failed(ADAPTER_UNREACHABLE);
    assert_in_range(spent, 0, 100 * LOOP_MILLISECOND);
}

static void an_address_may_be_of_ipv6(void **state)
{
    (void)state;
    stop_server();
    if (!start_server(AF_INET6))
        skip();
    adapter_calls_free(upstream);
    upstream = connect_to("http://[::1]:%d", server.port);
    call_once();
    assert_common_fields("[::1]");
}

static void a_url_may_end_in_a_slash_or_have_no_port(void **state)
{
    (void)state;
    adapter_calls_free(connect_to("http://127.0.0.1:%d/", 80));
    adapter_calls_free(connect_to("http://localhost", 0));
    adapter_calls_free(connect_to("http://[::1]:%d", 9096));
}

static void check_refused(const char *url)
{
    static const char expected[] = "before --adapter-url ";
    struct buffer error;
    buffer_init(&error, 1000);
    buffer_add_text(&error, "before ");
    struct adapter_calls *new = adapter_calls_new(loop, url, &error);
    bool named = !error.failed && strncmp(error.data, expected, sizeof expected - 1) == 0;
    buffer_free(&error);
    adapter_calls_free(new);
    if (new || !named)
        fail_msg("'%s' was %s", url, new ? "taken" : "refused without naming the option");
}

static void a_bad_url_is_refused_by_its_option(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "",
        " ",
        "http",
        "http:",
        "http://",
        "http:///",
        "127.0.0.1:9096",
        "//127.0.0.1:9096",
        "localhost",
        "https://127.0.0.1:9096",
        "ftp://127.0.0.1:9096",
        "unix:///socket",
        "file:///dev/null",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:-1",
        "http://127.0.0.1:port",
        "http://127.0.0.1:90 96",
        "http://127.0.0.1:9096/path",
        "http://127.0.0.1:9096/?",
        "http://127.0.0.1:9096/?a=b",
        "http://127.0.0.1:9096?a=b",
        "http://127.0.0.1:9096/#a",
        "http://user@127.0.0.1:9096",
        "http://user:password@127.0.0.1:9096",
        "http://:9096",
        "http://a b:9096",
        "http://127.0.0.1:9096\r\nX-Injected: a",
        "http://[::1:9096",
        "http://[::g]:9096",
    };
    for (size_t i = 0; i < LENGTH(urls); i++)
        check_refused(urls[i]);
    char longest[600];
    snprintf(longest, sizeof longest, "http://%0500d:9096", 0);
    check_refused(longest);
}

static void a_url_has_two_slashes_before_its_host(void **state)
{
    (void)state;
    check_refused("http:/127.0.0.1:9096");
    check_refused("http:///127.0.0.1:9096");
}

/* --- metrics --------------------------------------------------------------------------------- */

static void assert_metric(const char *line)
{
    struct buffer out;
    buffer_init(&out, 100000);
    adapter_calls_metrics(upstream, &out);
    if (!strstr(out.data, line))
        fail_msg("%s is not in %s", line, out.data);
    buffer_free(&out);
}

static void calls_are_counted_by_their_result(void **state)
{
    (void)state;
    assert_metric("\nadapter_calls_total{result=\"answered\"} 0\n");
    server.serve = close_peer;
    start();
    run_until(&ended, 1);
    server.serve = answer_nonsense;
    start_many(2);
    run_until(&ended, 3);
    fill();
    start_many(4);
    char line[80];
    snprintf(line, sizeof line, "\nadapter_calls_waiting %d\n", ADAPTER_WAITING_MAX);
    assert_metric(line);
    server.serve = answer;
    answer_all_held();
    run_until(&ended, started);
    snprintf(line, sizeof line, "\nadapter_calls_total{result=\"answered\"} %d\n",
             ADAPTER_CONNECTIONS + ADAPTER_WAITING_MAX);
    assert_metric(line);
    assert_metric("\nadapter_calls_total{result=\"unavailable\"} 1\n");
    assert_metric("\nadapter_calls_total{result=\"unusable\"} 2\n");
    assert_metric("\nadapter_calls_total{result=\"overloaded\"} 4\n");
    assert_metric("\nadapter_calls_total{result=\"timeout\"} 0\n");
    assert_metric("\nadapter_calls_waiting 0\n");
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_call_without_a_body_is_a_get),
        TEST(a_call_with_a_body_is_a_post),
        TEST(an_empty_body_is_one),
        TEST(requests_follow_each_other_unmixed),
        TEST(a_large_request_is_sent_as_there_is_room),
        TEST(a_large_request_holds_up_nobody),
        TEST(an_answer_before_the_request_was_sent_ends_the_connection),
        TEST(a_request_that_is_too_large_fails_alone),
        TEST(an_answer_may_come_in_pieces),
        TEST(an_answer_counts_though_its_connection_is_closed),
        TEST(an_answer_may_end_with_its_connection),
        TEST(an_answer_to_another_request_is_useless),
        TEST(a_useless_answer_is_not_asked_for_again),
        TEST(a_connection_is_used_again),
        TEST(the_connection_used_last_is_taken_first),
        TEST(a_connection_is_closed_when_the_server_says_so),
        TEST(a_second_answer_is_not_taken_for_the_next),
        TEST(what_comes_on_an_idle_connection_is_its_end),
        TEST(idle_connections_that_are_closed_are_replaced),
        TEST(connections_closed_unseen_are_replaced),
        TEST(a_call_that_broke_off_is_tried_once_more),
        TEST(a_call_is_tried_once_more_only),
        TEST(a_call_started_again_has_two_tries_again),
        TEST(a_refused_connection_is_unavailable),
        TEST(calls_beyond_the_connections_wait_in_turn),
        TEST(too_many_waiting_calls_are_an_overload),
        TEST(calls_end_in_time_with_a_connection_or_without),
        TEST(a_call_may_start_another_from_done),
        TEST(a_call_may_start_itself_from_done),
        TEST(a_call_started_from_done_waits_its_turn),
        TEST(an_answer_is_intact_while_done_starts_calls),
        TEST(done_may_stop_all_calls),
        TEST(stopping_ends_calls_under_way_and_waiting),
        TEST(stopping_ends_calls_that_connect),
        TEST(calls_after_stopping_are_unavailable),
        TEST(calls_started_while_stopping_are_unavailable),
        TEST(freeing_stops),
        TEST(a_connection_costs_one_descriptor),
        TEST(all_connections_cost_a_descriptor_each),
        TEST(connections_that_end_badly_leave_no_descriptor),
        TEST(a_name_is_looked_up),
        TEST(a_name_without_an_address_is_unavailable),
        TEST(a_slow_lookup_takes_no_longer_than_connecting_may),
        TEST(stopping_waits_for_no_lookup),
        TEST(an_address_may_be_of_ipv6),
        TEST(a_url_may_end_in_a_slash_or_have_no_port),
        TEST(a_bad_url_is_refused_by_its_option),
        TEST(a_url_has_two_slashes_before_its_host),
        TEST(calls_are_counted_by_their_result),
    };
    return cmocka_run_group_tests_name("upstream", tests, NULL, NULL);
}
