#include "tests/unit/unit.h"

#include "lib/base/buffer.h"
#include "lib/json/flat.h"

#include <jansson.h>

#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

/* What is taken must be just what jansson makes of it; what is not taken is jansson's to judge. */

#define RAW(text) (text), sizeof(text) - 1

struct text {
    const char *bytes;
    size_t size;
};

static uint64_t random_state = 8259;

static size_t random_below(size_t limit)
{
    return (size_t)(unit_random(&random_state) % limit);
}

static void fail_on(const char *what, const char *bytes, size_t size)
{
    char text[1201] = "";
    for (size_t i = 0, at = 0; i < size && i < 300; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        bool plain = byte >= ' ' && byte < 0x7f;
        at += (size_t)snprintf(text + at, sizeof text - at, plain ? "%c" : "\\x%02x", byte);
    }
    fail_msg("%s: %s", what, text);
}

/* --- beside jansson -------------------------------------------------------------------------- */

static bool is_within(const char *part, size_t part_size, const char *whole, size_t size)
{
    return part >= whole && part <= whole + size && part_size <= (size_t)(whole + size - part);
}

static bool same_number(const struct json_flat_member *member, const json_t *value)
{
    char text[64];
    if (!json_is_number(value) || member->value_size >= sizeof text)
        return false;
    memcpy(text, member->value, member->value_size);
    text[member->value_size] = '\0';
    char *end;
    return strtod(text, &end) == json_number_value(value) && !*end;
}

static bool same_value(const struct json_flat_member *member, const json_t *value)
{
    const char *word = json_is_null(value)    ? "null"
                       : json_is_true(value)  ? "true"
                       : json_is_false(value) ? "false"
                                              : "";
    switch (member->type) {
    case JSON_FLAT_STRING:
        return json_is_string(value) && member->value_size == json_string_length(value) &&
               memcmp(member->value, json_string_value(value), member->value_size) == 0;
    case JSON_FLAT_NUMBER:
        return same_number(member, value);
    case JSON_FLAT_OTHER:
        return *word && member->value_size == strlen(word) &&
               memcmp(member->value, word, member->value_size) == 0;
    }
    return false;
}

static char *copy(const char *bytes, size_t size)
{
    char *text = malloc(size + 1);
    assert_non_null(text);
    memcpy(text, bytes, size);
    text[size] = '\0';
    return text;
}

/* Reads on from a member to the end, for whether it is named again there. */
static bool named_again(struct json_flat flat, const struct json_flat_member *member)
{
    struct json_flat_member later;
    while (json_flat_next(&flat, &later) == JSON_FLAT_MEMBER)
        if (later.name_size == member->name_size &&
            memcmp(later.name, member->name, member->name_size) == 0)
            return true;
    return false;
}

/* Members in turn, as jansson has them; of those that are named twice it has the last. */
static void check_members(const char *bytes, size_t size, const json_t *root)
{
    struct json_flat flat = json_flat_begin(bytes, size);
    struct json_flat_member member;
    size_t count = 0;
    enum json_flat_step step;
    while ((step = json_flat_next(&flat, &member)) == JSON_FLAT_MEMBER) {
        if (!is_within(member.name, member.name_size, bytes, size) ||
            !is_within(member.value, member.value_size, bytes, size))
            fail_on("a member is not in the text", bytes, size);
        if (named_again(flat, &member))
            continue;
        char *name = copy(member.name, member.name_size);
        const json_t *value = json_object_get(root, name);
        if (strlen(name) != member.name_size || !value)
            fail_on("jansson has no such member", bytes, size);
        if (!same_value(&member, value))
            fail_on("jansson has another value", bytes, size);
        free(name);
        count++;
    }
    if (step != JSON_FLAT_END)
        fail_on("valid, but not read to its end", bytes, size);
    if (count != json_object_size(root))
        fail_on("jansson has more members", bytes, size);
}

enum { GUARDED_MAX = 16384 };

/* The text before memory that cannot be read: a sanitizer does not see all that the compiler makes
 * of a memcmp(). */
static const char *guarded(const char *bytes, size_t size)
{
    static char *memory;
    size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (GUARDED_MAX + page - 1) / page * page;
    if (!memory) {
        memory =
            mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert_ptr_not_equal(memory, MAP_FAILED);
        assert_int_equal(mprotect(memory + room, page, PROT_NONE), 0);
    }
    assert_true(size <= room);
    return memcpy(memory + room - size, bytes, size);
}

