#include "lib/http/peers.h"

#include "lib/base/container_of.h"

#include <arpa/inet.h>
#include <stdlib.h>

enum {
    /* For a whole request, however slowly it trickles in; more than a silent connection may last.
     */
    RECEIVE_SECONDS = 120,
    SWEEP_SECONDS = 1,
};

static void set_address(struct peer *peer, const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr,
                  peer->address, sizeof peer->address);
    } else if (address->sa_family == AF_INET6) {
        const struct in6_addr *v6 =
            &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(v6)) /* an IPv4 client of a socket for both */
            inet_ntop(AF_INET, &v6->s6_addr[12], peer->address, sizeof peer->address);
        else
            inet_ntop(AF_INET6, v6, peer->address, sizeof peer->address);
    }
}

struct peer *peers_add(struct peers *peers, int fd, const struct sockaddr *address)
{
    struct peer *peer = calloc(1, sizeof *peer);
    if (!peer)
        return NULL;
    peer->fd = fd;
    peer->since = loop_now(peers->loop);
    set_address(peer, address);
    peer->next = peers->first;
    if (peer->next)
        peer->next->previous = peer;
    peers->first = peer;
    peers->count++;
    return peer;
}

void peers_remove(struct peers *peers, struct peer *peer)
{
    if (peer->next)
        peer->next->previous = peer->previous;
    if (peer->previous)
        peer->previous->next = peer->next;
    else
        peers->first = peer->next;
    peers->count--;
    free(peer);
}

/* Whether the client has closed its side. libmicrohttpd does not see that where the last data came
 * with it: its epoll events are edge-triggered. */
static bool peer_is_gone(const struct peer *peer)
{
    char byte;
    return recv(peer->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void sweep_peers(struct loop_timer *timer)
{
    struct peers *peers = container_of(timer, struct peers, sweep);
    int64_t now = loop_now(peers->loop);
    for (struct peer *peer = peers->first; peer; peer = peer->next) {
        int64_t quiet = now - peer->since;
        if (!peer->busy && quiet > SWEEP_SECONDS * LOOP_SECOND &&
            (quiet > RECEIVE_SECONDS * LOOP_SECOND || peer_is_gone(peer)))
            shutdown(peer->fd, SHUT_RDWR);
    }
    loop_arm(peers->loop, timer, now + SWEEP_SECONDS * LOOP_SECOND);
}

void peers_start(struct peers *peers, struct loop *loop)
{
    peers->loop = loop;
    peers->sweep.expired = sweep_peers;
    loop_arm(loop, &peers->sweep, loop_now(loop) + SWEEP_SECONDS * LOOP_SECOND);
}

void peers_stop(struct peers *peers)
{
    if (peers->loop)
        loop_remove_timer(peers->loop, &peers->sweep);
}
