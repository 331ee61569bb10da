#include "lib/adapter/adapter.h"

#include "lib/base/descriptor_limit.h"
#include "lib/base/drain.h"
#include "lib/base/metrics.h"
#include "lib/base/money.h"
#include "lib/base/options.h"
#include "lib/base/sighup.h"
#include "lib/base/version.h"
#include "lib/http/healthcheck.h"
#include "lib/http/server.h"
#include "lib/json/writer.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    CONNECTIONS = 1024,
    IDLE_SECONDS = 75, /* longer than an engine keeps an idle connection for its next call */
    STOP_SECONDS = 10, /* to serve on for an engine that is draining */
    /* An engine that is told to stop at the same moment calls at once, to keep the adapter. */
    QUIET_MILLISECONDS = 500,
    OPTIONS_MAX = 16,
};

struct adapter {
    const char *name;
    adapter_format *format;                         /* or, */
    const struct adapter_document_format *document; /* where that is NULL, this */
    struct http_server *server;
    struct log *log;
    const struct log *access_log;
};

static const struct option_entry option_table[] = {
    {"bind", "ADAPTER_BIND", OPTION_TEXT, offsetof(struct adapter_options, bind), "ADDRESS",
     "127.0.0.1",
     "address to listen on; beyond loopback an adapter can be\n"
     "reached from outside its pod, which it is not meant for"},
    {"port", "ADAPTER_PORT", OPTION_PORT, offsetof(struct adapter_options, port), "PORT", "9096",
     "port to listen on"},
    {"log-level", "ADAPTER_LOG_LEVEL", OPTION_CHOICE, offsetof(struct adapter_options, log_level),
     LOG_LEVELS, "info", "what standard error is told; debug explains each request"},
};
enum { KIT_OPTIONS = sizeof option_table / sizeof option_table[0] };

void adapter_amount(struct buffer *out, const char *member, int64_t amount)
{
    json_add_money(out, member, amount, MONEY_FINEST_EXPONENT);
}

/* Has the partner's object written, but for its end. False when there is none: it was answered. */
static bool write_object(const struct adapter *adapter, struct http_request *request,
                         const struct car_document *car, struct buffer *body)
{
    if (adapter->format) {
        json_begin(body);
        adapter->format(car, body);
        return true;
    }
    struct buffer error;
    buffer_init(&error, 1024);
    const char *request_id = request->identity->request_id;
    bool made = adapter->document->format(
        adapter->document->context,
        &(struct adapter_document){request->body, request->body_size, request_id}, body, &error);
    if (made) {
        json_reopen(body);
    } else {
        const char *reason = error.size ? error.data : "out of memory";
        log_error(adapter->log, "no answer for a car document", "request_id", request_id, "car",
                  car->carid, "error", reason, NULL);
        http_answer_problem(request, PROBLEM_INTERNAL_ERROR, NULL,
                            "The partner's format has no answer for this document; see the log.");
    }
    buffer_free(&error);
    return made;
}

static void format_car_info(void *context, struct http_request *request)
{
    const struct adapter *adapter = context;
    struct car_document car;
    const char *member;
    struct buffer error;
    buffer_init(&error, 1024);
    struct car_document_owner *owner =
        car_document_parse(request->body, request->body_size, &car, &member, &error);
    const char *request_id = request->identity->request_id;
    if (!owner) {
        enum problem problem = error.failed ? PROBLEM_INTERNAL_ERROR : PROBLEM_INVALID_REQUEST;
        const char *detail = error.failed ? "Out of memory; try again." : error.data;
        log_debug(adapter->log, "car document refused", "request_id", request_id, "parameter",
                  member, "detail", detail, NULL);
        http_answer_problem(request, problem, member, detail);
        buffer_free(&error);
        return;
    }
    struct buffer *body = http_body(request);
    http_note(request, "car", car.carid);
    http_note(request, "booking", car.booking_id);
    if (!write_object(adapter, request, &car, body)) {
        car_document_free(owner);
        return;
    }
    json_add_string(body, "booking_id", car.booking_id); /* last, in every partner's format */
    json_end(body);
    log_debug(adapter->log, "car formatted", "request_id", request_id, "car", car.carid, "booking",
              car.booking_id, "state", car.status, NULL);
    car_document_free(owner);
    http_answer(request, 200, "application/json");
}

static void adapter_healthz(void *context, struct http_request *request)
{
    (void)context;
    buffer_add_text(http_body(request), "ok\n");
    http_answer(request, 200, "text/plain");
}

static void adapter_metrics(void *context, struct http_request *request)
{
    const struct adapter *adapter = context;
    struct buffer *body = http_body(request);
    http_server_metrics(adapter->server, body);
    metrics_single(body, "log_lines_dropped_total", "counter", "Log lines that were not written.",
                   log_dropped(adapter->access_log));
    metrics_process(body, adapter->name, BOOKING_VERSION);
    http_answer(request, 200, METRICS_CONTENT_TYPE);
}

static const struct http_route routes[] = {
    {"POST", "/formatCarInfo", format_car_info, .body_limit = HTTP_BODY_MAX},
    {"GET", "/healthz", adapter_healthz, .quiet = true},
    {"GET", "/metrics", adapter_metrics, .quiet = true},
};

