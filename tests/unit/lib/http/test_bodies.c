/* Long bodies: who may send them, and how much of them is held. */
#include "tests/unit/lib/http/server_unit.h"

#include <linux/sockios.h>
#include <stdatomic.h>
#include <sys/ioctl.h>

enum { BODY_MAX = 1024 * 1024, BODIES_MAX = BODY_MAX + BODY_MAX / 2 };

static atomic_int asked_before, asked_after; /* the body had come in */

static bool admit(void *context, struct http_request *request)
{
    (void)context;
    if (request->body_due)
        asked_before++;
    else
        asked_after++;
    if (request->authorization) {
        http_set_caller(request, request->authorization);
        return true;
    }
    http_answer_problem(request, PROBLEM_UNAUTHORIZED, NULL, "Say who you are.");
    return false;
}

static void handle(void *context, struct http_request *request)
{
    (void)context;
    assert_false(request->body_due);
    size_t same = strspn(request->body, "b");
    buffer_printf(http_body(request), "%s sent %zu of %zu", request->caller, same,
                  request->body_size);
    http_answer(request, 200, "text/plain");
}

static const struct http_route routes[] = {
    {.method = "POST", .path = "/long", .handle = handle, .admit = admit, .body_limit = BODY_MAX},
    {.method = "POST", .path = "/short", .handle = handle, .admit = admit},
};
static const struct http_field_line fields[] = {{"X-One", "1"}, {"X-Two", "2"}};

static struct running server;

static int begin(void **state)
{
    (void)state;
    begin_loop();
    server = start_server((struct http_server_config){
        .routes = routes,
        .route_count = LENGTH(routes),
        .fields = fields,
        .field_count = LENGTH(fields),
        .bodies_max = BODIES_MAX,
        .idle_seconds = 10 * PATIENCE_SECONDS,
    });
    return start_loop();
}

static int end(void **state)
{
    (void)state;
    end_loop();
    http_server_free(server.server);
    free_loop();
    return 0;
}

static int servers_end; /* of a client's connection */
static int unread;

static void count_unread(void)
{
    assert_int_equal(ioctl(servers_end, FIONREAD, &unread), 0);
}

/* The other end of the connection, in this process; -1 while the server has not taken it. */
static int find_servers_end(int fd)
{
    struct sockaddr_in client, peer;
    socklen_t size = sizeof client;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&client, &size), 0);
    for (int other = 0; other < 1000; other++) {
        size = sizeof peer;
        if (other != fd && getpeername(other, (struct sockaddr *)&peer, &size) == 0 &&
            peer.sin_port == client.sin_port)
            return other;
    }
    return -1;
}

/* Waits until the server has read all that was sent. */
static void await_read(int fd)
{
    for (int i = 0; (servers_end = find_servers_end(fd)) < 0; i++) {
        assert_true(i < PATIENCE_SECONDS * 100);
        usleep(10000);
    }
    int unsent;
    do {
        on_loop(count_unread);
        assert_int_equal(ioctl(fd, SIOCOUTQ, &unsent), 0);
    } while (unread || unsent);
    on_loop(count_unread); /* a round more, in which it has looked at it */
}

static void send_head(int fd, const char *path, const char *fields_more, size_t size)
{
    char head[300];
    int length =
        snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %zu\r\n\r\n",
                 path, fields_more, size);
    assert_int_equal(send(fd, head, (size_t)length, MSG_NOSIGNAL), length);
}

static void send_body(int fd, size_t size)
{
    static char body[BODY_MAX];
    memset(body, 'b', sizeof body);
    while (size) {
        ssize_t sent = send(fd, body, size, MSG_NOSIGNAL);
        assert_true(sent > 0);
        size -= (size_t)sent;
    }
}

/* The answer up to the end of its body, of which `last` is the end. */
static void check_answer(int fd, const char *status, const char *last)
{
    char answer[4096];
    size_t size = 0;
    do {
        ssize_t more = recv(fd, answer + size, sizeof answer - 1 - size, 0);
        if (more <= 0)
            fail_msg("no whole answer: %.*s", (int)size, answer);
        size += (size_t)more;
        answer[size] = '\0';
    } while (!strstr(answer, last));
    assert_non_null(strstr(answer, status));
    assert_non_null(strstr(answer, "X-One: 1\r\n"));
    assert_non_null(strstr(answer, "X-Two: 2\r\n"));
}

static void a_long_body_of_a_caller_who_is_known(void **state)
{
    (void)state;
    asked_before = asked_after = 0;
    int fd = connect_to(&server);
    for (int i = 1; i <= 2; i++) {
        send_head(fd, "/long", "Authorization: anna\r\n", BODY_MAX);
        send_body(fd, BODY_MAX);
        check_answer(fd, "HTTP/1.1 200 OK", "anna sent 1048576 of 1048576");
        assert_int_equal(asked_before, i);
        assert_int_equal(asked_after, 0);
    }
    close(fd);
}

static void a_stranger_is_told_before_he_sends_it(void **state)
{
    (void)state;
    int fd = connect_to(&server);
    send_head(fd, "/long", "", BODY_MAX);
    check_answer(fd, "HTTP/1.1 401 Unauthorized", "Say who you are.");
    close(fd);
}

static void a_short_body_comes_first(void **state)
{
    (void)state;
    asked_before = asked_after = 0;
    int fd = connect_to(&server);
    send_head(fd, "/short", "", 10);
    send_body(fd, 10);
    check_answer(fd, "HTTP/1.1 401 Unauthorized", "Say who you are.");
    send_head(fd, "/short", "Authorization: anna\r\n", 10);
    send_body(fd, 10);
    check_answer(fd, "HTTP/1.1 200 OK", "anna sent 10 of 10");
    assert_int_equal(asked_before, 0);
    assert_int_equal(asked_after, 2);
    close(fd);
}

static void a_body_beyond_its_route_s_limit(void **state)
{
    (void)state;
    int fd = connect_to(&server);
    send_head(fd, "/long", "Authorization: anna\r\n", BODY_MAX + 1);
    check_answer(fd, "HTTP/1.1 413", "Send at most 1048576 bytes.");
    close(fd);
}

static void bodies_beyond_what_is_held_together(void **state)
{
    (void)state;
    int first = connect_to(&server), second = connect_to(&server);
    send_head(first, "/long", "Authorization: anna\r\n", BODY_MAX);
    send_body(first, BODY_MAX - 1);
    await_read(first);
    send_head(second, "/short", "Authorization: boris\r\n", 10);
    send_body(second, 10);
    check_answer(second, "HTTP/1.1 200 OK", "boris sent 10 of 10");
    send_head(second, "/long", "Authorization: boris\r\n", BODY_MAX);
    send_body(second, BODY_MAX);
    check_answer(second, "HTTP/1.1 503 Service Unavailable", "There is no room for the body now");
    send_body(first, 1);
    check_answer(first, "HTTP/1.1 200 OK", "anna sent 1048576 of 1048576");
    send_head(second, "/long", "Authorization: boris\r\n", BODY_MAX);
    send_body(second, BODY_MAX);
    check_answer(second, "HTTP/1.1 200 OK", "boris sent 1048576 of 1048576");
    close(first);
    close(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_body_of_a_caller_who_is_known),
        cmocka_unit_test(a_stranger_is_told_before_he_sends_it),
        cmocka_unit_test(a_short_body_comes_first),
        cmocka_unit_test(a_body_beyond_its_route_s_limit),
        cmocka_unit_test(bodies_beyond_what_is_held_together),
    };
    return cmocka_run_group_tests_name("bodies", tests, begin, end);
}
