#include "tests/unit/booking-main/adapter/calls_unit.h"

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

/* --- a server that went away ----------------------------------------------------------------- */

/* Its port stays its own meanwhile: as the kernel chose it, it goes with the listening, and so it
 * is bound anew the first time. So many calls are under way then, each of which came once. */
static void go_away(int count)
{
    int requests = server.requests;
    void (*serve)(struct peer * peer) = server.serve;
    server.serve = hold;
    start_many(count);
    run_until(&server.requests, requests + count);
    server.serve = serve;
    for (int i = 0; i < server.accepted; i++)
        if (server.peers[i].fd >= 0)
            reset_peer(&server.peers[i]);
    loop_unwatch(loop, server.fd, &listener);
    assert_int_equal(shutdown(server.fd, SHUT_RDWR), 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)server.port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    bind(server.fd, (struct sockaddr *)&address, size);
    assert_int_equal(getsockname(server.fd, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(ntohs(address.sin_port), server.port);
}

static void listen_again(void)
{
    assert_int_equal(listen(server.fd, PEERS_MAX), 0);
    assert_int_equal(loop_watch(loop, server.fd, EPOLLIN, &listener), 0);
}

static void calls_wait_for_a_server_that_went_away(void **state)
{
    (void)state;
    call_once();
    go_away(ADAPTER_CONNECTIONS);
    start_many(2 * ADAPTER_CONNECTIONS);
    run_a_while();
    assert_int_equal(ended, 1);
    listen_again();
    run_until(&ended, started);
    assert_all_answered();
    go_away(1); /* as often as it does */
    run_a_while();
    listen_again();
    run_until(&ended, started);
    assert_all_answered();
}

static void a_call_that_is_to_know_does_not_wait(void **state)
{
    (void)state;
    call_once();
    go_away(1);
    run_a_while();
    struct exchange *knows = prepare(NULL);
    knows->call.at_once = true;
    adapter_calls_start(upstream, &knows->call);
    run_until(&ended, 2);
    assert_failed(knows, ADAPTER_UNREACHABLE);
    assert_int_equal(exchanges[1].times, 0);
    listen_again();
    run_until(&ended, started);
    assert_answered(&exchanges[1]);
}

/* A request may be what it died of: it gets none a third time. */
static void a_call_that_is_waited_for_is_sent_twice_only(void **state)
{
    (void)state;
    call_once();
    go_away(1);
    run_a_while();
    assert_int_equal(ended, 1);
    server.serve = close_peer;
    listen_again();
    run_until(&ended, 2);
    assert_failed(&exchanges[1], ADAPTER_BROKE_OFF);
    assert_int_equal(server.requests, 3);
}

static void a_server_that_stays_away_is_waited_for_once(void **state)
{
    (void)state;
    call_once();
    go_away(3);
    start_many(2 * ADAPTER_CONNECTIONS);
    run_until(&ended, started);
    int64_t limit = ADAPTER_RETURN_MILLISECONDS * LOOP_MILLISECOND;
    assert_true(exchanges[1].call.duration >= limit);
    for (int i = 1; i < started; i++)
        assert_failed(&exchanges[i], ADAPTER_UNREACHABLE);
    /* From now on each call sees for itself. */
    struct exchange *later = start();
    run_until(&ended, started);
    assert_failed(later, ADAPTER_UNREACHABLE);
    assert_true(later->call.duration < limit);
    listen_again();
    call_once();
}

static void stopping_ends_calls_that_wait_for_a_server(void **state)
{
    (void)state;
    call_once();
    go_away(5);
    run_a_while();
    adapter_calls_stop(upstream);
    assert_int_equal(ended, started);
    for (int i = 1; i < started; i++)
        assert_failed(&exchanges[i], ADAPTER_UNREACHABLE);
    run_a_while();
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
        TEST(calls_beyond_the_connections_wait_in_turn),
        TEST(too_many_waiting_calls_are_an_overload),
        TEST(calls_end_in_time_with_a_connection_or_without),
        TEST(a_call_may_start_another_from_done),
        TEST(a_call_may_start_itself_from_done),
        TEST(a_call_started_from_done_waits_its_turn),
        TEST(an_answer_is_intact_while_done_starts_calls),
        TEST(done_may_stop_all_calls),
        TEST(calls_wait_for_a_server_that_went_away),
        TEST(a_call_that_is_to_know_does_not_wait),
        TEST(a_call_that_is_waited_for_is_sent_twice_only),
        TEST(a_server_that_stays_away_is_waited_for_once),
        TEST(stopping_ends_calls_that_wait_for_a_server),
        TEST(stopping_ends_calls_under_way_and_waiting),
        TEST(stopping_ends_calls_that_connect),
        TEST(calls_after_stopping_are_unavailable),
        TEST(calls_started_while_stopping_are_unavailable),
        TEST(freeing_stops),
        TEST(calls_are_counted_by_their_result),
    };
    return cmocka_run_group_tests_name("upstream", tests, NULL, NULL);
}
