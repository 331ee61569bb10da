#include "store/desk/jobs.h"

#include "lib/base/container_of.h"
#include "store/thread.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A thread and what it has; the first `shorts` of them take from the queue. */
struct worker {
    struct desk_jobs *jobs;
    struct store_thread thread; /* the loop's */
    struct desk *desk;          /* its own, and under the lock while `job` is there */
    /* Under the lock: */
    struct desk_job *job; /* that it runs, or NULL */
    bool cancelled;       /* what it runs */
    void (*look)(struct desk_job *job);
};

/* Those that wait, by their deadlines. */
struct waiting {
    struct desk_job *first, **last;
    unsigned count;
};

struct desk_jobs {
    struct store *store;
    struct loop *loop;
    struct loop_watch watch;
    struct loop_timer timer; /* the earliest deadline, or before */
    int fd;                  /* an eventfd: there is something for the loop */
    pthread_mutex_t lock;
    pthread_cond_t added;
    /* Under the lock: */
    struct waiting shorts_waiting, longs_waiting;
    struct desk_job *ended, **ended_last;
    unsigned idle; /* short workers that wait for a job */
    bool stopping;
    const char *name;
    unsigned shorts, count; /* workers */
    struct worker workers[DESK_JOBS_THREADS_MAX];
};

/* --- on the threads --------------------------------------------------------------------------- */

static void wake_loop(struct desk_jobs *jobs)
{
    uint64_t one = 1;
    (void)!write(jobs->fd, &one, sizeof one); /* fails only when the loop is to wake already */
}

/* With the lock held. Then the loop is to be woken, without it: the loop may take this thread's
 * processor at once, and must not find the lock taken. */
static void end_job(struct desk_jobs *jobs, struct desk_job *job, enum desk_job_end end)
{
    job->end = end;
    job->next = NULL;
    *jobs->ended_last = job;
    jobs->ended_last = &job->next;
}

static struct desk_job *take_first(struct waiting *waiting)
{
    struct desk_job *job = waiting->first;
    waiting->first = job->next;
    if (!waiting->first)
        waiting->last = &waiting->first;
    waiting->count--;
    return job;
}

static void wait_last(struct waiting *waiting, struct desk_job *job)
{
    job->next = NULL;
    *waiting->last = job;
    waiting->last = &job->next;
    waiting->count++;
}

/* Runs the job that the worker has taken. What was cancelled may have come to its end all the same,
 * and then is what it is; else the handle may be in any state and is given up. */
static void run_job(struct worker *worker, bool keep_desk)
{
    struct desk_jobs *jobs = worker->jobs;
    struct desk_job *job = worker->job;
    struct desk *given_up = NULL;
    job->result = job->run(job, worker->desk);
    pthread_mutex_lock(&jobs->lock);
    if (worker->cancelled || job->result == DESK_FAILED || !keep_desk) {
        given_up = worker->desk;
        worker->desk = NULL;
    }
    pthread_mutex_unlock(&jobs->lock);
    desk_close(given_up); /* before the job ends, since then the loop may wait for this thread */
    pthread_mutex_lock(&jobs->lock);
    enum desk_job_end end = DESK_JOB_RAN;
    if (worker->cancelled && job->result == DESK_FAILED)
        end = job->deadline && !jobs->stopping ? DESK_JOB_TOO_SLOW : DESK_JOB_STOPPED;
    worker->job = NULL;
    worker->look = NULL;
    end_job(jobs, job, end);
    pthread_mutex_unlock(&jobs->lock);
    wake_loop(jobs);
}

/* Opens the worker's handle if it has none. Nothing waits for that but a job in the queue, which
 * has its deadline there. */
static bool open_desk(struct worker *worker, struct buffer *error)
{
    if (!worker->desk)
        worker->desk = desk_open(worker->jobs->store, error);
    return worker->desk;
}

