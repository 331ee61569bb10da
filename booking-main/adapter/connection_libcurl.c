/* adapter/connection.h by libcurl's own transfers, in place of connection.c (TRANSPORT=libcurl).
 *
 * A connection here is an easy handle that is used for one call after another; libcurl keeps the
 * sockets, and takes one that is idle for each call. It reads the framing of a body. The head is
 * read by adapter/answer.h as well, so that both transports take the same answers for good and
 * know of the same limits. What libcurl does differently is in the test of the calls.
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

enum {
    IDLE_SECONDS = 60, /* below the time after which an adapter closes an idle connection */
    FIELD_SIZE = 192,
    /* Of all heads of an answer, interim ones too. Below libcurl's own limit, whose error would
     * look like a connection that broke. */
    HEADS_MAX = 256 * 1024,
};

/* Header fields of a request. A GET has no content, and begins with the second. */
enum { CONTENT_TYPE, REQUEST_ID, TRACEPARENT, EXPECT, FIELDS };

const char adapter_transport_name[] = "libcurl";

struct adapter_server {
    struct transfers *transfers;
    CURLU *url;
};

struct adapter_connection {
    struct adapter_server *server;
    void (*ended)(void *context, enum adapter_outcome outcome);
    void *context;
    struct adapter_call *call; /* NULL when idle */
    struct transfer transfer;
    unsigned requests;                /* that libcurl would send for the call */
    bool head_read;                   /* the answer's own */
    bool useless;                     /* it breaks a rule of ours */
    size_t heads, trailer;            /* bytes of them so far */
    struct buffer body;               /* without its framing */
    struct adapter_answer answer;     /* only its head */
    struct curl_slist fields[FIELDS]; /* linked here, not by libcurl: only their text changes */
    char field_text[FIELDS][FIELD_SIZE];
};

/* --- the answer ------------------------------------------------------------------------------ */

/* Refuses what has come, which ends the transfer and its connection. */
static size_t refuse_answer(struct adapter_connection *connection)
{
    connection->useless = true;
    return 0;
}

/* A part of the head, or of the trailer behind a body in chunks: libcurl hands over a line at a
 * time, as it came. */
static size_t on_head_line(char *line, size_t size, size_t count, void *context)
{
    struct adapter_connection *connection = context;
    struct adapter_answer *answer = &connection->answer;
    size *= count;
    connection->heads += size;
    if (connection->heads > HEADS_MAX)
        return refuse_answer(connection);
    if (connection->head_read) {
        connection->trailer += size;
        return connection->trailer > ADAPTER_HEAD_MAX ? refuse_answer(connection) : size;
    }
    size_t room;
    char *target = adapter_answer_room(answer, &room);
    if (size > room)
        return refuse_answer(connection);
    memcpy(target, line, size);
    if (adapter_answer_received(answer, size) == ADAPTER_UNUSABLE)
        return refuse_answer(connection);
    connection->head_read = !adapter_answer_in_head(answer);
    if (connection->head_read && answer->request_id &&
        strcmp(answer->request_id, connection->call->identity->request_id) != 0)
        return refuse_answer(connection);
    return size;
}

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    struct adapter_connection *connection = context;
    buffer_add(&connection->body, data, size * count);
    return connection->body.failed ? refuse_answer(connection) : size * count;
}

/* libcurl would send a request anew by itself when a connection that it kept turns out to be
 * closed, and perhaps on another such. The second try is the caller's (adapter/calls.h), and on a
 * new connection; so there is no third. */
