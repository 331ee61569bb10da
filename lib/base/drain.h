/* Stopping without dropping a request.
 *
 * SIGTERM: draining() is called, the service goes on for the delay (the time a load balancer needs
 * to see that it is not ready any more), then finishing() is called, and the loop stops once idle()
 * has been true for a while, or at the limit. SIGINT skips the delay, and so does a second signal.
 */
#ifndef LIB_BASE_DRAIN_H
#define LIB_BASE_DRAIN_H

#include "lib/base/loop.h"

#include <stdbool.h>

struct drain;

struct drain_config {
    struct loop *loop;
    unsigned delay_seconds;
    unsigned limit_seconds;      /* for finishing */
    unsigned quiet_milliseconds; /* how long it must have been idle before the loop stops */
    void (*draining)(void *context);
    void (*finishing)(void *context);
    bool (*idle)(void *context);
    void *context;
};

/* Takes SIGTERM and SIGINT over, and ignores SIGPIPE. The config is copied, the loop borrowed. NULL
 * with errno set on failure. */
struct drain *drain_new(const struct drain_config *config);
void drain_free(struct drain *drain);

/* True from the first signal on. */
bool drain_started(const struct drain *drain);

/* Whether a signal has come and waits for the loop to run. What takes long during the start may
 * ask, and end early. */
bool drain_is_asked_for(const struct drain *drain);

#endif