static void *run_short(void *context)
{
    struct worker *worker = context;
    struct desk_jobs *jobs = worker->jobs;
    struct buffer error;
    buffer_init(&error, 1024);
    pthread_mutex_lock(&jobs->lock);
    while (!jobs->stopping) {
        if (!jobs->shorts_waiting.first) {
            jobs->idle++;
            pthread_cond_wait(&jobs->added, &jobs->lock);
            jobs->idle--;
            continue;
        }
        pthread_mutex_unlock(&jobs->lock);
        buffer_clear(&error);
        bool open = open_desk(worker, &error);
        pthread_mutex_lock(&jobs->lock);
        if (jobs->stopping || !jobs->shorts_waiting.first)
            continue;
        struct desk_job *job = take_first(&jobs->shorts_waiting);
        if (!open) {
            buffer_add(&job->error, error.data, error.size);
            end_job(jobs, job, DESK_JOB_NO_STORE);
            wake_loop(jobs);
            continue;
        }
        worker->job = job;
        worker->cancelled = false;
        pthread_mutex_unlock(&jobs->lock);
        run_job(worker, true);
        pthread_mutex_lock(&jobs->lock);
    }
    pthread_mutex_unlock(&jobs->lock);
    desk_close(worker->desk);
    worker->desk = NULL;
    buffer_free(&error);
    return NULL;
}

/* Where the processors are few, partners go before a job in the background. The kernel takes a
 * processor that only runs SCHED_IDLE for an idle one, which a nice value does not do: with it,
 * threads that wake to serve a partner were put in line behind an export. */
static void *run_long(void *context)
{
    struct worker *worker = context;
    struct desk_jobs *jobs = worker->jobs;
    struct desk_job *job = worker->job;
    if (job->background)
        (void)sched_setscheduler((pid_t)gettid(), SCHED_IDLE, &(struct sched_param){0});
    struct desk *desk = desk_open(jobs->store, &job->error);
    pthread_mutex_lock(&jobs->lock);
    worker->desk = desk;
    if (desk && worker->cancelled) /* before there was anything to cancel */
        desk_cancel_call(desk);
    if (!desk) {
        worker->job = NULL;
        end_job(jobs, job, worker->cancelled ? DESK_JOB_STOPPED : DESK_JOB_NO_STORE);
    }
    pthread_mutex_unlock(&jobs->lock);
    if (desk)
        run_job(worker, false);
    else
        wake_loop(jobs);
    return NULL;
}

/* A thread that wakes goes before a SCHED_IDLE one, but one that waits already may not: the
 * kernel's fair queue (EEVDF) passes over whoever had more than its share lately, and lets the idle
 * one run for milliseconds. */
void desk_job_give_way(void)
{
    (void)sched_yield();
}

void desk_jobs_call_loop(struct desk_jobs *jobs, struct desk_job *job,
                         void (*look)(struct desk_job *job))
{
    pthread_mutex_lock(&jobs->lock);
    for (size_t i = jobs->shorts; i < jobs->count; i++)
        if (jobs->workers[i].job == job)
            jobs->workers[i].look = look;
    pthread_mutex_unlock(&jobs->lock);
    wake_loop(jobs);
}

/* --- on the loop ------------------------------------------------------------------------------ */

/* With the lock held: true when it was not cancelled before. */
static bool cancel_worker(struct worker *worker)
{
    if (!worker->job || worker->cancelled)
        return false;
    worker->cancelled = true;
    if (worker->desk)
        desk_cancel_call(worker->desk);
    return true;
}

/* Ends those that have waited until `now`; the deadline of the next, or 0. With the lock held. */
static int64_t end_late(struct desk_jobs *jobs, struct waiting *waiting, int64_t now)
{
    while (waiting->first && waiting->first->deadline <= now)
        end_job(jobs, take_first(waiting), DESK_JOB_WAITED);
    return waiting->first ? waiting->first->deadline : 0;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return !a || (b && b < a) ? b : a;
}

/* Ends the jobs whose deadline has come. */
static void on_deadline(struct loop_timer *timer)
{
    struct desk_jobs *jobs = container_of(timer, struct desk_jobs, timer);
    int64_t now = loop_now(jobs->loop);
    pthread_mutex_lock(&jobs->lock);
    int64_t next = earlier(end_late(jobs, &jobs->shorts_waiting, now),
                           end_late(jobs, &jobs->longs_waiting, now));
    for (size_t i = 0; i < jobs->shorts; i++) {
        struct worker *worker = &jobs->workers[i];
        if (!worker->job || worker->cancelled)
            continue;
        if (worker->job->deadline <= now)
            cancel_worker(worker);
        else
            next = earlier(next, worker->job->deadline);
    }
    pthread_mutex_unlock(&jobs->lock);
    wake_loop(jobs);
    if (next)
        loop_arm(jobs->loop, &jobs->timer, next);
}

