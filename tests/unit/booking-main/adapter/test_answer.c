#include "tests/unit/unit.h"

#include "adapter/answer.h"
#include "lib/base/buffer.h"

#include <stdbool.h>

/* Each answer below is read whole, byte by byte, cut in two at every position and into pieces at
 * random, and must come out the same. */

static struct adapter_answer *answer, *other; /* alone, so that a sanitizer sees who leaves them */
static struct buffer built;                   /* an answer too large for a literal */
static uint64_t random_state;

static int begin(void **state)
{
    (void)state;
    answer = malloc(sizeof *answer);
    other = malloc(sizeof *other);
    buffer_init(&built, 1 << 20);
    random_state = 20220606;
    return answer && other ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    free(answer);
    free(other);
    buffer_free(&built);
    return 0;
}

static size_t random_below(size_t limit)
{
    return (size_t)(unit_random(&random_state) % limit);
}

/* --- reading --------------------------------------------------------------------------------- */

/* What is received comes in so much at first, then in pieces of that size; 0: of a random one. */
struct cutting {
    size_t first, each;
};

static const struct cutting in_one = {SIZE_MAX, SIZE_MAX}, in_bytes = {1, 1}, at_random = {0, 0};

static size_t piece_size(struct cutting cutting, size_t at, size_t left)
{
    size_t size = at ? cutting.each : cutting.first;
    if (size == 0)
        size = 1 + random_below((size_t)1 << random_below(18));
    return size < left ? size : left;
}

/* Gives these bytes, and behind them what would mislead who looks further than he may. */
static enum adapter_outcome receive(struct adapter_answer *to, const char *bytes, size_t size)
{
    static const char bait[] = "\r\n\r\n0\r\n\r\n2\r\nxx\r\n";
    enum adapter_outcome progress = ADAPTER_PENDING;
    while (size && progress == ADAPTER_PENDING) {
        size_t room = 0;
        char *target = adapter_answer_room(to, &room);
        assert_true(room > 0);
        assert_true(target >= to->input);
        assert_true(room <= (size_t)(to->input + sizeof to->input - target));
        size_t piece = size < room ? size : room;
        memcpy(target, bytes, piece);
        memcpy(target + piece, bait, room - piece < sizeof bait ? room - piece : sizeof bait);
        progress = adapter_answer_received(to, piece);
        bytes += piece;
        size -= piece;
    }
    return progress;
}

/* Reads to the answer's end, or to that of the bytes; `*given` is how many that took. */
static enum adapter_outcome read_cut(struct adapter_answer *to, const char *raw, size_t size,
                                     struct cutting cutting, size_t *given)
{
    enum adapter_outcome progress = ADAPTER_PENDING;
    adapter_answer_begin(to);
    size_t at = 0;
    while (at < size && progress == ADAPTER_PENDING) {
        size_t piece = piece_size(cutting, at, size - at);
        progress = receive(to, raw + at, piece);
        at += piece;
    }
    *given = at;
    return progress;
}

/* --- samples --------------------------------------------------------------------------------- */

struct sample {
    const char *raw;
    size_t size;
    enum adapter_outcome progress;
    /* Of a whole answer. */
    unsigned status;
    const char *type, *body;
    size_t body_size;
    bool keep;
    size_t extra;     /* bytes behind the answer */
    bool until_close; /* its body is */
};

#define RAW(text)  (text), sizeof(text) - 1
#define OK_LINE    "HTTP/1.1 200 OK\r\n"
#define CHUNKED    OK_LINE "Transfer-Encoding: chunked\r\n\r\n"
#define TWO        "Content-Length: 2\r\n\r\n{}"
#define KEPT(...)  WHOLE(true, 0, false, __VA_ARGS__)
#define LAST(...)  WHOLE(false, 0, false, __VA_ARGS__)
#define UNTIL(...) WHOLE(false, 0, true, __VA_ARGS__)
#define WHOLE(keep, extra, until_close, raw, status, type, body)                                   \
    {                                                                                              \
        RAW(raw), ADAPTER_ANSWERED, status, type, RAW(body), keep, extra, until_close              \
    }
#define FOLLOWED(extra, raw, ...) WHOLE(true, sizeof(extra) - 1, false, raw extra, __VA_ARGS__)
#define USELESS(text)                                                                              \
    {                                                                                              \
        .raw = (text), .size = sizeof(text) - 1, .progress = ADAPTER_UNUSABLE                      \
    }

/* Samples of up to this size are cut everywhere, larger ones here and there. */
enum { CUT_EVERYWHERE_MAX = 2000 };

