#include "lib/http/stream.h"

#include "lib/base/container_of.h"
#include "lib/http/exchange.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BLOCK = 16 * 1024 }; /* that libmicrohttpd asks for at a time, where it is free to choose */

enum progress_of_writer { WRITING, WHOLE, BROKEN };

struct http_stream {
    pthread_mutex_t mutex;
    pthread_cond_t room;
    int wake_fd; /* the streams' own by another number, which stays open when they are stopped */

    /* Under the mutex. */
    enum progress_of_writer progress;
    bool wanted;   /* false: the connection takes nothing any more */
    bool hungry;   /* the connection waits for something to send */
    bool released; /* by one of its two users, writer and connection; the other frees it */
    size_t begin, size;
    void (*left)(void *context); /* NULL once it was called */
    void *context;

    /* The loop's. */
    struct exchange *exchange;
    struct http_streams *streams;
    struct http_stream *next;
    bool suspended;
    bool broken;
    uint64_t sent;

    char held[HTTP_STREAM_HELD]; /* `size` bytes from `begin` on, going round */
};

/* --- the writer's side ----------------------------------------------------------------------- */

/* Called with the mutex by each of the two users when it is done. */
static void release_stream(struct http_stream *stream)
{
    bool last = stream->released;
    stream->released = true;
    pthread_mutex_unlock(&stream->mutex);
    if (!last)
        return;
    pthread_cond_destroy(&stream->room);
    pthread_mutex_destroy(&stream->mutex);
    close(stream->wake_fd);
    free(stream);
}

/* Wakes the loop where it waits for what is held now. Called with the mutex, but wakes without: the
 * loop may take this thread's processor at once, and must not find its mutex taken. */
static void feed_connection(struct http_stream *stream)
{
    if (!stream->hungry || (stream->size < HTTP_STREAM_ENOUGH && stream->progress == WRITING))
        return;
    stream->hungry = false;
    pthread_mutex_unlock(&stream->mutex);
    uint64_t one = 1;
    (void)!write(stream->wake_fd, &one, sizeof one); /* it cannot be full */
    pthread_mutex_lock(&stream->mutex);
}

bool http_stream_write(struct http_stream *stream, const void *data, size_t size)
{
    const char *at = data;
    pthread_mutex_lock(&stream->mutex);
    while (size && stream->wanted) {
        if (stream->size == sizeof stream->held) {
            pthread_cond_wait(&stream->room, &stream->mutex);
            continue;
        }
        size_t end = (stream->begin + stream->size) % sizeof stream->held;
        size_t part = end < stream->begin ? stream->begin - end : sizeof stream->held - end;
        if (part > size)
            part = size;
        memcpy(stream->held + end, at, part);
        stream->size += part;
        at += part;
        size -= part;
        feed_connection(stream);
    }
    bool wanted = stream->wanted;
    pthread_mutex_unlock(&stream->mutex);
    return wanted;
}

void http_stream_end(struct http_stream *stream, bool whole)
{
    pthread_mutex_lock(&stream->mutex);
    stream->progress = whole ? WHOLE : BROKEN;
    stream->left = NULL;
    feed_connection(stream);
    release_stream(stream);
}

/* --- the connection's side, on the loop's thread --------------------------------------------- */

/* With FIN, a client of HTTP/1.0 would take what it has for the whole answer. */
static void reset_connection(const struct exchange *exchange)
{
    static const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    (void)connect(exchange->peer->fd, &nowhere, sizeof nowhere); /* which resets, tcp(7) */
}

static size_t take(struct http_stream *stream, char *out, size_t room)
{
    size_t part = sizeof stream->held - stream->begin;
    if (part > stream->size)
        part = stream->size;
    if (part > room)
        part = room;
    memcpy(out, stream->held + stream->begin, part);
    stream->begin = (stream->begin + part) % sizeof stream->held;
    stream->size -= part;
    stream->sent += part;
    return part;
}

/* libmicrohttpd asks for more to send. */
static ssize_t read_stream(void *context, uint64_t position, char *out, size_t room)
{
    (void)position;
    struct http_stream *stream = context;
    ssize_t result;
    pthread_mutex_lock(&stream->mutex);
    if (!stream->wanted) {
        result = MHD_CONTENT_READER_END_WITH_ERROR;
    } else if (stream->size) {
        result = (ssize_t)take(stream, out, room);
        pthread_cond_signal(&stream->room);
    } else if (stream->progress == WRITING) {
        stream->hungry = stream->suspended = true;
        MHD_suspend_connection(stream->exchange->connection);
        result = 0;
    } else {
        stream->broken = stream->progress == BROKEN;
        result =
            stream->broken ? MHD_CONTENT_READER_END_WITH_ERROR : MHD_CONTENT_READER_END_OF_STREAM;
    }
    pthread_mutex_unlock(&stream->mutex);
    if (result == MHD_CONTENT_READER_END_WITH_ERROR)
        reset_connection(stream->exchange);
    return result;
}

