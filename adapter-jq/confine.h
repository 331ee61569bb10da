/* What keeps a filter within bounds.
 *
 * libjq has no limit of time, ends the process when memory runs out, and recurses as deep as a
 * value is nested. So a filter that does not behave costs the process, which says why and ends; in
 * a pod its container is started again, and the engine answers 502 to 504 meanwhile, as for any
 * adapter that has gone.
 */
#ifndef ADAPTER_JQ_CONFINE_H
#define ADAPTER_JQ_CONFINE_H

#include "lib/base/buffer.h"

#include <stdbool.h>

enum {
    CONFINE_CPU_SECONDS = 1, /* less than an engine waits; of CPU, so a busy machine does no harm */
    CONFINE_MEBIBYTES = 96,  /* of address space beyond what the process has at its start */
};

/* What a last word looks like: a line of the service log, or text for a person. */
enum confine_voice { CONFINE_LOG, CONFINE_TEXT };

/* For the whole process, once: empties the environment, limits the address space and takes the
 * signals by which a filter may end. `service` is borrowed. False, with a sentence added to
 * `error`, when the system refuses. */
bool confine_process(const char *service, enum confine_voice voice, struct buffer *error);

/* Around whatever a filter does. `kind` and `name` say what it is at work on: "request_id" and its
 * value, or "sample" and its name; both borrowed until confine_leave(). Here it is, if anywhere,
 * that the process ends, with status 1. */
void confine_enter(const char *kind, const char *name);
void confine_leave(void);

/* Ends the process for want of memory; for libjq to call. */
void confine_out_of_memory(void *unused);

#endif
