#include "outgoing/sender.h"

#include "lib/base/container_of.h"
#include "lib/base/text.h"
#include "lib/curl/transfers.h"
#include "outgoing/public_address.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    BODY_MAX = 64 * 1024,
    SHOWN = 120,       /* bytes of an answer that refuses */
    ADDRESS_TEXT = 80, /* an IPv6 address with a zone */
};

struct post {
    struct sender *sender;
    struct transfer transfer;
    int64_t key;
    struct curl_slist *fields;
    struct buffer body;
    size_t answered;            /* bytes of the answer's body */
    char answer[SHOWN + 1];     /* its beginning */
    char refused[ADDRESS_TEXT]; /* the address that it was not let connect to, or "" */
    char trouble[CURL_ERROR_SIZE];
};

struct sender {
    struct sender_config config;
    struct transfers *transfers;
    unsigned under_way;
    struct post posts[SENDER_AT_ONCE];
};

/* --- what came of it ------------------------------------------------------------------------- */

/* An answer's beginning on one line. */
static void add_answer(struct buffer *out, struct post *post)
{
    for (char *at = post->answer; *at; at++)
        if (*at == '\n' || *at == '\r' || *at == '\t')
            *at = ' ';
    buffer_add_text(out, ": ");
    text_add_shown(out, post->answer);
}

/* Why it was not taken, cut between two characters. */
static void write_error(struct post *post, CURLcode code, long status, struct buffer *out)
{
    if (code != CURLE_OK && *post->refused) /* of several addresses another may have answered */
        buffer_printf(out, "its address is not public: %s", post->refused);
    else if (code != CURLE_OK)
        text_add_shown(out, *post->trouble ? post->trouble : curl_easy_strerror(code));
    else if (status >= 300 && status <= 399)
        buffer_printf(out, "status %ld, and redirects are not followed", status);
    else
        buffer_printf(out, "status %ld", status);
    if (code == CURLE_OK && *post->answer)
        add_answer(out, post);
    if (out->size > SENDER_ERROR_MAX) {
        size_t size = SENDER_ERROR_MAX;
        while (size && (out->data[size] & 0xC0) == 0x80)
            size--;
        out->data[size] = '\0';
    }
}

static void on_ended(struct transfer *transfer, CURLcode code)
{
    struct post *post = container_of(transfer, struct post, transfer);
    struct sender *sender = post->sender;
    long status = 0;
    curl_off_t wait = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &wait);
    transfers_remove(sender->transfers, transfer);
    curl_slist_free_all(post->fields);
    post->fields = NULL;
    sender->under_way--;
    if (code == CURLE_WRITE_ERROR && post->answered > SENDER_ANSWER_MAX)
        code = CURLE_OK;
    struct buffer error;
    buffer_init(&error, 4 * SENDER_ERROR_MAX + CURL_ERROR_SIZE);
    struct sent sent = {.key = post->key,
                        .taken = code == CURLE_OK && status >= 200 && status <= 299,
                        .status = (int)status,
                        .retry_after = wait,
                        .error = ""};
    if (!sent.taken) {
        write_error(post, code, status, &error);
        sent.error = error.data ? error.data : "out of memory";
    }
    sender->config.sent(sender->config.context, &sent);
    buffer_free(&error);
}

/* --- sending --------------------------------------------------------------------------------- */

static bool may_connect(struct transfer *transfer, const struct sockaddr *address)
{
    struct post *post = container_of(transfer, struct post, transfer);
    if (post->sender->config.allow_private || address_is_public(address))
        return true;
    socklen_t size =
        address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    if (getnameinfo(address, size, post->refused, sizeof post->refused, NULL, 0, NI_NUMERICHOST) !=
        0)
        snprintf(post->refused, sizeof post->refused, "unknown");
    return false;
}

static size_t take_answer(char *data, size_t size, size_t count, void *context)
{
    struct post *post = context;
    size *= count;
    if (post->answered < SHOWN) {
        size_t room = SHOWN - post->answered;
        memcpy(post->answer + post->answered, data, size < room ? size : room);
    }
    post->answered += size;
    return post->answered > SENDER_ANSWER_MAX ? 0 : size;
}

