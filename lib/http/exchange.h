/* One request and its answer, from the request line to the last byte sent: what handlers see of it
 * (server.h), and its line in the access log. Inside lib/http only.
 */
#ifndef LIB_HTTP_EXCHANGE_H
#define LIB_HTTP_EXCHANGE_H

#include "lib/http/peers.h"
#include "lib/http/server.h"
#include "lib/http/stream.h"

struct MHD_Connection;

enum exchange_state {
    EXCHANGE_HEAD,      /* its header fields are coming in */
    EXCHANGE_RECEIVING, /* its body is coming in */
    EXCHANGE_HANDLING,  /* its handler runs */
    EXCHANGE_SUSPENDED, /* its handler answers later */
    EXCHANGE_ANSWERED,  /* there is an answer, to be sent or being sent */
};

/* How a body that comes in chunks gets on, for the server's eye on those that do not. */
struct progress {
    unsigned parts; /* that came in so far */
    unsigned seen;  /* of them when it was last looked at */
    unsigned looks; /* since then with bytes waiting that were not taken */
    int64_t since;  /* of the first of these looks */
};

struct exchange {
    struct http_request request;
    struct exchanges *owner;
    struct MHD_Connection *connection;
    struct peer *peer;
    const struct http_route *route; /* NULL when none matched */
    enum exchange_state state;
    bool in_progress; /* its header fields are in */
    bool chunked;     /* its body comes in chunks */
    bool too_large;   /* its body */
    bool no_room;     /* for its body: no memory, or other bodies have taken it */
    bool queued;      /* the answer was handed to libmicrohttpd */
    bool admitted;    /* admit() was asked before the body */
    bool sent;        /* the answer was written past libmicrohttpd, see reply.h */
    bool traced;      /* a span is recorded for it, whose parent is this: */
    char parent[IDENTITY_SPAN_ID_SIZE + 1];
    int64_t started;
    struct identity identity;
    char method[16];              /* cut off where it is longer; "" while it is not known */
    char path[HTTP_PATH_MAX + 1]; /* as it came, for the log */
    char segment[HTTP_PATH_MAX + 1];
    const char *target_end;   /* the NUL behind the target, in libmicrohttpd's memory */
    const char *target_fault; /* a sentence on what is wrong with it, or NULL */
    enum problem target_problem;
    struct buffer body;
    size_t discarded; /* bytes of a body that is not kept */
    struct progress progress;
    unsigned status;
    struct buffer answer;
    struct http_stream *stream; /* that the answer's body comes from, or NULL */
    struct buffer headers;      /* of the answer: name, NUL, value, NUL, and so on */
    struct buffer notes;        /* members for the access log's line */
    struct exchange *next_free;
};

/* A server's exchanges. Some of those that are over are kept for the next requests. */
struct exchanges {
    struct log *access_log;
    const char *channel; /* for the access log, or NULL */
    const char *server;  /* Server header field of the answers */
    bool closing;        /* answers say Connection: close */
    struct exchange *free;
    unsigned free_count;
    unsigned in_progress; /* whose header fields are in */
    unsigned chunked;     /* of them those whose body comes in chunks */
    size_t body_bytes;    /* of the bodies that are held, */
    size_t bodies_max;    /* and how many may be */
    bool resumed;         /* libmicrohttpd has an answer to ask for */
    struct http_streams streams;
    const struct http_field_line *fields; /* of every answer */
    size_t field_count;
};

/* NULL when out of memory. */
struct exchange *exchange_begin(struct exchanges *exchanges);

/* The header fields are in, and from here on a server that stops waits for the answer. */
void exchange_take(struct exchange *exchange, bool chunked);

/* Takes in a part of the body, or counts it as discarded where there is no room for it. */
void exchange_add_body(struct exchange *exchange, const char *data, size_t size);

/* There is an answer: to be sent when libmicrohttpd asks for it. */
void exchange_answered(struct exchange *exchange, unsigned status);

/* Answers 500, whatever was written before. */
void exchange_answer_out_of_memory(struct exchange *exchange);

/* Takes the exchange back; its answer has been sent, or never will be. */
void exchange_end(struct exchange *exchange);

/* `status` is the one of the answer, or 499 and 408 where it was not sent. */
void exchange_write_log(const struct exchange *exchange, unsigned status, int64_t duration);

void exchanges_free(struct exchanges *exchanges);

#endif
