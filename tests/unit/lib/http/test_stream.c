/* Answers that a thread writes. */
#include "lib/http/stream.h"
#include "tests/unit/lib/http/server_unit.h"

#include <stdatomic.h>

enum {
    LINES = 300000,
    LINE_SIZE = 8, /* "0000017\n" */
    WHOLE_SIZE = LINES * LINE_SIZE,
    BROKEN_SIZE = 100000,
    IDLE_SECONDS_LONG = 600,
    IDLE_SECONDS_SHORT = 1,
    KERNEL_MAX = 64 * 1024 * 1024, /* more than socket buffers take */
};

/* --- the server and its writers -------------------------------------------------------------- */

static struct writers {
    atomic_size_t written;
    sem_t left;  /* posted by left() */
    sem_t ended; /* posted by a writer, when it has given its stream back */
    sem_t begin; /* what a patient one waits for */
} writers;

static void on_left(void *context)
{
    assert_ptr_equal(context, &writers);
    sem_post(&writers.left);
}

static void *write_lines(void *context)
{
    struct http_stream *stream = context;
    bool wanted = true;
    for (int i = 0; i < LINES && wanted; i++) {
        char line[LINE_SIZE + 1];
        snprintf(line, sizeof line, "%07d\n", i);
        wanted = http_stream_write(stream, line, LINE_SIZE);
    }
    http_stream_end(stream, true);
    sem_post(&writers.ended);
    return NULL;
}

static void *write_half(void *context)
{
    static const char half[BROKEN_SIZE];
    http_stream_write(context, half, sizeof half);
    http_stream_end(context, false);
    sem_post(&writers.ended);
    return NULL;
}

static void *write_endlessly(void *context)
{
    static const char piece[10000];
    while (http_stream_write(context, piece, sizeof piece))
        writers.written += sizeof piece;
    http_stream_end(context, true);
    sem_post(&writers.ended);
    return NULL;
}

static void *write_when_told(void *context)
{
    sem_wait(&writers.begin);
    http_stream_write(context, "told\n", 5);
    http_stream_end(context, true);
    sem_post(&writers.ended);
    return NULL;
}

static void answer_with(struct http_request *request, void *(*write)(void *context))
{
    struct http_stream *stream = http_answer_stream(request, 200, "text/plain", on_left, &writers);
    pthread_t thread;
    assert_non_null(stream);
    assert_int_equal(pthread_create(&thread, NULL, write, stream), 0);
    pthread_detach(thread);
}

static void handle_lines(void *context, struct http_request *request)
{
    (void)context;
    answer_with(request, write_lines);
}

static void handle_half(void *context, struct http_request *request)
{
    (void)context;
    answer_with(request, write_half);
}

static void handle_endless(void *context, struct http_request *request)
{
    (void)context;
    answer_with(request, write_endlessly);
}

static void handle_told(void *context, struct http_request *request)
{
    (void)context;
    answer_with(request, write_when_told);
}

/* An answer that is not a stream, whose client leaves before it. */
static void on_request_left(struct http_request *request)
{
    sem_post(&writers.left);
    http_answer(request, 204, "text/plain");
}

static void handle_never(void *context, struct http_request *request)
{
    (void)context;
    http_tell_left(request, on_request_left);
}

#define GET(route_path, handler)                                                                   \
    {                                                                                              \
        .method = "GET", .path = (route_path), .handle = (handler)                                 \
    }
static const struct http_route routes[] = {
    GET("/lines", handle_lines), GET("/half", handle_half),   GET("/endless", handle_endless),
    GET("/told", handle_told),   GET("/never", handle_never),
};

static struct running usual, hasty;

static int begin(void **state)
{
    (void)state;
    sem_init(&writers.left, 0, 0);
    sem_init(&writers.ended, 0, 0);
    sem_init(&writers.begin, 0, 0);
    begin_loop();
    struct http_server_config config = {.routes = routes, .route_count = LENGTH(routes)};
    config.idle_seconds = IDLE_SECONDS_LONG;
    usual = start_server(config);
    config.idle_seconds = IDLE_SECONDS_SHORT;
    hasty = start_server(config);
    return start_loop();
}

