#include "tests/unit/booking-main/adapter/calls_unit.h"

/* --- requests -------------------------------------------------------------------------------- */

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
        run_a_while();
        assert_int_equal(server.requests, before + 2);
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
    assert_int_equal(count_descriptors(), descriptors);
    close(fd);
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
        TEST(a_connection_costs_one_descriptor),
        TEST(all_connections_cost_a_descriptor_each),
        TEST(connections_that_end_badly_leave_no_descriptor),
    };
    return cmocka_run_group_tests_name("connection", tests, NULL, NULL);
}
