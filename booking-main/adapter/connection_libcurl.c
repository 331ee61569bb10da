/* The same as connection.c with libcurl's own transfers (make TRANSPORT=libcurl): an easy handle
 * for each connection, used for one call after another. It is the library as carefully as we know
 * how, and half as much CPU a request again (docs/performance.md, "What the libraries cost").
 *
 * libcurl keeps the sockets: which of them a call gets is its choice.
 */
#include "adapter/connection.h"

#include "adapter/answer.h"
#include "adapter/url.h"
#include "lib/base/container_of.h"
#include "lib/curl/transfers.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    IDLE_SECONDS = 60, /* below the time after which an adapter closes an idle connection */
    FIELD_SIZE = 192,
};

enum { REQUEST_ID, TRACEPARENT, EXPECT, CONTENT_TYPE, FIELDS };

struct adapter_server {
    CURLU *url;
    struct transfers *transfers;
};

struct adapter_connection {
    struct adapter_server *server;
    void (*ended)(void *context, enum adapter_outcome outcome);
    void *context;
    struct transfer transfer;
    CURLU *url;                /* of `path`, parsed */
    const char *path;          /* of the last call; NULL at first */
    struct adapter_call *call; /* NULL when idle */
    struct buffer answer;
    size_t head_size;
    bool other_request;               /* the answer has another request's X-Request-Id */
    struct curl_slist fields[FIELDS]; /* linked here, not by libcurl: only their text changes */
    char field_text[FIELDS][FIELD_SIZE];
};

const char adapter_transport_name[] = "libcurl";

/* --- the answer ------------------------------------------------------------------------------ */

static enum adapter_outcome outcome_of(CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return ADAPTER_ANSWERED;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
        return ADAPTER_BROKE_OFF;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT: /* connecting: a call's whole time is not libcurl's to watch */
        return ADAPTER_UNREACHABLE;
    default: /* not HTTP, or add_field() and add_body() refused what was too long */
        return ADAPTER_UNUSABLE;
    }
}

static void on_ended(struct transfer *transfer, CURLcode code)
{
    struct adapter_connection *connection =
        container_of(transfer, struct adapter_connection, transfer);
    struct adapter_call *call = connection->call;
    assert(call); /* a transfer has a call */
    enum adapter_outcome outcome = outcome_of(code);
    if (outcome == ADAPTER_ANSWERED) {
        long status = 0;
        char *content_type = NULL;
        curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_TYPE, &content_type);
        call->status = (unsigned)status;
        call->content_type = content_type;
        call->answer = connection->answer.data ? connection->answer.data : "";
        call->answer_size = connection->answer.size;
    }
    connection->call = NULL;
    transfers_remove(connection->server->transfers, transfer);
    connection->ended(connection->context, outcome);
}

/* A header field's value when its line has this name, else NULL. */
static const char *value_of(const char *line, size_t size, const char *name, size_t *value_size)
{
    size_t name_size = strlen(name);
    if (size <= name_size || line[name_size] != ':' || strncasecmp(line, name, name_size) != 0)
        return NULL;
    const char *value = line + name_size + 1, *end = line + size;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && strchr(" \t\r\n", end[-1]))
        end--;
    *value_size = (size_t)(end - value);
    return value;
}

static size_t add_field(char *line, size_t unit, size_t count, void *context)
{
    struct adapter_connection *connection = context;
    size_t size = unit * count, value_size = 0;
    connection->head_size += size;
    if (connection->head_size > ADAPTER_HEAD_MAX)
        return 0;
    const char *value = value_of(line, size, "X-Request-Id", &value_size);
    const char *expected = connection->call->identity->request_id;
    /* Of another request: an answer too many came on this connection, and every one since is
     * another's. Refusing it closes the connection. */
    if (value && (value_size != strlen(expected) || memcmp(value, expected, value_size) != 0))
        return 0;
    return size;
}

static size_t add_body(char *data, size_t unit, size_t count, void *context)
{
    struct adapter_connection *connection = context;
    size_t size = unit * count;
    buffer_add(&connection->answer, data, size);
    return connection->answer.failed ? 0 : size;
}

/* --- the call -------------------------------------------------------------------------------- */

