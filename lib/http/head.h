/* The header section of a request: what it says, and whether the request may be served.
 *
 * libmicrohttpd is lenient where RFC 9112 is not: it takes the first of two Content-Length fields,
 * needs no Host, and ends a value at a NUL byte. What it lets pass is judged here, since a proxy in
 * front may have understood it otherwise. Inside lib/http only.
 */
#ifndef LIB_HTTP_HEAD_H
#define LIB_HTTP_HEAD_H

#include "lib/http/problem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct MHD_Connection;

/* The texts are the connection's, until its request is completed; NULL for a field that is not
 * there. */
struct head {
    const char *request_id;
    const char *traceparent;
    const char *authorization;
    uint64_t content_length; /* of the body, 0 when it is not announced */
    bool chunked;            /* the body comes in chunks */
    const char *fault;       /* a sentence on what is wrong, or NULL */
    const char *field;       /* that is at fault, or NULL */
    enum problem problem;    /* where there is a fault */
};

/* Reads the fields of the connection's request, all of which have come in. `method` and `version`
 * are those of the request line, in libmicrohttpd's memory; `method` is NULL where it is not known.
 * A fault is the first one found, and the rest of *head is filled all the same. The connection has
 * to be closed then: where the next request begins is not sure. */
void head_read(struct MHD_Connection *connection, const char *method, const char *version,
               struct head *head);

#endif
