/* Connects to one server: by libcurl, which looks up its name and tries its addresses side by side
 * (RFC 8305). What it has connected is a plain socket, and the caller's.
 */
#ifndef BOOKING_ADAPTER_LIBCURL_CONNECTOR_H
#define BOOKING_ADAPTER_LIBCURL_CONNECTOR_H

#include "lib/base/buffer.h"
#include "lib/base/loop.h"
#include "lib/curl/transfers.h"

#include <stdbool.h>

struct connector;

/* Embedded by its owner, who keeps it alive until `ended` was called or the attempt cancelled. */
struct connector_attempt {
    /* Set by the owner. Called from the loop, with a connected non-blocking socket or with -1. */
    void (*ended)(struct connector_attempt *attempt, int fd);

    /* The module's own. */
    struct connector *connector;
    struct transfer transfer; /* its handle is NULL when none is under way */
};

/* `url` is as adapter/url.h has it. An attempt takes no longer than `limit_milliseconds`.
 * NULL, with a reason added to `error`, when the URL is not like that or memory ran out. */
struct connector *connector_new(struct loop *loop, const char *url, long limit_milliseconds,
                                struct buffer *error);

/* NULL is fine. No attempt may be under way. */
void connector_free(struct connector *connector);

/* HOST[:PORT], for a request's Host field. */
const char *connector_host(const struct connector *connector);

/* False when out of memory: then `ended` is not called. */
bool connector_start(struct connector *connector, struct connector_attempt *attempt);

/* Fine when none is under way. */
void connector_cancel(struct connector *connector, struct connector_attempt *attempt);

#endif
