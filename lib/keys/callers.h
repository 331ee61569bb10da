/* Who calls, how often, and how often each may.
 *
 * A caller is the name of a key, or "" where nobody is asked for one. Each has a bucket
 * of as many tokens as the limit, which fills up at that many a second: so a caller that was quiet
 * may send a second's worth at once. Pure: it has no clock of its own.
 */
#ifndef LIB_KEYS_CALLERS_H
#define LIB_KEYS_CALLERS_H

#include "lib/base/buffer.h"

#include <stdbool.h>
#include <stdint.h>

struct callers;

/* `limit` is in requests a second, at most 1,000,000; 0 for any number. NULL when out of memory. */
struct callers *callers_new(unsigned limit);
void callers_free(struct callers *callers); /* NULL is fine */

struct callers_verdict {
    bool granted;
    unsigned remaining; /* requests that would be granted now */
    unsigned wait;      /* whole seconds, rounded up, after which all of the limit is there again */
};

/* A request has come at `now`, in nanoseconds of a clock that never goes back. */
struct callers_verdict callers_count(struct callers *callers, const char *name, int64_t now);

/* Adds a counter of requests, and of those that were refused, for each caller. */
void callers_metrics(const struct callers *callers, struct buffer *out);

#endif
