#include "tests/unit/unit.h"

#include "lib/base/container_of.h"
#include "lib/base/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

static struct loop *loop;
static char trace[64]; /* what was called, a letter each */

static void note(char letter)
{
    size_t size = strlen(trace);
    assert_true(size + 1 < sizeof trace);
    trace[size] = letter;
    trace[size + 1] = '\0';
}

static int begin(void **state)
{
    (void)state;
    trace[0] = '\0';
    loop = loop_new();
    return loop ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    loop_free(loop);
    return 0;
}

/* --- timers ---------------------------------------------------------------------------------- */

struct named_timer {
    struct loop_timer timer;
    char name;
    int64_t called;
    struct loop_timer *other;
};

static void on_named(struct loop_timer *timer)
{
    struct named_timer *named = container_of(timer, struct named_timer, timer);
    assert_false(timer->armed);
    named->called = loop_clock();
    note(named->name);
    if (named->name == '.')
        loop_stop(loop);
}

static void arm(struct named_timer *named, char name, int64_t milliseconds)
{
    named->timer.expired = on_named;
    named->name = name;
    loop_arm(loop, &named->timer, loop_now(loop) + milliseconds * LOOP_MILLISECOND);
}

/* When the loop comes late, timers that are due together come in any order. */
static void assert_called_in_time(const struct named_timer *timer, const struct named_timer *later)
{
    assert_true(timer->called >= timer->timer.at);
    assert_true(!later || timer->called <= later->called || timer->called >= later->timer.at);
}

static void timers_come_in_time_and_not_before(void **state)
{
    (void)state;
    struct named_timer a = {0}, b = {0}, c = {0}, last = {0};
    arm(&c, 'c', 40);
    arm(&a, 'a', 5);
    arm(&b, 'b', 20);
    do { /* once, unless the loop is so late that the last one comes first */
        arm(&last, '.', 60);
        assert_int_equal(loop_run(loop), 0);
    } while (a.timer.armed || b.timer.armed || c.timer.armed);
    assert_called_in_time(&a, &b);
    assert_called_in_time(&b, &c);
    assert_called_in_time(&c, &last);
    assert_called_in_time(&last, NULL);
    for (const char *name = "abc"; *name; name++)
        assert_ptr_equal(strchr(trace, *name), strrchr(trace, *name));
}

static void a_timer_may_be_moved_or_disarmed(void **state)
{
    (void)state;
    struct named_timer moved = {0}, never = {0}, removed = {0}, last = {0};
    arm(&moved, 'm', 1);
    arm(&moved, 'm', 30); /* moved, not doubled */
    arm(&never, 'n', 5);
    arm(&removed, 'r', 5);
    loop_disarm(&never.timer);
    loop_remove_timer(loop, &removed.timer);
    assert_false(removed.timer.known);
    do { /* once, unless the loop is so late that the last one comes first */
        arm(&last, '.', 50);
        assert_int_equal(loop_run(loop), 0);
    } while (moved.timer.armed);
    assert_called_in_time(&moved, NULL);
    assert_ptr_equal(strchr(trace, 'm'), strrchr(trace, 'm'));
    assert_null(strpbrk(trace, "nr"));
}

static void a_time_that_has_passed_is_due_at_once(void **state)
{
    (void)state;
    struct named_timer late = {0}, last = {0};
    arm(&late, 'l', -1000);
    arm(&last, '.', 0);
    assert_int_equal(loop_run(loop), 0);
    assert_int_equal(strlen(trace), 2);
}

static void on_remove(struct loop_timer *timer)
{
    struct named_timer *named = container_of(timer, struct named_timer, timer);
    note(named->name);
    loop_remove_timer(loop, timer);
    if (named->other)
        loop_arm(loop, named->other, loop_now(loop));
}

static void a_callback_may_remove_its_timer_and_arm_another(void **state)
{
    (void)state;
    struct named_timer last = {.timer = {.expired = on_named}, .name = '.'};
    struct named_timer first = {.name = 'f', .other = &last.timer};
    loop_arm(loop, &last.timer, loop_now(loop) + LOOP_SECOND);
    first.timer.expired = on_remove;
    loop_arm(loop, &first.timer, loop_now(loop));
    assert_int_equal(loop_run(loop), 0);
    assert_string_equal(trace, "f.");
}

