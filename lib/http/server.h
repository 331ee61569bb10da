/* An HTTP/1.1 server on the event loop, with libmicrohttpd underneath.
 *
 * Handlers may answer at once or keep the request and answer later from any callback of the loop.
 * Every answer carries Server, X-Request-Id and traceparent, every request is counted and, unless
 * its route is quiet, logged. Errors are RFC 9457 problem details (problem.h).
 */
#ifndef LIB_HTTP_SERVER_H
#define LIB_HTTP_SERVER_H

#include "lib/base/buffer.h"
#include "lib/base/loop.h"
#include "lib/http/identity.h"
#include "lib/http/problem.h"
#include "lib/log/log.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    HTTP_HEADERS_MAX = 8 * 1024,       /* bytes of request header fields; more is answered 431 */
    HTTP_PATH_MAX = 255,               /* longer paths match no route and are logged cut off */
    HTTP_BODY_MAX = 16 * 1024,         /* of a request, where its route has no limit of its own */
    HTTP_BODIES_MAX = 8 * 1024 * 1024, /* of all requests together, where the server has none */
    HTTP_ANSWER_MAX = 1024 * 1024,
    HTTP_ANSWER_HEADERS_MAX = 16 * 1024,
    HTTP_CALLER_MAX = 64,
};

struct http_server;

/* Lent to a handler from its call until it calls http_answer() or http_answer_problem(). */
struct http_request {
    const char *method;
    const char *path;    /* as routed: without the prefix */
    const char *segment; /* what stands for {id} in the route's path, or "" */
    const char *prefix;  /* the prefix it came under, or "" */
    const char *body;    /* never NULL, ends in NUL */
    size_t body_size;
    const char *authorization;        /* header field's value, or NULL */
    const char *client;               /* its address */
    char caller[HTTP_CALLER_MAX + 1]; /* its name, from http_set_caller(), or "" */
    bool body_due;                    /* while admit() looks at it before its body has come in */
    void (*left)(struct http_request *request); /* from http_tell_left() */
    void *call;                                 /* the handler's own, for left() */
    const struct identity *identity;
    int64_t upstream_time; /* nanoseconds; a handler that made a call says here how long it took */
};

typedef void http_handler(void *context, struct http_request *request);

/* Whether the request may go on to its handler; false when it has been answered, or will be, in its
 * place. Where a route takes more than HTTP_BODY_MAX bytes it is asked once the header fields are
 * in, so that not everybody can send so much; it has to answer at once then. */
typedef bool http_admit(void *context, struct http_request *request);

/* A path is matched exactly, with or without a closing slash; "{id}" in it stands for one segment
 * that is not empty. HEAD is served by GET's handler. */
struct http_route {
    const char *method;
    const char *path;
    http_handler *handle;
    http_admit *admit; /* looks at the request before its handler; NULL for none */
    size_t body_limit; /* bytes of a request's body; 0 for HTTP_BODY_MAX */
    bool quiet;        /* not in the access log: probes and metrics */
};

/* A request of a trace that is recorded, when it is over. The texts are valid during the call. */
struct http_span {
    const struct identity *identity; /* with this span's id in its traceparent */
    const char *parent;              /* the caller's span id, or "" */
    const char *method;              /* cut off at 15 bytes */
    const char *path;                /* as it came, without the query */
    const char *route;               /* the path of its route, which lasts; NULL when it had none */
    unsigned status;                 /* as it is logged: 408 and 499 were not sent */
    int64_t started, ended;          /* on loop_clock() */
};

/* Who records spans, embedded by its owner. */
struct http_tracer {
    void (*request_over)(struct http_tracer *tracer, const struct http_span *span);
};

struct http_field_line {
    const char *name, *value;
};