/* Whether the text is taken; then it must be right. */
static bool check(const char *bytes, size_t size)
{
    char *exact = malloc(size ? size : 1); /* a reader past its end meets the sanitizer */
    assert_non_null(exact);
    memcpy(exact, bytes, size);
    bool taken = json_flat_valid(size ? exact : exact + 1, size);
    assert_int_equal(json_flat_valid(guarded(bytes, size), size), taken);
    if (taken) {
        json_t *root = json_loadb(exact, size, JSON_DECODE_ANY, NULL);
        if (!json_is_object(root))
            fail_on("jansson does not take it", bytes, size);
        check_members(exact, size, root);
        json_decref(root);
    }
    free(exact);
    return taken;
}

/* --- tables ---------------------------------------------------------------------------------- */

static void flat_objects_are_taken(void **state)
{
    (void)state;
    static const struct text texts[] = {
        {RAW("{\"a\":1}")},
        {RAW("{\"\":\"\"}")},
        {RAW("{\"a\":\"b\",\"c\":null,\"d\":true,\"e\":false,\"f\":0}")},
        {RAW(" \t\r\n{ \t\r\n\"a\" \t\r\n: \t\r\n\"b\" \t\r\n, \t\r\n\"c\" \t\r\n: \t\r\n1 \t\r\n} "
             "\t\r\n")},
        {RAW("{\"carid\":\"VW-1\",\"price\":110.50,\"currency\":\"EUR\",\"status\":\"held\"}\n")},
        {RAW("{\"n\":0}")},
        {RAW("{\"n\":0.0}")},
        {RAW("{\"n\":0.5 }")},
        {RAW("{\"n\":10,\"m\":100}")},
        {RAW("{\"n\":55.25,\"m\":0.1,\"o\":0.3,\"p\":1.10}")},
        {RAW("{\"n\":123456789012345,\"m\":1}")},
        {RAW("{\"n\":1234567890.12345}")},
        {RAW("{\"n\":0.00000000000001}")},
        {RAW("{\"n\":9999999999999.99}")},
        {RAW("{\"a\":\"{}[]:,/'0 true null\",\"{\":\"}\"}")},
        {RAW("{\"a b\":\" \",\"c\":\"~\"}")},
        {RAW("{\"a\":\"\x7f\"}")},
    };
    for (size_t i = 0; i < LENGTH(texts); i++)
        if (!check(texts[i].bytes, texts[i].size))
            fail_on("not taken", texts[i].bytes, texts[i].size);
}

/* All of these are JSON, and jansson's. */
static void what_is_not_of_the_shape_is_not_taken(void **state)
{
    (void)state;
    static const struct text texts[] = {
        {RAW("null")},
        {RAW("true")},
        {RAW("5")},
        {RAW("\"a\"")},
        {RAW("[]")},
        {RAW("[1]")},
        {RAW("[{\"a\":1}]")},
        {RAW("{\"a\":{}}")},
        {RAW("{\"a\":{\"b\":1}}")},
        {RAW("{\"a\":[]}")},
        {RAW("{\"a\":[1],\"b\":2}")},
        {RAW("{\"a\":\"\\n\"}")},
        {RAW("{\"a\":\"\\\"\"}")},
        {RAW("{\"a\":\"\\\\\"}")},
        {RAW("{\"a\":\"\\u0041\"}")},
        {RAW("{\"\\u0061\":\"A\"}")},
        {RAW("{\"a\\/\":1}")},
        {RAW("{\"a\":\"\xc3\xa9\"}")},
        {RAW("{\"\xc3\xa9\":1}")},
        {RAW("{\"a\":\"\xf0\x9f\x9a\x97\"}")},
        {RAW("{\"a\":-1}")},
        {RAW("{\"a\":-0}")},
        {RAW("{\"a\":1e2}")},
        {RAW("{\"a\":1E2}")},
        {RAW("{\"a\":1.5e-2}")},
        {RAW("{\"a\":0e0}")},
        {RAW("{\"a\":1234567890123456}")},
        {RAW("{\"a\":12345678901.12345}")},
        {RAW("{\"a\":0.1234567890123456}")},
        {RAW("{\"a\":0.10000000000000000000}")},
    };
    for (size_t i = 0; i < LENGTH(texts); i++) {
        json_t *root = json_loadb(texts[i].bytes, texts[i].size, JSON_DECODE_ANY, NULL);
        if (!root)
            fail_on("jansson does not take it", texts[i].bytes, texts[i].size);
        json_decref(root);
        if (check(texts[i].bytes, texts[i].size))
            fail_on("taken", texts[i].bytes, texts[i].size);
    }
}

