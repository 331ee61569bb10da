/* How wrong keys are slowed down, on a clock of the tests' own. */
#include "lib/base/loop.h"
#include "operator/desk/attempts.h"
#include "tests/unit/unit.h"

static struct attempts attempts;

static int begin(void **state)
{
    (void)state;
    memset(&attempts, 0, sizeof attempts);
    return 0;
}

/* Fails so often at that moment; when the last one is told, in milliseconds from then. */
static int64_t fail_at(const char *address, int64_t now, int count)
{
    int64_t due = now;
    for (int i = 0; i < count; i++)
        due = attempts_failed(&attempts, address, now);
    return (due - now) / LOOP_MILLISECOND;
}

static void the_first_are_told_at_once_and_then_ever_later(void **state)
{
    (void)state;
    static const int64_t told[] = {0, 0, 0, 500, 1500, 3500, 7500, 15500, 23500, 31500};
    for (size_t i = 0; i < LENGTH(told); i++)
        assert_int_equal(fail_at("192.0.2.1", LOOP_SECOND, 1), told[i]);
    assert_int_equal(fail_at("192.0.2.2", LOOP_SECOND, 1), 0);
}

static void one_after_the_other_waits_no_longer_than_its_turn(void **state)
{
    (void)state;
    int64_t now = LOOP_SECOND;
    for (int i = 0; i < 100; i++) {
        int64_t due = attempts_failed(&attempts, "192.0.2.1", now);
        assert_true(due - now <= ATTEMPTS_WAIT_MAX_SECONDS * LOOP_SECOND);
        assert_int_equal(attempts_wait(&attempts, "192.0.2.1", due), 0);
        now = due;
    }
}

static void many_at_once_are_not_heard(void **state)
{
    (void)state;
    assert_int_equal(attempts_wait(&attempts, "192.0.2.1", 0), 0);
    int64_t last = fail_at("192.0.2.1", 0, 9);
    assert_int_equal(last, 23500);
    assert_int_equal(attempts_wait(&attempts, "192.0.2.1", 0), 0);
    last = fail_at("192.0.2.1", 0, 1);
    assert_int_equal(last, 31500);
    assert_int_equal(attempts_wait(&attempts, "192.0.2.1", 0), 1500 * LOOP_MILLISECOND);
    assert_int_equal(attempts_wait(&attempts, "192.0.2.1", 1400 * LOOP_MILLISECOND),
                     100 * LOOP_MILLISECOND);
    assert_int_equal(attempts_wait(&attempts, "192.0.2.1", 1500 * LOOP_MILLISECOND), 0);
    assert_int_equal(attempts_wait(&attempts, "192.0.2.2", 0), 0);
}

static void an_address_is_forgiven_after_a_time(void **state)
{
    (void)state;
    int64_t quiet = ATTEMPTS_FORGET_SECONDS * LOOP_SECOND;
    fail_at("192.0.2.1", 0, ATTEMPTS_FREE);
    assert_int_equal(fail_at("192.0.2.1", quiet, 1), 500);
    assert_int_equal(fail_at("192.0.2.1", 2 * quiet + LOOP_SECOND, 1), 0);
}

static void the_whole_network_of_an_ipv6_address_counts_as_one(void **state)
{
    (void)state;
    fail_at("2001:db8::1", 0, ATTEMPTS_FREE);
    assert_int_equal(fail_at("2001:db8::ffff:2", 0, 1), 500);
    assert_int_equal(fail_at("2001:db8:0:1::1", 0, 1), 0);
    fail_at("192.0.2.1", 0, ATTEMPTS_FREE);
    assert_int_equal(fail_at("192.0.2.2", 0, 1), 0);
}

static void of_too_many_addresses_the_one_that_waits_least_is_forgotten(void **state)
{
    (void)state;
    char address[32];
    fail_at("192.0.2.1", 0, 8);
    for (int i = 0; i < 4 * ATTEMPTS_ADDRESSES; i++) {
        snprintf(address, sizeof address, "10.0.%d.%d", i / 256, i % 256);
        assert_int_equal(fail_at(address, 0, 1), 0);
    }
    assert_int_equal(fail_at("192.0.2.1", 0, 1), 23500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_first_are_told_at_once_and_then_ever_later, begin),
        cmocka_unit_test_setup(one_after_the_other_waits_no_longer_than_its_turn, begin),
        cmocka_unit_test_setup(many_at_once_are_not_heard, begin),
        cmocka_unit_test_setup(an_address_is_forgiven_after_a_time, begin),
        cmocka_unit_test_setup(the_whole_network_of_an_ipv6_address_counts_as_one, begin),
        cmocka_unit_test_setup(of_too_many_addresses_the_one_that_waits_least_is_forgotten, begin),
    };
    return cmocka_run_group_tests_name("attempts", tests, NULL, NULL);
}