static void fail_on(const char *what, const struct sample *sample, struct cutting cutting)
{
    char text[601] = "";
    for (size_t i = 0, at = 0; i < sample->size && i < 150; i++) {
        unsigned char byte = (unsigned char)sample->raw[i];
        bool plain = byte >= ' ' && byte < 0x7f;
        at += (size_t)snprintf(text + at, sizeof text - at, plain ? "%c" : "\\x%02x", byte);
    }
    size_t first = piece_size(cutting, 0, sample->size);
    fail_msg("%s, %zu bytes, of them first %zu%s: %s", what, sample->size, first,
             cutting.each == 0   ? " and others at random"
             : cutting.each == 1 ? " and then one by one"
                                 : "",
             text);
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* NULL when the whole answer is what the sample says. */
static const char *difference(const struct sample *sample, size_t given)
{
    if (answer->status != sample->status)
        return "another status";
    if (!same_text(answer->content_type, sample->type))
        return "another content type";
    if (answer->body_size != sample->body_size ||
        memcmp(answer->body, sample->body, sample->body_size) != 0)
        return "another body";
    if (answer->body[answer->body_size] != '\0')
        return "no NUL behind the body";
    /* What is behind an answer can only be seen when it came together with its end. */
    if (answer->keep != (sample->keep && given <= sample->size - sample->extra))
        return answer->keep ? "is kept" : "is not kept";
    return NULL;
}

static void check_cut(const struct sample *sample, struct cutting cutting)
{
    size_t given;
    enum adapter_outcome progress = read_cut(answer, sample->raw, sample->size, cutting, &given);
    if (sample->until_close && progress == ADAPTER_PENDING)
        progress = adapter_answer_closed(answer);
    static const char *const names[] = {"more", "whole", "cut off", "useless"};
    if (progress != sample->progress)
        fail_on(names[progress], sample, cutting);
    if (progress == ADAPTER_ANSWERED && difference(sample, given))
        fail_on(difference(sample, given), sample, cutting);
}

/* The connection is closed after `size` bytes: before the end, where the sample has one. */
static void check_closed(const struct sample *sample, size_t size, struct cutting cutting)
{
    struct sample part = *sample;
    part.size = size;
    size_t given, head_size = sample->size - sample->body_size;
    if (read_cut(answer, sample->raw, size, cutting, &given) != ADAPTER_PENDING)
        fail_on("at an end too early", &part, cutting);
    enum adapter_outcome progress = adapter_answer_closed(answer);
    if (!sample->until_close || size < head_size) {
        if (progress != ADAPTER_BROKE_OFF)
            fail_on("closed, and not cut off", &part, cutting);
        return;
    }
    part.body_size = size - head_size;
    const char *what = progress == ADAPTER_ANSWERED ? difference(&part, size) : "closed, not whole";
    if (what)
        fail_on(what, &part, cutting);
}

static void check(const struct sample *sample)
{
    bool small = sample->size <= CUT_EVERYWHERE_MAX;
    check_cut(sample, in_one);
    check_cut(sample, in_bytes);
    for (size_t i = 1; i < (small ? sample->size : 12); i++)
        check_cut(sample, (struct cutting){small ? i : sample->size - i, SIZE_MAX});
    for (int i = 0; i < 12; i++) {
        check_cut(sample, at_random);
        check_cut(sample, (struct cutting){1 + random_below(sample->size), SIZE_MAX});
    }
    size_t size = sample->progress == ADAPTER_ANSWERED ? sample->size - sample->extra : 0;
    for (size_t part = 0; part < size; part += small ? 1 : 1 + random_below(9000)) {
        check_closed(sample, part, in_one);
        check_closed(sample, part, at_random);
    }
}

static void check_all(const struct sample *samples, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check(&samples[i]);
}

/* --- answers that are of use ----------------------------------------------------------------- */

static void a_body_has_the_length_that_is_said(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        KEPT(OK_LINE TWO, 200, NULL, "{}"),
        KEPT(OK_LINE "Content-Length: 0\r\n\r\n", 200, NULL, ""),
        KEPT(OK_LINE "Content-Length: 9\r\n\r\n\r\n\0\n\r\n0\r\n", 200, NULL, "\r\n\0\n\r\n0\r\n"),
        KEPT(OK_LINE "cOnTeNt-LeNgTh:2\r\n\r\n{}", 200, NULL, "{}"),
        KEPT(OK_LINE "Content-Length: \t 2 \t \r\n\r\n{}", 200, NULL, "{}"),
        KEPT(OK_LINE "Content-Length: 0002\r\n\r\n{}", 200, NULL, "{}"),
        KEPT(OK_LINE "Content-Length: 2\r\nA: b\r\n" TWO, 200, NULL, "{}"),
        KEPT(OK_LINE "X-Content-Length: 5\r\nContent-Length-X: 6\r\n" TWO, 200, NULL, "{}"),
    };
    check_all(samples, LENGTH(samples));
}

static void a_status_line_needs_no_reason(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        KEPT("HTTP/1.1 200 \r\n" TWO, 200, NULL, "{}"),
        KEPT("HTTP/1.1 200\r\n" TWO, 200, NULL, "{}"),
        KEPT("HTTP/1.1 503 \x80\xff: not\tnow\r\n" TWO, 503, NULL, "{}"),
        KEPT("HTTP/1.1 404 Not Found\r\n" TWO, 404, NULL, "{}"),
        KEPT("HTTP/1.1 599 Odd\r\nEmpty:\r\nColons: a:b::c\r\n" TWO, 599, NULL, "{}"),
        LAST("HTTP/1.0 302 Found\r\n" TWO, 302, NULL, "{}"),
    };
    check_all(samples, LENGTH(samples));
}

static void lines_may_end_in_lf_alone(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        KEPT("HTTP/1.1 200 OK\nContent-Length: 2\n\n{}", 200, NULL, "{}"),
        KEPT("HTTP/1.1 200 OK\r\nContent-Length: 2\n\r\n{}", 200, NULL, "{}"),
        KEPT("HTTP/1.1 200 OK\nContent-Length: 2\r\n\n{}", 200, NULL, "{}"),
        KEPT("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n1\na\r\n1\r\nb\n0\nA: b\n\n", 200,
             NULL, "ab"),
        KEPT("HTTP/1.1 100 Continue\n\nHTTP/1.1 204 None\n\n", 204, NULL, ""),
        UNTIL("HTTP/1.1 200 OK\n\n{}\n", 200, NULL, "{}\n"),
    };
    check_all(samples, LENGTH(samples));
}

