/* libcurl on the event loop: its multi interface, with its sockets and its time.
 *
 * A transfer is an easy handle that its owner made and set up, except for what transfers_start()
 * sets. The loop's thread owns transfers and everything in them.
 */
#ifndef LIB_CURL_TRANSFERS_H
#define LIB_CURL_TRANSFERS_H

#include "lib/base/loop.h"

#include <curl/curl.h>
#include <stdbool.h>

struct transfers;

/* Embedded by its owner, who keeps it alive while it is under way. */
struct transfer {
    CURL *easy; /* the owner's */

    /* Called from the loop when the transfer is over, however it went. The handle is still among
     * the others, so that its socket can be asked for; the owner takes it out with
     * transfers_remove(), and may end it then. */
    void (*ended)(struct transfer *transfer, CURLcode code);

    /* Asked before a connection is made, with the very address that it is made to, whatever name it
     * came from; false refuses it, as if nobody had listened there. NULL for any. A connection that
     * was kept is not asked for again. */
    bool (*may_connect)(struct transfer *transfer, const struct sockaddr *address);

    /* The module's own. */
    struct transfers *transfers;
    bool under_way;
};

/* Keeps up to `kept_connections` idle connections for the next transfers. The loop is borrowed.
 * NULL when out of memory. */
struct transfers *transfers_new(struct loop *loop, long kept_connections);

/* NULL is fine. No transfer may be under way. */
void transfers_free(struct transfers *transfers);

/* Starts a transfer, which must not be under way. Sets its handle's CURLOPT_PRIVATE, its socket
 * functions, and no signals. False when out of memory: then `ended` is not called. */
bool transfers_start(struct transfers *transfers, struct transfer *transfer);

/* Takes a transfer out, ended or not; `ended` is not called any more. Fine when it is not under
 * way. Not to be called from libcurl's own callbacks. */
void transfers_remove(struct transfers *transfers, struct transfer *transfer);

#endif