/* Takes what has ended, or NULL. */
static struct desk_job *take_ended(struct desk_jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    struct desk_job *ended = jobs->ended;
    jobs->ended = NULL;
    jobs->ended_last = &jobs->ended;
    pthread_mutex_unlock(&jobs->lock);
    return ended;
}

/* The jobs' done() may add others. */
static void deliver(struct desk_jobs *jobs)
{
    struct desk_job *next;
    for (struct desk_job *job = take_ended(jobs); job; job = next) {
        next = job->next;
        job->done(job);
    }
}

static void look_at_long(struct worker *worker)
{
    struct desk_jobs *jobs = worker->jobs;
    pthread_mutex_lock(&jobs->lock);
    struct desk_job *job = worker->job;
    void (*look)(struct desk_job * job) = worker->look;
    worker->look = NULL;
    pthread_mutex_unlock(&jobs->lock);
    if (job && look) /* it goes nowhere without the loop */
        look(job);
    else if (!job)
        store_thread_join(&worker->thread);
}

static bool start_worker(struct worker *worker, void *(*run)(void *context))
{
    return store_thread_start(&worker->thread, worker->jobs->name, run, worker) == 0;
}

/* Starts the long jobs that wait, as far as there are threads for them. */
static void start_longs(struct desk_jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    for (size_t i = jobs->shorts; i < jobs->count && jobs->longs_waiting.first; i++) {
        struct worker *worker = &jobs->workers[i];
        if (worker->thread.runs)
            continue;
        struct desk_job *job = take_first(&jobs->longs_waiting);
        job->deadline = 0;
        worker->cancelled = false;
        worker->job = job;
        if (start_worker(worker, run_long))
            continue;
        worker->job = NULL;
        end_job(jobs, job, DESK_JOB_WAITED);
        wake_loop(jobs);
    }
    pthread_mutex_unlock(&jobs->lock);
}

static void on_ready(struct loop_watch *watch, uint32_t events)
{
    (void)events;
    struct desk_jobs *jobs = container_of(watch, struct desk_jobs, watch);
    uint64_t count;
    if (read(jobs->fd, &count, sizeof count) != (ssize_t)sizeof count)
        return;
    for (size_t i = jobs->shorts; i < jobs->count; i++)
        if (jobs->workers[i].thread.runs)
            look_at_long(&jobs->workers[i]);
    start_longs(jobs);
    deliver(jobs);
}

/* Threads are started when there is something for them, and stay. */
static bool has_worker(struct desk_jobs *jobs, bool busy)
{
    bool any = false;
    for (size_t i = 0; i < jobs->shorts; i++) {
        struct worker *worker = &jobs->workers[i];
        if (!worker->thread.runs && (busy || !any) && start_worker(worker, run_short))
            busy = false;
        any |= worker->thread.runs;
    }
    return any;
}

bool desk_jobs_add(struct desk_jobs *jobs, struct desk_job *job)
{
    pthread_mutex_lock(&jobs->lock);
    bool taken = !jobs->stopping && jobs->shorts_waiting.count < DESK_JOBS_WAITING_MAX;
    bool busy = jobs->shorts_waiting.count >= jobs->idle;
    pthread_mutex_unlock(&jobs->lock);
    if (!taken || !has_worker(jobs, busy))
        return false;
    job->deadline = loop_now(jobs->loop) + DESK_JOB_SECONDS * LOOP_SECOND;
    pthread_mutex_lock(&jobs->lock);
    wait_last(&jobs->shorts_waiting, job);
    pthread_cond_signal(&jobs->added);
    pthread_mutex_unlock(&jobs->lock);
    if (!jobs->timer.armed)
        loop_arm(jobs->loop, &jobs->timer, job->deadline);
    return true;
}

bool desk_jobs_add_long(struct desk_jobs *jobs, struct desk_job *job)
{
    pthread_mutex_lock(&jobs->lock);
    bool taken = !jobs->stopping && jobs->longs_waiting.count < DESK_JOBS_LONGS_WAITING_MAX;
    if (taken) {
        job->deadline = loop_now(jobs->loop) + DESK_JOB_SECONDS * LOOP_SECOND;
        wait_last(&jobs->longs_waiting, job);
    }
    pthread_mutex_unlock(&jobs->lock);
    if (!taken)
        return false;
    start_longs(jobs);
    if (!jobs->timer.armed)
        loop_arm(jobs->loop, &jobs->timer, loop_now(jobs->loop) + DESK_JOB_SECONDS * LOOP_SECOND);
    return true;
}

