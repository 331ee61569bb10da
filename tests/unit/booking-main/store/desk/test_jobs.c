/* Threads for the desk's calls, with a database that the test plays. Link with
 * -Wl,--wrap=desk_open,--wrap=desk_close,--wrap=desk_cancel_call,--wrap=clock_gettime.
 */
#include "store/desk/jobs.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <semaphore.h>
#include <time.h>

struct desk *__wrap_desk_open(struct store *store, struct buffer *error);
void __wrap_desk_close(struct desk *desk);
void __wrap_desk_cancel_call(struct desk *desk);
int __real_clock_gettime(clockid_t clock, struct timespec *out);
int __wrap_clock_gettime(clockid_t clock, struct timespec *out);

enum { SHORTS = 2, LONGS = 2 };

/* --- the database ----------------------------------------------------------------------------- */

static _Atomic int opened, closed, cancelled_calls;
static _Atomic bool away;              /* it cannot be opened */
static _Atomic int64_t passed_seconds; /* on the steady clock, besides what really has */

struct desk {
    sem_t cancelled;
};

struct desk *__wrap_desk_open(struct store *store, struct buffer *error)
{
    (void)store;
    if (away) {
        buffer_add_text(error, "nobody is there");
        return NULL;
    }
    struct desk *desk = malloc(sizeof *desk);
    assert_non_null(desk);
    sem_init(&desk->cancelled, 0, 0);
    opened++;
    return desk;
}

void __wrap_desk_close(struct desk *desk)
{
    if (!desk)
        return;
    sem_destroy(&desk->cancelled);
    free(desk);
    closed++;
}

void __wrap_desk_cancel_call(struct desk *desk)
{
    cancelled_calls++;
    sem_post(&desk->cancelled);
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *out)
{
    int result = __real_clock_gettime(clock, out);
    if (clock == CLOCK_MONOTONIC)
        out->tv_sec += passed_seconds;
    return result;
}

/* --- jobs ------------------------------------------------------------------------------------- */

static struct loop *loop;
static struct desk_jobs *jobs;
static int done_count, awaited;
static struct desk_job pool[128], *done_jobs[128];
static size_t pool_used;
static int cancelled_count, look_count;
static sem_t begun, go_on;
static pthread_t loop_thread;

static int64_t stop_if_there(struct loop_task *task)
{
    (void)task;
    if (done_count >= awaited)
        loop_stop(loop);
    return -1;
}

/* Runs the loop until so many jobs have ended since the test began. */
static void await_done(int count)
{
    struct loop_task task = {.run = stop_if_there};
    awaited = count;
    loop_add_task(loop, &task);
    assert_int_equal(loop_run(loop), 0);
    loop_remove_task(loop, &task);
    assert_int_equal(done_count, count);
}

static void on_done(struct desk_job *job)
{
    assert_true(pthread_equal(pthread_self(), loop_thread));
    done_jobs[done_count++] = job;
}

static void on_cancelled(struct desk_job *job)
{
    (void)job;
    cancelled_count++;
    sem_post(&go_on);
}

static enum desk_result run_at_once(struct desk_job *job, struct desk *desk)
{
    (void)job;
    assert_non_null(desk);
    assert_false(pthread_equal(pthread_self(), loop_thread));
    return DESK_NOT_FOUND;
}

/* As a statement that waits for a lock does. */
static enum desk_result run_until_cancelled(struct desk_job *job, struct desk *desk)
{
    sem_post(&begun);
    sem_wait(&desk->cancelled);
    buffer_add_text(&job->error, "it was ended");
    return DESK_FAILED;
}

/* Done all the same, at the very moment. */
static enum desk_result run_in_spite(struct desk_job *job, struct desk *desk)
{
    (void)run_until_cancelled(job, desk);
    return DESK_OK;
}

static enum desk_result run_until_told(struct desk_job *job, struct desk *desk)
{
    (void)job, (void)desk;
    sem_post(&begun);
    sem_wait(&go_on);
    return DESK_FAILED;
}

static void on_look(struct desk_job *job)
{
    assert_true(pthread_equal(pthread_self(), loop_thread));
    (void)job;
    look_count++;
    sem_post(&go_on);
}

