/* Done as libcurl's manual shows, each transfer adds its socket to epoll and removes it again, and
 * arms a timer in the kernel; that was two fifths of a request's CPU time. Here the time is a
 * loop_timer, and where connections are kept, a socket stays registered until libcurl closes it.
 * Between transfers libcurl does not want its events. What comes all the same is the connection's
 * end, or something that nobody asked for, which libcurl would take for the next answer. So the
 * socket is shut down, and libcurl finds it dead when it next looks.
 */
#include "lib/curl/transfers.h"

#include "lib/base/container_of.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DISCARD_MAX = 1024 }; /* KiB; more than a receive buffer has by default */

/* A socket of libcurl's. */
struct endpoint {
    struct transfers *transfers;
    struct endpoint *next;
    int fd;
    bool ours;       /* from open_socket(): libcurl tells us when it closes it */
    bool watched;    /* registered with the loop, for `events` */
    uint32_t wanted; /* the events that libcurl wants now; 0 between transfers */
    uint32_t events;
    struct loop_watch watch;
};

struct transfers {
    struct loop *loop;
    CURLM *multi;
    bool keeps_connections;
    struct loop_timer timer;
    struct endpoint *endpoints;
};

/* --- what the loop says ----------------------------------------------------------------------- */

static void take_results(struct transfers *transfers)
{
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(transfers->multi, &left));) {
        if (message->msg != CURLMSG_DONE)
            continue;
        char *context = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &context);
        struct transfer *transfer = (struct transfer *)(void *)context;
        assert(transfer->under_way);
        transfer->ended(transfer, message->data.result);
    }
}

static void transfers_act(struct transfers *transfers, curl_socket_t fd, int events)
{
    int running;
    (void)curl_multi_socket_action(transfers->multi, fd, events, &running);
    take_results(transfers);
}

static void endpoint_unwatch(struct endpoint *endpoint)
{
    if (endpoint->watched)
        loop_unwatch(endpoint->transfers->loop, endpoint->fd, &endpoint->watch);
    endpoint->watched = false;
}

/* What was received before stays readable after a shutdown, so that is thrown away first. */
static void shut_down(struct endpoint *endpoint)
{
    char nobody_asked_for[1024];
    endpoint_unwatch(endpoint);
    (void)shutdown(endpoint->fd, SHUT_RDWR);
    for (int i = 0; i < DISCARD_MAX; i++)
        if (recv(endpoint->fd, nobody_asked_for, sizeof nobody_asked_for, MSG_DONTWAIT) <= 0)
            break;
}

static void on_socket(struct loop_watch *watch, uint32_t events)
{
    struct endpoint *endpoint = container_of(watch, struct endpoint, watch);
    if (!endpoint->wanted) {
        shut_down(endpoint);
        return;
    }
    int action = 0;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLRDHUP))
        action |= CURL_CSELECT_IN;
    if (events & EPOLLOUT)
        action |= CURL_CSELECT_OUT;
    if (events & EPOLLERR)
        action |= CURL_CSELECT_ERR;
    transfers_act(endpoint->transfers, endpoint->fd, action);
}

static void on_timer(struct loop_timer *timer)
{
    transfers_act(container_of(timer, struct transfers, timer), CURL_SOCKET_TIMEOUT, 0);
}

/* --- what libcurl says ------------------------------------------------------------------------ */

static int set_timer(CURLM *multi, long milliseconds, void *context)
{
    (void)multi;
    struct transfers *transfers = context;
    if (milliseconds < 0)
        loop_disarm(&transfers->timer);
    else
        loop_arm(transfers->loop, &transfers->timer,
                 loop_now(transfers->loop) + milliseconds * LOOP_MILLISECOND);
    return 0;
}

static struct endpoint *find_endpoint(struct transfers *transfers, int fd)
{
    struct endpoint *endpoint = transfers->endpoints;
    while (endpoint && endpoint->fd != fd)
        endpoint = endpoint->next;
    return endpoint;
}

static struct endpoint *add_endpoint(struct transfers *transfers, int fd, bool ours)
{
    struct endpoint *endpoint = calloc(1, sizeof *endpoint);
    if (!endpoint)
        return NULL;
    endpoint->transfers = transfers;
    endpoint->fd = fd;
    endpoint->ours = ours;
    endpoint->watch.ready = on_socket;
    endpoint->next = transfers->endpoints;
    transfers->endpoints = endpoint;
    return endpoint;
}