static void chunks_are_put_together(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        KEPT(CHUNKED "2\r\n{}\r\n0\r\n\r\n", 200, NULL, "{}"),
        KEPT(CHUNKED "0\r\n\r\n", 200, NULL, ""),
        KEPT(CHUNKED "000\r\n\r\n", 200, NULL, ""),
        KEPT(CHUNKED "1\r\na\r\n2\r\nbc\r\n3\r\ndef\r\n0\r\n\r\n", 200, NULL, "abcdef"),
        KEPT(CHUNKED "A\r\n0123456789\r\nb\r\n0123456789a\r\n00C\r\n0123456789ab\r\n0\r\n\r\n", 200,
             NULL, "01234567890123456789a0123456789ab"),
        /* The body looks like the end of one. */
        KEPT(CHUNKED "A\r\n\r\n0\r\n\r\n0\r\n\r\n0\r\n\r\n", 200, NULL, "\r\n0\r\n\r\n0\r\n"),
        KEPT(CHUNKED "2;a\r\n{}\r\n0;b=c;d=\"e;f\"\r\n\r\n", 200, NULL, "{}"),
        KEPT(CHUNKED "2 \t; a = b\r\n{}\r\n0 \r\n\r\n", 200, NULL, "{}"),
        KEPT(CHUNKED "2\r\n{}\r\n0\r\nA: b\r\nContent-Length: 7\r\nConnection: x\r\n\r\n", 200,
             NULL, "{}"),
        KEPT(OK_LINE "transfer-ENCODING: \t cHUNKed \r\n\r\n2\r\n{}\r\n0\r\n\r\n", 200, NULL, "{}"),
    };
    check_all(samples, LENGTH(samples));
}

static void many_small_chunks_make_one_body(void **state)
{
    (void)state;
    char body[3000];
    buffer_add_text(&built, CHUNKED);
    for (size_t i = 0; i < sizeof body; i++) {
        body[i] = (char)('a' + i % 26);
        buffer_printf(&built, "%s1%s\r\n%c\r\n", i % 3 ? "" : "00", i % 7 ? "" : ";x=\"yz\"",
                      body[i]);
    }
    buffer_add_text(&built, "0\r\n\r\n");
    check(&(struct sample){built.data, built.size, ADAPTER_ANSWERED, 200, NULL, body, sizeof body,
                           true, 0, false});
}

static void a_body_may_end_with_the_connection(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        UNTIL(OK_LINE "\r\n{}", 200, NULL, "{}"),
        UNTIL(OK_LINE "\r\n", 200, NULL, ""),
        UNTIL(OK_LINE "Connection: keep-alive\r\n\r\n\r\n\0\r\n", 200, NULL, "\r\n\0\r\n"),
        UNTIL("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nhello", 200, "text/plain",
              "hello"),
        UNTIL("HTTP/1.1 100 Continue\r\n\r\n" OK_LINE "\r\nHTTP/1.1", 200, NULL, "HTTP/1.1"),
    };
    check_all(samples, LENGTH(samples));
}

/* RFC 9112, section 6.3, whatever the fields say. */
static void some_statuses_have_no_body(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        KEPT("HTTP/1.1 204 No Content\r\n\r\n", 204, NULL, ""),
        KEPT("HTTP/1.1 304 Not Modified\r\n\r\n", 304, NULL, ""),
        KEPT("HTTP/1.1 304 Not Modified\r\nContent-Length: 17\r\n\r\n", 304, NULL, ""),
        KEPT("HTTP/1.1 304 Not Modified\r\nContent-Length: 70000\r\n\r\n", 304, NULL, ""),
        KEPT("HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", 304, NULL, ""),
        LAST("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", 204, NULL, ""),
        LAST("HTTP/1.0 304 Not Modified\r\n\r\n", 304, NULL, ""),
        /* These announce what they must not send, and may send it all the same. */
        LAST("HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n", 204, NULL, ""),
        LAST("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", 204, NULL, ""),
        FOLLOWED("{}", "HTTP/1.1 204 No Content\r\nContent-Type: a/b\r\n\r\n", 204, "a/b", ""),
    };
    check_all(samples, LENGTH(samples));
}

static void interim_answers_are_passed_over(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        KEPT("HTTP/1.1 100 Continue\r\n\r\n" OK_LINE TWO, 200, NULL, "{}"),
        KEPT("HTTP/1.1 100\r\n\r\nHTTP/1.1 102 \r\n\r\nHTTP/1.1 199 X\r\n\r\n" OK_LINE TWO, 200,
             NULL, "{}"),
        KEPT("HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=b\r\nContent-Type: text/html\r\n"
             "Set-Cookie: c\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" OK_LINE TWO,
             200, NULL, "{}"),
        KEPT("HTTP/1.1 103 Early Hints\r\nContent-Type: text/html\r\n\r\n" OK_LINE
             "Content-Type: text/plain\r\n" TWO,
             200, "text/plain", "{}"),
        /* An interim answer has no body, so these are not what the next head goes by. */
        KEPT("HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n" OK_LINE TWO, 200, NULL, "{}"),
        KEPT("HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n" OK_LINE
             "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
             200, NULL, "a"),
        KEPT("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 None\r\n\r\n", 204, NULL, ""),
    };
    check_all(samples, LENGTH(samples));
}

/* More of them than there is ever room for. */
static void interim_answers_may_be_many(void **state)
{
    (void)state;
    for (int i = 0; built.size < sizeof answer->input + 1000; i++)
        buffer_printf(&built, "HTTP/1.1 1%d%d X\r\nA: %d\r\n\r\n", i % 9 + 1, i % 10, i);
    buffer_add_text(&built, OK_LINE TWO);
    check(&(struct sample){built.data, built.size, ADAPTER_ANSWERED, 200, NULL, RAW("{}"), true, 0,
                           false});
}

