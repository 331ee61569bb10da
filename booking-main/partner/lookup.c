#include "partner/lookup.h"

enum problem lookup_problem(const struct engine *engine, const struct desk_job *job,
                            const char **detail)
{
    *detail = "Try again in a moment.";
    switch (job->end) {
    case DESK_JOB_RAN:
        return job->result == DESK_OK ? PROBLEM_COUNT : PROBLEM_STORE_UNAVAILABLE;
    case DESK_JOB_NO_STORE:
        return PROBLEM_STORE_UNAVAILABLE;
    case DESK_JOB_WAITED:
        return engine->store_down ? PROBLEM_STORE_UNAVAILABLE : PROBLEM_OVERLOADED;
    case DESK_JOB_TOO_SLOW:
        *detail = "Try again in a moment, or ask for less: a smaller limit.";
        return PROBLEM_TOO_SLOW;
    case DESK_JOB_STOPPED:
        break;
    }
    return PROBLEM_DRAINING;
}