static void on_again(struct loop_timer *timer)
{
    note('t');
    loop_arm(loop, timer, loop_now(loop)); /* for ever */
}

static void on_pipe_note(struct loop_watch *watch, uint32_t events)
{
    (void)watch, (void)events;
    note('p');
}

static int64_t task_end(struct loop_task *task)
{
    (void)task;
    note('k');
    if (strlen(trace) > 10)
        loop_stop(loop); /* which a loop that stays with the timer does not heed */
    return -1;
}

/* Descriptors have their turn between two calls of it, and a task its own. */
static void a_timer_that_arms_itself_for_now_is_called_once_a_round(void **state)
{
    (void)state;
    struct loop_timer again = {.expired = on_again};
    struct loop_task task = {.run = task_end};
    struct loop_watch watch = {.ready = on_pipe_note};
    int ends[2];
    assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(loop_watch(loop, ends[0], EPOLLIN, &watch), 0);
    loop_add_task(loop, &task);
    loop_arm(loop, &again, loop_now(loop));
    assert_int_equal(loop_run(loop), 0);
    assert_int_equal(strncmp(trace, "ktkpktkpktk", 11), 0);
    close(ends[0]);
    close(ends[1]);
}

struct arming_task {
    struct loop_task task;
    struct loop_timer timer;
    bool armed;
};

static int64_t task_arms(struct loop_task *task)
{
    struct arming_task *arming = container_of(task, struct arming_task, task);
    note('k');
    if (!arming->armed)
        loop_arm(loop, &arming->timer, loop_now(loop));
    arming->armed = true;
    return -1;
}

static void on_stop(struct loop_timer *timer)
{
    (void)timer;
    note('t');
    loop_stop(loop);
}

/* Nothing else would end the wait. */
static void a_timer_that_a_task_arms_for_now_is_called_in_the_same_round(void **state)
{
    (void)state;
    struct arming_task arming = {.task = {.run = task_arms}, .timer = {.expired = on_stop}};
    loop_add_task(loop, &arming.task);
    assert_int_equal(loop_run(loop), 0);
    assert_string_equal(trace, "ktk");
}

/* --- tasks ----------------------------------------------------------------------------------- */

static int64_t task_a(struct loop_task *task)
{
    (void)task;
    note('a');
    return -1;
}

static int64_t task_b(struct loop_task *task)
{
    (void)task;
    note('b');
    return 5 * LOOP_MILLISECOND;
}

static int64_t task_stop(struct loop_task *task)
{
    (void)task;
    if (strlen(trace) >= 6)
        loop_stop(loop);
    return -1;
}

static void tasks_run_in_order_before_each_wait(void **state)
{
    (void)state;
    struct loop_task a = {.run = task_a}, b = {.run = task_b}, stop = {.run = task_stop};
    loop_add_task(loop, &a);
    loop_add_task(loop, &b);
    loop_add_task(loop, &stop);
    /* Nothing else happens: only the second task's impatience wakes the loop. */
    int64_t start = loop_clock();
    assert_int_equal(loop_run(loop), 0);
    assert_string_equal(trace, "ababab");
    int64_t spent = loop_clock() - start;
    assert_true(spent >= 10 * LOOP_MILLISECOND);
    assert_true(spent < 30 * LOOP_SECOND); /* without it the loop sleeps for a minute */
}

static void a_removed_task_is_not_run(void **state)
{
    (void)state;
    struct loop_task a = {.run = task_a}, b = {.run = task_b}, stop = {.run = task_stop};
    loop_add_task(loop, &a);
    loop_add_task(loop, &b);
    loop_add_task(loop, &stop);
    loop_remove_task(loop, &a);
    assert_int_equal(loop_run(loop), 0);
    assert_string_equal(trace, "bbbbbb");
}

/* --- descriptors ----------------------------------------------------------------------------- */

struct pipe_watch {
    struct loop_watch watch;
    int ends[2];
    char name;
    struct pipe_watch *other;
};

static void open_pipe(struct pipe_watch *pipe, char name, struct pipe_watch *other,
                      void (*ready)(struct loop_watch *, uint32_t))
{
    pipe->name = name;
    pipe->other = other;
    pipe->watch.ready = ready;
    assert_int_equal(pipe2(pipe->ends, O_NONBLOCK | O_CLOEXEC), 0);
    assert_int_equal(write(pipe->ends[1], "x", 1), 1);
    assert_int_equal(loop_watch(loop, pipe->ends[0], EPOLLIN, &pipe->watch), 0);
}