static int end(void **state)
{
    (void)state;
    end_loop();
    http_server_free(hasty.server);
    http_server_free(usual.server);
    free_loop();
    return 0;
}

/* --- clients --------------------------------------------------------------------------------- */

static void ask(int fd, const char *method, const char *path, int minor)
{
    char request[200];
    int size = snprintf(request, sizeof request, "%s %s HTTP/1.%d\r\nHost: x\r\n\r\n", method, path,
                        minor);
    assert_int_equal(send(fd, request, (size_t)size, MSG_NOSIGNAL), size);
}

/* What has come of one answer. */
struct received {
    struct buffer raw;
    bool reset;
};

static void take_more(int fd, struct received *received)
{
    char part[65536];
    ssize_t size = recv(fd, part, sizeof part, 0);
    received->reset = size < 0 && errno == ECONNRESET;
    if (size <= 0)
        fail_msg("the connection ended: %s", size ? strerror(errno) : "EOF");
    buffer_add(&received->raw, part, (size_t)size);
    assert_false(received->raw.failed);
}

/* Reads until the other side closes, or the text has come. */
static struct received receive(int fd, const char *last)
{
    struct received received = {0};
    buffer_init(&received.raw, 3 * WHOLE_SIZE);
    for (;;) {
        char part[65536];
        ssize_t size = recv(fd, part, sizeof part, 0);
        received.reset = size < 0 && errno == ECONNRESET;
        if (size <= 0)
            break;
        buffer_add(&received.raw, part, (size_t)size);
        size_t end = last ? strlen(last) : 0;
        if (end && received.raw.size >= end &&
            memcmp(received.raw.data + received.raw.size - end, last, end) == 0)
            break;
    }
    assert_false(received.raw.failed);
    return received;
}

static const char *body_of(const struct received *received)
{
    const char *end = strstr(received->raw.data, "\r\n\r\n");
    assert_non_null(end);
    return end + 4;
}

/* Puts the chunks together, in place; false when the last one is missing. */
static bool unchunk(const char *body, struct buffer *out)
{
    for (;;) {
        char *end;
        unsigned long size = strtoul(body, &end, 16);
        if (end == body || strncmp(end, "\r\n", 2) != 0)
            return false;
        if (size == 0)
            return strncmp(end, "\r\n\r\n", 4) == 0;
        buffer_add(out, end + 2, size);
        body = end + 2 + size + 2;
    }
}

static void check_lines(const char *body, size_t size)
{
    assert_int_equal(size, WHOLE_SIZE);
    for (int i = 0; i < LINES; i++) {
        char line[LINE_SIZE + 1];
        snprintf(line, sizeof line, "%07d\n", i);
        if (memcmp(body + (size_t)i * LINE_SIZE, line, LINE_SIZE) != 0)
            fail_msg("line %d is another", i);
    }
}

