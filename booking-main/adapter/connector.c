#include "adapter/connector.h"

#include "lib/base/container_of.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { URL_MAX = 255 };

/* A socket that libcurl wants to be told about. */
struct endpoint {
    struct connector *connector;
    struct endpoint *next;
    int fd;
    bool watched;
    struct loop_watch watch;
};

struct connector {
    struct loop *loop;
    CURLM *multi;
    CURLU *url;
    char host[URL_MAX + 1];
    long limit_milliseconds;
    struct loop_timer timer;
    struct endpoint *endpoints;
};

/* --- libcurl's sockets and time on the loop --------------------------------------------------- */

static void take_results(struct connector *connector);

static void act(struct connector *connector, curl_socket_t fd, int events)
{
    int running;
    (void)curl_multi_socket_action(connector->multi, fd, events, &running);
    take_results(connector);
}

static void on_socket(struct loop_watch *watch, uint32_t events)
{
    struct endpoint *endpoint = container_of(watch, struct endpoint, watch);
    int action = 0;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLRDHUP))
        action |= CURL_CSELECT_IN;
    if (events & EPOLLOUT)
        action |= CURL_CSELECT_OUT;
    if (events & EPOLLERR)
        action |= CURL_CSELECT_ERR;
    act(endpoint->connector, endpoint->fd, action);
}

static void on_timer(struct loop_timer *timer)
{
    act(container_of(timer, struct connector, timer), CURL_SOCKET_TIMEOUT, 0);
}

static int set_timer(CURLM *multi, long milliseconds, void *context)
{
    (void)multi;
    struct connector *connector = context;
    if (milliseconds < 0)
        loop_disarm(&connector->timer);
    else
        loop_arm(connector->loop, &connector->timer,
                 loop_now(connector->loop) + milliseconds * LOOP_MILLISECOND);
    return 0;
}

static void forget_endpoint(struct connector *connector, int fd)
{
    for (struct endpoint **link = &connector->endpoints; *link; link = &(*link)->next) {
        struct endpoint *endpoint = *link;
        if (endpoint->fd != fd)
            continue;
        *link = endpoint->next;
        if (endpoint->watched)
            loop_unwatch(connector->loop, fd, &endpoint->watch);
        free(endpoint);
        return;
    }
}

static struct endpoint *know_endpoint(struct connector *connector, int fd)
{
    for (struct endpoint *endpoint = connector->endpoints; endpoint; endpoint = endpoint->next)
        if (endpoint->fd == fd)
            return endpoint;
    struct endpoint *endpoint = calloc(1, sizeof *endpoint);
    if (!endpoint)
        return NULL;
    endpoint->connector = connector;
    endpoint->fd = fd;
    endpoint->watch.ready = on_socket;
    endpoint->next = connector->endpoints;
    connector->endpoints = endpoint;
    return endpoint;
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *slot)
{
    (void)easy;
    (void)slot;
    struct connector *connector = context;
    if (what == CURL_POLL_REMOVE) {
        forget_endpoint(connector, fd);
        return 0;
    }
    struct endpoint *endpoint = know_endpoint(connector, fd);
    if (!endpoint)
        return -1;
    uint32_t events = 0;
    if (what & CURL_POLL_IN)
        events |= EPOLLIN;
    if (what & CURL_POLL_OUT)
        events |= EPOLLOUT;
    int error = endpoint->watched ? loop_rewatch(connector->loop, fd, events, &endpoint->watch)
                                  : loop_watch(connector->loop, fd, events, &endpoint->watch);
    endpoint->watched |= error == 0;
    return error ? -1 : 0;
}

/* libcurl 7.88 has been seen to close sockets without saying so before, nor by close_socket(): one
 * that had this number is no more. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;
    forget_endpoint(context, fd);
    return fd;
}

static int close_socket(void *context, curl_socket_t fd)
{
    forget_endpoint(context, fd);
    return close(fd);
}

/* --- attempts --------------------------------------------------------------------------------- */

/* A descriptor of our own for the attempt's connection, since libcurl closes its own; -1 when
 * there is none. */
static int take_socket(CURL *easy)
{
    curl_socket_t fd = CURL_SOCKET_BAD;
    if (curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK || fd == CURL_SOCKET_BAD)
        return -1;
    return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

static void take_results(struct connector *connector)
{
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(connector->multi, &left));) {
        if (message->msg != CURLMSG_DONE)
            continue;
        char *context = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &context);
        struct connector_attempt *attempt = (struct connector_attempt *)(void *)context;
        int fd = message->data.result == CURLE_OK ? take_socket(attempt->easy) : -1;
        connector_cancel(connector, attempt);
        attempt->ended(attempt, fd);
    }
}

