/* How libcurl meets the event loop, and what that costs.
 *
 * libcurl's multi interface asks for two things: to watch sockets, and to be called back after a
 * time. Done as its manual shows, each transfer adds its socket to epoll and removes it again, and
 * arms a timer in the kernel; on kept-alive connections that was two fifths of all CPU time. Here
 *  - the time is kept in memory: a loop_timer, which becomes the timeout of epoll_wait();
 *  - a socket stays registered until libcurl closes it. Between transfers libcurl does not want its
 *    events; should one come all the same (the server closed), the socket is taken out then.
 * Easy handles are set up once and used again.
 */
#include "upstream.h"

#include "container_of.h"
#include "metrics.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    URL_MAX = 255,
    IDLE_SECONDS = 60, /* below the time after which an adapter closes an idle connection */
    FIELDS = 4,
    FIELD_SIZE = 192,
};

/* A socket of libcurl's. */
struct endpoint {
    struct upstream *upstream;
    struct endpoint *next;
    int fd;
    bool resolver; /* of a host name's look-up: closed by libcurl unseen */
    bool watched;
    uint32_t wanted; /* epoll events libcurl wants now; 0 between transfers */
    uint32_t watched_events;
    struct loop_watch watch;
};

/* An easy handle with its request header fields, used for one call after another. */
struct transfer {
    struct upstream *upstream;
    struct transfer *next_free;
    CURL *easy;
    struct upstream_call *call;
    CURLU *url;       /* of `path`, parsed */
    const char *path; /* of the last call; NULL at first */
    struct buffer answer;
    struct curl_slist fields[FIELDS]; /* linked here, not by libcurl: only their text changes */
    char field_text[FIELDS][FIELD_SIZE];
};

struct upstream {
    struct loop *loop;
    CURLU *url; /* without a path */
    CURLM *multi;
    struct loop_timer curl_timer;
    struct loop_timer queue_timer;
    struct endpoint *endpoints;
    struct transfer transfers[UPSTREAM_CONNECTIONS];
    size_t transfer_count; /* set up so far */
    struct transfer *free_transfers;
    struct upstream_call *waiting, **waiting_end;
    size_t waiting_count;
    bool closing;
    uint64_t results[UPSTREAM_RESULTS];
    struct metrics_histogram duration;
};

static void start_waiting(struct upstream *upstream);

/* --- sockets and time ------------------------------------------------------------------------ */

static void finish_transfers(struct upstream *upstream);

static void act(struct upstream *upstream, curl_socket_t fd, int events)
{
    int running;
    (void)curl_multi_socket_action(upstream->multi, fd, events, &running);
    finish_transfers(upstream);
}

static void on_socket(struct loop_watch *watch, uint32_t events)
{
    struct endpoint *endpoint = container_of(watch, struct endpoint, watch);
    struct upstream *upstream = endpoint->upstream;
    if (!endpoint->wanted) { /* the server closed an idle connection; libcurl sees it at reuse */
        loop_unwatch(upstream->loop, endpoint->fd, watch);
        endpoint->watched = false;
        return;
    }
    int action = 0;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLRDHUP))
        action |= CURL_CSELECT_IN;
    if (events & EPOLLOUT)
        action |= CURL_CSELECT_OUT;
    if (events & EPOLLERR)
        action |= CURL_CSELECT_ERR;
    act(upstream, endpoint->fd, action);
}

static void on_curl_timer(struct loop_timer *timer)
{
    act(container_of(timer, struct upstream, curl_timer), CURL_SOCKET_TIMEOUT, 0);
}

static int set_timer(CURLM *multi, long milliseconds, void *context)
{
    (void)multi;
    struct upstream *upstream = context;
    if (milliseconds < 0)
        loop_disarm(&upstream->curl_timer);
    else
        loop_arm(upstream->loop, &upstream->curl_timer,
                 loop_now(upstream->loop) + milliseconds * LOOP_MILLISECOND);
    return 0;
}

static void remove_endpoint(struct upstream *upstream, int fd)
{
    for (struct endpoint **link = &upstream->endpoints; *link; link = &(*link)->next) {
        struct endpoint *endpoint = *link;
        if (endpoint->fd != fd)
            continue;
        *link = endpoint->next;
        if (endpoint->watched)
            loop_unwatch(upstream->loop, fd, &endpoint->watch);
        free(endpoint);
        return;
    }
}

