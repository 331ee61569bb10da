/* One request and its answer, from the first header field to the last byte sent: what handlers see
 * of it (server.h), and its line in the access log. Inside lib/http only.
 */
#ifndef LIB_HTTP_EXCHANGE_H
#define LIB_HTTP_EXCHANGE_H

#include "lib/http/peers.h"
#include "lib/http/server.h"

struct MHD_Connection;

enum exchange_state {
    EXCHANGE_RECEIVING, /* its body is coming in */
    EXCHANGE_HANDLING,  /* its handler runs */
    EXCHANGE_SUSPENDED, /* its handler answers later */
    EXCHANGE_ANSWERED,  /* there is an answer, to be sent or being sent */
};

struct exchange {
    struct http_request request;
    struct exchanges *owner;
    struct MHD_Connection *connection;
    struct peer *peer;
    const struct http_route *route; /* NULL when none matched */
    enum exchange_state state;
    bool too_large; /* the body, or there was no memory for it */
    int64_t started;
    struct identity identity;
    char path[HTTP_PATH_MAX + 1]; /* as it came, for the log */
    char segment[HTTP_PATH_MAX + 1];
    struct buffer body;
    size_t discarded; /* bytes of a body that is too large */
    unsigned status;
    struct buffer answer;
    struct buffer headers; /* of the answer: name, NUL, value, NUL, and so on */
    struct buffer notes;   /* members for the access log's line */
    struct exchange *next_free;
};

/* A server's exchanges. Those that are over are kept for the next requests. */
struct exchanges {
    struct log *access_log;
    const char *channel; /* for the access log, or NULL */
    struct exchange *free;
    unsigned in_progress;
    bool resumed; /* libmicrohttpd has an answer to ask for */
};

/* NULL when out of memory. */
struct exchange *exchange_begin(struct exchanges *exchanges);

/* Takes the exchange back; its answer has been sent, or never will be. */
void exchange_end(struct exchange *exchange);

void exchange_write_log(const struct exchange *exchange, int64_t duration);

void exchanges_free(struct exchanges *exchanges);

#endif
