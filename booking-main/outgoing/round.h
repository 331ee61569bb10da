/* One visit of the webhooks to the store, on their thread: the lease, what became of the last
 * tries, what is new, and what may be sent next. Inside outgoing/ only.
 */
#ifndef BOOKING_OUTGOING_ROUND_H
#define BOOKING_OUTGOING_ROUND_H

#include "store/changes/webhooks.h"
#include "store/desk/jobs.h"

enum {
    ROUND_DUE_MAX = 64, /* deliveries that one brings */
    ROUND_LEASE_SECONDS = 7,
};

/* A delivery that may be sent. */
struct due {
    int64_t id;
    unsigned attempts;
    char message[BOOKING_ID_SIZE + 1];
    char type[WEBHOOK_TYPE_MAX + 1];
    char booking_id[BOOKING_ID_SIZE + 1];
    char *body;
};

struct round {
    struct desk_job job;
    const char *channel, *owner;

    /* What it is to do. */
    bool lease;   /* take it, or have it for longer */
    bool release; /* and nothing else than that and the outcomes */
    bool count;
    struct webhook_outcome outcomes[WEBHOOK_SETTLE_MAX];
    unsigned outcome_count;

    /* What came of it, in a job that did not run as it was before. job.result is that of the step
     * at which it ended. */
    bool leased, settled, counted;
    int64_t asked_at; /* for the lease, on loop_clock() */
    struct webhook_collected collected;
    struct due due[ROUND_DUE_MAX];
    unsigned due_count;
    int64_t waiting, given_up;
};

/* The job's function. What it has in `due` before is freed. */
enum desk_result round_run(struct desk_job *job, struct desk *desk);

void round_free_due(struct round *round);

#endif