static struct endpoint *add_endpoint(struct upstream *upstream, int fd)
{
    remove_endpoint(upstream, fd); /* libcurl closes a socket unseen when connecting times out */
    struct endpoint *endpoint = calloc(1, sizeof *endpoint);
    if (!endpoint)
        return NULL;
    endpoint->upstream = upstream;
    endpoint->fd = fd;
    endpoint->watch.ready = on_socket;
    endpoint->next = upstream->endpoints;
    upstream->endpoints = endpoint;
    return endpoint;
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *slot)
{
    (void)easy;
    (void)slot;
    struct upstream *upstream = context;
    struct endpoint *endpoint = upstream->endpoints;
    while (endpoint && endpoint->fd != fd)
        endpoint = endpoint->next;
    if (!endpoint) { /* not from open_socket(): the resolver's */
        if (what == CURL_POLL_REMOVE)
            return 0;
        endpoint = add_endpoint(upstream, fd);
        if (!endpoint)
            return -1;
        endpoint->resolver = true;
    }
    endpoint->wanted = 0;
    if (what == CURL_POLL_REMOVE) {
        if (endpoint->resolver)
            remove_endpoint(upstream, fd);
        return 0;
    }
    if (what & CURL_POLL_IN)
        endpoint->wanted |= EPOLLIN;
    if (what & CURL_POLL_OUT)
        endpoint->wanted |= EPOLLOUT;
    if (endpoint->watched && endpoint->watched_events == endpoint->wanted)
        return 0;
    int error = endpoint->watched
                    ? loop_rewatch(upstream->loop, fd, endpoint->wanted, &endpoint->watch)
                    : loop_watch(upstream->loop, fd, endpoint->wanted, &endpoint->watch);
    if (error)
        return -1;
    endpoint->watched = true;
    endpoint->watched_events = endpoint->wanted;
    return 0;
}

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;
    if (!add_endpoint(context, fd)) {
        close(fd);
        return CURL_SOCKET_BAD;
    }
    return fd;
}

static int close_socket(void *context, curl_socket_t fd)
{
    remove_endpoint(context, fd);
    return close(fd);
}

/* --- calls ----------------------------------------------------------------------------------- */

static void end_call(struct upstream *upstream, struct upstream_call *call,
                     enum upstream_result result)
{
    call->result = result;
    call->duration = loop_clock() - call->started;
    upstream->results[result]++;
    if (result != UPSTREAM_OVERLOADED)
        metrics_observe(&upstream->duration, call->duration);
    call->done(call);
}

static enum upstream_result result_of(const struct transfer *transfer, CURLcode code)
{
    int64_t limit = transfer->call->started + UPSTREAM_CALL_MILLISECONDS * LOOP_MILLISECOND;
    curl_off_t connected = 0;
    switch (code) {
    case CURLE_OK:
        return UPSTREAM_ANSWERED;
    case CURLE_OPERATION_TIMEDOUT:
        /* Before the call's time is over it is the connection that is late, not the answer. */
        curl_easy_getinfo(transfer->easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
        return connected || loop_clock() >= limit ? UPSTREAM_TIMEOUT : UPSTREAM_UNAVAILABLE;
    case CURLE_WRITE_ERROR: /* add_answer() refused what was too long */
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_BAD_CONTENT_ENCODING:
        return UPSTREAM_UNUSABLE;
    default:
        return UPSTREAM_UNAVAILABLE;
    }
}

/* Whether a call that broke off is worth starting again: the server may have closed the connection
 * just as the call was sent. Calls change nothing there, so once more does no harm. */
static bool try_again(struct upstream *upstream, struct upstream_call *call, CURLcode code)
{
    bool broke_off = code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR ||
                     code == CURLE_GOT_NOTHING || code == CURLE_PARTIAL_FILE;
    if (!broke_off || call->tried_again || upstream->closing)
        return false;
    call->tried_again = true;
    call->next = upstream->waiting; /* it is the oldest, or nearly */
    upstream->waiting = call;
    if (!call->next)
        upstream->waiting_end = &call->next;
    upstream->waiting_count++;
    return true;
}

static void give_back(struct transfer *transfer)
{
    struct upstream *upstream = transfer->upstream;
    transfer->call = NULL;
    curl_multi_remove_handle(upstream->multi, transfer->easy);
    transfer->next_free = upstream->free_transfers;
    upstream->free_transfers = transfer;
}

static void finish_transfer(struct transfer *transfer, CURLcode code)
{
    struct upstream *upstream = transfer->upstream;
    struct upstream_call *call = transfer->call;
    enum upstream_result result = result_of(transfer, code);
    if (try_again(upstream, call, code)) {
        give_back(transfer);
        return;
    }
    long status = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    char *content_type = NULL;
    curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_TYPE, &content_type);
    call->status = (unsigned)status;
    call->content_type = content_type;
    call->answer = transfer->answer.data ? transfer->answer.data : "";
    call->answer_size = transfer->answer.size;
    end_call(upstream, call, result);
    give_back(transfer);
}