static void what_is_not_json_is_not_taken(void **state)
{
    (void)state;
    static const struct text texts[] = {
        /* nothing */
        {RAW("")},
        {RAW(" ")},
        {RAW(" \t\r\n")},
        {RAW("\0")},
        {RAW("\xef\xbb\xbf{\"a\":1}")},
        /* without an end */
        {RAW("{")},
        {RAW("{ ")},
        {RAW("{\"")},
        {RAW("{\"a")},
        {RAW("{\"a\"")},
        {RAW("{\"a\":")},
        {RAW("{\"a\": ")},
        {RAW("{\"a\":\"")},
        {RAW("{\"a\":\"b")},
        {RAW("{\"a\":\"b\"")},
        {RAW("{\"a\":\"b\\")},
        {RAW("{\"a\":\"b\\\"}")},
        {RAW("{\"a\":1")},
        {RAW("{\"a\":1.")},
        {RAW("{\"a\":1.5")},
        {RAW("{\"a\":t")},
        {RAW("{\"a\":tru")},
        {RAW("{\"a\":null")},
        {RAW("{\"a\":1,")},
        {RAW("{\"a\":1,\"")},
        {RAW("{\"a\":1,\"b\"")},
        {RAW("{\"a\":1 ")},
        /* commas, colons, braces */
        {RAW("}")},
        {RAW("{}}")},
        {RAW("{,}")},
        {RAW("{\"a\":1,}")},
        {RAW("{,\"a\":1}")},
        {RAW("{\"a\":1,,\"b\":2}")},
        {RAW("{\"a\":1 \"b\":2}")},
        {RAW("{\"a\" 1}")},
        {RAW("{\"a\"::1}")},
        {RAW("{\"a\",1}")},
        {RAW("{\"a\":}")},
        {RAW("{\"a\"}")},
        {RAW("{\"a\":1:2}")},
        {RAW("{:1}")},
        {RAW("{a:1}")},
        {RAW("{1:1}")},
        {RAW("{'a':1}")},
        {RAW("{null:1}")},
        {RAW("{\"a\":1]")},
        {RAW("[\"a\":1}")},
        {RAW("{{\"a\":1}")},
        {RAW("\"a\":1}")},
        /* behind the end */
        {RAW("{\"a\":1}}")},
        {RAW("{\"a\":1},")},
        {RAW("{\"a\":1}x")},
        {RAW("{\"a\":1} 1")},
        {RAW("{\"a\":1}{\"a\":1}")},
        {RAW("{\"a\":1}\n{\"a\":1}\n")},
        {RAW("{\"a\":1}//")},
        {RAW("{\"a\":1}\0")},
        {RAW("{\"a\":1} \0 ")},
        {RAW("{\"a\":1}\0}")},
        {RAW("{\"a\":1}\x0b")},
        {RAW("{\"a\":1}\x0c")},
        {RAW("{\"a\":1}\xa0")},
        /* NUL and other characters that are none */
        {RAW("\0{\"a\":1}")},
        {RAW("{\0\"a\":1}")},
        {RAW("{\"a\0\":1}")},
        {RAW("{\"a\"\0:1}")},
        {RAW("{\"a\":\0"
             "1}")},
        {RAW("{\"a\":\"b\0\"}")},
        {RAW("{\"a\":\"b\n\"}")},
        {RAW("{\"a\":\"b\t\"}")},
        {RAW("{\"a\":\"b\x1f\"}")},
        {RAW("{\"a\x01\":\"b\"}")},
        {RAW("{\x0b\"a\":1}")},
        {RAW("{\"a\":\"\xff\"}")},
        {RAW("{\"a\":\"\xc3\"}")},
        {RAW("{\"a\":\"\x80\"}")},
        {RAW("{\"a\":\"\xed\xa0\x80\"}")},
        {RAW("{\"\xff\":1}")},
        {RAW("{\"a\":1\xff}")},
        /* numbers */
        {RAW("{\"a\":01}")},
        {RAW("{\"a\":00}")},
        {RAW("{\"a\":00.5}")},
        {RAW("{\"a\":007}")},
        {RAW("{\"a\":1.}")},
        {RAW("{\"a\":1.,\"b\":2}")},
        {RAW("{\"a\":.5}")},
        {RAW("{\"a\":.}")},
        {RAW("{\"a\":1.5.5}")},
        {RAW("{\"a\":1..5}")},
        {RAW("{\"a\":+1}")},
        {RAW("{\"a\":-}")},
        {RAW("{\"a\":--1}")},
        {RAW("{\"a\":1 2}")},
        {RAW("{\"a\":1,5}")},
        {RAW("{\"a\":1e}")},
        {RAW("{\"a\":0x10}")},
        {RAW("{\"a\":1f}")},
        {RAW("{\"a\":1_000}")},
        {RAW("{\"a\":NaN}")},
        {RAW("{\"a\":Infinity}")},
        {RAW("{\"a\":1true}")},
        /* words */
        {RAW("{\"a\":nul}")},
        {RAW("{\"a\":nulll}")},
        {RAW("{\"a\":Null}")},
        {RAW("{\"a\":TRUE}")},
        {RAW("{\"a\":truefalse}")},
        {RAW("{\"a\":true1}")},
        {RAW("{\"a\":true\"b\"}")},
        {RAW("{\"a\":true,false}")},
        {RAW("{\"a\":undefined}")},
        {RAW("{\"a\":b}")},
        {RAW("{\"a\":\"b\"c}")},
        {RAW("{\"a\":\"b\"\"c\"}")},
        {RAW("{\"a\"\"b\":1}")},
        /* comments */
        {RAW("{\"a\":1/**/}")},
        {RAW("//\n{\"a\":1}")},
        {RAW("#\n{\"a\":1}")},
    };
    for (size_t i = 0; i < LENGTH(texts); i++) {
        json_t *root = json_loadb(texts[i].bytes, texts[i].size, JSON_DECODE_ANY, NULL);
        if (root)
            fail_on("jansson takes it", texts[i].bytes, texts[i].size);
        if (check(texts[i].bytes, texts[i].size))
            fail_on("taken", texts[i].bytes, texts[i].size);
    }
}