static void another_protocol_is_useless(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        USELESS("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
        USELESS("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 X\r\n\r\n" OK_LINE TWO),
    };
    check_all(samples, LENGTH(samples));
}

static void a_connection_is_kept_unless_the_server_says_otherwise(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        KEPT(OK_LINE "Connection: keep-alive\r\n" TWO, 200, NULL, "{}"),
        KEPT(OK_LINE "Connection: closed, disclose, close-not\r\n" TWO, 200, NULL, "{}"),
        KEPT(OK_LINE "Connection:\r\n" TWO, 200, NULL, "{}"),
        KEPT(OK_LINE "X-Connection: close\r\nConnect: close\r\n" TWO, 200, NULL, "{}"),
        LAST(OK_LINE "Connection: close\r\n" TWO, 200, NULL, "{}"),
        LAST(OK_LINE "CONNECTION:cLOSe\r\n" TWO, 200, NULL, "{}"),
        LAST(OK_LINE "Connection: keep-alive, Close\r\n" TWO, 200, NULL, "{}"),
        LAST(OK_LINE "Connection: ,, close,x\r\n" TWO, 200, NULL, "{}"),
        LAST(OK_LINE "Connection: \t close \t , x\r\n" TWO, 200, NULL, "{}"),
        LAST(OK_LINE "Connection: x\r\nConnection: close\r\nConnection: y\r\n" TWO, 200, NULL,
             "{}"),
        LAST("HTTP/1.0 200 OK\r\n" TWO, 200, NULL, "{}"),
        LAST("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" TWO, 200, NULL, "{}"),
        LAST("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", 200, NULL,
             "a"),
        /* RFC 9112, section 6.1: the chunks count, and the connection is at its end. */
        LAST(OK_LINE "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
             200, NULL, "a"),
        LAST(OK_LINE "Transfer-Encoding: chunked\r\nContent-Length: 99\r\n\r\n1\r\na\r\n0\r\n\r\n",
             200, NULL, "a"),
    };
    check_all(samples, LENGTH(samples));
}

/* RFC 9112, section 6.3: it must not be taken for an answer to the next call. */
static void what_follows_an_answer_ends_the_connection(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        FOLLOWED("\n", OK_LINE TWO, 200, NULL, "{}"),
        FOLLOWED("\r\n", OK_LINE TWO, 200, NULL, "{}"),
        FOLLOWED(OK_LINE TWO, OK_LINE TWO, 200, NULL, "{}"),
        FOLLOWED("\0", OK_LINE "Content-Length: 0\r\n\r\n", 200, NULL, ""),
        FOLLOWED("0\r\n\r\n", CHUNKED "2\r\n{}\r\n0\r\n\r\n", 200, NULL, "{}"),
        FOLLOWED("HTTP", CHUNKED "2\r\n{}\r\n0\r\nA: b\r\n\r\n", 200, NULL, "{}"),
        FOLLOWED(OK_LINE TWO, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 304 X\r\n\r\n", 304, NULL, ""),
    };
    check_all(samples, LENGTH(samples));
}

static void the_first_content_type_counts(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        KEPT(OK_LINE "Content-Type: application/json\r\n" TWO, 200, "application/json", "{}"),
        KEPT(OK_LINE "content-TYPE: \t text/plain; charset=\"utf-8\" \t\r\n" TWO, 200,
             "text/plain; charset=\"utf-8\"", "{}"),
        KEPT(OK_LINE "Content-Type: a/b\r\nContent-Type: c/d\r\n" TWO, 200, "a/b", "{}"),
        KEPT(OK_LINE "X-Content-Type: a/b\r\nContent-Types: c/d\r\n" TWO, 200, NULL, "{}"),
        /* The body's chunks are moved about in the same memory. */
        KEPT(OK_LINE "Transfer-Encoding: chunked\r\nContent-Type: a/b\r\n\r\n"
                     "1;xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\na\r\n1\r\nb\r\n0\r\nContent-Type: c/d"
                     "\r\n\r\n",
             200, "a/b", "ab"),
        KEPT(OK_LINE "Content-Type:\r\n" TWO, 200, NULL, "{}"),
        KEPT(OK_LINE "Content-Type: \r\nContent-Type: a/b\r\n" TWO, 200, "a/b", "{}"),
        KEPT(OK_LINE "Content-Type: a/b;\tc=d\r\n" TWO, 200, "a/b; c=d", "{}"),
        USELESS(OK_LINE "Content-Type: a\x01/b\r\n" TWO),
        USELESS(OK_LINE "Content-Type: a/b\x1f\r\n" TWO),
        USELESS(OK_LINE "Content-Type: a/b\x7f\r\n" TWO),
        USELESS(OK_LINE "Content-Type: a/b\rX-Injected: c\r\n" TWO),
    };
    check_all(samples, LENGTH(samples));
}

/* --- answers that are of none ---------------------------------------------------------------- */

