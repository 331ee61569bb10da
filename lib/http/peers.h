/* A server's open connections: whose they are, which of them are of no use any more, and which
 * makes room for a new one.
 *
 * libmicrohttpd closes a connection that has been silent for a time. It starts that time anew with
 * every byte, and misses some clients that leave, so connections are also looked at here, once a
 * second: one whose request trickles in for too long, or whose client has left in the middle of
 * one, is shut down. libmicrohttpd does not close a connection to make room for another either;
 * peers_admit() does.
 */
#ifndef LIB_HTTP_PEERS_H
#define LIB_HTTP_PEERS_H

#include "lib/base/loop.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct exchange;

/* The client at the other end of one connection. */
struct peer {
    struct peer *next, *previous;
    int fd;
    struct exchange *exchange; /* its request, once the request line is in; NULL between requests */
    bool watched;              /* its owner is told when its client goes while it is busy */
    bool busy;                 /* the whole request came in and is being answered */
    bool timed_out;            /* its request took too long to come in */
    bool closing;              /* shut down, and soon removed */
    int64_t since;             /* when it was opened, or its last request was done */
    char address[INET6_ADDRSTRLEN];
};

/* Embedded in the server, which sets the limits. */
struct peers {
    unsigned limit;             /* connections; beyond it the oldest idle one makes room */
    unsigned limit_per_address; /* 0 for none */
    struct loop *loop;
    void (*gone)(struct peer *peer); /* of one that is watched, which is not any more */
    struct loop_timer sweep;
    struct peer *first, *last; /* by `since`, the oldest first */
    struct peer unknown;       /* stands for one that there was no memory for */
    unsigned count;
    unsigned peak; /* most connections since memory was last given back */
};

/* Begins the sweep; peers_stop() ends it. */
void peers_start(struct peers *peers, struct loop *loop);
void peers_stop(struct peers *peers);

/* A connection was opened; its descriptor stays the caller's. NULL when out of memory. */
struct peer *peers_add(struct peers *peers, int fd, const struct sockaddr *address);

/* Whether the new peer may stay. Where the limits ask for it, an older connection is shut down for
 * it: one between two requests, or, for the limit on all, at last one whose request is still coming
 * in. False when its address has as many requests in progress as it may have connections. */
bool peers_admit(struct peers *peers, const struct peer *peer);

/* Its request is over. */
void peers_done(struct peers *peers, struct peer *peer);

/* Ends both directions of the connection, which libmicrohttpd then closes. */
void peers_shut_down(struct peer *peer);

/* It is about to be closed. */
void peers_remove(struct peers *peers, struct peer *peer);

#endif
