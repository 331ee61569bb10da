#include "lib/base/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS_A_WAIT = 128 };

struct loop {
    int epoll_fd;
    bool stopping;
    int64_t now;
    uint64_t round; /* the number of this round, from one wait to the next; never 0 */
    struct loop_timer *timers;
    struct loop_task *tasks;
    struct epoll_event events[EVENTS_A_WAIT];
    int event_count; /* fetched by the last wait */
};

int64_t loop_clock(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time); /* cannot fail with this clock */
    return time.tv_sec * LOOP_SECOND + time.tv_nsec;
}

struct loop *loop_new(void)
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (!loop)
        return NULL;
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd < 0) {
        free(loop);
        return NULL;
    }
    loop->now = loop_clock();
    return loop;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    close(loop->epoll_fd);
    free(loop);
}

int64_t loop_now(const struct loop *loop)
{
    return loop->now;
}

static int control(struct loop *loop, int operation, int fd, uint32_t events,
                   struct loop_watch *watch)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};
    return epoll_ctl(loop->epoll_fd, operation, fd, &event) == 0 ? 0 : -errno;
}

int loop_watch(struct loop *loop, int fd, uint32_t events, struct loop_watch *watch)
{
    return control(loop, EPOLL_CTL_ADD, fd, events, watch);
}

int loop_rewatch(struct loop *loop, int fd, uint32_t events, struct loop_watch *watch)
{
    return control(loop, EPOLL_CTL_MOD, fd, events, watch);
}

void loop_unwatch(struct loop *loop, int fd, struct loop_watch *watch)
{
    (void)control(loop, EPOLL_CTL_DEL, fd, 0, NULL); /* fails only if it was not watched */
    for (int i = 0; i < loop->event_count; i++)
        if (loop->events[i].data.ptr == watch)
            loop->events[i].data.ptr = NULL;
}

void loop_arm(struct loop *loop, struct loop_timer *timer, int64_t at)
{
    timer->at = at;
    timer->armed = true;
    if (timer->known)
        return;
    timer->known = true;
    timer->next = loop->timers;
    loop->timers = timer;
}

void loop_disarm(struct loop_timer *timer)
{
    timer->armed = false;
}

void loop_remove_timer(struct loop *loop, struct loop_timer *timer)
{
    for (struct loop_timer **link = &loop->timers; *link; link = &(*link)->next)
        if (*link == timer) {
            *link = timer->next;
            break;
        }
    timer->armed = timer->known = false;
}

void loop_add_task(struct loop *loop, struct loop_task *task)
{
    struct loop_task **link = &loop->tasks;
    while (*link)
        link = &(*link)->next;
    task->next = NULL;
    *link = task;
}

void loop_remove_task(struct loop *loop, struct loop_task *task)
{
    for (struct loop_task **link = &loop->tasks; *link; link = &(*link)->next)
        if (*link == task) {
            *link = task->next;
            return;
        }
}

/* Calls what is due and was not called in this round; false when there is nothing such. */
static bool run_timers(struct loop *loop)
{
    bool called = false;
    struct loop_timer *next;
    for (struct loop_timer *timer = loop->timers; timer; timer = next) {
        next = timer->next;
        if (timer->armed && timer->at <= loop->now && timer->round != loop->round) {
            timer->armed = false;
            timer->round = loop->round;
            called = true;
            timer->expired(timer); /* may remove itself, or arm any timer */
        }
    }
    return called;
}

/* The shortest time, in nanoseconds, that a task allows to sleep; INT64_MAX for any. */
static int64_t run_tasks(struct loop *loop)
{
    int64_t patience = INT64_MAX;
    for (struct loop_task *task = loop->tasks; task; task = task->next) {
        int64_t nanoseconds = task->run(task);
        if (nanoseconds >= 0 && nanoseconds < patience)
            patience = nanoseconds;
    }
    return patience;
}

/* Milliseconds to wait: until the earliest timer, or as long as the most impatient task allows. */
static int prepare_wait(struct loop *loop)
{
    int64_t patience;
    loop->round++;
    do /* a task arms timers that are due at once, and a timer makes work for a task */
        patience = run_tasks(loop);
    while (run_timers(loop)); /* each of them once: descriptors must have their turn as well */

    for (struct loop_timer *timer = loop->timers; timer; timer = timer->next)
        if (timer->armed && timer->at - loop->now < patience)
            patience = timer->at - loop->now;
    if (patience == INT64_MAX)
        return -1;
    if (patience <= 0)
        return 0; /* also a timer that was armed again for now */
    /* Rounded up, or the loop would spin through the last millisecond. */
    int64_t milliseconds = (patience + LOOP_MILLISECOND - 1) / LOOP_MILLISECOND;
    return milliseconds > 60000 ? 60000 : (int)milliseconds;
}

int loop_run(struct loop *loop)
{
    loop->stopping = false;
    loop->now = loop_clock(); /* which has gone on since the loop was made, or last ran */
    while (!loop->stopping) {
        int wait = prepare_wait(loop);
        if (loop->stopping)
            break;
        int count = epoll_wait(loop->epoll_fd, loop->events, EVENTS_A_WAIT, wait);
        if (count < 0 && errno != EINTR)
            return -errno;
        loop->now = loop_clock();
        loop->event_count = count < 0 ? 0 : count;
        for (int i = 0; i < loop->event_count; i++) {
            struct loop_watch *watch = loop->events[i].data.ptr;
            if (watch)
                watch->ready(watch, loop->events[i].events);
        }
        loop->event_count = 0;
    }
    return 0;
}

void loop_stop(struct loop *loop)
{
    loop->stopping = true;
}