bool connector_start(struct connector *connector, struct connector_attempt *attempt)
{
    CURL *easy = curl_easy_init();
    if (!easy)
        return false;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, attempt);
    curl_easy_setopt(easy, CURLOPT_CURLU, connector->url);
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connector->limit_milliseconds);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700 /* 7.87: do not wait, with all else, for a slow name server */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* whatever the environment says: it is next door */
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, connector);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, connector);
    if (curl_multi_add_handle(connector->multi, easy) != CURLM_OK) {
        curl_easy_cleanup(easy);
        return false;
    }
    attempt->easy = easy;
    return true;
}

void connector_cancel(struct connector *connector, struct connector_attempt *attempt)
{
    if (!attempt->easy)
        return;
    curl_multi_remove_handle(connector->multi, attempt->easy);
    curl_easy_cleanup(attempt->easy);
    attempt->easy = NULL;
}

/* --- life ------------------------------------------------------------------------------------- */

/* Whether a part of the URL is what it must be; NULL: it must not be there. */
static bool part_is(CURLU *url, CURLUPart part, const char *expected)
{
    char *text = NULL;
    if (curl_url_get(url, part, &text, 0) != CURLUE_OK)
        return !expected;
    bool same = expected && strcmp(text, expected) == 0;
    curl_free(text);
    return same;
}

static CURLU *parse_url(const char *text)
{
    static const char start[] = "http://"; /* libcurl would put up with one slash, or three */
    CURLU *url = curl_url();
    if (url && strlen(text) <= URL_MAX && strncasecmp(text, start, sizeof start - 1) == 0 &&
        text[sizeof start - 1] != '/' && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
        part_is(url, CURLUPART_SCHEME, "http") && part_is(url, CURLUPART_PATH, "/") &&
        part_is(url, CURLUPART_QUERY, NULL) && part_is(url, CURLUPART_FRAGMENT, NULL) &&
        part_is(url, CURLUPART_USER, NULL) && part_is(url, CURLUPART_PASSWORD, NULL))
        return url;
    curl_url_cleanup(url);
    return NULL;
}

/* False when out of memory. */
static bool copy_host(struct connector *connector)
{
    char *host = NULL, *port = NULL;
    if (curl_url_get(connector->url, CURLUPART_HOST, &host, 0) != CURLUE_OK)
        return false;
    (void)curl_url_get(connector->url, CURLUPART_PORT, &port, 0);
    (void)snprintf(connector->host, sizeof connector->host, "%s%s%s", host, port ? ":" : "",
                   port ? port : "");
    curl_free(host);
    curl_free(port);
    return true;
}

struct connector *connector_new(struct loop *loop, const char *url, long limit_milliseconds,
                                struct buffer *error)
{
    CURLU *parsed = parse_url(url);
    if (!parsed) {
        buffer_add_text(error, "must be a URL such as http://127.0.0.1:9096");
        return NULL;
    }
    struct connector *connector = calloc(1, sizeof *connector);
    /* Neither TLS nor anything else global is used: leaving it out saves megabytes. */
    if (!connector || curl_global_init(CURL_GLOBAL_NOTHING) != CURLE_OK) {
        curl_url_cleanup(parsed);
        free(connector);
        buffer_add_text(error, "out of memory");
        return NULL;
    }
    connector->loop = loop;
    connector->url = parsed;
    connector->limit_milliseconds = limit_milliseconds;
    connector->timer.expired = on_timer;
    connector->multi = curl_multi_init();
    if (!connector->multi || !copy_host(connector)) {
        connector_free(connector);
        buffer_add_text(error, "out of memory");
        return NULL;
    }
    curl_multi_setopt(connector->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
    curl_multi_setopt(connector->multi, CURLMOPT_SOCKETDATA, connector);
    curl_multi_setopt(connector->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(connector->multi, CURLMOPT_TIMERDATA, connector);
    return connector;
}

void connector_free(struct connector *connector)
{
    if (!connector)
        return;
    curl_multi_cleanup(connector->multi);
    while (connector->endpoints)
        forget_endpoint(connector, connector->endpoints->fd);
    loop_remove_timer(connector->loop, &connector->timer);
    curl_url_cleanup(connector->url);
    free(connector);
    curl_global_cleanup();
}

const char *connector_host(const struct connector *connector)
{
    return connector->host;
}