static enum desk_result run_with_the_loop(struct desk_job *job, struct desk *desk)
{
    (void)desk;
    desk_jobs_call_loop(jobs, job, on_look);
    sem_wait(&go_on);
    return DESK_OK;
}

/* A job of this test, which goes with it. */
static struct desk_job *new_job(enum desk_result (*run)(struct desk_job *job, struct desk *desk))
{
    assert_in_range(pool_used, 0, LENGTH(pool) - 1);
    struct desk_job *job = &pool[pool_used++];
    *job = (struct desk_job){.run = run, .done = on_done, .cancelled = on_cancelled};
    buffer_init(&job->error, 200);
    return job;
}

static int begin(void **state)
{
    (void)state;
    opened = closed = cancelled_calls = 0;
    away = false;
    done_count = cancelled_count = look_count = 0;
    loop_thread = pthread_self();
    sem_init(&begun, 0, 0);
    sem_init(&go_on, 0, 0);
    loop = loop_new();
    assert_non_null(loop);
    jobs = desk_jobs_new(NULL, loop, "test", SHORTS, LONGS);
    assert_non_null(jobs);
    return 0;
}

static int end(void **state)
{
    (void)state;
    desk_jobs_stop(jobs);
    desk_jobs_free(jobs);
    loop_free(loop);
    assert_int_equal(opened, closed);
    while (pool_used)
        buffer_free(&pool[--pool_used].error);
    return 0;
}

/* --- short ones ------------------------------------------------------------------------------- */

static void a_job_runs_elsewhere_and_ends_here(void **state)
{
    (void)state;
    struct desk_job *first = new_job(run_at_once), *second = new_job(run_at_once);
    assert_true(desk_jobs_add(jobs, first));
    await_done(1);
    assert_ptr_equal(done_jobs[0], first);
    assert_int_equal(first->end, DESK_JOB_RAN);
    assert_int_equal(first->result, DESK_NOT_FOUND);
    assert_true(desk_jobs_add(jobs, second));
    await_done(2);
    assert_in_range(opened, 1, SHORTS); /* handles are kept */
}

static void no_database(void **state)
{
    (void)state;
    struct desk_job *job = new_job(run_at_once), *later = new_job(run_at_once);
    away = true;
    assert_true(desk_jobs_add(jobs, job));
    await_done(1);
    assert_int_equal(job->end, DESK_JOB_NO_STORE);
    assert_string_equal(job->error.data, "nobody is there");
    away = false;
    assert_true(desk_jobs_add(jobs, later));
    await_done(2);
    assert_int_equal(later->end, DESK_JOB_RAN);
}

static void what_is_too_slow_is_ended(void **state)
{
    (void)state;
    struct desk_job *slow = new_job(run_until_cancelled), *next = new_job(run_at_once);
    assert_true(desk_jobs_add(jobs, slow));
    sem_wait(&begun);
    assert_int_equal(cancelled_calls, 0);
    passed_seconds += DESK_JOB_SECONDS + 1;
    await_done(1);
    assert_int_equal(slow->end, DESK_JOB_TOO_SLOW);
    assert_int_equal(cancelled_calls, 1);
    assert_int_equal(closed, 1); /* nobody knows what state that handle is in */
    assert_true(desk_jobs_add(jobs, next));
    await_done(2);
    assert_int_equal(next->end, DESK_JOB_RAN);
}

static void what_was_done_in_spite_of_that_is_done(void **state)
{
    (void)state;
    struct desk_job *job = new_job(run_in_spite);
    assert_true(desk_jobs_add(jobs, job));
    sem_wait(&begun);
    passed_seconds += DESK_JOB_SECONDS + 1;
    await_done(1);
    assert_int_equal(job->end, DESK_JOB_RAN);
    assert_int_equal(job->result, DESK_OK);
    assert_int_equal(closed, 1);
}

