/* The event loop: one thread, one epoll descriptor, a few timers.
 *
 * Everything a service does happens in callbacks of this loop, so nothing in it needs a lock. The
 * structs below are embedded in their owners, which keep them alive while they are registered.
 */
#ifndef LIB_BASE_LOOP_H
#define LIB_BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;

/* A file descriptor; `ready` gets epoll's event bits. */
struct loop_watch {
    void (*ready)(struct loop_watch *watch, uint32_t events);
};

/* A moment on loop_now()'s clock. The loop keeps its timers in a list: there is about one for each
 * module, not one for each request. */
struct loop_timer {
    void (*expired)(struct loop_timer *timer);
    int64_t at;
    bool armed;
    bool known;     /* to the loop's list */
    uint64_t round; /* the loop's last one in which it expired */
    struct loop_timer *next;
};

/* Work done before each wait, for what must be looked at even when no descriptor is ready. Returns
 * how many nanoseconds the loop may sleep as far as this task is concerned, -1 for any time. */
struct loop_task {
    int64_t (*run)(struct loop_task *task);
    struct loop_task *next;
};

#define LOOP_MILLISECOND INT64_C(1000000)
#define LOOP_SECOND      INT64_C(1000000000)

/* NULL, with errno set, when the system has no more descriptors or memory. */
struct loop *loop_new(void);
void loop_free(struct loop *loop);

/* Nanoseconds on CLOCK_MONOTONIC: loop_now() as read once an iteration, good for deadlines;
 * loop_clock() at this very moment, for measuring. */
int64_t loop_now(const struct loop *loop);
int64_t loop_clock(void);

/* The first two return 0 or a negative errno value. After loop_unwatch() no event that was already
 * fetched reaches the watch any more. */
int loop_watch(struct loop *loop, int fd, uint32_t events, struct loop_watch *watch);
int loop_rewatch(struct loop *loop, int fd, uint32_t events, struct loop_watch *watch);
void loop_unwatch(struct loop *loop, int fd, struct loop_watch *watch);

/* Arms the timer, or moves it. An expired timer is disarmed before its callback is called. A timer
 * expires at most once between two looks at the descriptors, however often it is armed for now. */
void loop_arm(struct loop *loop, struct loop_timer *timer, int64_t at);
void loop_disarm(struct loop_timer *timer);

/* Tasks run in the order they were added. A task, or a timer that was ever armed, is to be removed
 * before its memory goes. */
void loop_add_task(struct loop *loop, struct loop_task *task);
void loop_remove_task(struct loop *loop, struct loop_task *task);
void loop_remove_timer(struct loop *loop, struct loop_timer *timer);

/* Runs until loop_stop(), which a callback calls; 0, or a negative errno value when waiting failed.
 */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

#endif
