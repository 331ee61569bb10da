#include "outgoing/traces.h"

#include "lib/base/container_of.h"
#include "lib/base/metrics.h"
#include "lib/base/text.h"
#include "lib/curl/transfers.h"
#include "outgoing/complaint.h"
#include "outgoing/otlp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

enum {
    BODY_MAX = 4 * 1024 * 1024, /* as OpenTelemetry recommends; a batch has a tenth of it */
    CONNECT_MILLISECONDS = 2000,
};

struct traces {
    struct loop *loop;
    struct log *log;
    struct http_tracer requests;
    struct adapter_tracer calls;
    struct otlp_source source;
    char *adapter_url; /* without a slash at its end */
    struct identity_source random;

    struct span *ring;
    unsigned first, count;

    struct transfers *transfers;
    struct transfer transfer;
    struct curl_slist *fields;
    struct buffer body, answer;
    unsigned batch;    /* spans in the body, which is being sent or is to be sent again; 0: none */
    unsigned tries;    /* of the batch */
    unsigned failures; /* one after the other */
    struct loop_timer timer; /* for the next batch, or the next try */
    int64_t not_before;      /* no try comes earlier */
    int64_t wall;            /* from loop_clock() to nanoseconds since 1970 */
    int64_t flush_until;     /* 0: not told to stop */
    struct complaint not_taken, rejecting;

    uint64_t exported, rejected, dropped, undelivered;
};

/* --- the ring -------------------------------------------------------------------------------- */

static void arm(struct traces *traces, int64_t at)
{
    loop_arm(traces->loop, &traces->timer, at > traces->not_before ? at : traces->not_before);
}

/* Room for one more span, to be filled at once; NULL when there is none. */
static struct span *traces_add(struct traces *traces, enum span_kind kind, const char *traceparent)
{
    if (traces->count == TRACES_RING) {
        traces->dropped++;
        return NULL;
    }
    struct span *span = &traces->ring[(traces->first + traces->count++) % TRACES_RING];
    span->kind = kind;
    memcpy(span->traceparent, traceparent, sizeof span->traceparent);
    span->parent[0] = span->method[0] = span->path[0] = '\0';
    span->name = span->result = span->error = NULL;
    span->status = 0;
    span->failed = false;
    int64_t now = loop_now(traces->loop);
    if (!traces->transfer.under_way) {
        if (traces->count == TRACES_BATCH)
            arm(traces, now);
        else if (!traces->timer.armed)
            arm(traces, now + LOOP_SECOND);
    }
    return span;
}

/* Of a child of the span whose id is in `traceparent`. */
static void set_parent(struct span *span, const char *traceparent)
{
    memcpy(span->parent, traceparent + 3 + IDENTITY_TRACE_ID_SIZE + 1, IDENTITY_SPAN_ID_SIZE);
    span->parent[IDENTITY_SPAN_ID_SIZE] = '\0';
}

/* As snprintf() would, which takes ten times the instructions. */
static void copy_text(char *to, size_t room, const char *from)
{
    if (!memccpy(to, from, '\0', room))
        to[room - 1] = '\0';
}

static void on_request(struct http_tracer *tracer, const struct http_span *request)
{
    struct traces *traces = container_of(tracer, struct traces, requests);
    struct span *span = traces_add(traces, SPAN_REQUEST, request->identity->traceparent);
    if (!span)
        return;
    copy_text(span->parent, sizeof span->parent, request->parent);
    copy_text(span->method, sizeof span->method, request->method);
    copy_text(span->path, sizeof span->path, request->path);
    span->name = request->route;
    span->started = request->started;
    span->ended = request->ended;
    span->failed = request->status >= 500;
    if (request->status == 499)
        span->error = "client_left";
    else if (request->status == 408)
        span->error = "timeout";
    else
        span->status = request->status;
}

static void on_call(struct adapter_tracer *tracer, struct adapter_call *call)
{
    struct traces *traces = container_of(tracer, struct traces, calls);
    if (identity_is_sampled(call->identity->traceparent))
        identity_add_span(&traces->random, call->identity->traceparent, call->span);
}

static void on_call_over(struct adapter_tracer *tracer, const struct adapter_call *call)
{
    static const char *const errors[ADAPTER_OUTCOMES] = {
        [ADAPTER_UNREACHABLE] = "unreachable", [ADAPTER_BROKE_OFF] = "broke_off",
        [ADAPTER_UNUSABLE] = "unusable",       [ADAPTER_TIMED_OUT] = "timeout",
        [ADAPTER_OVERLOADED] = "overloaded",
    };
    struct traces *traces = container_of(tracer, struct traces, calls);
    struct span *span = call->span[0] ? traces_add(traces, SPAN_CALL, call->span) : NULL;
    if (!span)
        return;
    set_parent(span, call->identity->traceparent);
    copy_text(span->method, sizeof span->method, call->body ? "POST" : "GET");
    copy_text(span->path, sizeof span->path, call->path);
    span->started = call->started;
    span->ended = call->started + call->duration;
    span->error = errors[call->outcome];
    span->status = call->status;
    span->failed = span->error || call->status >= 400;
}