static void finish_transfers(struct upstream *upstream)
{
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(upstream->multi, &left));) {
        if (message->msg != CURLMSG_DONE)
            continue;
        char *transfer = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        finish_transfer((struct transfer *)(void *)transfer, message->data.result);
    }
    start_waiting(upstream);
}

static size_t add_answer(char *data, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    buffer_add(&transfer->answer, data, size * count);
    return transfer->answer.failed ? 0 : size * count;
}

/* Sets what is the same for all calls. False when out of memory. */
static bool set_up_transfer(struct upstream *upstream, struct transfer *transfer)
{
    CURL *easy = curl_easy_init();
    transfer->url = curl_url_dup(upstream->url);
    if (!easy || !transfer->url) {
        curl_easy_cleanup(easy);
        curl_url_cleanup(transfer->url);
        return false;
    }
    transfer->upstream = upstream;
    transfer->easy = easy;
    buffer_init(&transfer->answer, UPSTREAM_ANSWER_MAX);
    for (int i = 0; i < FIELDS; i++) {
        transfer->fields[i].data = transfer->field_text[i];
        transfer->fields[i].next = i + 1 < FIELDS ? &transfer->fields[i + 1] : NULL;
    }
    snprintf(transfer->field_text[2], FIELD_SIZE, "Content-Type: application/json");
    snprintf(transfer->field_text[3], FIELD_SIZE, "Expect:"); /* no round trip to ask for leave */

    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    /* As text it would be parsed and put together again for each call: 8 % of the engine's
     * instructions. */
    curl_easy_setopt(easy, CURLOPT_CURLU, transfer->url);
    curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* whatever the environment says: it is next door */
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)UPSTREAM_CONNECT_MILLISECONDS);
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)IDLE_SECONDS);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 16L * 1024);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 16L * 1024);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->fields);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, add_answer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, upstream);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, upstream);
    return true;
}

static struct transfer *take_transfer(struct upstream *upstream)
{
    struct transfer *transfer = upstream->free_transfers;
    if (transfer) {
        upstream->free_transfers = transfer->next_free;
        return transfer;
    }
    if (upstream->transfer_count == UPSTREAM_CONNECTIONS)
        return NULL;
    transfer = &upstream->transfers[upstream->transfer_count];
    if (!set_up_transfer(upstream, transfer))
        return NULL;
    upstream->transfer_count++;
    return transfer;
}

/* False when out of memory. */
static bool set_path(struct transfer *transfer, const char *path)
{
    if (transfer->path && strcmp(transfer->path, path) == 0)
        return true;
    transfer->path = NULL;
    if (curl_url_set(transfer->url, CURLUPART_PATH, path, 0) != CURLUE_OK)
        return false;
    transfer->path = path;
    return true;
}