static void forget_endpoint(struct transfers *transfers, int fd)
{
    for (struct endpoint **link = &transfers->endpoints; *link; link = &(*link)->next) {
        struct endpoint *endpoint = *link;
        if (endpoint->fd != fd)
            continue;
        *link = endpoint->next;
        endpoint_unwatch(endpoint);
        free(endpoint);
        return;
    }
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *slot)
{
    (void)easy;
    (void)slot;
    struct transfers *transfers = context;
    struct endpoint *endpoint = find_endpoint(transfers, fd);
    if (what == CURL_POLL_REMOVE) {
        /* It stays registered if close_socket() is sure to tell of its end. That is not so for the
         * sockets of libcurl's resolver, nor for one that is still connecting, which waits for
         * EPOLLOUT alone: libcurl 7.88 closes these without another word. */
        if (endpoint && endpoint->ours && transfers->keeps_connections &&
            endpoint->wanted & EPOLLIN)
            endpoint->wanted = 0;
        else
            forget_endpoint(transfers, fd);
        return 0;
    }
    if (!endpoint) /* of libcurl's own making, such as the pair by which a look-up reports */
        endpoint = add_endpoint(transfers, fd, false);
    if (!endpoint)
        return -1;
    endpoint->wanted = 0;
    if (what & CURL_POLL_IN)
        endpoint->wanted |= EPOLLIN;
    if (what & CURL_POLL_OUT)
        endpoint->wanted |= EPOLLOUT;
    if (endpoint->watched && endpoint->events == endpoint->wanted)
        return 0;
    int error = endpoint->watched
                    ? loop_rewatch(transfers->loop, fd, endpoint->wanted, &endpoint->watch)
                    : loop_watch(transfers->loop, fd, endpoint->wanted, &endpoint->watch);
    if (error)
        return -1;
    endpoint->watched = true;
    endpoint->events = endpoint->wanted;
    return 0;
}

/* libcurl 7.88 has been seen to close sockets without saying so before, nor by close_socket(): one
 * that had this number is no more. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    struct transfer *transfer = context;
    struct transfers *transfers = transfer->transfers;
    if (transfer->may_connect && !transfer->may_connect(transfer, &address->addr))
        return CURL_SOCKET_BAD;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;
    forget_endpoint(transfers, fd);
    if (add_endpoint(transfers, fd, true))
        return fd;
    close(fd);
    return CURL_SOCKET_BAD;
}

static int close_socket(void *context, curl_socket_t fd)
{
    forget_endpoint(context, fd);
    return close(fd);
}

/* --- transfers -------------------------------------------------------------------------------- */

bool transfers_start(struct transfers *transfers, struct transfer *transfer)
{
    CURL *easy = transfer->easy;
    assert(!transfer->under_way);
    transfer->transfers = transfers;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, transfers);
#if LIBCURL_VERSION_NUM >= 0x075700 /* 7.87: do not wait, with all else, for a slow name server */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
    transfer->under_way = curl_multi_add_handle(transfers->multi, easy) == CURLM_OK;
    return transfer->under_way;
}

void transfers_remove(struct transfers *transfers, struct transfer *transfer)
{
    if (!transfer->under_way)
        return;
    transfer->under_way = false;
    curl_multi_remove_handle(transfers->multi, transfer->easy);
}

/* --- life ------------------------------------------------------------------------------------- */

struct transfers *transfers_new(struct loop *loop, long kept_connections)
{
    struct transfers *transfers = calloc(1, sizeof *transfers);
    /* TLS sets itself up with the first connection that uses it, and nothing else global is used:
     * leaving it out saves megabytes. */
    if (!transfers || curl_global_init(CURL_GLOBAL_NOTHING) != CURLE_OK) {
        free(transfers);
        return NULL;
    }
    transfers->loop = loop;
    transfers->keeps_connections = kept_connections > 0;
    transfers->timer.expired = on_timer;
    transfers->multi = curl_multi_init();
    if (!transfers->multi) {
        transfers_free(transfers);
        return NULL;
    }
    curl_multi_setopt(transfers->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
    curl_multi_setopt(transfers->multi, CURLMOPT_SOCKETDATA, transfers);
    curl_multi_setopt(transfers->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(transfers->multi, CURLMOPT_TIMERDATA, transfers);
    curl_multi_setopt(transfers->multi, CURLMOPT_MAXCONNECTS, kept_connections);
    curl_multi_setopt(transfers->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    return transfers;
}

void transfers_free(struct transfers *transfers)
{
    if (!transfers)
        return;
    curl_multi_cleanup(transfers->multi); /* closes the sockets; NULL does no harm */
    while (transfers->endpoints)
        forget_endpoint(transfers, transfers->endpoints->fd);
    loop_remove_timer(transfers->loop, &transfers->timer);
    free(transfers);
    curl_global_cleanup();
}