/* Both threads are busy: what waits behind them has its time as well. */
static void waiting_has_an_end(void **state)
{
    (void)state;
    struct desk_job *slow[SHORTS], *waiting = new_job(run_at_once);
    for (int i = 0; i < SHORTS; i++) {
        slow[i] = new_job(run_until_cancelled);
        assert_true(desk_jobs_add(jobs, slow[i]));
        sem_wait(&begun);
    }
    assert_true(desk_jobs_add(jobs, waiting));
    passed_seconds += DESK_JOB_SECONDS + 1;
    await_done(SHORTS + 1);
    assert_int_equal(waiting->end, DESK_JOB_WAITED);
    for (int i = 0; i < SHORTS; i++)
        assert_int_equal(slow[i]->end, DESK_JOB_TOO_SLOW);
}

static void no_more_than_so_many_wait(void **state)
{
    (void)state;
    struct desk_job *all[SHORTS + DESK_JOBS_WAITING_MAX];
    for (size_t i = 0; i < LENGTH(all); i++) {
        all[i] = new_job(run_until_cancelled);
        assert_true(desk_jobs_add(jobs, all[i]));
        if (i < SHORTS)
            sem_wait(&begun);
    }
    struct desk_job *beyond = new_job(run_at_once);
    assert_false(desk_jobs_add(jobs, beyond));
    desk_jobs_stop(jobs);
    assert_int_equal(done_count, LENGTH(all));
    for (size_t i = 0; i < LENGTH(all); i++)
        assert_int_equal(all[i]->end, DESK_JOB_STOPPED);
    assert_false(desk_jobs_add(jobs, beyond));
}

/* --- long ones -------------------------------------------------------------------------------- */

static void two_long_ones_and_others_wait(void **state)
{
    (void)state;
    struct desk_job *first = new_job(run_until_told), *second = new_job(run_until_told),
                    *third = new_job(run_at_once), *not_long = new_job(run_at_once),
                    *late = new_job(run_at_once);
    first->background = second->background = true;
    assert_true(desk_jobs_add_long(jobs, first));
    assert_true(desk_jobs_add_long(jobs, second));
    assert_true(desk_jobs_add_long(jobs, late));
    sem_wait(&begun);
    sem_wait(&begun);
    assert_true(desk_jobs_add(jobs, not_long)); /* they are in nobody's way */
    await_done(1);
    passed_seconds += 3600; /* and have no end but their own; who waits for them does */
    await_done(2);
    assert_ptr_equal(done_jobs[1], late);
    assert_int_equal(late->end, DESK_JOB_WAITED);
    assert_true(desk_jobs_add_long(jobs, third));
    sem_post(&go_on);
    await_done(4);
    assert_int_equal(third->end, DESK_JOB_RAN);
    assert_int_equal(cancelled_calls, 0);
    sem_post(&go_on);
    await_done(5);
}

static void so_many_long_ones_wait_and_no_more(void **state)
{
    (void)state;
    struct desk_job *running[] = {new_job(run_until_cancelled), new_job(run_until_cancelled)};
    struct desk_job *all[DESK_JOBS_LONGS_WAITING_MAX], *beyond = new_job(run_at_once);
    for (size_t i = 0; i < LENGTH(running); i++)
        assert_true(desk_jobs_add_long(jobs, running[i]));
    for (size_t i = 0; i < LENGTH(all); i++)
        assert_true(desk_jobs_add_long(jobs, all[i] = new_job(run_at_once)));
    assert_false(desk_jobs_add_long(jobs, beyond));
    desk_jobs_cancel(jobs, all[1]); /* one that waits makes room */
    await_done(1);
    assert_ptr_equal(done_jobs[0], all[1]);
    assert_int_equal(all[1]->end, DESK_JOB_STOPPED);
    assert_true(desk_jobs_add_long(jobs, beyond));
    desk_jobs_stop(jobs);
    assert_int_equal(done_count, LENGTH(running) + LENGTH(all) + 1);
    assert_int_equal(beyond->end, DESK_JOB_STOPPED);
}

static void a_long_one_has_the_loop_do_something(void **state)
{
    (void)state;
    struct desk_job *job = new_job(run_with_the_loop);
    assert_true(desk_jobs_add_long(jobs, job));
    await_done(1);
    assert_int_equal(look_count, 1);
    assert_int_equal(job->result, DESK_OK);
}