void traces_stored(struct traces *traces, const struct identity *identity, const char *operation,
                   int64_t submitted, const char *result, bool failed)
{
    char traceparent[IDENTITY_TRACEPARENT_SIZE + 1];
    if (!traces || !identity_is_sampled(identity->traceparent))
        return;
    identity_add_span(&traces->random, identity->traceparent, traceparent);
    struct span *span = traces_add(traces, SPAN_STORED, traceparent);
    if (!span)
        return;
    set_parent(span, identity->traceparent);
    span->name = operation;
    span->result = result;
    span->error = failed ? result : NULL;
    span->failed = failed;
    span->started = submitted;
    span->ended = loop_clock();
}

/* --- sending --------------------------------------------------------------------------------- */

/* From loop_clock() to the clock on the wall. A thread may lose its processor between its looks at
 * the two: of some tries the shortest counts. */
static int64_t measure_wall(void)
{
    int64_t wall = 0, shortest = INT64_MAX;
    for (int i = 0; i < 5; i++) {
        struct timespec now;
        int64_t before = loop_clock();
        clock_gettime(CLOCK_REALTIME, &now);
        int64_t took = loop_clock() - before;
        if (took >= shortest)
            continue;
        shortest = took;
        wall = now.tv_sec * LOOP_SECOND + now.tv_nsec - before - took / 2;
    }
    return wall;
}

/* A step of the clock on the wall is followed; less would give the spans of one trace two clocks.
 */
static void set_wall(struct traces *traces)
{
    int64_t wall = measure_wall();
    int64_t apart = wall - traces->wall;
    if (apart > LOOP_MILLISECOND || apart < -LOOP_MILLISECOND)
        traces->wall = wall;
}

/* Moves spans from the ring to the body. Without memory for it they are lost. */
static void fill_batch(struct traces *traces)
{
    unsigned count = traces->count < TRACES_BATCH ? traces->count : TRACES_BATCH;
    set_wall(traces);
    buffer_clear(&traces->body);
    otlp_begin(&traces->body, &traces->source);
    for (unsigned i = 0; i < count; i++)
        otlp_add(&traces->body, &traces->source, &traces->ring[(traces->first + i) % TRACES_RING],
                 traces->wall);
    otlp_end(&traces->body);
    traces->first = (traces->first + count) % TRACES_RING;
    traces->count -= count;
    traces->tries = 0;
    traces->batch = count;
    if (!traces->body.failed)
        return;
    traces->undelivered += count;
    traces->batch = 0;
}

/* Sees to it that what waits is sent: a whole batch at once, others in a second. */
static void plan_next(struct traces *traces)
{
    int64_t now = loop_now(traces->loop);
    if (traces->batch || traces->count)
        arm(traces, traces->batch || traces->count >= TRACES_BATCH || traces->flush_until
                        ? now
                        : now + LOOP_SECOND);
}

/* The pause after so many failures: doubled each time, and not the same for all engines. */
static int64_t pause_after(struct traces *traces)
{
    unsigned shift = traces->failures < 6 ? traces->failures - 1 : 5;
    int64_t pause = (1 << shift) * LOOP_SECOND;
    if (pause > TRACES_PAUSE * LOOP_SECOND)
        pause = TRACES_PAUSE * LOOP_SECOND;
    uint32_t random;
    identity_random(&random, sizeof random);
    return pause / 2 + (int64_t)((double)random / UINT32_MAX * (double)pause / 2);
}

/* The batch was not taken: another try, if that is allowed, or it is dropped. */
static void batch_failed(struct traces *traces, const char *reason, bool again, int64_t wait)
{
    traces->failures++;
    if (complaint_due(&traces->not_taken, loop_now(traces->loop)))
        log_error(traces->log, "traces are not taken", "error", reason, NULL);
    int64_t pause = pause_after(traces);
    traces->not_before = loop_now(traces->loop) + (wait > pause ? wait : pause);
    if (again && ++traces->tries < TRACES_TRIES)
        return;
    traces->undelivered += traces->batch;
    traces->batch = 0;
}

static void log_rejected(struct traces *traces, uint64_t rejected, const char *reason)
{
    char count[24];
    snprintf(count, sizeof count, "%llu", (unsigned long long)rejected);
    log_error(traces->log, "the collector took not all traces", "rejected", count, "error", reason,
              NULL);
}

