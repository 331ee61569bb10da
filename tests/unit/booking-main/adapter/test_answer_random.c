#include "tests/unit/booking-main/adapter/answer_unit.h"

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
        TEST(random_answers_come_out_as_they_went_in),
        TEST(what_is_broken_ends_the_same_however_cut),
        TEST(noise_ends_the_same_however_cut),
    };
    return cmocka_run_group_tests_name("answer_random", tests, NULL, NULL);
}