static void a_status_line_that_is_none_is_useless(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        USELESS("\r\n" OK_LINE TWO),
        USELESS("http/1.1 200 OK\r\n" TWO),
        USELESS("HTTP/2 200\r\n" TWO),
        USELESS("HTTP/2.0 200 OK\r\n" TWO),
        USELESS("HTTP/1 200 OK\r\n" TWO),
        USELESS("HTTP/1. 200 OK\r\n" TWO),
        USELESS("HTTP/1.x 200 OK\r\n" TWO),
        USELESS("HTTP/1.10 200 OK\r\n" TWO),
        USELESS("HTTP/11.1 200 OK\r\n" TWO),
        USELESS("HTTPS/1.1 200 OK\r\n" TWO),
        USELESS(" HTTP/1.1 200 OK\r\n" TWO),
        USELESS("HTTP/1.1200 OK\r\n" TWO),
        USELESS("HTTP/1.1\r\n" TWO),
        USELESS("HTTP/1.1 \r\n" TWO),
        USELESS("HTTP/1.1 OK\r\n" TWO),
        USELESS("HTTP/1.1 20 OK\r\n" TWO),
        USELESS("HTTP/1.1 2000 OK\r\n" TWO),
        USELESS("HTTP/1.1 2x0 OK\r\n" TWO),
        USELESS("HTTP/1.1 200OK\r\n" TWO),
        USELESS("HTTP/1.1 -20 OK\r\n" TWO),
        USELESS("HTTP/1.1 +20 OK\r\n" TWO),
        USELESS("HTTP/1.1 0x2 OK\r\n" TWO),
        USELESS("HTTP/1.1 000 OK\r\n" TWO),
        USELESS("HTTP/1.1 099 OK\r\n" TWO),
        USELESS("HTTP/1.1 099 Interim\r\n\r\n" OK_LINE TWO),
        USELESS("SSH-2.0-OpenSSH_9.2\r\n"),
        USELESS("{\"carid\":\"a\"}\n"),
        USELESS("HTTP/1.1 100 Continue\r\n\r\n\r\n" OK_LINE TWO),
        USELESS("HTTP/1.1 100 Continue\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
    };
    check_all(samples, LENGTH(samples));
}

static void a_field_line_that_is_none_is_useless(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        USELESS(OK_LINE "Field\r\n" TWO),
        USELESS(OK_LINE ": value\r\n" TWO),
        USELESS(OK_LINE ":\r\n" TWO),
        USELESS(OK_LINE "Field : value\r\n" TWO),
        USELESS(OK_LINE "Field\t: value\r\n" TWO),
        USELESS(OK_LINE "Content-Length : 2\r\n\r\n{}"),
        USELESS(OK_LINE "Fie ld: value\r\n" TWO),
        USELESS(OK_LINE " Field: value\r\n" TWO),
        USELESS(OK_LINE "Field: value\r\n continued\r\n" TWO),
        USELESS(OK_LINE "Field: value\r\n\tcontinued: so\r\n" TWO),
        USELESS(OK_LINE "Field: value\r\n \r\n" TWO),
        USELESS(OK_LINE "Content-Length:\r\n 2\r\n\r\n{}"),
        USELESS(OK_LINE "Content-Length: 2\r\nField\r\n\r\n{}"),
        USELESS("HTTP/1.1 100 Continue\r\nField\r\n\r\n" OK_LINE TWO),
        USELESS("HTTP/1.1 204 No Content\r\n\t\r\n\r\n"),
    };
    check_all(samples, LENGTH(samples));
}

static void a_length_that_is_none_is_useless(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        USELESS(OK_LINE "Content-Length: -2\r\n\r\n{}"),
        USELESS(OK_LINE "Content-Length: -0\r\n\r\n{}"),
        USELESS(OK_LINE "Content-Length: +2\r\n\r\n{}"),
        USELESS(OK_LINE "Content-Length:\r\n\r\n{}"),
        USELESS(OK_LINE "Content-Length: \t \r\n\r\n{}"),
        USELESS(OK_LINE "Content-Length: two\r\n\r\n{}"),
        USELESS(OK_LINE "Content-Length: 2x\r\n\r\n{}"),
        USELESS(OK_LINE "Content-Length: 0x2\r\n\r\n{}"),
        USELESS(OK_LINE "Content-Length: 2.0\r\n\r\n{}"),
        USELESS(OK_LINE "Content-Length: 2 2\r\n\r\n{}"),
        USELESS(OK_LINE "Content-Length: 2,3\r\n\r\n{}"),
        USELESS(OK_LINE "Content-Length: 2,\r\n\r\n{}"),
        USELESS(OK_LINE "Content-Length: \"2\"\r\n\r\n{}"),
        USELESS(OK_LINE "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
        USELESS(OK_LINE "Content-Length: 2\r\nContent-Length: 0\r\n\r\n{}"),
        USELESS(OK_LINE "Content-Length: 0\r\n" TWO),
        USELESS(OK_LINE "Content-Length: 2\r\nContent-Length:\r\n\r\n{}"),
        USELESS(OK_LINE "Content-Length: 65537\r\n\r\n"),
        USELESS(OK_LINE "Content-Length: 4294967298\r\n\r\n{}"),           /* 2^32 + 2 */
        USELESS(OK_LINE "Content-Length: 9223372036854775810\r\n\r\n{}"),  /* 2^63 + 2 */
        USELESS(OK_LINE "Content-Length: 18446744073709551618\r\n\r\n{}"), /* 2^64 + 2 */
        USELESS(OK_LINE "Content-Length: 99999999999999999999999999999999999\r\n\r\n{}"),
    };
    check_all(samples, LENGTH(samples));
}