/* Whether these are of the shape is open; they must not be read wrong. */
static void what_is_odd_is_not_read_wrong(void **state)
{
    (void)state;
    check(RAW("{}"));
    check(RAW(" { } "));
    check(RAW("{\"a\":1,\"a\":\"two\",\"b\":3,\"a\":null}"));
    check(RAW("{\"\":1,\"\":2}"));
    check(RAW("{\"a\":1.00000000000000}"));
    /* jansson itself has been seen to take this one. */
    assert_false(check(RAW("{\"a\":1\0}")));
}

/* Each byte alone, within and between the parts of a text. */
static void each_byte_is_judged_as_jansson_does(void **state)
{
    (void)state;
    static const char whole[] = " {\"ab\" : \"cd\" ,\"e\":12.5,\"f\":null} ";
    char text[sizeof whole + 1];
    for (size_t at = 0; at < sizeof whole; at++)
        for (int byte = 0; byte < 256; byte++) {
            memcpy(text, whole, at);
            text[at] = (char)byte;
            memcpy(text + at + 1, whole + at, sizeof whole - 1 - at);
            check(text, sizeof whole); /* one more */
            if (at + 1 < sizeof whole) {
                memcpy(text + at + 1, whole + at + 1, sizeof whole - 2 - at);
                check(text, sizeof whole - 1); /* in place of another */
            }
        }
}

/* --- at random ------------------------------------------------------------------------------- */

static void add_space(struct buffer *out)
{
    while (random_below(4) == 0)
        buffer_add(out, " \t\r\n" + random_below(4), 1);
}

/* Of any ASCII characters that need no escape. */
static void add_string(struct buffer *out, size_t size)
{
    buffer_add(out, "\"", 1);
    while (size--) {
        char letter;
        do
            letter = (char)(' ' + random_below(0x80 - ' '));
        while (letter == '"' || letter == '\\');
        buffer_add(out, &letter, 1);
    }
    buffer_add(out, "\"", 1);
}

/* Of up to 15 digits, without zeros before others. */
static void add_number(struct buffer *out)
{
    size_t digits = 1 + random_below(15), point = 1 + random_below(digits);
    if (random_below(5) == 0)
        point = 1;
    bool zero = point == 1 && random_below(2);
    for (size_t i = 0; i < digits; i++) {
        char digit = (char)('0' + random_below(10));
        if (i == 0)
            digit = (char)(zero ? '0' : '1' + random_below(9));
        if (i == point)
            buffer_add(out, ".", 1);
        buffer_add(out, &digit, 1);
    }
}

