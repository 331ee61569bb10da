#include "tests/unit/booking-main/adapter/answer_unit.h"

/* --- limits ---------------------------------------------------------------------------------- */

static void add_many(char letter, size_t count)
{
    while (count--)
        buffer_add(&built, &letter, 1);
}

static void check_built(enum adapter_outcome progress, const char *body, size_t body_size,
                        bool until_close)
{
    assert_false(built.failed);
    check(&(struct sample){built.data, built.size, progress, 200, NULL, body, body_size,
                           !until_close, 0, until_close});
    buffer_clear(&built);
}

/* A head of so many bytes, the empty line included. */
static void add_head(const char *framing, size_t size)
{
    size_t start = built.size;
    buffer_printf(&built, OK_LINE "%s\r\nPadding: ", framing);
    add_many('p', size - (built.size - start) - 4);
    buffer_add_text(&built, "\r\n\r\n");
    assert_int_equal(built.size - start, size);
}

static void a_head_has_a_limit(void **state)
{
    (void)state;
    static const char *const framings[] = {"Content-Length: 2", "Transfer-Encoding: chunked", "A:"};
    static const char *const bodies[] = {"{}", "2\r\n{}\r\n0\r\n\r\n", "{}"};
    for (size_t i = 0; i < LENGTH(framings); i++) {
        add_head(framings[i], ADAPTER_HEAD_MAX);
        buffer_add_text(&built, bodies[i]);
        check_built(ADAPTER_ANSWERED, "{}", 2, i == 2);
        add_head(framings[i], ADAPTER_HEAD_MAX + 1);
        buffer_add_text(&built, bodies[i]);
        check_built(ADAPTER_UNUSABLE, "", 0, false);
    }
}

/* Refused when it is known, not when the memory is full or the server has nothing more to say. */
static void a_head_without_an_end_is_too_long(void **state)
{
    (void)state;
    buffer_add_text(&built, OK_LINE "Padding: ");
    add_many('p', ADAPTER_HEAD_MAX + 1 - built.size);
    check_built(ADAPTER_UNUSABLE, "", 0, false);
    buffer_add_text(&built, OK_LINE);
    while (built.size <= ADAPTER_HEAD_MAX)
        buffer_add_text(&built, "A:\r\n");
    check_built(ADAPTER_UNUSABLE, "", 0, false);
    buffer_add_text(&built, "HTTP/1.1 200 ");
    add_many('O', ADAPTER_HEAD_MAX);
    check_built(ADAPTER_UNUSABLE, "", 0, false);
}

