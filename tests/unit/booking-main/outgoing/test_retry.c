#include "outgoing/retry.h"
#include "tests/unit/unit.h"

static void it_goes_on_for_about_three_days(void **state)
{
    (void)state;
    static const uint32_t randoms[] = {0, UINT32_MAX / 2, UINT32_MAX};
    for (size_t i = 0; i < LENGTH(randoms); i++) {
        int64_t all = 0, before = 0;
        for (unsigned failed = 1; failed < RETRY_TRIES; failed++) {
            int64_t pause = retry_pause(failed, 0, randoms[i]);
            assert_true(pause > before);
            before = pause;
            all += pause;
        }
        assert_in_range(all, 66 * 3600, 84 * 3600);
        assert_int_equal(retry_pause(RETRY_TRIES, 0, randoms[i]), -1);
        assert_int_equal(retry_pause(1000, 0, randoms[i]), -1);
    }
}

static void pauses_differ_by_a_tenth_at_most(void **state)
{
    (void)state;
    assert_int_equal(retry_pause(2, 0, 0), 270);
    assert_int_equal(retry_pause(2, 0, UINT32_MAX), 330);
    assert_in_range(retry_pause(2, 0, UINT32_MAX / 2), 299, 301);
    assert_in_range(retry_pause(1, 0, 0), 4, 5);
    assert_in_range(retry_pause(1, 0, UINT32_MAX), 5, 6);
}

static void a_receiver_may_ask_for_more_time(void **state)
{
    (void)state;
    assert_int_equal(retry_pause(1, 120, 7), 120);
    assert_int_equal(retry_pause(2, 1, 0), 270); /* not for less */
    assert_int_equal(retry_pause(1, 10 * 24 * 3600, 7), RETRY_AFTER_MAX);
    assert_int_equal(retry_pause(1, -5, 0), retry_pause(1, 0, 0));
    assert_int_equal(retry_pause(RETRY_TRIES, 120, 7), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_goes_on_for_about_three_days),
        cmocka_unit_test(pauses_differ_by_a_tenth_at_most),
        cmocka_unit_test(a_receiver_may_ask_for_more_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
