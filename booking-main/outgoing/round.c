#include "outgoing/round.h"

#include "lib/base/container_of.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void round_free_due(struct round *round)
{
    for (unsigned i = 0; i < round->due_count; i++)
        free(round->due[i].body);
    round->due_count = 0;
}

static bool take_due(void *context, const struct webhook_delivery *delivery)
{
    struct round *round = context;
    if (round->due_count == ROUND_DUE_MAX)
        return false;
    struct due *due = &round->due[round->due_count];
    due->id = delivery->id;
    due->attempts = delivery->attempts;
    snprintf(due->message, sizeof due->message, "%s", delivery->message);
    snprintf(due->type, sizeof due->type, "%s", delivery->type);
    snprintf(due->booking_id, sizeof due->booking_id, "%s", delivery->booking_id);
    due->body = strdup(delivery->body);
    if (!due->body)
        return false;
    round->due_count++;
    return true;
}

static enum desk_result settle(struct round *round, struct desk *desk, int64_t now)
{
    if (!round->outcome_count)
        return DESK_OK;
    enum desk_result result = webhook_settle(desk, round->channel, round->owner, round->outcomes,
                                             round->outcome_count, now, &round->job.error);
    round->settled = result == DESK_OK;
    return result;
}

static enum desk_result run(struct round *round, struct desk *desk)
{
    struct buffer *error = &round->job.error;
    int64_t now = time(NULL);
    enum desk_result result = DESK_OK;
    round->asked_at = loop_clock();
    if (round->lease) {
        result = webhook_lease(desk, round->channel, round->owner, ROUND_LEASE_SECONDS, error);
        round->leased = result == DESK_OK;
    }
    if (result == DESK_OK)
        result = settle(round, desk, now);
    if (round->release)
        return webhook_release(desk, round->channel, round->owner, error);
    if (result == DESK_OK)
        result = webhook_collect(desk, round->channel, round->owner, now, &round->collected, error);
    if (result == DESK_OK)
        result = webhook_due(desk, round->channel, now, ROUND_DUE_MAX, take_due, round, error);
    if (result == DESK_OK && round->count)
        result = webhook_count(desk, round->channel, &round->waiting, &round->given_up, error);
    round->counted = round->count && result == DESK_OK;
    return result;
}

enum desk_result round_run(struct desk_job *job, struct desk *desk)
{
    struct round *round = container_of(job, struct round, job);
    round_free_due(round);
    return run(round, desk);
}
