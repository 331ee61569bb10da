/* Threads for those who call store/desk/desk.h from the loop. A call there blocks until the
 * database has answered, so it runs as a job on a thread; each job ends on the loop.
 *
 * Who needs them has a set of his own, so that one does not wait for another's work. Short jobs
 * wait in one queue and have some seconds in all. Long ones, which write out as much as there is,
 * have a thread each and as much time as their reader takes, once there is one for them. So neither
 * an export nor a search that found no index keeps the others from an answer, and what a set asks
 * of the database has a limit.
 */
#ifndef BOOKING_STORE_DESK_JOBS_H
#define BOOKING_STORE_DESK_JOBS_H

#include "lib/base/buffer.h"
#include "lib/base/loop.h"
#include "store/desk/desk.h"

#include <stdbool.h>

enum {
    DESK_JOB_SECONDS = 5, /* that a short job has, waiting included */
    DESK_JOBS_WAITING_MAX = 64,
    DESK_JOBS_LONGS_WAITING_MAX = 4,
    DESK_JOBS_THREADS_MAX = 4, /* of a set */
};

enum desk_job_end {
    DESK_JOB_RAN,      /* `result` says what came of it */
    DESK_JOB_NO_STORE, /* there is no connection to the database; `error` says why */
    DESK_JOB_WAITED,   /* it did not begin: the threads had too much to do */
    DESK_JOB_TOO_SLOW, /* it took too long, was ended, and failed */
    DESK_JOB_STOPPED,  /* it was cancelled, or the engine stops */
};

/* Embedded in its owner, which keeps it alive until done(). */
struct desk_job {
    /* On a thread of its own, with a handle that is this thread's. Nothing of the loop's may be
     * touched. */
    enum desk_result (*run)(struct desk_job *job, struct desk *desk);
    void (*done)(struct desk_job *job); /* on the loop's thread */
    /* On the loop's thread, when a long job that runs is to end: whatever else than the database it
     * waits for. NULL for nothing. */
    void (*cancelled)(struct desk_job *job);
    /* Of a long one that holds nothing others wait for: it only reads. It gives way every tenth of
     * a millisecond or so. */
    bool background;
    enum desk_job_end end;
    enum desk_result result;
    struct buffer error; /* a sentence, with DESK_FAILED and DESK_JOB_NO_STORE */

    /* The threads' own. */
    struct desk_job *next;
    int64_t deadline;
};

struct desk_jobs;

/* `name` is the threads', which start when there is something for them: so many for the short jobs,
 * at least one, and at most so many for the long ones. The store and the loop are borrowed. NULL,
 * with errno set, when out of memory or descriptors. */
struct desk_jobs *desk_jobs_new(struct store *store, struct loop *loop, const char *name,
                                unsigned shorts, unsigned longs);

/* Hands a job in; false when there are too many, and done() is not called. */
bool desk_jobs_add(struct desk_jobs *jobs, struct desk_job *job);
bool desk_jobs_add_long(struct desk_jobs *jobs, struct desk_job *job);

/* Ends a job that nobody wants any more, whether it waits or runs; its done() is called as ever,
 * later. */
void desk_jobs_cancel(struct desk_jobs *jobs, struct desk_job *job);

/* From a long job's thread: has `look` called on the loop's thread, and soon. */
void desk_jobs_call_loop(struct desk_jobs *jobs, struct desk_job *job,
                         void (*look)(struct desk_job *job));

/* From the thread of a job in the background: whoever is ready to run goes first. */
void desk_job_give_way(void);

/* Ends all jobs, those that wait and those that run; their done() is called from within. Then no
 * more are taken. Both are fine with NULL. */
void desk_jobs_stop(struct desk_jobs *jobs);
void desk_jobs_free(struct desk_jobs *jobs);

#endif
