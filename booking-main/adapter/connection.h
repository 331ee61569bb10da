/* One kept-alive connection to an HTTP server, and the one call at a time that it carries.
 * adapter/calls.h has many of these.
 */
#ifndef BOOKING_ADAPTER_CONNECTION_H
#define BOOKING_ADAPTER_CONNECTION_H

#include "adapter/calls.h"
#include "lib/base/buffer.h"
#include "lib/base/loop.h"

#include <stdbool.h>

/* This header has two sources, and the build takes one. connection.c, "own", is the default: HTTP
 * of its own on a socket that libcurl has connected (libcurl_connector.h). connection_libcurl.c,
 * "libcurl", leaves HTTP to libcurl too (make TRANSPORT=libcurl). */
extern const char adapter_transport_name[];

/* What all connections to a server share. */
struct adapter_server;

/* NULL, with a reason added to `error`, when the URL is not good or memory ran out. */
struct adapter_server *adapter_server_new(struct loop *loop, const char *url, struct buffer *error);
/* NULL is fine; all connections must have been freed. */
void adapter_server_free(struct adapter_server *server);

struct adapter_connection;

/* Not connected yet; NULL when out of memory. `ended` is called from the loop, when the connection
 * is ready for another call: with ADAPTER_ANSWERED (the answer is in the call, and valid until the
 * callback returns), ADAPTER_UNREACHABLE, ADAPTER_BROKE_OFF or ADAPTER_UNUSABLE. */
struct adapter_connection *adapter_connection_new(struct adapter_server *server,
                                                  void (*ended)(void *context,
                                                                enum adapter_outcome outcome),
                                                  void *context);

/* Drops its call, if it has one, without a word. NULL is fine. */
void adapter_connection_free(struct adapter_connection *connection);

/* Sends the call, which is borrowed until its end, and connects before if that is needed. False
 * when out of memory or descriptors: then there will be no end. */
bool adapter_connection_start(struct adapter_connection *connection, struct adapter_call *call);

/* Gives the call up, with the connection: `ended` is not called. */
void adapter_connection_abandon(struct adapter_connection *connection);

#endif