/* An interim head is one like others, and takes no room from what follows. */
static void each_interim_head_has_a_limit_of_its_own(void **state)
{
    (void)state;
    for (size_t extra = 0; extra < 2; extra++) {
        buffer_add_text(&built, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nA: ");
        size_t first = strlen("HTTP/1.1 100 Continue\r\n\r\n");
        add_many('i', first + ADAPTER_HEAD_MAX - 4 + extra - built.size);
        buffer_add_text(&built, "\r\n\r\n");
        add_head("Content-Length: 2", ADAPTER_HEAD_MAX);
        buffer_add_text(&built, "{}");
        check_built(extra ? ADAPTER_UNUSABLE : ADAPTER_ANSWERED, "{}", 2, false);
    }
}

/* Or they could come without end, and nothing else would be done. */
static void interim_answers_together_have_a_limit(void **state)
{
    (void)state;
    static const char interim[] = "HTTP/1.1 100 C\r\n\r\n";
    size_t most = ADAPTER_FRAMING_MAX / (sizeof interim - 1);
    for (size_t extra = 0; extra < 2; extra++) {
        adapter_answer_begin(answer);
        enum adapter_outcome progress = ADAPTER_PENDING;
        for (size_t i = 0; i < most + extra; i++) {
            assert_int_equal(progress, ADAPTER_PENDING);
            size_t room;
            char *target = adapter_answer_room(answer, &room);
            assert_true(room >= sizeof interim - 1);
            memcpy(target, interim, sizeof interim - 1);
            progress = adapter_answer_received(answer, sizeof interim - 1);
        }
        assert_int_equal(progress, extra ? ADAPTER_UNUSABLE : ADAPTER_PENDING);
    }
}

static void lines_between_chunks_have_a_limit(void **state)
{
    (void)state;
    buffer_add_text(&built, CHUNKED);
    while (built.size < ADAPTER_FRAMING_MAX + 1000) {
        buffer_add_text(&built, "1;");
        add_many('x', 5000);
        buffer_add_text(&built, "\r\n \r\n");
    }
    check_built(ADAPTER_UNUSABLE, "", 0, false);
}

static void a_body_with_a_length_has_a_limit(void **state)
{
    (void)state;
    char *body = long_body(ADAPTER_ANSWER_MAX);
    add_head("Content-Length: 65536", ADAPTER_HEAD_MAX); /* the most that is ever held */
    buffer_add(&built, body, ADAPTER_ANSWER_MAX);
    check_built(ADAPTER_ANSWERED, body, ADAPTER_ANSWER_MAX, false);
    free(body);
}

static void a_body_until_the_end_has_a_limit(void **state)
{
    (void)state;
    char *body = long_body(ADAPTER_ANSWER_MAX + 1);
    for (size_t extra = 0; extra < 2; extra++) {
        add_head("A:", ADAPTER_HEAD_MAX);
        buffer_add(&built, body, ADAPTER_ANSWER_MAX + extra);
        check_built(extra ? ADAPTER_UNUSABLE : ADAPTER_ANSWERED, body, ADAPTER_ANSWER_MAX, !extra);
    }
    free(body);
}

/* Of all chunks together, however many. */
static void a_body_in_chunks_has_a_limit(void **state)
{
    (void)state;
    char *body = long_body(ADAPTER_ANSWER_MAX + 1);
    static const size_t chunks[] = {100, 4096, 40000, ADAPTER_ANSWER_MAX};
    for (size_t i = 0; i < 2 * LENGTH(chunks); i++) {
        size_t whole = ADAPTER_ANSWER_MAX + i % 2, at = 0;
        add_head("Transfer-Encoding: chunked", ADAPTER_HEAD_MAX);
        for (size_t size; at < whole; at += size) {
            size = whole - at < chunks[i / 2] ? whole - at : chunks[i / 2];
            buffer_printf(&built, "%zx;extension\r\n", size);
            buffer_add(&built, body + at, size);
            buffer_add_text(&built, "\r\n");
        }
        buffer_add_text(&built, "0\r\nTrailer: t\r\n\r\n");
        check_built(i % 2 ? ADAPTER_UNUSABLE : ADAPTER_ANSWERED, body, ADAPTER_ANSWER_MAX, false);
    }
    free(body);
}

/* Of any line between the chunks, when the memory is as full as it can be. */
static void a_chunk_line_has_a_limit(void **state)
{
    (void)state;
    char *body = long_body(ADAPTER_ANSWER_MAX);
    for (size_t i = 0; i < 4; i++) {
        bool is_last = i / 2, too_long = i % 2;
        add_head("Transfer-Encoding: chunked", ADAPTER_HEAD_MAX);
        if (is_last) {
            buffer_add_text(&built, "10000\r\n");
            buffer_add(&built, body, ADAPTER_ANSWER_MAX);
            buffer_add_text(&built, "\r\n");
        }
        buffer_add_text(&built, is_last ? "0;" : "10000;");
        /* With the line's end one of just the limit, or far enough over it. */
        size_t others = strlen(is_last ? "0;" : "10000;") + 2;
        add_many('e', ADAPTER_HEAD_MAX - others + (too_long ? 3 : 0));
        buffer_add_text(&built, "\r\n");
        if (!is_last) {
            buffer_add(&built, body, ADAPTER_ANSWER_MAX);
            buffer_add_text(&built, "\r\n0\r\n");
        }
        buffer_add_text(&built, "\r\n");
        check_built(too_long ? ADAPTER_UNUSABLE : ADAPTER_ANSWERED, body, ADAPTER_ANSWER_MAX,
                    false);
    }
    free(body);
}

/* Received in pieces that always end in the same place of a chunk or a line. */
static void lines_between_chunks_leave_room(void **state)
{
    (void)state;
    char body[60 * 1000];
    memset(body, 'b', sizeof body);
    for (int i = 0; i < 60; i++) {
        size_t count = 60, chunk = 16 + random_below(900), padding = 2000 + random_below(5000);
        add_head("Transfer-Encoding: chunked", 1000 + random_below(1000));
        size_t head = built.size, period = 0;
        for (size_t j = 0; j < count; j++) {
            buffer_printf(&built, "%zx;", chunk);
            add_many('e', padding);
            buffer_printf(&built, "\r\n%.*s\r\n", (int)chunk, body);
            period = (built.size - head) / (j + 1);
        }
        buffer_add_text(&built, "0\r\n\r\n");
        const struct sample sample = {built.data, built.size, ADAPTER_ANSWERED, 200,
                                      NULL,       body,       count * chunk,    true,
                                      0,          false};
        check_cut(&sample, (struct cutting){head + period - 3 - random_below(chunk - 1), period});
        check_cut(&sample, (struct cutting){head + 2 + random_below(padding), period});
        buffer_clear(&built);
    }
}

static void a_chunk_line_without_an_end_is_too_long(void **state)
{
    (void)state;
    static const char *const starts[] = {"5;", "0", "5\r\nhello\r", "5\r\nhello"};
    for (size_t i = 0; i < LENGTH(starts); i++) {
        add_head("Transfer-Encoding: chunked", ADAPTER_HEAD_MAX);
        buffer_add_text(&built, starts[i]);
        add_many(i == 1 ? '0' : 'e', ADAPTER_HEAD_MAX + 1);
        check_built(ADAPTER_UNUSABLE, "", 0, false);
    }
}

/* Of all its lines together, the empty one included; behind a full body. */
static void a_trailer_has_a_limit(void **state)
{
    (void)state;
    char *body = long_body(ADAPTER_ANSWER_MAX);
    for (size_t i = 0; i < 4; i++) {
        bool many_lines = i / 2, too_long = i % 2;
        add_head("Transfer-Encoding: chunked", ADAPTER_HEAD_MAX);
        buffer_add_text(&built, "10000\r\n");
        buffer_add(&built, body, ADAPTER_ANSWER_MAX);
        buffer_add_text(&built, "\r\n0\r\n");
        size_t left = ADAPTER_HEAD_MAX - 2 + too_long;
        for (; many_lines && left > 20; left -= 8)
            buffer_add_text(&built, "A: bcd\r\n");
        buffer_add_text(&built, "T: ");
        add_many('t', left - 5);
        buffer_add_text(&built, "\r\n\r\n");
        check_built(too_long ? ADAPTER_UNUSABLE : ADAPTER_ANSWERED, body, ADAPTER_ANSWER_MAX,
                    false);
    }
    free(body);
}

static void a_trailer_without_an_end_is_too_long(void **state)
{
    (void)state;
    buffer_add_text(&built, CHUNKED "0\r\nT: ");
    add_many('t', ADAPTER_HEAD_MAX);
    check_built(ADAPTER_UNUSABLE, "", 0, false);
    buffer_add_text(&built, CHUNKED "0\r\n");
    for (size_t i = 0; i <= ADAPTER_HEAD_MAX / 8; i++)
        buffer_add_text(&built, "A: bcd\r\n");
    check_built(ADAPTER_UNUSABLE, "", 0, false);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_head_has_a_limit),
        TEST(a_head_without_an_end_is_too_long),
        TEST(each_interim_head_has_a_limit_of_its_own),
        TEST(interim_answers_together_have_a_limit),
        TEST(lines_between_chunks_have_a_limit),
        TEST(a_body_with_a_length_has_a_limit),
        TEST(a_body_until_the_end_has_a_limit),
        TEST(a_body_in_chunks_has_a_limit),
        TEST(a_chunk_line_has_a_limit),
        TEST(lines_between_chunks_leave_room),
        TEST(a_chunk_line_without_an_end_is_too_long),
        TEST(a_trailer_has_a_limit),
        TEST(a_trailer_without_an_end_is_too_long),
    };
    return cmocka_run_group_tests_name("answer_limits", tests, NULL, NULL);
}
