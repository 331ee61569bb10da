/* Reads one HTTP/1.1 answer as it arrives (RFC 9112).
 *
 * What a client must understand, and no more: a body with a Content-Length, in chunks, or until the
 * connection closes; interim (1xx) answers, which are passed over; no other transfer coding. Lines
 * may end in LF alone (RFC 9112, section 2.2). The body is made one piece where it was received.
 */
#ifndef BOOKING_UPSTREAM_ANSWER_H
#define BOOKING_UPSTREAM_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    UPSTREAM_HEAD_MAX = 16 * 1024,     /* of a head, of the trailer, and of a line in between */
    UPSTREAM_ANSWER_MAX = 64 * 1024,   /* of a body */
    UPSTREAM_FRAMING_MAX = 512 * 1024, /* of interim answers and the lines between chunks */
};

enum upstream_progress {
    UPSTREAM_MORE,    /* is to come */
    UPSTREAM_WHOLE,   /* the answer is there */
    UPSTREAM_CUT_OFF, /* the connection closed before that */
    UPSTREAM_USELESS, /* not HTTP, or too long */
};

/* Large: the received bytes are inside. Texts point there, and are valid until the next answer. */
struct upstream_answer {
    /* Once the answer is whole. */
    unsigned status;
    const char *content_type; /* NULL when there was none */
    const char *request_id;   /* X-Request-Id; NULL when there was none */
    const char *body;         /* ends in NUL */
    size_t body_size;
    bool keep; /* the connection is good for another call */

    /* The module's own. */
    enum {
        UPSTREAM_IN_HEAD,
        UPSTREAM_IN_BODY,
        UPSTREAM_IN_ENDLESS_BODY,
        UPSTREAM_AT_CHUNK_SIZE,
        UPSTREAM_IN_CHUNK,
        UPSTREAM_AFTER_CHUNK,
        UPSTREAM_IN_TRAILER,
    } state;
    bool chunked, has_length;
    uint64_t left;     /* of the body or chunk */
    size_t body_start; /* in `input` */
    size_t read;       /* bytes of `input` that were understood */
    size_t searched;   /* bytes behind those without the end of a line or head */
    size_t trailer;    /* bytes of it so far */
    size_t framing;    /* bytes of interim answers and lines between chunks so far */
    size_t size;       /* bytes in `input` */
    /* A head, a body, a line between its chunks; a byte by which to see that this was too long; a
     * NUL. */
    char input[UPSTREAM_HEAD_MAX + UPSTREAM_ANSWER_MAX + UPSTREAM_HEAD_MAX + 2];
};

/* Forgets the last answer. */
void upstream_answer_begin(struct upstream_answer *answer);

/* Where the next bytes are to be received; `*room`, never 0, is how many at most. */
char *upstream_answer_room(struct upstream_answer *answer, size_t *room);

/* So many bytes were received there. After anything but UPSTREAM_MORE the answer is at its end. */
enum upstream_progress upstream_answer_received(struct upstream_answer *answer, size_t size);

/* The connection was closed by the server. Never UPSTREAM_MORE. */
enum upstream_progress upstream_answer_closed(struct upstream_answer *answer);

#endif