static void start_transfer(struct transfer *transfer, struct upstream_call *call)
{
    struct upstream *upstream = transfer->upstream;
    CURL *easy = transfer->easy;
    int64_t spent = (loop_now(upstream->loop) - call->started) / LOOP_MILLISECOND;
    snprintf(transfer->field_text[0], FIELD_SIZE, "X-Request-Id: %s", call->identity->request_id);
    snprintf(transfer->field_text[1], FIELD_SIZE, "traceparent: %s", call->identity->traceparent);
    buffer_clear(&transfer->answer);
    transfer->call = call;

    /* Zero would mean no limit. */
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
                     spent < UPSTREAM_CALL_MILLISECONDS ? (long)(UPSTREAM_CALL_MILLISECONDS - spent)
                                                        : 1L);
    if (call->body) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)call->body_size);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body); /* not copied */
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
    } else {
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    }
    if (set_path(transfer, call->path) && curl_multi_add_handle(upstream->multi, easy) == CURLM_OK)
        return;
    transfer->call = NULL;
    transfer->next_free = upstream->free_transfers;
    upstream->free_transfers = transfer;
    end_call(upstream, call, UPSTREAM_UNAVAILABLE);
}

static void set_queue_timer(struct upstream *upstream)
{
    if (upstream->waiting) /* the first has waited longest */
        loop_arm(upstream->loop, &upstream->queue_timer,
                 upstream->waiting->started + UPSTREAM_CALL_MILLISECONDS * LOOP_MILLISECOND);
    else
        loop_disarm(&upstream->queue_timer);
}

static struct upstream_call *take_waiting(struct upstream *upstream)
{
    struct upstream_call *call = upstream->waiting;
    upstream->waiting = call->next;
    if (!upstream->waiting)
        upstream->waiting_end = &upstream->waiting;
    upstream->waiting_count--;
    return call;
}

/* Ends the waiting calls whose time has passed. */
static void expire_waiting(struct upstream *upstream)
{
    int64_t oldest = loop_now(upstream->loop) - UPSTREAM_CALL_MILLISECONDS * LOOP_MILLISECOND;
    while (upstream->waiting && upstream->waiting->started <= oldest)
        end_call(upstream, take_waiting(upstream), UPSTREAM_TIMEOUT);
}

static void start_waiting(struct upstream *upstream)
{
    bool was_waiting = upstream->waiting;
    expire_waiting(upstream);
    while (upstream->waiting && !upstream->closing) {
        struct transfer *transfer = take_transfer(upstream);
        if (!transfer)
            break;
        start_transfer(transfer, take_waiting(upstream));
    }
    if (was_waiting)
        set_queue_timer(upstream);
}

static void on_queue_timer(struct loop_timer *timer)
{
    struct upstream *upstream = container_of(timer, struct upstream, queue_timer);
    expire_waiting(upstream);
    set_queue_timer(upstream);
}

void upstream_start(struct upstream *upstream, struct upstream_call *call)
{
    call->started = loop_now(upstream->loop);
    call->tried_again = false;
    call->status = 0;
    call->content_type = NULL;
    call->answer = "";
    call->answer_size = 0;
    if (upstream->closing) {
        end_call(upstream, call, UPSTREAM_UNAVAILABLE);
        return;
    }
    struct transfer *transfer = upstream->waiting ? NULL : take_transfer(upstream);
    if (transfer) {
        start_transfer(transfer, call);
        return;
    }
    if (upstream->waiting_count == UPSTREAM_WAITING_MAX || upstream->transfer_count == 0) {
        end_call(upstream, call, UPSTREAM_OVERLOADED);
        return;
    }
    call->next = NULL;
    *upstream->waiting_end = call;
    upstream->waiting_end = &call->next;
    upstream->waiting_count++;
    set_queue_timer(upstream);
}

/* --- life ------------------------------------------------------------------------------------ */

/* Whether a part of the URL is what it must be; NULL: it must not be there. */
static bool part_is(CURLU *parts, CURLUPart part, const char *expected)
{
    char *text = NULL;
    if (curl_url_get(parts, part, &text, 0) != CURLUE_OK)
        return !expected;
    bool same = expected && strcmp(text, expected) == 0;
    curl_free(text);
    return same;
}

static CURLU *parse_url(const char *url)
{
    CURLU *parts = curl_url();
    if (parts && strlen(url) <= URL_MAX &&
        curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
        part_is(parts, CURLUPART_SCHEME, "http") && part_is(parts, CURLUPART_PATH, "/") &&
        part_is(parts, CURLUPART_QUERY, NULL) && part_is(parts, CURLUPART_FRAGMENT, NULL) &&
        part_is(parts, CURLUPART_USER, NULL) && part_is(parts, CURLUPART_PASSWORD, NULL))
        return parts;
    curl_url_cleanup(parts);
    return NULL;
}