static void close_pipe(struct pipe_watch *pipe)
{
    close(pipe->ends[0]);
    close(pipe->ends[1]);
}

static void on_pipe_unwatch_other(struct loop_watch *watch, uint32_t events)
{
    struct pipe_watch *pipe = container_of(watch, struct pipe_watch, watch);
    assert_true(events & EPOLLIN);
    note(pipe->name);
    loop_unwatch(loop, pipe->other->ends[0], &pipe->other->watch);
    memset(&pipe->other->watch, 0, sizeof pipe->other->watch); /* gone: calling it would crash */
    loop_stop(loop);
}

static void an_event_fetched_but_unwatched_is_not_delivered(void **state)
{
    (void)state;
    struct pipe_watch a, b;
    open_pipe(&a, 'x', &b, on_pipe_unwatch_other);
    open_pipe(&b, 'x', &a, on_pipe_unwatch_other); /* both are ready in the same wait */
    assert_int_equal(loop_run(loop), 0);
    assert_string_equal(trace, "x"); /* whichever came first took the other out */
    close_pipe(&a);
    close_pipe(&b);
}

static void on_pipe_read(struct loop_watch *watch, uint32_t events)
{
    struct pipe_watch *pipe = container_of(watch, struct pipe_watch, watch);
    (void)events;
    char byte;
    note(pipe->name);
    assert_int_equal(read(pipe->ends[0], &byte, 1), 1);
}

static void rewatching_changes_the_events(void **state)
{
    (void)state;
    struct pipe_watch quiet, heard;
    struct named_timer last = {0};
    open_pipe(&quiet, 'q', NULL, on_pipe_read);
    open_pipe(&heard, 'h', NULL, on_pipe_read);
    assert_int_equal(loop_rewatch(loop, quiet.ends[0], 0, &quiet.watch), 0);
    arm(&last, '.', 30);
    assert_int_equal(loop_run(loop), 0);
    assert_string_equal(trace, "h.");
    assert_int_equal(loop_rewatch(loop, quiet.ends[0], EPOLLIN, &quiet.watch), 0);
    arm(&last, '.', 30);
    assert_int_equal(loop_run(loop), 0);
    assert_string_equal(trace, "h.q.");
    close_pipe(&quiet);
    close_pipe(&heard);
}

static void watching_twice_or_nothing_is_an_error(void **state)
{
    (void)state;
    struct pipe_watch pipe;
    open_pipe(&pipe, 'p', NULL, on_pipe_read);
    assert_int_equal(loop_watch(loop, pipe.ends[0], EPOLLIN, &pipe.watch), -EEXIST);
    assert_int_equal(loop_watch(loop, -1, EPOLLIN, &pipe.watch), -EBADF);
    loop_unwatch(loop, pipe.ends[0], &pipe.watch);
    loop_unwatch(loop, pipe.ends[0], &pipe.watch); /* once more is harmless */
    assert_int_equal(loop_rewatch(loop, pipe.ends[0], EPOLLIN, &pipe.watch), -ENOENT);
    close_pipe(&pipe);
}

static void the_clock_goes_forward_and_now_stands_still(void **state)
{
    (void)state;
    int64_t now = loop_now(loop), before = loop_clock();
    assert_true(before >= now);
    usleep(2000);
    assert_int_equal(loop_now(loop), now);
    assert_true(loop_clock() >= before + 2 * LOOP_MILLISECOND);
    loop_free(NULL);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(timers_come_in_time_and_not_before),
        TEST(a_timer_may_be_moved_or_disarmed),
        TEST(a_time_that_has_passed_is_due_at_once),
        TEST(a_callback_may_remove_its_timer_and_arm_another),
        TEST(a_timer_that_arms_itself_for_now_is_called_once_a_round),
        TEST(a_timer_that_a_task_arms_for_now_is_called_in_the_same_round),
        TEST(tasks_run_in_order_before_each_wait),
        TEST(a_removed_task_is_not_run),
        TEST(an_event_fetched_but_unwatched_is_not_delivered),
        TEST(rewatching_changes_the_events),
        TEST(watching_twice_or_nothing_is_an_error),
        TEST(the_clock_goes_forward_and_now_stands_still),
    };
    return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
