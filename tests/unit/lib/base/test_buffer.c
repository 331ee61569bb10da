#include "tests/unit/unit.h"

#include "lib/base/buffer.h"

#include <limits.h>

static void starts_without_memory(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 10);
    assert_null(buffer.data);
    assert_int_equal(buffer.size, 0);
    assert_false(buffer.failed);
    buffer_free(&buffer);
}

static void holds_exactly_its_limit(void **state)
{
    (void)state;
    for (size_t limit = 0; limit < 600; limit += 37) {
        struct buffer buffer;
        buffer_init(&buffer, limit);
        for (size_t i = 0; i < limit; i++) {
            char byte = (char)('a' + i % 26);
            buffer_add(&buffer, &byte, 1);
        }
        assert_false(buffer.failed);
        assert_int_equal(buffer.size, limit);
        buffer_add(&buffer, "x", 1);
        assert_true(buffer.failed);
        assert_int_equal(buffer.size, limit);
        for (size_t i = 0; i < limit; i++)
            assert_int_equal(buffer.data[i], 'a' + (int)(i % 26));
        if (limit)
            assert_int_equal(buffer.data[limit], '\0');
        buffer_free(&buffer);
    }
}

static void failure_is_sticky_and_keeps_what_was_there(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 5);
    buffer_add_text(&buffer, "abc");
    buffer_add_text(&buffer, "def"); /* one too many: nothing of it is kept */
    assert_true(buffer.failed);
    assert_string_equal(buffer.data, "abc");
    buffer_add_text(&buffer, "d"); /* would fit */
    buffer_add_number(&buffer, 1);
    buffer_printf(&buffer, "%d", 2);
    assert_false(buffer_reserve(&buffer, 0));
    assert_string_equal(buffer.data, "abc");
    assert_int_equal(buffer.size, 3);
    buffer_free(&buffer);
}

static void clear_forgets_failure_and_content(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 3);
    buffer_add_text(&buffer, "abcd");
    assert_true(buffer.failed);
    buffer_clear(&buffer);
    assert_false(buffer.failed);
    buffer_add_text(&buffer, "xyz");
    assert_false(buffer.failed);
    assert_string_equal(buffer.data, "xyz");
    buffer_clear(&buffer);
    assert_int_equal(buffer.size, 0);
    assert_string_equal(buffer.data, "");
    buffer_free(&buffer);
    buffer_add_text(&buffer, "abc"); /* the limit outlives the memory */
    buffer_add_text(&buffer, "d");
    assert_true(buffer.failed);
    buffer_free(&buffer);
}

static void takes_bytes_of_any_value(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 100);
    buffer_add(&buffer, "a\0b", 3);
    buffer_add(&buffer, NULL, 0);
    assert_int_equal(buffer.size, 3);
    assert_memory_equal(buffer.data, "a\0b", 4);
    buffer_free(&buffer);
}

static void an_impossible_size_fails_without_overflow(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 100);
    buffer_add_text(&buffer, "abc");
    assert_false(buffer_reserve(&buffer, SIZE_MAX));
    assert_true(buffer.failed);
    buffer_clear(&buffer);
    assert_false(buffer_reserve(&buffer, SIZE_MAX - 3));
    buffer_free(&buffer);
}

static void numbers_read_as_printf_would(void **state)
{
    (void)state;
    static const long long numbers[] = {0,  1,   -1,        9,         10,           -10,
                                        99, 100, LLONG_MAX, LLONG_MIN, LLONG_MIN + 1};
    for (size_t i = 0; i < LENGTH(numbers); i++) {
        char expected[32];
        snprintf(expected, sizeof expected, "%lld", numbers[i]);
        struct buffer buffer;
        buffer_init(&buffer, 40);
        buffer_add_number(&buffer, numbers[i]);
        assert_string_equal(buffer.data, expected);
        buffer_free(&buffer);
    }
}

static void printf_grows_and_respects_the_limit(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 1000);
    for (int i = 0; i < 100; i++)
        buffer_printf(&buffer, "%010d", i);
    assert_false(buffer.failed);
    assert_int_equal(buffer.size, 1000);
    assert_memory_equal(buffer.data + 990, "0000000099", 11);
    buffer_printf(&buffer, "%s", ""); /* nothing still fits */
    assert_false(buffer.failed);
    buffer_printf(&buffer, "%c", 'x');
    assert_true(buffer.failed);
    assert_int_equal(buffer.size, 1000);
    buffer_free(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_without_memory),
        cmocka_unit_test(holds_exactly_its_limit),
        cmocka_unit_test(failure_is_sticky_and_keeps_what_was_there),
        cmocka_unit_test(clear_forgets_failure_and_content),
        cmocka_unit_test(takes_bytes_of_any_value),
        cmocka_unit_test(an_impossible_size_fails_without_overflow),
        cmocka_unit_test(numbers_read_as_printf_would),
        cmocka_unit_test(printf_grows_and_respects_the_limit),
    };
    return cmocka_run_group_tests_name("buffer", tests, NULL, NULL);
}