/* False when out of memory. */
static bool set_path(struct adapter_connection *connection, const char *path)
{
    if (connection->path && strcmp(connection->path, path) == 0)
        return true;
    connection->path = NULL;
    if (curl_url_set(connection->url, CURLUPART_PATH, path, 0) != CURLUE_OK)
        return false;
    connection->path = path;
    return true;
}

bool adapter_connection_start(struct adapter_connection *connection, struct adapter_call *call)
{
    CURL *easy = connection->transfer.easy;
    assert(!connection->call); /* one call at a time */
    if (call->body_size > ADAPTER_REQUEST_MAX)
        return false;
    (void)snprintf(connection->field_text[REQUEST_ID], FIELD_SIZE, "X-Request-Id: %s",
                   call->identity->request_id);
    (void)snprintf(connection->field_text[TRACEPARENT], FIELD_SIZE, "traceparent: %s",
                   call->identity->traceparent);
    buffer_clear(&connection->answer);
    connection->head_size = 0;
    if (call->body) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)call->body_size);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body); /* not copied */
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
    } else {
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    }
    connection->fields[EXPECT].next = call->body ? &connection->fields[CONTENT_TYPE] : NULL;
    connection->call = call;
    if (set_path(connection, call->path) &&
        transfers_start(connection->server->transfers, &connection->transfer))
        return true;
    connection->call = NULL;
    return false;
}

void adapter_connection_abandon(struct adapter_connection *connection)
{
    transfers_remove(connection->server->transfers, &connection->transfer);
    connection->call = NULL;
}

/* --- life ------------------------------------------------------------------------------------ */

/* Sets what is the same for all calls. */
static void set_up(struct adapter_connection *connection)
{
    CURL *easy = connection->transfer.easy;
    for (int i = 0; i < FIELDS; i++) {
        connection->fields[i].data = connection->field_text[i];
        connection->fields[i].next = i + 1 < FIELDS ? &connection->fields[i + 1] : NULL;
    }
    (void)snprintf(connection->field_text[CONTENT_TYPE], FIELD_SIZE,
                   "Content-Type: application/json");
    (void)snprintf(connection->field_text[EXPECT], FIELD_SIZE, "Expect:"); /* no wait for leave */

    /* As text it would be parsed and put together again for each call: 8 % of the engine's
     * instructions. */
    curl_easy_setopt(easy, CURLOPT_CURLU, connection->url);
    curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* whatever the environment says: it is next door */
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)ADAPTER_CONNECT_MILLISECONDS);
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)IDLE_SECONDS);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 16L * 1024);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 16L * 1024);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, connection->fields);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, add_field);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, connection);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, add_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, connection);
}

struct adapter_connection *adapter_connection_new(struct adapter_server *server,
                                                  void (*ended)(void *context,
                                                                enum adapter_outcome outcome),
                                                  void *context)
{
    struct adapter_connection *connection = calloc(1, sizeof *connection);
    if (!connection)
        return NULL;
    connection->server = server;
    connection->ended = ended;
    connection->context = context;
    connection->transfer.easy = curl_easy_init();
    connection->transfer.ended = on_ended;
    connection->url = curl_url_dup(server->url);
    buffer_init(&connection->answer, ADAPTER_ANSWER_MAX);
    if (!connection->transfer.easy || !connection->url) {
        adapter_connection_free(connection);
        return NULL;
    }
    set_up(connection);
    return connection;
}

void adapter_connection_free(struct adapter_connection *connection)
{
    if (!connection)
        return;
    adapter_connection_abandon(connection);
    curl_easy_cleanup(connection->transfer.easy);
    curl_url_cleanup(connection->url);
    buffer_free(&connection->answer);
    free(connection);
}

struct adapter_server *adapter_server_new(struct loop *loop, const char *url, struct buffer *error)
{
    CURLU *parsed = adapter_url_parse(url, error);
    if (!parsed)
        return NULL;
    struct adapter_server *server = calloc(1, sizeof *server);
    struct transfers *transfers = transfers_new(loop, ADAPTER_CONNECTIONS);
    if (!server || !transfers) {
        free(server);
        transfers_free(transfers);
        curl_url_cleanup(parsed);
        buffer_add_text(error, "out of memory");
        return NULL;
    }
    server->url = parsed;
    server->transfers = transfers;
    return server;
}

void adapter_server_free(struct adapter_server *server)
{
    if (!server)
        return;
    curl_url_cleanup(server->url);
    transfers_free(server->transfers);
    free(server);
}
