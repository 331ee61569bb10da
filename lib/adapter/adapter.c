#include "lib/adapter/formatting.h"

#include "lib/base/descriptor_limit.h"
#include "lib/base/drain.h"
#include "lib/base/metrics.h"
#include "lib/base/options.h"
#include "lib/base/sighup.h"
#include "lib/base/version.h"
#include "lib/http/healthcheck.h"
#include "lib/http/server.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    LIST_BODY_MAX = 64 * 1024, /* what an engine sends */
    CONNECTIONS = 1024,
    IDLE_SECONDS = 75, /* longer than an engine keeps an idle connection for its next call */
    STOP_SECONDS = 10, /* to serve on for an engine that is draining */
    /* An engine that is told to stop at the same moment calls at once, to keep the adapter. */
    QUIET_MILLISECONDS = 500,
    OPTIONS_MAX = 16,
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
    {"POST", "/formatCarList", format_car_list, .body_limit = LIST_BODY_MAX},
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
            "car in this partner's format; POST /formatCarList does so with a list of cars.\n"
            "Also serves /healthz and /metrics.",
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