struct upstream *upstream_new(struct loop *loop, const char *url, struct buffer *error)
{
    CURLU *parts = parse_url(url);
    if (!parts) {
        buffer_printf(error, "--adapter-url '%s': must be a URL such as http://127.0.0.1:9096",
                      url);
        return NULL;
    }
    /* Neither TLS nor anything else global is used: leaving it out saves megabytes. */
    if (curl_global_init(CURL_GLOBAL_NOTHING) != CURLE_OK)
        goto failed;
    struct upstream *upstream = calloc(1, sizeof *upstream);
    if (!upstream)
        goto failed;
    upstream->loop = loop;
    upstream->url = parts;
    upstream->waiting_end = &upstream->waiting;
    upstream->curl_timer.expired = on_curl_timer;
    upstream->queue_timer.expired = on_queue_timer;
    upstream->multi = curl_multi_init();
    if (!upstream->multi) {
        free(upstream);
        goto failed;
    }
    curl_multi_setopt(upstream->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
    curl_multi_setopt(upstream->multi, CURLMOPT_SOCKETDATA, upstream);
    curl_multi_setopt(upstream->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(upstream->multi, CURLMOPT_TIMERDATA, upstream);
    curl_multi_setopt(upstream->multi, CURLMOPT_MAXCONNECTS, (long)UPSTREAM_CONNECTIONS);
    curl_multi_setopt(upstream->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    return upstream;

failed:
    curl_url_cleanup(parts);
    buffer_add_text(error, "libcurl could not be started: out of memory");
    return NULL;
}

void upstream_stop(struct upstream *upstream)
{
    if (!upstream)
        return;
    upstream->closing = true;
    while (upstream->waiting)
        end_call(upstream, take_waiting(upstream), UPSTREAM_UNAVAILABLE);
    for (size_t i = 0; i < upstream->transfer_count; i++)
        if (upstream->transfers[i].call)
            finish_transfer(&upstream->transfers[i], CURLE_ABORTED_BY_CALLBACK);
}

void upstream_free(struct upstream *upstream)
{
    if (!upstream)
        return;
    upstream_stop(upstream);
    for (size_t i = 0; i < upstream->transfer_count; i++) {
        struct transfer *transfer = &upstream->transfers[i];
        curl_easy_cleanup(transfer->easy);
        curl_url_cleanup(transfer->url);
        buffer_free(&transfer->answer);
    }
    curl_multi_cleanup(upstream->multi); /* closes the sockets */
    while (upstream->endpoints)
        remove_endpoint(upstream, upstream->endpoints->fd);
    loop_remove_timer(upstream->loop, &upstream->curl_timer);
    loop_remove_timer(upstream->loop, &upstream->queue_timer);
    curl_url_cleanup(upstream->url);
    free(upstream);
    curl_global_cleanup();
}

void upstream_metrics(const struct upstream *upstream, struct buffer *out)
{
    static const char *const labels[UPSTREAM_RESULTS] = {
        [UPSTREAM_ANSWERED] = "result=\"answered\"",
        [UPSTREAM_UNAVAILABLE] = "result=\"unavailable\"",
        [UPSTREAM_TIMEOUT] = "result=\"timeout\"",
        [UPSTREAM_UNUSABLE] = "result=\"unusable\"",
        [UPSTREAM_OVERLOADED] = "result=\"overloaded\"",
    };
    metrics_head(out, "adapter_calls_total", "counter", "Calls to the adapter by their result.");
    for (int i = 0; i < UPSTREAM_RESULTS; i++)
        metrics_sample(out, "adapter_calls_total", labels[i], upstream->results[i]);
    metrics_head(out, "adapter_call_duration_seconds", "histogram",
                 "From the start of a call to its whole answer or its failure.");
    metrics_histogram(out, "adapter_call_duration_seconds", NULL, &upstream->duration);
    metrics_single(out, "adapter_calls_waiting", "gauge", "Calls waiting for a connection.",
                   upstream->waiting_count);
}
