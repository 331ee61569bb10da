#include "adapter/libcurl_connector.h"

#include "adapter/url.h"
#include "lib/base/container_of.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

struct connector {
    struct transfers *transfers;
    CURLU *url;
    char host[ADAPTER_URL_MAX + 1];
    long limit_milliseconds;
};

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

static void on_ended(struct transfer *transfer, CURLcode code)
{
    struct connector_attempt *attempt = container_of(transfer, struct connector_attempt, transfer);
    int fd = code == CURLE_OK ? take_socket(transfer->easy) : -1;
    connector_cancel(attempt->connector, attempt);
    attempt->ended(attempt, fd);
}

bool connector_start(struct connector *connector, struct connector_attempt *attempt)
{
    assert(!attempt->transfer.easy); /* one at a time */
    CURL *easy = curl_easy_init();
    if (!easy)
        return false;
    curl_easy_setopt(easy, CURLOPT_CURLU, connector->url);
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connector->limit_milliseconds);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* whatever the environment says: it is next door */
    attempt->connector = connector;
    attempt->transfer.easy = easy;
    attempt->transfer.ended = on_ended;
    if (transfers_start(connector->transfers, &attempt->transfer))
        return true;
    connector_cancel(connector, attempt);
    return false;
}

void connector_cancel(struct connector *connector, struct connector_attempt *attempt)
{
    if (!attempt->transfer.easy)
        return;
    transfers_remove(connector->transfers, &attempt->transfer);
    curl_easy_cleanup(attempt->transfer.easy);
    attempt->transfer.easy = NULL;
}

/* --- life ------------------------------------------------------------------------------------- */

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
    CURLU *parsed = adapter_url_parse(url, error);
    if (!parsed)
        return NULL;
    struct connector *connector = calloc(1, sizeof *connector);
    if (!connector) {
        curl_url_cleanup(parsed);
        buffer_add_text(error, "out of memory");
        return NULL;
    }
    connector->url = parsed;
    connector->limit_milliseconds = limit_milliseconds;
    connector->transfers = transfers_new(loop, 0);
    if (connector->transfers && copy_host(connector))
        return connector;
    connector_free(connector);
    buffer_add_text(error, "out of memory");
    return NULL;
}

void connector_free(struct connector *connector)
{
    if (!connector)
        return;
    curl_url_cleanup(connector->url);
    transfers_free(connector->transfers);
    free(connector);
}

const char *connector_host(const struct connector *connector)
{
    return connector->host;
}
