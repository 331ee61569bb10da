/* A long answer that a thread of its own writes bit by bit, such as an export.
 *
 * The handler begins it on the loop's thread and hands the stream to the thread that writes. What
 * the client has not taken yet is held, up to HTTP_STREAM_HELD bytes; beyond that the writer waits.
 * The loop never does. A client that takes nothing for the server's idle time is cut off.
 */
#ifndef LIB_HTTP_STREAM_H
#define LIB_HTTP_STREAM_H

#include "lib/http/server.h"

enum {
    HTTP_STREAM_HELD = 256 * 1024,
    HTTP_STREAM_ENOUGH = 32 * 1024, /* the loop is woken for so much, or for the end */
};

struct http_stream;

/* Answers with a body that is written from now on, and ends the loan. `left`, which may be NULL, is
 * called at most once, on the loop's thread, when the rest is not wanted: the client has gone, the
 * server stops, or it was a HEAD. It may not call anything of this file, and is not called any more
 * once http_stream_end() has returned. A client that closes its sending half counts as gone. NULL
 * when out of memory, which was answered. */
struct http_stream *http_answer_stream(struct http_request *request, unsigned status,
                                       const char *content_type, void (*left)(void *context),
                                       void *context);

/* On the writer's thread. Waits while too much is held; false when the rest is not wanted. */
bool http_stream_write(struct http_stream *stream, const void *data, size_t size);

/* Gives the stream back, which the writer has to do however it ended. When the body is not `whole`,
 * the connection is reset, so that the client knows that something is missing. */
void http_stream_end(struct http_stream *stream, bool whole);

/* --- inside lib/http only -------------------------------------------------------------------- */

struct exchange;
struct MHD_Response;

/* The streams of a server, and how their writers wake its loop. */
struct http_streams {
    struct loop *loop;
    struct http_stream *first;
    int wake_fd; /* once there has been a stream */
    bool watching;
    struct loop_watch watch;
};

/* NULL when out of memory. */
struct MHD_Response *stream_response(struct http_stream *stream);

/* The rest is not wanted; the connection ends without a proper end. */
void stream_cut(struct http_stream *stream);

/* The connection is done with it. */
void stream_close(struct http_stream *stream);

bool stream_is_broken(const struct http_stream *stream); /* by its writer */
uint64_t stream_sent(const struct http_stream *stream);  /* bytes */

void streams_cut_all(struct http_streams *streams);
void streams_stop(struct http_streams *streams);

#endif
