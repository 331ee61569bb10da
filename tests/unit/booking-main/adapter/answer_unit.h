/* Samples of answers, each cut into pieces in many ways, for the tests of reading them. */
#ifndef TESTS_UNIT_BOOKING_MAIN_ADAPTER_ANSWER_UNIT_H
#define TESTS_UNIT_BOOKING_MAIN_ADAPTER_ANSWER_UNIT_H

#include "tests/unit/unit.h"

#include "adapter/answer.h"
#include "lib/base/buffer.h"

#include <stdbool.h>

/* Each answer below is read whole, byte by byte, cut in two at every position and into pieces at
 * random, and must come out the same. */

static struct adapter_answer *answer, *other; /* alone, so that a sanitizer sees who leaves them */
static struct buffer built;                   /* an answer too large for a literal */
static uint64_t random_state;

static inline int begin(void **state)
{
    (void)state;
    answer = malloc(sizeof *answer);
    other = malloc(sizeof *other);
    buffer_init(&built, 1 << 20);
    random_state = 20220606;
    return answer && other ? 0 : -1;
}

static inline int end(void **state)
{
    (void)state;
    free(answer);
    free(other);
    buffer_free(&built);
    return 0;
}

static inline size_t random_below(size_t limit)
{
    return (size_t)(unit_random(&random_state) % limit);
}

/* --- reading --------------------------------------------------------------------------------- */

/* What is received comes in so much at first, then in pieces of that size; 0: of a random one. */
struct cutting {
    size_t first, each;
};

static const struct cutting in_one = {SIZE_MAX, SIZE_MAX}, in_bytes = {1, 1}, at_random = {0, 0};

static inline size_t piece_size(struct cutting cutting, size_t at, size_t left)
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

static inline void fail_on(const char *what, const struct sample *sample, struct cutting cutting)
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

static inline bool same_text(const char *a, const char *b)
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

static inline void check_cut(const struct sample *sample, struct cutting cutting)
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
static inline void check_closed(const struct sample *sample, size_t size, struct cutting cutting)
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

static inline void check(const struct sample *sample)
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

static inline void check_all(const struct sample *samples, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check(&samples[i]);
}

static inline char *long_body(size_t size)
{
    char *body = malloc(size);
    assert_non_null(body);
    for (size_t i = 0; i < size; i++)
        body[i] = (char)unit_random(&random_state);
    return body;
}

#endif
