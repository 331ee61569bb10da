/* A server's open connections: whose they are, and which of them only cost.
 *
 * libmicrohttpd closes a connection that has been silent for a time. It starts that time anew with
 * every byte, and misses some clients that leave, so connections are also looked at here, once a
 * second: one whose request trickles in for too long, or whose client has left in the middle of
 * one, is shut down.
 */
#ifndef LIB_HTTP_PEERS_H
#define LIB_HTTP_PEERS_H

#include "lib/base/loop.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* The client at the other end of one connection. */
struct peer {
    struct peer *next, *previous;
    int fd;
    bool busy;     /* a whole request came in and is being answered */
    int64_t since; /* when it was opened, or its last request was done */
    char address[INET6_ADDRSTRLEN];
};

/* Embedded in the server. */
struct peers {
    struct loop *loop;
    struct loop_timer sweep;
    struct peer *first;
    struct peer unknown; /* stands for one that there was no memory for */
    unsigned count;
};

/* Begins the sweep; peers_stop() ends it. */
void peers_start(struct peers *peers, struct loop *loop);
void peers_stop(struct peers *peers);

/* A connection was opened; its descriptor stays the caller's. NULL when out of memory. */
struct peer *peers_add(struct peers *peers, int fd, const struct sockaddr *address);

/* It is about to be closed. */
void peers_remove(struct peers *peers, struct peer *peer);

#endif