static void add_value(struct buffer *out)
{
    static const char *const words[] = {"null", "true", "false"};
    switch (random_below(3)) {
    case 0:
        add_string(out, random_below(12));
        break;
    case 1:
        add_number(out);
        break;
    default:
        buffer_add_text(out, words[random_below(LENGTH(words))]);
    }
}

/* Of the shape; now and then with a member that is named again. */
static void build_flat(struct buffer *out)
{
    buffer_clear(out);
    add_space(out);
    buffer_add(out, "{", 1);
    for (size_t left = 1 + random_below(6); left; left--) {
        add_space(out);
        add_string(out, random_below(8) ? 1 + random_below(8) : 0);
        add_space(out);
        buffer_add(out, ":", 1);
        add_space(out);
        add_value(out);
        add_space(out);
        buffer_add(out, left > 1 ? "," : "}", 1);
    }
    add_space(out);
}

static void random_flat_objects_are_taken(void **state)
{
    (void)state;
    struct buffer text;
    buffer_init(&text, 10000);
    for (int i = 0; i < 20000; i++) {
        build_flat(&text);
        if (!check(text.data, text.size))
            fail_on("not taken", text.data, text.size);
    }
    buffer_free(&text);
}

/* Breaks it in one to three places. */
static void mutate(struct buffer *text)
{
    static const char letters[] = "{}[]:,\"\\/ \n\t0019.-+eEtrufalsn\0\x1f\x7f\x80\xc3\xa9\xff";
    for (size_t times = 1 + random_below(3); times-- && text->size > 5;) {
        size_t at = random_below(text->size), size = random_below(text->size - at) % 6;
        switch (random_below(6)) {
        case 0:
            text->data[at] ^= (char)(1 << random_below(8));
            break;
        case 1:
            text->data[at] = letters[random_below(sizeof letters - 1)];
            break;
        case 2: /* one more */
            buffer_add(text, "x", 1);
            memmove(text->data + at + 1, text->data + at, text->size - 1 - at);
            text->data[at] = letters[random_below(sizeof letters - 1)];
            break;
        case 3: /* some out */
            memmove(text->data + at, text->data + at + size, text->size - at - size);
            text->size -= size;
            break;
        case 4: /* some twice */
            buffer_add(text, "xxxxx", size);
            memmove(text->data + at + size, text->data + at, text->size - at - size);
            break;
        default: /* cut off */
            text->size = at + 1;
        }
    }
}

static void broken_objects_are_never_taken_wrongly(void **state)
{
    (void)state;
    struct buffer text;
    buffer_init(&text, 10000);
    int taken = 0;
    for (int i = 0; i < 100000; i++) {
        build_flat(&text);
        mutate(&text);
        taken += check(text.data, text.size);
    }
    assert_in_range(taken, 10000, 90000); /* of both kinds there were enough */
    buffer_free(&text);
}

/* Tokens in any order, which are more often nearly right than bytes are. */
static void tokens_in_any_order_are_never_taken_wrongly(void **state)
{
    (void)state;
    static const char *const tokens[] = {
        "{",  "}",  ",",  ":",       "\"a\"",   "\"b\"", "\"\"",   "1", "0",
        ".",  ".5", "-",  "e1",      "null",    "true",  "[",      "]", " ",
        "\n", "\\", "\"", "{\"a\":", ",\"b\":", "12.25", "\"a\":1"};
    struct buffer text;
    buffer_init(&text, 10000);
    for (int i = 0; i < 100000; i++) {
        buffer_clear(&text);
        buffer_add_text(&text, i % 2 ? "{" : "{\"a\":");
        for (size_t left = random_below(8); left; left--)
            buffer_add_text(&text, tokens[random_below(LENGTH(tokens))]);
        buffer_add_text(&text, random_below(8) ? "}" : "");
        check(text.data, text.size);
    }
    buffer_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flat_objects_are_taken),
        cmocka_unit_test(what_is_not_of_the_shape_is_not_taken),
        cmocka_unit_test(what_is_not_json_is_not_taken),
        cmocka_unit_test(what_is_odd_is_not_read_wrong),
        cmocka_unit_test(each_byte_is_judged_as_jansson_does),
        cmocka_unit_test(random_flat_objects_are_taken),
        cmocka_unit_test(broken_objects_are_never_taken_wrongly),
        cmocka_unit_test(tokens_in_any_order_are_never_taken_wrongly),
    };
    return cmocka_run_group_tests_name("json_flat", tests, NULL, NULL);
}