/* Ends the job where it still waits. With the lock held. */
static void end_waiting(struct desk_jobs *jobs, struct waiting *waiting, struct desk_job *job)
{
    for (struct desk_job **link = &waiting->first; *link; link = &(*link)->next) {
        if (*link != job)
            continue;
        *link = job->next;
        if (waiting->last == &job->next)
            waiting->last = link;
        waiting->count--;
        end_job(jobs, job, DESK_JOB_STOPPED);
        return;
    }
}

void desk_jobs_cancel(struct desk_jobs *jobs, struct desk_job *job)
{
    bool runs = false;
    pthread_mutex_lock(&jobs->lock);
    end_waiting(jobs, &jobs->shorts_waiting, job);
    end_waiting(jobs, &jobs->longs_waiting, job);
    for (size_t i = 0; i < jobs->count && !runs; i++)
        if (jobs->workers[i].job == job)
            runs = cancel_worker(&jobs->workers[i]);
    pthread_mutex_unlock(&jobs->lock);
    wake_loop(jobs);
    if (runs && job->cancelled)
        job->cancelled(job);
}

/* --- life ------------------------------------------------------------------------------------- */

struct desk_jobs *desk_jobs_new(struct store *store, struct loop *loop, const char *name,
                                unsigned shorts, unsigned longs)
{
    assert(shorts && shorts + longs <= DESK_JOBS_THREADS_MAX);
    struct desk_jobs *jobs = calloc(1, sizeof *jobs);
    if (!jobs)
        return NULL;
    jobs->store = store;
    jobs->loop = loop;
    jobs->name = name;
    jobs->shorts = shorts;
    jobs->count = shorts + longs;
    jobs->watch.ready = on_ready;
    jobs->timer.expired = on_deadline;
    jobs->shorts_waiting.last = &jobs->shorts_waiting.first;
    jobs->longs_waiting.last = &jobs->longs_waiting.first;
    jobs->ended_last = &jobs->ended;
    for (size_t i = 0; i < jobs->count; i++)
        jobs->workers[i].jobs = jobs;
    pthread_mutex_init(&jobs->lock, NULL);
    pthread_cond_init(&jobs->added, NULL);
    jobs->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (jobs->fd < 0 || loop_watch(loop, jobs->fd, EPOLLIN, &jobs->watch) != 0) {
        desk_jobs_free(jobs);
        return NULL;
    }
    return jobs;
}

void desk_jobs_stop(struct desk_jobs *jobs)
{
    if (!jobs)
        return;
    pthread_mutex_lock(&jobs->lock);
    jobs->stopping = true;
    while (jobs->shorts_waiting.first)
        end_job(jobs, take_first(&jobs->shorts_waiting), DESK_JOB_STOPPED);
    while (jobs->longs_waiting.first)
        end_job(jobs, take_first(&jobs->longs_waiting), DESK_JOB_STOPPED);
    pthread_cond_broadcast(&jobs->added);
    pthread_mutex_unlock(&jobs->lock);
    for (size_t i = 0; i < jobs->count; i++) {
        struct worker *worker = &jobs->workers[i];
        pthread_mutex_lock(&jobs->lock);
        struct desk_job *job = worker->job;
        bool runs = cancel_worker(worker);
        pthread_mutex_unlock(&jobs->lock);
        if (runs && i >= jobs->shorts && job->cancelled)
            job->cancelled(job);
    }
    for (size_t i = 0; i < jobs->count; i++)
        store_thread_join(&jobs->workers[i].thread);
    deliver(jobs);
}

void desk_jobs_free(struct desk_jobs *jobs)
{
    if (!jobs)
        return;
    assert(!jobs->shorts_waiting.first && !jobs->longs_waiting.first && !jobs->ended);
    loop_remove_timer(jobs->loop, &jobs->timer);
    if (jobs->fd >= 0) {
        loop_unwatch(jobs->loop, jobs->fd, &jobs->watch);
        close(jobs->fd);
    }
    pthread_cond_destroy(&jobs->added);
    pthread_mutex_destroy(&jobs->lock);
    free(jobs);
}