static void check_whole_answer(struct received *received)
{
    assert_non_null(strstr(received->raw.data, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(received->raw.data, "Transfer-Encoding: chunked\r\n"));
    struct buffer body;
    buffer_init(&body, 2 * WHOLE_SIZE);
    assert_true(unchunk(body_of(received), &body));
    check_lines(body.data, body.size);
    buffer_free(&body);
    buffer_free(&received->raw);
}

/* Whether the log has a line of that path with this. */
static void await_log(const char *path, const char *member)
{
    char wanted[100];
    snprintf(wanted, sizeof wanted, "\"path\":\"%s\"", path);
    for (int i = 0; i < PATIENCE_SECONDS * 100; i++) {
        static char text[1 << 20];
        ssize_t size = pread(log_fd, text, sizeof text - 1, 0);
        assert_true(size >= 0);
        text[size] = '\0';
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
            if (strstr(line, wanted) && strstr(line, member))
                return;
        usleep(10000);
    }
    fail_msg("no line of %s with %s", path, member);
}

/* --- the tests ------------------------------------------------------------------------------- */

static void all_of_it_in_chunks_and_the_connection_goes_on(void **state)
{
    (void)state;
    int fd = connect_to(&usual);
    for (int i = 0; i < 2; i++) {
        ask(fd, "GET", "/lines", 1);
        struct received received = receive(fd, "\r\n0\r\n\r\n");
        check_whole_answer(&received);
        await(&writers.ended, "the writer's end");
    }
    close(fd);
    char bytes[40];
    snprintf(bytes, sizeof bytes, "\"bytes\":%d", WHOLE_SIZE);
    await_log("/lines", bytes);
}

static void http_1_0_gets_it_until_the_connection_ends(void **state)
{
    (void)state;
    int fd = connect_to(&usual);
    ask(fd, "GET", "/lines", 0);
    struct received received = receive(fd, NULL);
    assert_false(received.reset);
    assert_null(strstr(received.raw.data, "chunked"));
    const char *body = body_of(&received);
    check_lines(body, (size_t)(received.raw.data + received.raw.size - body));
    buffer_free(&received.raw);
    close(fd);
    await(&writers.ended, "the writer's end");
}

static void head_tells_the_writer_at_once(void **state)
{
    (void)state;
    int fd = connect_to(&usual);
    ask(fd, "HEAD", "/endless", 1);
    await(&writers.left, "left()");
    await(&writers.ended, "the writer's end");
    struct received received = receive(fd, NULL);
    assert_non_null(strstr(received.raw.data, "HTTP/1.1 200 OK\r\n"));
    assert_string_equal(body_of(&received), "");
    buffer_free(&received.raw);
    close(fd);
}

static void a_failure_midway_shows(void **state)
{
    (void)state;
    for (int minor = 0; minor <= 1; minor++) {
        int fd = connect_to(&usual);
        ask(fd, "GET", "/half", minor);
        struct received received = receive(fd, NULL);
        assert_true(received.reset);
        struct buffer body;
        buffer_init(&body, 2 * BROKEN_SIZE);
        assert_true(!minor || !unchunk(body_of(&received), &body));
        buffer_free(&body);
        buffer_free(&received.raw);
        close(fd);
        await(&writers.ended, "the writer's end");
    }
    await_log("/half", "\"status\":500");
}

/* Waits until the writer waits: it has not got on for a while. On a slow machine that may be too
 * early, which makes the test pass too easily, and never fail. */
static size_t await_standstill(void)
{
    size_t before, now = 0;
    do {
        before = now;
        usleep(200000);
        now = writers.written;
    } while (now == 0 || now != before);
    return now;
}

static void a_slow_reader_holds_up_its_writer_and_nobody_else(void **state)
{
    (void)state;
    writers.written = 0;
    int slow = connect_to(&usual);
    ask(slow, "GET", "/endless", 1);
    size_t held = await_standstill();
    assert_true(held < KERNEL_MAX);

    int fast = connect_to(&usual);
    ask(fast, "GET", "/lines", 1);
    struct received received = receive(fast, "\r\n0\r\n\r\n");
    check_whole_answer(&received);
    close(fast);
    await(&writers.ended, "the writer's end");

    static char part[65536];
    for (size_t taken = 0; taken < 2 * held;) {
        ssize_t size = recv(slow, part, sizeof part, 0);
        assert_true(size > 0);
        taken += (size_t)size;
    }
    assert_true(writers.written > held);
    close(slow);
    await(&writers.left, "left()");
    await(&writers.ended, "the writer's end");
    await_log("/endless", "\"status\":499");
}

static void a_reader_that_leaves_is_noticed_though_nothing_is_written(void **state)
{
    (void)state;
    int fd = connect_to(&usual);
    ask(fd, "GET", "/told", 1);
    close(fd);
    await(&writers.left, "left()");
    sem_post(&writers.begin);
    await(&writers.ended, "the writer's end");
}

static void a_reader_that_takes_nothing_is_cut_off(void **state)
{
    (void)state;
    int fd = connect_to(&hasty);
    ask(fd, "GET", "/endless", 1);
    await(&writers.left, "left()");
    await(&writers.ended, "the writer's end");
    close(fd);
}

/* However long that takes: a writer is not a client. */
static void a_writer_may_take_its_time(void **state)
{
    (void)state;
    int fd = connect_to(&hasty);
    ask(fd, "GET", "/told", 1);
    sleep(2 * IDLE_SECONDS_SHORT + 1);
    sem_post(&writers.begin);
    struct received received = receive(fd, "\r\n0\r\n\r\n");
    assert_non_null(strstr(body_of(&received), "5\r\ntold\n\r\n0\r\n\r\n"));
    buffer_free(&received.raw);
    close(fd);
    await(&writers.ended, "the writer's end");
}

static void two_at_once(void **state)
{
    (void)state;
    int fds[2];
    struct received received[2] = {0};
    for (int i = 0; i < 2; i++) {
        buffer_init(&received[i].raw, 3 * WHOLE_SIZE);
        fds[i] = connect_to(&usual);
        ask(fds[i], "GET", "/lines", 1);
    }
    static const char last[] = "\r\n0\r\n\r\n";
    bool done[2] = {false, false};
    for (int i = 0; !done[0] || !done[1]; i = !i) {
        if (done[i])
            continue;
        take_more(fds[i], &received[i]);
        const struct buffer *raw = &received[i].raw;
        done[i] =
            raw->size > sizeof last && strcmp(raw->data + raw->size - strlen(last), last) == 0;
    }
    for (int i = 0; i < 2; i++) {
        check_whole_answer(&received[i]);
        close(fds[i]);
        await(&writers.ended, "the writer's end");
    }
}

static void a_request_can_be_told_that_its_client_left(void **state)
{
    (void)state;
    int fd = connect_to(&usual);
    ask(fd, "GET", "/never", 1);
    close(fd);
    await(&writers.left, "left()");
}

static void cut_streams(void)
{
    http_server_cut_streams(usual.server);
}

static void a_server_that_stops_tells_the_writers(void **state)
{
    (void)state;
    int waiting = connect_to(&usual), writing = connect_to(&usual);
    writers.written = 0;
    ask(waiting, "GET", "/told", 1);
    ask(writing, "GET", "/endless", 1);
    (void)await_standstill();
    on_loop(cut_streams);
    await(&writers.left, "left()");
    await(&writers.left, "left()");
    await(&writers.ended, "the writer's end");
    sem_post(&writers.begin);
    await(&writers.ended, "the writer's end");
    struct received received = receive(waiting, NULL);
    assert_true(received.reset);
    buffer_free(&received.raw);
    close(waiting);
    close(writing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_it_in_chunks_and_the_connection_goes_on),
        cmocka_unit_test(http_1_0_gets_it_until_the_connection_ends),
        cmocka_unit_test(head_tells_the_writer_at_once),
        cmocka_unit_test(a_failure_midway_shows),
        cmocka_unit_test(a_slow_reader_holds_up_its_writer_and_nobody_else),
        cmocka_unit_test(a_reader_that_leaves_is_noticed_though_nothing_is_written),
        cmocka_unit_test(a_reader_that_takes_nothing_is_cut_off),
        cmocka_unit_test(a_writer_may_take_its_time),
        cmocka_unit_test(two_at_once),
        cmocka_unit_test(a_request_can_be_told_that_its_client_left),
        cmocka_unit_test(a_server_that_stops_tells_the_writers),
    };
    return cmocka_run_group_tests_name("streams", tests, begin, end);
}
