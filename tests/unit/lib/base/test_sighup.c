#include "tests/unit/unit.h"

#include "lib/base/sighup.h"

#include <signal.h>

static struct loop *loop;
static int asked;

static void on_asked(void *context)
{
    assert_ptr_equal(context, &asked);
    asked++;
}

static void stop(struct loop_timer *timer)
{
    (void)timer;
    loop_stop(loop);
}

/* Runs the loop until it has looked at what was there when this was called. */
static void run(void)
{
    struct loop_timer timer = {.expired = stop};
    loop_arm(loop, &timer, loop_clock() + LOOP_MILLISECOND);
    assert_int_equal(loop_run(loop), 0);
    loop_remove_timer(loop, &timer);
}

static void the_signal_is_taken_over_and_told(void **state)
{
    (void)state;
    loop = loop_new();
    struct sighup *sighup = sighup_new(loop, on_asked, &asked);
    assert_non_null(sighup);
    run();
    assert_int_equal(asked, 0);
    raise(SIGHUP); /* which would have ended this program */
    run();
    assert_int_equal(asked, 1);
    raise(SIGHUP);
    raise(SIGHUP);
    run();
    assert_int_equal(asked, 2);
    sighup_free(sighup);
    sighup_free(NULL);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_signal_is_taken_over_and_told)};
    return cmocka_run_group_tests_name("sighup", tests, NULL, NULL);
}
