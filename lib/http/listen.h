/* Listening sockets, with errors that tell an operator what to do. */
#ifndef LIB_HTTP_LISTEN_H
#define LIB_HTTP_LISTEN_H

#include "lib/base/buffer.h"

#include <stdint.h>
#include <sys/socket.h>

/* A non-blocking listening TCP socket on `address` (numeric IPv4 or IPv6; NULL or "" for all
 * addresses of both). `option` names the port's option in the message. Returns the descriptor, or
 * -1 with a whole sentence added to `error`. */
int listen_tcp(const char *address, uint16_t port, const char *option, struct buffer *error);

/* Connects to the same place from within this machine, for --healthcheck: to loopback where
 * `address` stands for all. Connecting, sending and receiving block for a second at most. -1 when
 * nobody accepts there. */
int listen_connect(const char *address, uint16_t port);

#endif