static void batch_taken(struct traces *traces)
{
    if (complaint_over(&traces->not_taken))
        log_info(traces->log, "traces are taken again", NULL);
    traces->failures = 0;
    char reason[OTLP_MESSAGE_MAX + 1];
    uint64_t rejected =
        otlp_rejected(traces->answer.data ? traces->answer.data : "", traces->answer.size, reason);
    if (rejected > traces->batch)
        rejected = traces->batch;
    traces->rejected += rejected;
    traces->exported += traces->batch - rejected;
    traces->batch = 0;
    if (!rejected && !*reason)
        complaint_over(&traces->rejecting);
    else if (complaint_due(&traces->rejecting, loop_now(traces->loop)))
        log_rejected(traces, rejected, reason);
}

static void on_ended(struct transfer *transfer, CURLcode code)
{
    struct traces *traces = container_of(transfer, struct traces, transfer);
    long status = 0;
    curl_off_t wait = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &wait);
    transfers_remove(traces->transfers, transfer);
    if (wait > TRACES_RETRY)
        wait = TRACES_RETRY;
    char reason[32];
    snprintf(reason, sizeof reason, "status %ld", status);
    if (code == CURLE_WRITE_ERROR && traces->answer.size) /* longer than is read */
        code = CURLE_OK;
    if (code != CURLE_OK)
        batch_failed(traces, curl_easy_strerror(code), true, 0);
    else if (status >= 200 && status <= 299)
        batch_taken(traces);
    else
        batch_failed(traces, reason,
                     status == 429 || status == 502 || status == 503 || status == 504,
                     wait * LOOP_SECOND);
    plan_next(traces);
}

static void on_timer(struct loop_timer *timer)
{
    struct traces *traces = container_of(timer, struct traces, timer);
    if (traces->transfer.under_way)
        return;
    if (!traces->batch && traces->count)
        fill_batch(traces);
    if (!traces->batch)
        return;
    buffer_clear(&traces->answer);
    curl_easy_setopt(traces->transfer.easy, CURLOPT_POSTFIELDS, traces->body.data);
    curl_easy_setopt(traces->transfer.easy, CURLOPT_POSTFIELDSIZE, (long)traces->body.size);
    if (!transfers_start(traces->transfers, &traces->transfer)) {
        batch_failed(traces, "out of memory", true, 0);
        plan_next(traces);
    }
}

bool traces_flushed(struct traces *traces)
{
    if (!traces)
        return true;
    int64_t now = loop_now(traces->loop);
    if (!traces->flush_until) {
        traces->flush_until = now + TRACES_FLUSH * LOOP_SECOND;
        traces->failures = 0;
        traces->not_before = 0;
    }
    if (traces->failures || now >= traces->flush_until || (!traces->batch && !traces->count))
        return true;
    if (!traces->transfer.under_way)
        arm(traces, now);
    return false;
}

/* --- life ------------------------------------------------------------------------------------ */

static size_t take_answer(char *data, size_t size, size_t count, void *context)
{
    struct buffer *answer = context;
    buffer_add(answer, data, size * count);
    return answer->failed ? 0 : size * count;
}

/* A URL as libcurl takes it apart; NULL when it is no URL of http or https with a host, or has more
 * than that and a path. */
static CURLU *parse_url(const char *text)
{
    static const CURLUPart others[] = {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY,
                                       CURLUPART_FRAGMENT};
    bool starts_well = false;
    for (size_t i = 0; i < 2; i++) { /* libcurl would put up with one slash, or three */
        static const char *const starts[] = {"http://", "https://"};
        size_t size = strlen(starts[i]);
        starts_well |= strncasecmp(text, starts[i], size) == 0 && text[size] != '/';
    }
    CURLU *url = starts_well ? curl_url() : NULL;
    bool good = url && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK;
    for (size_t i = 0; good && i < sizeof others / sizeof others[0]; i++) {
        char *part = NULL;
        good = curl_url_get(url, others[i], &part, 0) != CURLUE_OK;
        curl_free(part);
    }
    if (good)
        return url;
    curl_url_cleanup(url);
    return NULL;
}

/* A copy of the URL without slashes at its end, and with `more` there. NULL when out of memory. */
static char *extend(const char *url, const char *more)
{
    size_t size = strlen(url);
    while (size && url[size - 1] == '/')
        size--;
    char *whole = NULL;
    return asprintf(&whole, "%.*s%s", (int)size, url, more) < 0 ? NULL : whole;
}

