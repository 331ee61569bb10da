#include "lib/http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

static bool is_any(const char *address)
{
    return !address || !*address;
}

/* Fills in a socket address; returns its size, 0 when `address` is not numeric. */
static socklen_t resolve(const char *address, uint16_t port, struct sockaddr_storage *storage)
{
    memset(storage, 0, sizeof *storage);
    struct sockaddr_in *v4 = (struct sockaddr_in *)storage;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)storage;
    if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        return sizeof *v4;
    }
    if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        return sizeof *v6;
    }
    return 0;
}

/* Returns the descriptor or a negative errno value. */
static int listen_on(const struct sockaddr_storage *storage, socklen_t size)
{
    int fd = socket(storage->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int on = 1, off = 0;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (storage->ss_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, (const struct sockaddr *)storage, size) < 0 || listen(fd, BACKLOG) < 0) {
        int error = -errno;
        close(fd);
        return error;
    }
    return fd;
}

int listen_tcp(const char *address, uint16_t port, const char *option, struct buffer *error)
{
    struct sockaddr_storage storage;
    socklen_t size = resolve(is_any(address) ? "::" : address, port, &storage);
    if (!size) {
        buffer_printf(error, "cannot listen on '%s': not an IPv4 or IPv6 address", address);
        return -1;
    }
    int fd = listen_on(&storage, size);
    if (is_any(address) && fd < 0 && fd != -EADDRINUSE && fd != -EACCES) {
        /* A machine without IPv6 */
        size = resolve("0.0.0.0", port, &storage);
        fd = listen_on(&storage, size);
    }
    if (fd >= 0)
        return fd;

    buffer_printf(error, "cannot listen on %s port %u: %s; ",
                  is_any(address) ? "any address," : address, port, strerror(-fd));
    if (fd == -EADDRINUSE)
        buffer_printf(
            error, "stop what uses it ('ss -ltnp sport = :%u' shows it) or choose another with %s",
            port, option);
    else if (fd == -EACCES)
        buffer_printf(error,
                      "ports below net.ipv4.ip_unprivileged_port_start need a privilege: choose a "
                      "higher one with %s, or lower that sysctl",
                      option);
    else
        buffer_add_text(error, "choose an address of this machine");
    return -1;
}

int listen_connect(const char *address, uint16_t port)
{
    if (is_any(address) || strcmp(address, "0.0.0.0") == 0)
        address = "127.0.0.1";
    else if (strcmp(address, "::") == 0)
        address = "::1";
    struct sockaddr_storage storage;
    socklen_t size = resolve(address, port, &storage);
    if (!size)
        return -1;
    int fd = socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    struct timeval second = {.tv_sec = 1}; /* the one for sending holds for connecting too */
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof second);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof second);
    if (connect(fd, (const struct sockaddr *)&storage, size) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}
