/* One kept-alive connection to an HTTP server, and the one call at a time that it carries. What
 * lib/upstream.h has many of.
 */
#ifndef BOOKING_UPSTREAM_CONNECTION_H
#define BOOKING_UPSTREAM_CONNECTION_H

#include "buffer.h"
#include "loop.h"
#include "upstream.h"

#include <stdbool.h>

/* What all connections to a server share. */
struct upstream_server;

/* NULL, with a reason added to `error`, when the URL is not good or memory ran out. */
struct upstream_server *upstream_server_new(struct loop *loop, const char *url,
                                            struct buffer *error);
/* NULL is fine; all connections must have been freed. */
void upstream_server_free(struct upstream_server *server);

struct upstream_connection;

/* How a call ended: as its `result` will say, but for one that is worth another try. */
enum upstream_end {
    UPSTREAM_END_ANSWERED, /* the answer is in the call, valid until the callback returns */
    UPSTREAM_END_NO_CONNECTION,
    UPSTREAM_END_BROKE_OFF, /* before the answer was whole */
    UPSTREAM_END_USELESS,   /* the answer, or it is another call's */
};

/* Not connected yet; NULL when out of memory. `ended` is called from the loop, when the connection
 * is ready for another call. */
struct upstream_connection *upstream_connection_new(struct upstream_server *server,
                                                    void (*ended)(void *context,
                                                                  enum upstream_end end),
                                                    void *context);

/* Drops its call, if it has one, without a word. NULL is fine. */
void upstream_connection_free(struct upstream_connection *connection);

/* Sends the call, which is borrowed until its end, and connects before if that is needed. False
 * when out of memory or descriptors: then there will be no end. */
bool upstream_connection_start(struct upstream_connection *connection, struct upstream_call *call);

/* Gives the call up, with the connection: `ended` is not called. */
void upstream_connection_abandon(struct upstream_connection *connection);

#endif
