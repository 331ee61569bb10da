/* The kernel's floor of two hops: what is left when nothing is parsed, chosen or written, only
 * received and sent.
 *
 *     floor front ADDRESS PORT ADAPTER_PORT
 *     floor adapter ADDRESS PORT
 *
 * The front answers each request with what the adapter answers to a fixed POST, on a connection of
 * its own for each client. A request is taken to come in one piece: load sends it in one, and
 * loopback does not cut it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { DESCRIPTORS_MAX = 16384, EVENTS_MAX = 256, BACKLOG = 1024, PIECE_MAX = 4096 };

static const char to_adapter[] =
    "POST /formatCarInfo HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    "Content-Length: 71\r\n\r\n"
    "{\"carid\":\"1-XXX-333\",\"price\":55,\"currency\":\"euro\",\"status\":\"available\"}";
static const char from_adapter[] =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 124\r\n\r\n"
    "{\"carid\":\"1-XXX-333\",\"price\":55,\"currency\":\"euro\",\"status\":\"available\","
    "\"message\":\"welcome to kayak\",\"payment_method\":\"visa\"}";

static int epoll_fd;
static bool is_front;
static struct sockaddr_in adapter = {.sin_family = AF_INET};

/* The other connection of a client's or an adapter's, 0 when there is none. */
static int other[DESCRIPTORS_MAX];
static bool is_upstream[DESCRIPTORS_MAX];

static void die(const char *what)
{
    (void)fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void watch(int fd)
{
    const int on = 1;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (fd < 0 || fd >= DESCRIPTORS_MAX || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        die("connection");
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void take_client(int listener)
{
    int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    watch(client);
    is_upstream[client] = false;
    if (!is_front)
        return;
    int upstream = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(upstream, (const struct sockaddr *)&adapter, sizeof adapter) != 0)
        die("connect to the adapter");
    watch(upstream);
    is_upstream[upstream] = true;
    other[client] = upstream;
    other[upstream] = client;
}

static void end(int fd)
{
    (void)close(fd);
    if (other[fd])
        (void)close(other[fd]);
    other[other[fd]] = 0;
    other[fd] = 0;
}

static void pass_on(int fd)
{
    char piece[PIECE_MAX];
    ssize_t size = recv(fd, piece, sizeof piece, MSG_DONTWAIT);
    /* The other connection's end may have closed this one in the same round. */
    if (size < 0 && (errno == EAGAIN || errno == EBADF))
        return;
    if (size <= 0) {
        end(fd);
        return;
    }
    ssize_t sent;
    if (!is_front)
        sent = send(fd, from_adapter, sizeof from_adapter - 1, MSG_NOSIGNAL);
    else if (is_upstream[fd])
        sent = send(other[fd], piece, (size_t)size, MSG_NOSIGNAL);
    else
        sent = send(other[fd], to_adapter, sizeof to_adapter - 1, MSG_NOSIGNAL);
    if (sent < 0)
        end(fd);
}

static int listen_on(const char *address, const char *port)
{
    const int on = 1;
    struct sockaddr_in here = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (inet_pton(AF_INET, address, &here.sin_addr) != 1 ||
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(listener, (const struct sockaddr *)&here, sizeof here) != 0 ||
        listen(listener, BACKLOG) != 0)
        die("listen");
    adapter.sin_addr = here.sin_addr;
    watch(listener);
    return listener;
}

int main(int argc, char **argv)
{
    is_front = argc == 5 && strcmp(argv[1], "front") == 0;
    if (!is_front && (argc != 4 || strcmp(argv[1], "adapter") != 0)) {
        (void)fputs("usage: floor front ADDRESS PORT ADAPTER_PORT | adapter ADDRESS PORT\n",
                    stderr);
        return 2;
    }
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    int listener = listen_on(argv[2], argv[3]);
    if (is_front)
        adapter.sin_port = htons((uint16_t)strtoul(argv[4], NULL, 10));
    for (;;) {
        struct epoll_event events[EVENTS_MAX];
        int count = epoll_wait(epoll_fd, events, EVENTS_MAX, -1);
        if (count < 0 && errno != EINTR)
            die("epoll_wait");
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == listener)
                take_client(listener);
            else
                pass_on(events[i].data.fd);
        }
    }
}