static int on_request(void *context, char *remote, char *local, int remote_port, int local_port)
{
    (void)remote;
    (void)local;
    (void)remote_port;
    (void)local_port;
    struct adapter_connection *connection = context;
    return connection->requests++ == 0 ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

static enum adapter_outcome outcome_of(const struct adapter_connection *connection, CURLcode code)
{
    if (connection->useless)
        return ADAPTER_UNUSABLE;
    switch (code) {
    case CURLE_OK: /* also for a head that was cut off */
        return connection->head_read ? ADAPTER_ANSWERED : ADAPTER_BROKE_OFF;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_ABORTED_BY_CALLBACK:
        return ADAPTER_BROKE_OFF;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT: /* also when it would have sent the request anew */
    case CURLE_OPERATION_TIMEDOUT:
        return connection->requests ? ADAPTER_BROKE_OFF : ADAPTER_UNREACHABLE;
    case CURLE_OUT_OF_MEMORY: /* also for a line that libcurl finds too long */
        return connection->requests ? ADAPTER_UNUSABLE : ADAPTER_UNREACHABLE;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_BAD_CONTENT_ENCODING:
        return ADAPTER_UNUSABLE;
    default:
        return connection->requests ? ADAPTER_UNUSABLE : ADAPTER_UNREACHABLE;
    }
}

static void on_ended(struct transfer *transfer, CURLcode code)
{
    struct adapter_connection *connection =
        container_of(transfer, struct adapter_connection, transfer);
    struct adapter_call *call = connection->call;
    assert(call);
    enum adapter_outcome outcome = outcome_of(connection, code);
    if (outcome == ADAPTER_ANSWERED) {
        call->status = connection->answer.status;
        call->content_type = connection->answer.content_type;
        call->answer = connection->body.data ? connection->body.data : "";
        call->answer_size = connection->body.size;
    }
    connection->call = NULL;
    transfers_remove(connection->server->transfers, transfer);
    connection->ended(connection->context, outcome);
}

/* --- the request ----------------------------------------------------------------------------- */

bool adapter_connection_start(struct adapter_connection *connection, struct adapter_call *call)
{
    assert(!connection->call);
    if (call->body && call->body_size > ADAPTER_REQUEST_MAX)
        return false;
    CURL *easy = connection->transfer.easy;
    (void)snprintf(connection->field_text[REQUEST_ID], FIELD_SIZE, "X-Request-Id: %s",
                   call->identity->request_id);
    (void)snprintf(connection->field_text[TRACEPARENT], FIELD_SIZE, "traceparent: %s",
                   adapter_call_traceparent(call));
    if (call->body) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)call->body_size);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body); /* not copied */
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, &connection->fields[CONTENT_TYPE]);
    } else {
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, &connection->fields[CONTENT_TYPE + 1]);
    }
    /* What broke off on one kept connection is not tried on another. */
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, call->tried_again ? 1L : 0L);
    adapter_answer_begin(&connection->answer);
    buffer_clear(&connection->body);
    connection->requests = 0;
    connection->head_read = connection->useless = false;
    connection->heads = connection->trailer = 0;
    if (curl_easy_setopt(easy, CURLOPT_REQUEST_TARGET, call->path) != CURLE_OK ||
        !transfers_start(connection->server->transfers, &connection->transfer))
        return false;
    connection->call = call;
    return true;
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
    curl_easy_setopt(easy, CURLOPT_CURLU, connection->server->url);
    curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* whatever the environment says: it is next door */
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)ADAPTER_CONNECT_MILLISECONDS);
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)IDLE_SECONDS);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 16L * 1024);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 16L * 1024);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head_line);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, connection);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, connection);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_request);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, connection);
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
    if (!connection->transfer.easy) {
        free(connection);
        return NULL;
    }
    buffer_init(&connection->body, ADAPTER_ANSWER_MAX);
    set_up(connection);
    return connection;
}

void adapter_connection_free(struct adapter_connection *connection)
{
    if (!connection)
        return;
    adapter_connection_abandon(connection);
    curl_easy_cleanup(connection->transfer.easy);
    buffer_free(&connection->body);
    free(connection);
}

struct adapter_server *adapter_server_new(struct loop *loop, const char *url, struct buffer *error)
{
    CURLU *parsed = adapter_url_parse(url, error);
    if (!parsed)
        return NULL;
    struct adapter_server *server = calloc(1, sizeof *server);
    struct transfers *transfers = server ? transfers_new(loop, ADAPTER_CONNECTIONS) : NULL;
    if (!transfers) {
        curl_url_cleanup(parsed);
        free(server);
        buffer_add_text(error, "out of memory or descriptors");
        return NULL;
    }
    server->transfers = transfers;
    server->url = parsed;
    return server;
}

void adapter_server_free(struct adapter_server *server)
{
    if (!server)
        return;
    transfers_free(server->transfers);
    curl_url_cleanup(server->url);
    free(server);
}
