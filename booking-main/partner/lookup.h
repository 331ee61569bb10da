/* What a partner is answered when engine->lookups could not look for it. */
#ifndef BOOKING_PARTNER_LOOKUP_H
#define BOOKING_PARTNER_LOOKUP_H

#include "engine.h"
#include "lib/http/problem.h"
#include "store/desk/jobs.h"

/* The problem that a job's end is, and a sentence on it; PROBLEM_COUNT when it found what it was to
 * find. */
enum problem lookup_problem(const struct engine *engine, const struct desk_job *job,
                            const char **detail);

#endif