static bool set_up_transfer(struct traces *traces, const char *url)
{
    CURL *easy = curl_easy_init();
    const char *authorities = getenv("SSL_CERT_FILE"); /* as the program curl has it */
    traces->transfer = (struct transfer){.easy = easy, .ended = on_ended};
    traces->fields = curl_slist_append(NULL, "Content-Type: application/json");
    if (!easy || !traces->fields)
        return false;
    if (authorities && *authorities &&
        curl_easy_setopt(easy, CURLOPT_CAINFO, authorities) != CURLE_OK)
        return false;
    return curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK && /* none of the environment's */
           curl_easy_setopt(easy, CURLOPT_HTTPHEADER, traces->fields) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_USERAGENT, "booking-main/" BOOKING_VERSION) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, TRACES_SECONDS * 1000L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MILLISECONDS) ==
               CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_answer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, &traces->answer) == CURLE_OK;
}

/* Where the adapter is, for its spans; calls.h has checked the URL, or will. */
static bool describe_adapter(struct traces *traces, const char *adapter_url)
{
    struct otlp_source *source = &traces->source;
    source->adapter = traces->adapter_url = extend(adapter_url, "");
    CURLU *url = parse_url(adapter_url);
    char *host = NULL, *port = NULL;
    if (url && curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK)
        snprintf(source->adapter_host, sizeof source->adapter_host, "%s", host);
    if (url && curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK)
        source->adapter_port = (unsigned)strtoul(port, NULL, 10);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(url);
    return source->adapter;
}

struct traces *traces_new(const struct traces_config *config, struct buffer *error)
{
    CURLU *parsed = parse_url(config->endpoint);
    if (!parsed) {
        buffer_printf(error,
                      "--otlp-endpoint '%.*s': must be a URL such as http://127.0.0.1:4318, "
                      "without user, query or fragment",
                      (int)text_url_shown(config->endpoint), config->endpoint);
        return NULL;
    }
    curl_url_cleanup(parsed);
    char *url = extend(config->endpoint, "/v1/traces");
    struct traces *traces = calloc(1, sizeof *traces);
    if (!url || !traces)
        goto failed;
    traces->loop = config->loop;
    traces->log = config->log;
    traces->requests.request_over = on_request;
    traces->calls.call_starts = on_call;
    traces->calls.call_over = on_call_over;
    traces->timer.expired = on_timer;
    traces->source.channel = config->channel;
    traces->source.database = config->database;
    traces->source.port = config->port;
    identity_make_uuid(&traces->random, traces->source.instance);
    (void)gethostname(traces->source.host, sizeof traces->source.host - 1);
    buffer_init(&traces->body, BODY_MAX);
    buffer_init(&traces->answer, TRACES_ANSWER);
    traces->ring = calloc(TRACES_RING, sizeof *traces->ring);
    traces->transfers = transfers_new(config->loop, 1);
    if (!traces->ring || !traces->transfers || !describe_adapter(traces, config->adapter_url) ||
        !set_up_transfer(traces, url))
        goto failed;
    free(url);
    return traces;

failed:
    buffer_add_text(error, "out of memory or descriptors");
    traces_free(traces);
    free(url);
    return NULL;
}

void traces_free(struct traces *traces)
{
    if (!traces)
        return;
    if (traces->transfers)
        transfers_remove(traces->transfers, &traces->transfer);
    curl_easy_cleanup(traces->transfer.easy);
    transfers_free(traces->transfers);
    curl_slist_free_all(traces->fields);
    if (traces->loop)
        loop_remove_timer(traces->loop, &traces->timer);
    buffer_free(&traces->body);
    buffer_free(&traces->answer);
    free(traces->adapter_url);
    free(traces->ring);
    free(traces);
}

struct http_tracer *traces_of_requests(struct traces *traces)
{
    return traces ? &traces->requests : NULL;
}

struct adapter_tracer *traces_of_calls(struct traces *traces)
{
    return traces ? &traces->calls : NULL;
}

void traces_metrics(const struct traces *traces, struct buffer *out)
{
    if (!traces)
        return;
    metrics_head(out, "trace_spans_total", "counter", "Spans by what became of them.");
    metrics_sample(out, "trace_spans_total", "result=\"exported\"", traces->exported);
    metrics_sample(out, "trace_spans_total", "result=\"rejected\"", traces->rejected);
    metrics_sample(out, "trace_spans_total", "result=\"dropped\"", traces->dropped);
    metrics_sample(out, "trace_spans_total", "result=\"undelivered\"", traces->undelivered);
    metrics_single(out, "trace_spans_waiting", "gauge",
                   "Spans that wait to be sent, in the ring and in the batch under way.",
                   traces->count + traces->batch);
}
