/* Reads one HTTP/1.1 answer as it arrives (RFC 9112).
 *
 * What a client must understand, and no more: a body with a Content-Length, in chunks, or until the
 * connection closes; interim (1xx) answers, which are passed over; no other transfer coding. Lines
 * may end in LF alone (RFC 9112, section 2.2). The body is made one piece where it was received.
 */
#ifndef BOOKING_ADAPTER_ANSWER_H
#define BOOKING_ADAPTER_ANSWER_H

#include "adapter/calls.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ADAPTER_HEAD_MAX = 16 * 1024,     /* of a head, of the trailer, and of a line in between */
    ADAPTER_FRAMING_MAX = 512 * 1024, /* of interim answers and the lines between chunks */
};

/* Large: the received bytes are inside. Texts point there, and are valid until the next answer. */
struct adapter_answer {
    /* Once the answer is whole. */
    unsigned status;
    const char *content_type; /* NULL when there was none */
    const char *request_id;   /* X-Request-Id; NULL when there was none */
    const char *body;         /* ends in NUL */
    size_t body_size;
    bool keep; /* the connection is good for another call */

    /* The module's own. */
    enum {
        ANSWER_IN_HEAD,
        ANSWER_IN_BODY,
        ANSWER_IN_ENDLESS_BODY,
        ANSWER_AT_CHUNK_SIZE,
        ANSWER_IN_CHUNK,
        ANSWER_AFTER_CHUNK,
        ANSWER_IN_TRAILER,
    } state;
    bool chunked, has_length;
    uint64_t left;     /* of the body or chunk */
    size_t body_start; /* in `input` */
    size_t read;       /* bytes of `input` that were understood */
    size_t searched;   /* bytes behind those without the end of a line or head */
    size_t trailer;    /* bytes of it so far */
    size_t framing;    /* bytes of interim answers and lines between chunks so far */
    size_t size;       /* bytes in `input` */
    /* Room for a head, a body and a line between its chunks; for one byte more, which shows that
     * they were too long; and for a NUL. */
    char input[ADAPTER_HEAD_MAX + ADAPTER_ANSWER_MAX + ADAPTER_HEAD_MAX + 2];
};

/* Forgets the last answer. */
void adapter_answer_begin(struct adapter_answer *answer);

/* Where the next bytes are to be received; `*room`, never 0, is how many at most. */
char *adapter_answer_room(struct adapter_answer *answer, size_t *room);

/* So many bytes were received there: ADAPTER_PENDING when more is to come, else ADAPTER_ANSWERED or
 * ADAPTER_UNUSABLE. */
enum adapter_outcome adapter_answer_received(struct adapter_answer *answer, size_t size);

/* Whether the next byte belongs to a head: the answer's own, or an interim one's before it. */
static inline bool adapter_answer_in_head(const struct adapter_answer *answer)
{
    return answer->state == ANSWER_IN_HEAD;
}

/* The connection was closed by the server: ADAPTER_ANSWERED when that was the end of the body, else
 * ADAPTER_BROKE_OFF. */
enum adapter_outcome adapter_answer_closed(struct adapter_answer *answer);

#endif