/* A last coding other than chunked means a body of unknown length or meaning. */
static void a_transfer_coding_other_than_chunked_is_useless(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        USELESS(OK_LINE "Transfer-Encoding: gzip\r\n\r\n"),
        USELESS(OK_LINE "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        USELESS(OK_LINE "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
        USELESS(OK_LINE "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
        USELESS(OK_LINE "Transfer-Encoding: identity\r\n\r\n"),
        USELESS(OK_LINE "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
        USELESS(OK_LINE "Transfer-Encoding: chunkedx\r\n\r\n0\r\n\r\n"),
        USELESS(OK_LINE "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"),
        USELESS(OK_LINE "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n"),
        USELESS(OK_LINE "Transfer-Encoding:\r\n\r\n"),
        USELESS(OK_LINE "Transfer-Encoding: \x0b"
                        "chunked\r\n\r\n0\r\n\r\n"),
        USELESS(OK_LINE "Transfer-Encoding: gzip\r\n" TWO),
        USELESS(OK_LINE "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        USELESS(OK_LINE "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n"),
        USELESS(OK_LINE
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    };
    check_all(samples, LENGTH(samples));
}

static void chunks_that_are_none_are_useless(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        USELESS(CHUNKED "\r\n{}\r\n0\r\n\r\n"),
        USELESS(CHUNKED "x\r\n{}\r\n0\r\n\r\n"),
        USELESS(CHUNKED " 2\r\n{}\r\n0\r\n\r\n"),
        USELESS(CHUNKED "-2\r\n{}\r\n0\r\n\r\n"),
        USELESS(CHUNKED "+2\r\n{}\r\n0\r\n\r\n"),
        USELESS(CHUNKED "0x2\r\n{}\r\n0\r\n\r\n"),
        USELESS(CHUNKED "2h\r\n{}\r\n0\r\n\r\n"),
        USELESS(CHUNKED "2 2\r\n{}\r\n0\r\n\r\n"),
        USELESS(CHUNKED "2,2\r\n{}\r\n0\r\n\r\n"),
        USELESS(CHUNKED ";a\r\n{}\r\n0\r\n\r\n"),
        USELESS(CHUNKED "2\r\n{}0\r\n\r\n"),
        USELESS(CHUNKED "2\r\n{} \r\n0\r\n\r\n"),
        USELESS(CHUNKED "2\r\n{}}\r\n0\r\n\r\n"),
        USELESS(CHUNKED "4\r\n{}\r\n0\r\n\r\n"),
        USELESS(CHUNKED "2\r\n{}\r\n\r\n0\r\n\r\n"),
        USELESS(CHUNKED "10001\r\n"),
        USELESS(CHUNKED "100000002\r\n{}\r\n0\r\n\r\n"),         /* 2^32 + 2 */
        USELESS(CHUNKED "8000000000000002\r\n{}\r\n0\r\n\r\n"),  /* 2^63 + 2 */
        USELESS(CHUNKED "ffffffffffffffff\r\n{}\r\n0\r\n\r\n"),  /* -1 */
        USELESS(CHUNKED "10000000000000002\r\n{}\r\n0\r\n\r\n"), /* 2^64 + 2 */
        USELESS(CHUNKED "2\r\n{}\r\nfffffffffffffffe\r\n{}\r\n0\r\n\r\n"),
    };
    check_all(samples, LENGTH(samples));
}

/* RFC 9110, section 5.5, and RFC 9112, section 2.2: a NUL or a CR in a line is refused or read as a
 * space. It must not end the line, nor the head. None of these is good with a space, either. */
static void a_nul_ends_no_status_line(void **state)
{
    (void)state;
    check(&(struct sample)USELESS("HTTP/1.1 200\0OK\r\n" TWO));
}

static void a_nul_ends_no_field(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        USELESS(OK_LINE "Content-Length: 2\0009\r\n\r\n{}"),
        USELESS(OK_LINE "Content-Length: 2\0, 9\r\n\r\n{}"),
        USELESS(OK_LINE "Transfer-Encoding: chunked\0, gzip\r\n\r\n0\r\n\r\n"),
        USELESS(OK_LINE "Content-Type: text/plain\0;x\r\n" TWO),
        USELESS(OK_LINE "Fie\0ld: value\r\n" TWO),
    };
    check_all(samples, LENGTH(samples));
}

static void a_nul_ends_no_head(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        USELESS(OK_LINE "Content-Length: 2\r\n\0\r\nX: y\r\n\r\n{}"),
        USELESS(OK_LINE "\0Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        USELESS("HTTP/1.1 100 Continue\r\n\0\r\n" OK_LINE "Content-Length: 0\r\n\r\n"),
    };
    check_all(samples, LENGTH(samples));
}

static void a_nul_ends_no_chunk_size(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        USELESS(CHUNKED "2\0009\r\n{}\r\n0\r\n\r\n"),
        USELESS(CHUNKED "2\0\r\n{}\r\n0\r\n\r\n"),
    };
    check_all(samples, LENGTH(samples));
}

static void a_nul_ends_no_chunk(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        USELESS(CHUNKED "2\r\n{}\0\r\n0\r\n\r\n"),
        USELESS(CHUNKED "2\r\n{}\0more\r\n0\r\n\r\n"),
    };
    check_all(samples, LENGTH(samples));
}

/* Whether its lines are looked at or not: it goes to the empty one. */
static void a_nul_ends_no_trailer(void **state)
{
    (void)state;
    static const char raw[] = CHUNKED "2\r\n{}\r\n0\r\n\0\r\nX: y\r\n\r\n";
    for (size_t size = sizeof raw - 7; size < sizeof raw - 1; size++) {
        size_t given;
        enum adapter_outcome progress = read_cut(answer, raw, size, in_bytes, &given);
        assert_true(progress == ADAPTER_PENDING || progress == ADAPTER_UNUSABLE);
    }
}

static void a_bare_cr_hides_no_close(void **state)
{
    (void)state;
    static const char *const raws[] = {
        OK_LINE "Connection: close\r\r\n" TWO,
        OK_LINE "Connection: \rclose\r\n" TWO,
        OK_LINE "Connection: x,\rclose\r,y\r\n" TWO,
    };
    for (size_t i = 0; i < LENGTH(raws); i++) {
        size_t given;
        if (read_cut(answer, raws[i], strlen(raws[i]), in_one, &given) == ADAPTER_ANSWERED)
            assert_false(answer->keep);
    }
}

