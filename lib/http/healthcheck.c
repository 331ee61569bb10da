#include "lib/http/healthcheck.h"

#include "lib/http/listen.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int healthcheck(const char *program, const char *address, uint16_t port)
{
    static const char request[] =
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    static const char expected[] = "HTTP/1.1 200 ";

    int fd = listen_connect(address, port);
    if (fd < 0) {
        fprintf(stderr, "%s: nothing answers on port %u\n", program, port);
        return 1;
    }
    char answer[sizeof expected - 1] = {0};
    /* All of it is in one segment; what trickles in is not healthy. */
    ssize_t received = -1;
    if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) == (ssize_t)sizeof request - 1)
        received = recv(fd, answer, sizeof answer, 0);
    close(fd);
    if (received == (ssize_t)sizeof answer && memcmp(answer, expected, sizeof answer) == 0)
        return 0;
    fprintf(stderr, "%s: port %u did not answer /healthz with 200\n", program, port);
    return 1;
}