struct http_server_config {
    struct loop *loop;
    int listen_fd;      /* from listen_tcp(); the server closes it */
    const char *server; /* Server header field, and name in the metrics */
    const struct http_route *routes;
    size_t route_count;
    const char *prefix; /* paths are also served under it; NULL or "" for none */
    void *context;      /* for the routes' functions */
    struct log *access_log;
    struct http_tracer *tracer;           /* NULL: a traceparent is passed on unmodified */
    const char *channel;                  /* for the access log, or NULL */
    const struct http_field_line *fields; /* header fields of every answer */
    size_t field_count;
    size_t bodies_max;         /* bytes that come in at a time; 0 for HTTP_BODIES_MAX */
    unsigned connection_limit; /* beyond it the oldest idle connection is closed for a new one */
    unsigned connections_per_address; /* at once; 0 for any number */
    unsigned idle_seconds;            /* after which a silent connection is closed */
};

/* The strings, routes and log of the config are borrowed until http_server_free(). NULL when
 * libmicrohttpd could not start: out of memory or descriptors. */
struct http_server *http_server_new(const struct http_server_config *config);

/* The same on a port of its own (listen.h), for which listen_fd is filled in. NULL with a sentence
 * added to `error`. */
struct http_server *http_server_open(struct http_server_config *config, const char *address,
                                     uint16_t port, const char *option, struct buffer *error);

/* All requests must have been answered. */
void http_server_free(struct http_server *server);

/* From now on answers say `Connection: close`; requests are served as before. */
void http_server_close_connections(struct http_server *server);

/* Cuts off the answers of stream.h that are being written; their writers are told. */
void http_server_cut_streams(struct http_server *server);

/* Closes the listening socket. Connections that are open go on. */
void http_server_stop_accepting(struct http_server *server);

unsigned http_server_connections(const struct http_server *server);
unsigned http_server_requests_in_progress(const struct http_server *server);

/* Adds this server's counters and histograms. */
void http_server_metrics(const struct http_server *server, struct buffer *out);

/* Calls `each` for the query's parameters in order, percent-decoded, until it returns false. A
 * parameter with a NUL in it, or without `=`, has the value NULL. */
void http_query(struct http_request *request,
                bool (*each)(void *context, const char *name, const char *value), void *context);

/* A header field's value, or NULL; of several the first. */
const char *http_field(struct http_request *request, const char *name);

/* Where the answer's body is to be written, before http_answer(). */
struct buffer *http_body(struct http_request *request);

/* Takes over a body that was written elsewhere, such as by a thread, in place of http_body()'s.
 * `body` is empty then; it may be larger than HTTP_ANSWER_MAX, and may have failed. */
void http_take_body(struct http_request *request, struct buffer *body);

/* Says who the caller is: for the handler, and for the access log. Copied, and cut off at
 * HTTP_CALLER_MAX bytes. */
void http_set_caller(struct http_request *request, const char *name);

/* Has `left` called, at most once, when the client has gone before its answer. The handler has to
 * answer all the same. It is noticed within a second or so, and a client that closes its sending
 * half counts as gone. */
void http_tell_left(struct http_request *request, void (*left)(struct http_request *request));

/* Adds a header field to the answer; both texts are copied. */
void http_header(struct http_request *request, const char *name, const char *value);

/* Adds a member to the request's line in the access log, such as the car it was about; both texts
 * are copied. Without a `value`, or without memory, the member is left out. */
void http_note(struct http_request *request, const char *name, const char *value);

/* Answers with the body written to http_body(), or, when memory ran out for that or for a header
 * field, with 500. `content_type` is copied. Ends the loan. */
void http_answer(struct http_request *request, unsigned status, const char *content_type);

/* Answers with a problem, whatever was written to the body before, and notes its name.
 * `parameter` may be NULL. */
void http_answer_problem(struct http_request *request, enum problem problem, const char *parameter,
                         const char *detail);

/* The same with further members behind the problem's own, as json_add_*() write them. */
void http_answer_problem_more(struct http_request *request, enum problem problem,
                              const char *parameter, const char *detail, const struct buffer *more);

#endif