struct MHD_Response *stream_response(struct http_stream *stream)
{
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_stream, stream, NULL);
    /* libmicrohttpd 0.9.75 sends the last chunk of an answer to HEAD, which is the beginning of the
     * next answer for the client. So that one has no chunks, and the connection ends behind it. */
    if (response && strcmp(stream->exchange->method, "HEAD") == 0)
        MHD_set_response_options(response, MHD_RF_HTTP_VERSION_1_0_ONLY, MHD_RO_END);
    return response;
}

static void resume_stream(struct http_stream *stream)
{
    if (!stream->suspended)
        return;
    stream->suspended = false;
    MHD_resume_connection(stream->exchange->connection);
    stream->exchange->owner->resumed = true;
}

/* Tells the writer that nothing is wanted any more. Called with the mutex. */
static void give_up(struct http_stream *stream)
{
    stream->wanted = stream->hungry = false;
    pthread_cond_signal(&stream->room);
    if (stream->left)
        stream->left(stream->context);
    stream->left = NULL;
}

void stream_cut(struct http_stream *stream)
{
    pthread_mutex_lock(&stream->mutex);
    give_up(stream);
    pthread_mutex_unlock(&stream->mutex);
    resume_stream(stream);
}

void stream_close(struct http_stream *stream)
{
    struct http_stream **link = &stream->streams->first;
    while (*link != stream)
        link = &(*link)->next;
    *link = stream->next;
    pthread_mutex_lock(&stream->mutex);
    give_up(stream);
    release_stream(stream);
}

bool stream_is_broken(const struct http_stream *stream)
{
    return stream->broken;
}

uint64_t stream_sent(const struct http_stream *stream)
{
    return stream->sent;
}

/* --- the streams of a server ----------------------------------------------------------------- */

static void on_woken(struct loop_watch *watch, uint32_t events)
{
    (void)events;
    struct http_streams *streams = container_of(watch, struct http_streams, watch);
    uint64_t count;
    (void)!read(streams->wake_fd, &count, sizeof count);
    for (struct http_stream *stream = streams->first; stream; stream = stream->next) {
        pthread_mutex_lock(&stream->mutex);
        bool hungry = stream->hungry;
        pthread_mutex_unlock(&stream->mutex);
        if (!hungry)
            resume_stream(stream);
    }
}

static bool start_watching(struct http_streams *streams)
{
    if (streams->watching)
        return true;
    streams->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (streams->wake_fd < 0)
        return false;
    streams->watch.ready = on_woken;
    streams->watching = loop_watch(streams->loop, streams->wake_fd, EPOLLIN, &streams->watch) == 0;
    if (!streams->watching)
        close(streams->wake_fd);
    return streams->watching;
}

void streams_cut_all(struct http_streams *streams)
{
    for (struct http_stream *stream = streams->first; stream; stream = stream->next)
        stream_cut(stream);
}

void streams_stop(struct http_streams *streams)
{
    if (!streams->watching)
        return;
    loop_unwatch(streams->loop, streams->wake_fd, &streams->watch);
    close(streams->wake_fd);
    streams->watching = false;
}

struct http_stream *http_answer_stream(struct http_request *request, unsigned status,
                                       const char *content_type, void (*left)(void *context),
                                       void *context)
{
    struct exchange *exchange = container_of(request, struct exchange, request);
    struct http_streams *streams = &exchange->owner->streams;
    http_header(request, "Content-Type", content_type);
    struct http_stream *stream = NULL;
    if (!exchange->headers.failed && start_watching(streams))
        stream = malloc(sizeof *stream);
    int wake_fd = stream ? fcntl(streams->wake_fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (wake_fd < 0) {
        free(stream);
        exchange_answer_out_of_memory(exchange);
        return NULL;
    }
    memset(stream, 0, offsetof(struct http_stream, held));
    stream->wake_fd = wake_fd;
    pthread_mutex_init(&stream->mutex, NULL);
    pthread_cond_init(&stream->room, NULL);
    stream->wanted = true;
    stream->left = left;
    stream->context = context;
    stream->exchange = exchange;
    stream->streams = streams;
    stream->next = streams->first;
    streams->first = stream;
    exchange->stream = stream;
    exchange->peer->watched = true;
    exchange_answered(exchange, status);
    return stream;
}