static bool add_field(struct curl_slist **fields, const char *name, const char *value)
{
    char *line = NULL;
    if (asprintf(&line, "%s: %s", name, value) < 0)
        return false;
    struct curl_slist *longer = curl_slist_append(*fields, line);
    free(line);
    if (longer)
        *fields = longer;
    return longer;
}

static struct curl_slist *make_fields(const struct sender *sender, const char *id,
                                      const struct buffer *body)
{
    struct curl_slist *fields = NULL;
    struct buffer signature;
    char timestamp[24];
    int64_t now = time(NULL);
    snprintf(timestamp, sizeof timestamp, "%lld", (long long)now);
    buffer_init(&signature, 1024);
    webhook_sign(&signature, sender->config.secrets, id, now, body->data, body->size);
    bool made = !signature.failed && add_field(&fields, "Content-Type", "application/json") &&
                add_field(&fields, "webhook-id", id) &&
                add_field(&fields, "webhook-timestamp", timestamp) &&
                add_field(&fields, "webhook-signature", signature.data);
    buffer_free(&signature);
    if (made)
        return fields;
    curl_slist_free_all(fields);
    return NULL;
}

static struct post *free_post(struct sender *sender)
{
    for (size_t i = 0; i < SENDER_AT_ONCE; i++)
        if (!sender->posts[i].transfer.under_way)
            return &sender->posts[i];
    return NULL;
}

bool sender_send(struct sender *sender, int64_t key, const char *id, const char *body)
{
    struct post *post = free_post(sender);
    if (!post)
        return false;
    CURL *easy = post->transfer.easy;
    buffer_clear(&post->body);
    buffer_add_text(&post->body, body);
    post->fields = post->body.failed ? NULL : make_fields(sender, id, &post->body);
    if (!post->fields)
        return false;
    post->key = key;
    post->answered = 0;
    memset(post->answer, 0, sizeof post->answer);
    post->refused[0] = post->trouble[0] = '\0';
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, post->fields);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, post->body.data);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)post->body.size);
    if (!transfers_start(sender->transfers, &post->transfer)) {
        curl_slist_free_all(post->fields);
        post->fields = NULL;
        return false;
    }
    sender->under_way++;
    return true;
}

unsigned sender_under_way(const struct sender *sender)
{
    return sender->under_way;
}

/* --- life ------------------------------------------------------------------------------------ */

static bool set_up(struct sender *sender, struct post *post)
{
    const struct sender_config *config = &sender->config;
    const char *authorities = getenv("SSL_CERT_FILE"); /* as the program curl has it */
    CURL *easy = curl_easy_init();
    post->sender = sender;
    post->transfer = (struct transfer){.easy = easy, .ended = on_ended, .may_connect = may_connect};
    buffer_init(&post->body, BODY_MAX);
    if (!easy || (authorities && *authorities &&
                  curl_easy_setopt(easy, CURLOPT_CAINFO, authorities) != CURLE_OK))
        return false;
    return curl_easy_setopt(easy, CURLOPT_URL, config->url) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR,
                            config->allow_private ? "http,https" : "https") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK && /* none of the environment's */
           curl_easy_setopt(easy, CURLOPT_USERAGENT, "booking-main/" BOOKING_VERSION) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, SENDER_SECONDS * 1000L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, SENDER_CONNECT_SECONDS * 1000L) ==
               CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, post->trouble) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_answer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, post) == CURLE_OK;
}

struct sender *sender_new(const struct sender_config *config)
{
    struct sender *sender = calloc(1, sizeof *sender);
    if (!sender)
        return NULL;
    sender->config = *config;
    sender->transfers = transfers_new(config->loop, SENDER_AT_ONCE);
    bool made = sender->transfers;
    for (size_t i = 0; made && i < SENDER_AT_ONCE; i++)
        made = set_up(sender, &sender->posts[i]);
    if (made)
        return sender;
    sender_free(sender);
    return NULL;
}

void sender_free(struct sender *sender)
{
    if (!sender)
        return;
    for (size_t i = 0; i < SENDER_AT_ONCE; i++) {
        struct post *post = &sender->posts[i];
        if (sender->transfers)
            transfers_remove(sender->transfers, &post->transfer);
        curl_easy_cleanup(post->transfer.easy);
        curl_slist_free_all(post->fields);
        buffer_free(&post->body);
    }
    transfers_free(sender->transfers);
    free(sender);
}
