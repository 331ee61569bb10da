#include "lib/http/peers.h"

#include "lib/base/container_of.h"

#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* For a whole request, however slowly it trickles in; more than a silent connection may last.
     */
    RECEIVE_SECONDS = 120,
    SWEEP_SECONDS = 1,
    CROWD = 256,         /* connections whose memory is worth giving back */
    DRAIN_ROUNDS = 1024, /* of 4 KiB, so that closing does not reset what was just sent */
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

static void append(struct peers *peers, struct peer *peer)
{
    peer->next = NULL;
    peer->previous = peers->last;
    if (peers->last)
        peers->last->next = peer;
    else
        peers->first = peer;
    peers->last = peer;
}

static void unlink_peer(struct peers *peers, struct peer *peer)
{
    if (peer->next)
        peer->next->previous = peer->previous;
    else
        peers->last = peer->previous;
    if (peer->previous)
        peer->previous->next = peer->next;
    else
        peers->first = peer->next;
}

struct peer *peers_add(struct peers *peers, int fd, const struct sockaddr *address)
{
    struct peer *peer = calloc(1, sizeof *peer);
    if (!peer)
        return NULL;
    peer->fd = fd;
    peer->since = loop_now(peers->loop);
    set_address(peer, address);
    append(peers, peer);
    peers->count++;
    if (peers->count > peers->peak)
        peers->peak = peers->count;
    return peer;
}

void peers_done(struct peers *peers, struct peer *peer)
{
    peer->exchange = NULL;
    peer->busy = peer->watched = false;
    peer->since = loop_now(peers->loop);
    if (peer != &peers->unknown && peer != peers->last) {
        unlink_peer(peers, peer);
        append(peers, peer);
    }
}

void peers_remove(struct peers *peers, struct peer *peer)
{
    unlink_peer(peers, peer);
    peers->count--;
    free(peer);
}

void peers_shut_down(struct peer *peer)
{
    char unread[4096];
    for (int i = 0; i < DRAIN_ROUNDS; i++)
        if (recv(peer->fd, unread, sizeof unread, MSG_DONTWAIT) <= 0)
            break;
    shutdown(peer->fd, SHUT_RDWR);
    peer->closing = true;
}

/* --- making room ----------------------------------------------------------------------------- */

static bool admit_address(struct peers *peers, const struct peer *peer)
{
    if (!peers->limit_per_address || peers->count <= peers->limit_per_address)
        return true;
    struct peer *oldest_idle = NULL;
    unsigned count = 0;
    for (struct peer *other = peers->first; other; other = other->next) {
        if (other->closing || strcmp(other->address, peer->address) != 0)
            continue;
        count++;
        if (!oldest_idle && !other->exchange && other != peer)
            oldest_idle = other;
    }
    if (count <= peers->limit_per_address)
        return true;
    if (oldest_idle)
        peers_shut_down(oldest_idle);
    return oldest_idle;
}

static void make_room(struct peers *peers, const struct peer *newcomer)
{
    struct peer *receiving = NULL;
    unsigned closing = 0;
    for (struct peer *peer = peers->first; peer; peer = peer->next) {
        if (peer->closing) {
            closing++;
        } else if (peer != newcomer && !peer->exchange) {
            if (peers->count - closing > peers->limit)
                peers_shut_down(peer);
            return;
        } else if (!receiving && !peer->busy && peer != newcomer) {
            receiving = peer;
        }
    }
    if (receiving && peers->count - closing > peers->limit)
        peers_shut_down(receiving);
}

bool peers_admit(struct peers *peers, const struct peer *peer)
{
    if (!admit_address(peers, peer))
        return false;
    if (peers->count > peers->limit)
        make_room(peers, peer);
    return true;
}

/* --- looking at them once a second ----------------------------------------------------------- */

/* Whether the client has closed its side. libmicrohttpd does not see that where the last data came
 * with it: its epoll events are edge-triggered. */
static bool peer_is_gone(const struct peer *peer)
{
    char byte;
    ssize_t got = recv(peer->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

/* After a crowd has left: the C library keeps what was freed, until it is told that a process with
 * a small limit needs it elsewhere. */
static void give_memory_back(struct peers *peers)
{
    if (peers->peak < CROWD || peers->count > peers->peak / 2)
        return;
#ifdef __GLIBC__
    malloc_trim(0);
#endif
    peers->peak = peers->count;
}

static void sweep_peers(struct loop_timer *timer)
{
    struct peers *peers = container_of(timer, struct peers, sweep);
    int64_t now = loop_now(peers->loop);
    for (struct peer *peer = peers->first; peer; peer = peer->next) {
        if (peer->watched && peer->busy && !peer->closing && peer_is_gone(peer)) {
            peer->watched = false;
            peers->gone(peer);
        }
        int64_t quiet = now - peer->since;
        if (peer->busy || peer->closing || quiet <= SWEEP_SECONDS * LOOP_SECOND)
            continue;
        peer->timed_out = quiet > RECEIVE_SECONDS * LOOP_SECOND;
        if (peer->timed_out || peer_is_gone(peer))
            peers_shut_down(peer);
    }
    give_memory_back(peers);
    loop_arm(peers->loop, timer, now + SWEEP_SECONDS * LOOP_SECOND);
}

void peers_start(struct peers *peers, struct loop *loop)
{
    peers->loop = loop;
    peers->unknown.fd = -1;
    peers->sweep.expired = sweep_peers;
    loop_arm(loop, &peers->sweep, loop_now(loop) + SWEEP_SECONDS * LOOP_SECOND);
}

void peers_stop(struct peers *peers)
{
    if (peers->loop)
        loop_remove_timer(peers->loop, &peers->sweep);
}