/* The engine beside this adapter may be draining: serve on until it has hung up. */
static void serve_on(void *context)
{
    (void)context;
}

static bool nobody_connected(void *context)
{
    const struct adapter *adapter = context;
    return !adapter->server || http_server_connections(adapter->server) == 0;
}

/* An adapter logs to standard output and has no files: there is nothing to do. */
static void on_sighup(void *context)
{
    const struct adapter *adapter = context;
    log_info(adapter->log, "told to open logs and files again; an adapter has none", NULL);
}

/* Serves until a signal; the exit status. */
static int adapter_serve(struct adapter *adapter, const struct adapter_options *values,
                         struct log *log, struct log *access_log)
{
    int status = 1;
    struct buffer error;
    buffer_init(&error, 1024);
    struct drain *drain = NULL;
    struct sighup *sighup = NULL;
    struct loop *loop = loop_new();
    if (!loop) {
        log_error(log, "cannot start", "error", strerror(errno), NULL);
        goto out;
    }
    drain = drain_new(&(struct drain_config){
        .loop = loop,
        .limit_seconds = STOP_SECONDS,
        .quiet_milliseconds = QUIET_MILLISECONDS,
        .draining = serve_on,
        .finishing = serve_on,
        .idle = nobody_connected,
        .context = adapter,
    });
    sighup = sighup_new(loop, on_sighup, adapter);
    if (adapter->document) {
        status = adapter->document->begin(adapter->document->context, loop, log);
        if (status != ADAPTER_SERVE)
            goto out;
        status = 1;
    }
    char server_field[64];
    snprintf(server_field, sizeof server_field, "%s/%s", adapter->name, BOOKING_VERSION);
    struct http_server_config config = {
        .loop = loop,
        .server = server_field,
        .routes = routes,
        .route_count = sizeof routes / sizeof routes[0],
        .context = adapter,
        .access_log = access_log,
        .connection_limit = CONNECTIONS,
        .idle_seconds = IDLE_SECONDS,
    };
    adapter->server = http_server_open(&config, values->bind, values->port, "--port", &error);
    if (!adapter->server || !drain || !sighup) {
        log_error(log, "cannot start", "error",
                  error.size ? error.data : "out of memory or descriptors", NULL);
        goto out;
    }
    log_flush_each_round(access_log, loop); /* after the server's work of the round */
    char port[8];
    snprintf(port, sizeof port, "%u", values->port);
    log_info(log, "listening", "address", values->bind, "port", port, "version", version_text,
             NULL);
    int failure = loop_run(loop);
    if (failure)
        log_error(log, "event loop failed", "error", strerror(-failure), NULL);
    else
        log_info(log, "stopped", NULL);
    status = failure ? 1 : 0;
out:
    http_server_free(adapter->server);
    if (adapter->document)
        adapter->document->end(adapter->document->context);
    sighup_free(sighup);
    drain_free(drain);
    loop_free(loop);
    buffer_free(&error);
    return status;
}

/* Runs what `adapter` says; `values` is filled from the options, of which it begins the target. */
static int adapter_run(int argc, char **argv, struct adapter *adapter,
                       struct adapter_options *values, const struct option_entry *entries,
                       size_t count)
{
    const char *name = adapter->name;
    struct options options = {
        .program = name,
        .summary =
            "Answers POST /formatCarInfo: takes the engine's car document, returns the same\n"
            "car in this partner's format. Also serves /healthz and /metrics.",
        .service = true,
        .entries = entries,
        .count = count,
    };
    switch (options_parse(&options, argc, argv, values, NULL)) {
    case OPTIONS_EXIT_OK:
        return 0;
    case OPTIONS_EXIT_USAGE:
        return 2;
    case OPTIONS_HEALTHCHECK:
        return healthcheck(name, values->bind, values->port);
    case OPTIONS_RUN:
        break;
    }
    struct log *log = log_new(STDERR_FILENO, name);
    struct log *access_log = log_new(STDOUT_FILENO, name);
    int status = 1;
    if (log && access_log) {
        log_set_level(log, values->log_level);
        descriptor_limit_raise();
        adapter->log = log;
        adapter->access_log = access_log;
        status = adapter_serve(adapter, values, log, access_log);
    }
    log_free(access_log);
    log_free(log);
    return status;
}

int adapter_main(int argc, char **argv, const char *name, adapter_format *format)
{
    struct adapter adapter = {.name = name, .format = format};
    struct adapter_options values = {0};
    return adapter_run(argc, argv, &adapter, &values, option_table, KIT_OPTIONS);
}

int adapter_main_documents(int argc, char **argv, const char *name,
                           const struct adapter_document_format *format)
{
    struct adapter adapter = {.name = name, .document = format};
    struct option_entry entries[OPTIONS_MAX];
    assert(KIT_OPTIONS + format->option_count <= OPTIONS_MAX);
    memcpy(entries, option_table, sizeof option_table);
    memcpy(entries + KIT_OPTIONS, format->options, format->option_count * sizeof *entries);
    return adapter_run(argc, argv, &adapter, format->context, entries,
                       KIT_OPTIONS + format->option_count);
}