static void a_bare_cr_hides_no_field(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        USELESS(OK_LINE "Content-Length\r: 2\r\n\r\n{}"),
        USELESS(OK_LINE "\rContent-Length: 2\r\n\r\n{}"),
        USELESS(OK_LINE "\rTransfer-Encoding: chunked\r\n" TWO),
    };
    check_all(samples, LENGTH(samples));
}

static void a_bare_cr_ends_nothing(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        USELESS(OK_LINE "Content-Length: 2\r9\r\n\r\n{}"),
        USELESS(OK_LINE "Transfer-Encoding: chunked\r, gzip\r\n\r\n0\r\n\r\n"),
        USELESS(OK_LINE "\r\r\n" TWO),
        USELESS(CHUNKED "2\r9\r\n{}\r\n0\r\n\r\n"),
        USELESS(CHUNKED "2\r\n{}\r\r\n0\r\n\r\n"),
    };
    check_all(samples, LENGTH(samples));
}

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

static char *long_body(size_t size)
{
    char *body = malloc(size);
    assert_non_null(body);
    for (size_t i = 0; i < size; i++)
        body[i] = (char)unit_random(&random_state);
    return body;
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

/* --- one after another ----------------------------------------------------------------------- */

static void nothing_at_all_is_cut_off(void **state)
{
    (void)state;
    adapter_answer_begin(answer);
    assert_int_equal(adapter_answer_closed(answer), ADAPTER_BROKE_OFF);
}

/* Whatever the last answer was, and wherever it was left, the next owes nothing to it. */
static void the_next_answer_owes_nothing_to_the_last(void **state)
{
    (void)state;
    static const struct sample next[] = {
        KEPT(OK_LINE TWO, 200, NULL, "{}"),
        UNTIL(OK_LINE "\r\n", 200, NULL, ""),
        KEPT(CHUNKED "1\r\na\r\n0\r\n\r\n", 200, NULL, "a"),
        KEPT("HTTP/1.1 204 X\r\n\r\n", 204, NULL, ""),
    };
    static const char *const last[] = {
        OK_LINE "Content-Type: a/b\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
        OK_LINE "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n5\r\nhello\r\n0\r\nA: b",
        "HTTP/1.0 500 X\r\nContent-Type: a/b\r\n\r\nhello",
        OK_LINE "Content-Length: 3\r\nContent-Length: 4\r\n\r\n",
        OK_LINE "Content-Length: 5\r\n\r\nhelloagain",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 X\r\n\r\n",
    };
    for (size_t i = 0; i < LENGTH(last); i++)
        for (size_t size = 0; size <= strlen(last[i]); size++) {
            adapter_answer_begin(answer);
            receive(answer, last[i], size);
            if (size % 2)
                adapter_answer_closed(answer);
            check_cut(&next[size % LENGTH(next)], in_one);
        }
}

/* --- at random ------------------------------------------------------------------------------- */

static void add_line(const char *text)
{
    buffer_add_text(&built, text);
    buffer_add_text(&built, random_below(4) ? "\r\n" : "\n");
}

static void add_random_fields(void)
{
    static const char *const fields[] = {"A: b", "Date:", "X-Odd: Content-Length: 7", "Via:  \t x ",
                                         "X-Content-Type: no"};
    while (random_below(3))
        add_line(fields[random_below(LENGTH(fields))]);
}

static void add_random_chunks(const char *body, size_t size)
{
    static const char *const extensions[] = {"", ";a", ";a=b;c=\"d\"", " ; a", " \t"};
    char line[60];
    for (size_t at = 0, chunk;; at += chunk) {
        chunk = at < size ? 1 + random_below(size - at) : 0;
        if (chunk > 100 && random_below(4))
            chunk = 1 + random_below(100);
        snprintf(line, sizeof line, random_below(2) ? "%0*zx%s" : "%0*zX%s", (int)random_below(6),
                 chunk, extensions[random_below(LENGTH(extensions))]);
        add_line(line);
        if (chunk == 0)
            break;
        buffer_add(&built, body + at, chunk);
        add_line("");
    }
    add_random_fields();
    add_line("");
}

/* A good answer with such a body, and what is to come of it. */
static struct sample build_random(const char *body, size_t size)
{
    struct sample sample = {NULL, 0, ADAPTER_ANSWERED, 0, NULL, body, size, true, 0, false};
    buffer_clear(&built);
    while (random_below(4) == 0) {
        add_line("HTTP/1.1 103 Early Hints");
        add_random_fields();
        add_line("");
    }
    char line[60];
    sample.status = 200 + (unsigned)random_below(4);
    snprintf(line, sizeof line, "HTTP/1.1 %u Any reason", sample.status);
    add_line(line);
    add_random_fields();
    if (random_below(2)) {
        sample.type = "application/json";
        add_line("Content-Type: application/json");
    }
    size_t framing = random_below(3);
    sample.until_close = framing == 2;
    snprintf(line, sizeof line, "Content-Length: %zu", size);
    if (framing < 2)
        add_line(framing ? "Transfer-Encoding: chunked" : line);
    add_random_fields();
    if (random_below(4) == 0 || framing == 2)
        sample.keep = false;
    if (!sample.keep && framing < 2)
        add_line("Connection: x, close");
    add_line("");
    if (framing == 1)
        add_random_chunks(body, size);
    else
        buffer_add(&built, body, size);
    sample.raw = built.data;
    sample.size = built.size;
    return sample;
}

static void random_answers_come_out_as_they_went_in(void **state)
{
    (void)state;
    char *body = long_body(ADAPTER_ANSWER_MAX);
    for (int i = 0; i < 5000; i++) {
        size_t size = random_below((size_t)1 << random_below(i % 50 ? 9 : 17));
        struct sample sample = build_random(body + ADAPTER_ANSWER_MAX - size, size);
        check_cut(&sample, in_one);
        check_cut(&sample, at_random);
        check_cut(&sample, (struct cutting){0, 1 + random_below(20)});
    }
    free(body);
}

/* Breaks what was built in one to four places. */
static void mutate(void)
{
    static const char letters[] = "\r\n\r\n\r\n\0 \t:;,.0129aAfFxX\x7f\x80\xff";
    for (size_t times = 1 + random_below(4); times-- && built.size > 10;) {
        size_t at = random_below(built.size), size = random_below(built.size - at) % 12;
        switch (random_below(5)) {
        case 0:
            built.data[at] = (char)unit_random(&random_state);
            break;
        case 1:
            built.data[at] = letters[random_below(sizeof letters - 1)];
            break;
        case 2: /* cut out */
            memmove(built.data + at, built.data + at + size, built.size - at - size);
            built.size -= size;
            break;
        case 3: /* doubled */
            buffer_add(&built, "0123456789ab", size);
            memmove(built.data + at + size, built.data + at, built.size - at - size);
            break;
        default:
            built.size = at + 1;
        }
    }
}

/* Whatever it is, it comes to the same end for the same reason, however it is cut. */
static void check_same_end(const char *raw, size_t size)
{
    struct cutting cutting =
        random_below(2) ? at_random : (struct cutting){0, 1 + random_below(20)};
    struct sample sample = {.raw = raw, .size = size};
    size_t given, other_given;
    enum adapter_outcome progress = read_cut(answer, raw, size, in_one, &given);
    enum adapter_outcome other_progress = read_cut(other, raw, size, cutting, &other_given);
    if (progress != other_progress)
        fail_on("another end", &sample, cutting);
    if (progress == ADAPTER_PENDING) {
        progress = adapter_answer_closed(answer);
        other_progress = adapter_answer_closed(other);
    }
    if (progress != other_progress || progress == ADAPTER_PENDING)
        fail_on("another end when closed", &sample, cutting);
    if (progress != ADAPTER_ANSWERED)
        return;
    if (answer->status != other->status || !same_text(answer->content_type, other->content_type) ||
        answer->body_size != other->body_size ||
        memcmp(answer->body, other->body, answer->body_size) != 0)
        fail_on("another answer", &sample, cutting);
    if (answer->keep != other->keep && (answer->keep || other_given == size))
        fail_on("kept or not", &sample, cutting);
}

static void what_is_broken_ends_the_same_however_cut(void **state)
{
    (void)state;
    char *body = long_body(1000);
    for (int i = 0; i < 60000; i++) {
        size_t size = random_below((size_t)1 << random_below(10));
        build_random(body, size);
        mutate();
        check_same_end(built.data, built.size);
    }
    free(body);
}

static void noise_ends_the_same_however_cut(void **state)
{
    (void)state;
    static const char *const starts[] = {
        "", OK_LINE, CHUNKED, CHUNKED "2\r\nab", OK_LINE "\r\n", OK_LINE "Content-Length: 20\r\n"};
    static const char letters[] = "\r\n\r\n\r\n\0 :;,0123aA";
    for (int i = 0; i < 30000; i++) {
        buffer_clear(&built);
        buffer_add_text(&built, starts[random_below(LENGTH(starts))]);
        for (size_t left = random_below(100); left; left--) {
            char letter = i % 2 ? letters[random_below(sizeof letters - 1)]
                                : (char)unit_random(&random_state);
            buffer_add(&built, &letter, 1);
        }
        check_same_end(built.data ? built.data : "", built.size);
    }
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_body_has_the_length_that_is_said),
        TEST(a_status_line_needs_no_reason),
        TEST(lines_may_end_in_lf_alone),
        TEST(chunks_are_put_together),
        TEST(many_small_chunks_make_one_body),
        TEST(a_body_may_end_with_the_connection),
        TEST(some_statuses_have_no_body),
        TEST(interim_answers_are_passed_over),
        TEST(interim_answers_may_be_many),
        TEST(another_protocol_is_useless),
        TEST(a_connection_is_kept_unless_the_server_says_otherwise),
        TEST(what_follows_an_answer_ends_the_connection),
        TEST(the_first_content_type_counts),
        TEST(a_status_line_that_is_none_is_useless),
        TEST(a_field_line_that_is_none_is_useless),
        TEST(a_length_that_is_none_is_useless),
        TEST(a_transfer_coding_other_than_chunked_is_useless),
        TEST(chunks_that_are_none_are_useless),
        TEST(a_nul_ends_no_status_line),
        TEST(a_nul_ends_no_field),
        TEST(a_nul_ends_no_head),
        TEST(a_nul_ends_no_chunk_size),
        TEST(a_nul_ends_no_chunk),
        TEST(a_nul_ends_no_trailer),
        TEST(a_bare_cr_hides_no_close),
        TEST(a_bare_cr_hides_no_field),
        TEST(a_bare_cr_ends_nothing),
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
        TEST(nothing_at_all_is_cut_off),
        TEST(the_next_answer_owes_nothing_to_the_last),
        TEST(random_answers_come_out_as_they_went_in),
        TEST(what_is_broken_ends_the_same_however_cut),
        TEST(noise_ends_the_same_however_cut),
    };
    return cmocka_run_group_tests_name("adapter_answer", tests, NULL, NULL);
}