/* A long and a short one, which both have begun. */
static void run_one_of_each(struct desk_job **long_one, struct desk_job **short_one)
{
    *long_one = new_job(run_until_told);
    *short_one = new_job(run_until_cancelled);
    assert_true(desk_jobs_add_long(jobs, *long_one));
    assert_true(desk_jobs_add(jobs, *short_one));
    sem_wait(&begun);
    sem_wait(&begun);
}

static void nobody_wants_it_any_more(void **state)
{
    (void)state;
    struct desk_job *long_one, *short_one;
    run_one_of_each(&long_one, &short_one);
    desk_jobs_cancel(jobs, long_one);
    desk_jobs_cancel(jobs, long_one); /* again is the same */
    await_done(1);
    assert_ptr_equal(done_jobs[0], long_one);
    assert_int_equal(long_one->end, DESK_JOB_STOPPED);
    assert_int_equal(cancelled_count, 1);
    assert_int_equal(cancelled_calls, 1);
    desk_jobs_cancel(jobs, short_one);
    await_done(2);
    assert_ptr_equal(done_jobs[1], short_one);
}

/* It goes from the middle of the queue, and from its end, and the others stay. */
static void nobody_wants_what_waits(void **state)
{
    (void)state;
    struct desk_job *busy[SHORTS], *waiting[3];
    for (int i = 0; i < SHORTS; i++) {
        busy[i] = new_job(run_until_cancelled);
        assert_true(desk_jobs_add(jobs, busy[i]));
        sem_wait(&begun);
    }
    for (size_t i = 0; i < LENGTH(waiting); i++) {
        waiting[i] = new_job(run_at_once);
        assert_true(desk_jobs_add(jobs, waiting[i]));
    }
    desk_jobs_cancel(jobs, waiting[1]);
    desk_jobs_cancel(jobs, waiting[2]);
    await_done(2);
    assert_int_equal(waiting[1]->end, DESK_JOB_STOPPED);
    assert_int_equal(waiting[2]->end, DESK_JOB_STOPPED);
    struct desk_job *last = new_job(run_at_once);
    assert_true(desk_jobs_add(jobs, last));
    desk_jobs_cancel(jobs, busy[0]);
    desk_jobs_cancel(jobs, busy[1]);
    await_done(6);
    assert_int_equal(waiting[0]->end, DESK_JOB_RAN);
    assert_int_equal(last->end, DESK_JOB_RAN);
}

static void a_stop_ends_those_that_run(void **state)
{
    (void)state;
    struct desk_job *long_one, *short_one;
    run_one_of_each(&long_one, &short_one);
    desk_jobs_stop(jobs);
    assert_int_equal(done_count, 2);
    assert_int_equal(long_one->end, DESK_JOB_STOPPED);
    assert_int_equal(short_one->end, DESK_JOB_STOPPED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_job_runs_elsewhere_and_ends_here, begin, end),
        cmocka_unit_test_setup_teardown(no_database, begin, end),
        cmocka_unit_test_setup_teardown(what_is_too_slow_is_ended, begin, end),
        cmocka_unit_test_setup_teardown(what_was_done_in_spite_of_that_is_done, begin, end),
        cmocka_unit_test_setup_teardown(waiting_has_an_end, begin, end),
        cmocka_unit_test_setup_teardown(no_more_than_so_many_wait, begin, end),
        cmocka_unit_test_setup_teardown(two_long_ones_and_others_wait, begin, end),
        cmocka_unit_test_setup_teardown(so_many_long_ones_wait_and_no_more, begin, end),
        cmocka_unit_test_setup_teardown(a_long_one_has_the_loop_do_something, begin, end),
        cmocka_unit_test_setup_teardown(nobody_wants_it_any_more, begin, end),
        cmocka_unit_test_setup_teardown(nobody_wants_what_waits, begin, end),
        cmocka_unit_test_setup_teardown(a_stop_ends_those_that_run, begin, end),
    };
    return cmocka_run_group_tests_name("desk_jobs", tests, NULL, NULL);
}
