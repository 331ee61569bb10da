/* How an answer leaves: through libmicrohttpd, or past it where libmicrohttpd would give none.
 *
 * libmicrohttpd has no way to refuse a request before its header fields are in, or in the middle of
 * a body, and it drops the answer to a client that has closed its sending half. In these cases the
 * answer is written to the socket here. Inside lib/http only.
 */
#ifndef LIB_HTTP_REPLY_H
#define LIB_HTTP_REPLY_H

#include "lib/http/exchange.h"

#include <microhttpd.h>

/* Hands the answer to libmicrohttpd; the body stays the exchange's until the request is completed.
 * MHD_NO when out of memory, after which libmicrohttpd closes the connection. */
enum MHD_Result reply_queue(struct exchange *exchange);

/* Writes the whole answer to the peer's socket at once and sets `sent`, unless the client has left
 * or does not take it. Nothing else may follow on the connection: shut it down. */
void reply_past_library(struct exchange *exchange);

#endif
