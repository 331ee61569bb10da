/* booking-main: puts the engine together, runs it, takes it down. */
#include "engine.h"

#include "commands/commands.h"
#include "fleet/fleet.h"
#include "lib/base/container_of.h"
#include "lib/base/descriptor_limit.h"
#include "lib/base/timestamp.h"
#include "lib/base/version.h"
#include "lib/http/healthcheck.h"
#include "lib/keys/callers.h"
#include "lib/keys/key_file.h"
#include "operator/desk/desk_server.h"
#include "operator/operator.h"
#include "outgoing/traces.h"
#include "outgoing/webhooks.h"
#include "partner/changes.h"
#include "partner/partner.h"
#include "store/desk/jobs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    CONNECTIONS = 2048,
    OPERATOR_CONNECTIONS = 64,
    IDLE_SECONDS = 75, /* longer than the minute that common load balancers keep theirs */
    OPERATOR_IDLE_SECONDS = 10,
    FINISH_SECONDS = 10,     /* for the requests in flight once nothing new is accepted */
    QUIET_MILLISECONDS = 60, /* between accepting the last connection and reading its request */
};

/* --- what the store says --------------------------------------------------------------------- */

static void on_event(void *context, const struct store_event *event)
{
    struct engine *engine = context;
    engine->counters.events++;
    int64_t lag = timestamp_now_milliseconds() - event->at;
    if (event->at)
        metrics_observe(&engine->counters.event_lag, lag > 0 ? lag * LOOP_MILLISECOND : 0);
    inventory_apply(engine->inventory, event);
    partner_changes_event(engine->changes, event);
}

static void on_commit(void *context, const struct store_commit *commit)
{
    struct engine *engine = context;
    metrics_observe(&engine->counters.commit_duration, commit->duration);
    metrics_observe_size(&engine->counters.commit_size, commit->operations);
}

static void on_stale(struct loop_timer *timer)
{
    struct engine *engine = container_of(timer, struct engine, staleness);
    engine->offers_stale = true;
    log_error(engine->log, "no more offers: the database has not answered for --offer-staleness",
              NULL);
}

/* Offers go on from memory for a while: what they promise is made sure of when a car is booked. */
static void on_trouble(void *context, const char *sentence)
{
    struct engine *engine = context;
    engine->store_down = sentence;
    if (sentence) {
        int64_t limit = engine->config->offer_staleness * LOOP_SECOND;
        log_error(engine->log, "database does not answer", "error", sentence, NULL);
        loop_arm(engine->loop, &engine->staleness, loop_now(engine->loop) + limit);
        return;
    }
    loop_disarm(&engine->staleness);
    engine->offers_stale = false;
    log_info(engine->log, "database answers again", NULL);
}

/* --- the adapter ----------------------------------------------------------------------------- */

static void on_adapter(void *context, bool answers, enum adapter_outcome outcome)
{
    static const char *const reasons[ADAPTER_OUTCOMES] = {
        [ADAPTER_UNREACHABLE] = "nobody listens there",
        [ADAPTER_BROKE_OFF] = "it closed the connection before its answer was whole",
        [ADAPTER_TIMED_OUT] = "it took more than 2 seconds",
    };
    const struct engine *engine = context;
    if (answers)
        log_info(engine->log, "adapter answers", "adapter", engine->config->adapter_url, NULL);
    else
        log_error(engine->log, "adapter does not answer", "adapter", engine->config->adapter_url,
                  "error", reasons[outcome], NULL);
}

/* --- stopping -------------------------------------------------------------------------------- */

static void on_draining(void *context)
{
    struct engine *engine = context;
    http_server_close_connections(engine->public_server);
    partner_changes_drain(engine->changes);
    desk_server_drain(engine->desk);
    operator_keep_adapter(engine);
    log_info(engine->log, "draining", NULL);
}

static void on_finishing(void *context)
{
    struct engine *engine = context;
    http_server_stop_accepting(engine->public_server);
    desk_server_stop_accepting(engine->desk);
}

static bool is_idle(void *context)
{
    const struct engine *engine = context;
    if (http_server_requests_in_progress(engine->public_server) ||
        !desk_server_is_idle(engine->desk))
        return false;
    bool flushed = traces_flushed(engine->traces); /* both begin to end at their first question */
    return webhooks_finished(engine->webhooks) && flushed;
}

/* --- SIGHUP ---------------------------------------------------------------------------------- */

static void on_sighup(void *context)
{
    struct engine *engine = context;
    const char *access_log = engine->config->access_log;
    log_info(engine->log, "told to open the logs and read the keys again", NULL);
    if (access_log && !log_reopen(engine->access_log, access_log))
        log_error(engine->log, "cannot open --access-log again, going on in the old one", "file",
                  access_log, "error", strerror(errno), NULL);
    if (engine->api_keys)
        key_file_reread(engine->api_keys);
    desk_server_reread(engine->desk);
    webhooks_reread(engine->webhooks);
}

/* --- starting -------------------------------------------------------------------------------- */

static bool start_servers(struct engine *engine, struct buffer *error)
{
    const struct config *config = engine->config;
    struct http_server_config public_config = {
        .loop = engine->loop,
        .server = "booking-main/" BOOKING_VERSION,
        .context = engine,
        .access_log = engine->access_log,
        .idle_seconds = IDLE_SECONDS,
    };
    struct http_server_config operator_config = public_config;
    public_config.routes = partner_routes;
    public_config.route_count = partner_route_count;
    public_config.prefix = config->prefix;
    public_config.channel = config->channel;
    public_config.tracer = traces_of_requests(engine->traces);
    public_config.connection_limit = CONNECTIONS;
    public_config.connections_per_address = config->connections_per_address;
    operator_config.routes = operator_routes;
    operator_config.route_count = operator_route_count;
    operator_config.connection_limit = OPERATOR_CONNECTIONS;
    operator_config.idle_seconds = OPERATOR_IDLE_SECONDS;
    engine->lookups = desk_jobs_new(engine->store, engine->loop, "lookups", 1, 0);
    engine->changes = partner_changes_new(engine);
    if (!engine->lookups || !engine->changes) {
        buffer_add_text(error, "out of memory or descriptors");
        return false;
    }
    engine->operator_server = http_server_open(&operator_config, config->admin_bind,
                                               config->admin_port, "--admin-port", error);
    if (!engine->operator_server || !desk_server_start(engine->desk, error))
        return false;
    engine->public_server =
        http_server_open(&public_config, config->bind, config->port, "--port", error);
    return engine->public_server;
}

static bool not_asked_to_stop(void *context)
{
    const struct engine *engine = context;
    return !drain_is_asked_for(engine->drain);
}

/* What a start should say of the fleet file that was given: that it was passed over, or what
 * was odd in it. */
static void log_fleet(struct engine *engine, const struct fleet *fleet, bool imported)
{
    if (!imported) {
        log_info(engine->log,
                 "--fleet was not used: the database has cars; booking-main import replaces them",
                 "fleet", engine->config->fleet, NULL);
        return;
    }
    for (char *line = fleet->warnings.data; line && *line;) {
        char *end = line + strcspn(line, "\n"), kept = *end;
        *end = '\0';
        log_info(engine->log, "warning of the fleet file", "warning", line, NULL);
        *end = kept;
        line = end + (kept == '\n');
    }
}

/* Opens the database, fills it with the fleet if it has none, and loads what is in it. */
static bool start_store(struct engine *engine, struct buffer *error)
{
    const struct config *config = engine->config;
    bool demo = strcmp(config->fleet, "demo") == 0;
    bool none = strcmp(config->fleet, "none") == 0;
    struct fleet *fleet = NULL;
    if (!none && !(fleet = demo ? fleet_demo(error) : fleet_load(config->fleet, error)))
        return false;
    static const struct store_import_options options = {.only_if_empty = true};
    struct store_import_report report = {0};
    engine->store = store_open(config->database, error);
    bool ready =
        engine->store && (none || store_import(engine->store, fleet, &options, &report, error));
    if (ready && !demo && !none)
        log_fleet(engine, fleet, report.added > 0);
    fleet_free(fleet);
    if (!ready)
        return false;
    engine->inventory =
        inventory_new(engine->store, engine->loop, engine->log, not_asked_to_stop, engine, error);
    if (!engine->inventory)
        return false;
    store_keep_history(engine->store, config->history);
    struct store_handlers handlers = {engine, on_event, on_commit, on_trouble};
    return store_start(engine->store, engine->loop, &handlers,
                       inventory_last_event(engine->inventory), error);
}

/* Spans are recorded from the first request on, where there is a collector to send them to. */
static bool start_traces(struct engine *engine, struct buffer *error)
{
    const struct config *config = engine->config;
    if (!config->otlp_endpoint || !*config->otlp_endpoint)
        return true;
    engine->traces = traces_new(
        &(struct traces_config){
            .loop = engine->loop,
            .log = engine->log,
            .endpoint = config->otlp_endpoint,
            .channel = config->channel,
            .database = strncmp(config->database, "sqlite:", 7) == 0 ? "sqlite" : "postgresql",
            .adapter_url = config->adapter_url,
            .port = config->port,
        },
        error);
    adapter_calls_trace(engine->adapter, traces_of_calls(engine->traces));
    return engine->traces;
}

static bool make_webhooks(struct engine *engine, struct buffer *error)
{
    const struct config *config = engine->config;
    return webhooks_new(
        &(struct webhooks_config){
            .loop = engine->loop,
            .log = engine->log,
            .channel = config->channel,
            .url = config->webhook_url,
            .secret_file = config->webhook_secret,
            .allow_private = config->webhook_private,
        },
        &engine->webhooks, error);
}

/* Builds everything; false with a sentence in `error`. engine_stop() takes down what there is. */
static bool engine_start(struct engine *engine, struct buffer *error)
{
    const struct config *config = engine->config;
    if (!config_check(config, error))
        return false;
    engine->loop = loop_new();
    if (!engine->loop) {
        buffer_printf(error, "event loop: %s", strerror(errno));
        return false;
    }
    engine->staleness.expired = on_stale;
    /* From here on a signal waits until the loop runs. */
    engine->drain = drain_new(&(struct drain_config){
        .loop = engine->loop,
        .delay_seconds = config->drain_delay,
        .limit_seconds = FINISH_SECONDS,
        .quiet_milliseconds = QUIET_MILLISECONDS,
        .draining = on_draining,
        .finishing = on_finishing,
        .idle = is_idle,
        .context = engine,
    });
    engine->sighup = sighup_new(engine->loop, on_sighup, engine);
    if (!engine->drain || !engine->sighup) {
        buffer_printf(error, "signals: %s", strerror(errno));
        return false;
    }
    if (config->api_keys) {
        engine->api_keys = key_file_open(config->api_keys, engine->loop, engine->log, error);
        if (!engine->api_keys)
            return false;
    }
    if (config->api_keys || config->rate_limit) {
        engine->callers = callers_new(config->rate_limit);
        if (!engine->callers) {
            buffer_printf(error, "callers: out of memory");
            return false;
        }
    }
    if (config->desk_port) {
        engine->desk = desk_server_new(engine, error);
        if (!engine->desk)
            return false;
    }
    engine->adapter = adapter_calls_new(engine->loop, config->adapter_url, error);
    if (engine->adapter)
        adapter_calls_watch(engine->adapter, on_adapter, engine);
    if (!engine->adapter || !start_traces(engine, error) || !make_webhooks(engine, error) ||
        !start_store(engine, error) || !start_servers(engine, error) ||
        !webhooks_start(engine->webhooks, engine->store, error))
        return false;
    log_flush_each_round(engine->access_log, engine->loop); /* after the servers' work */
    return true;
}

static void engine_stop(struct engine *engine)
{
    inventory_stop(engine->inventory);
    desk_server_stop(engine->desk); /* which asks the store and the inventory */
    desk_jobs_stop(engine->lookups);
    webhooks_stop(engine->webhooks);
    partner_changes_stop(engine->changes);
    /* These two answer what is still in flight, and each may be asked by the other's callbacks. */
    adapter_calls_stop(engine->adapter);
    store_close(engine->store);
    inventory_free(engine->inventory);
    adapter_calls_free(engine->adapter);
    desk_server_free(engine->desk);
    partner_changes_free(engine->changes);
    desk_jobs_free(engine->lookups);
    http_server_free(engine->public_server);
    http_server_free(engine->operator_server);
    webhooks_free(engine->webhooks);
    traces_free(engine->traces); /* which all of these tell of what they end */
    callers_free(engine->callers);
    key_file_free(engine->api_keys);
    sighup_free(engine->sighup);
    drain_free(engine->drain);
    if (engine->loop)
        loop_remove_timer(engine->loop, &engine->staleness);
    loop_free(engine->loop);
}

static void log_start(const struct engine *engine)
{
    const struct config *config = engine->config;
    char port[8], admin_port[8], desk_port[8], cars[24];
    size_t count = inventory_cars(engine->inventory);
    snprintf(port, sizeof port, "%u", config->port);
    snprintf(admin_port, sizeof admin_port, "%u", config->admin_port);
    snprintf(desk_port, sizeof desk_port, "%u", config->desk_port);
    snprintf(cars, sizeof cars, "%zu", count);
    if (!engine->api_keys)
        log_info(engine->log, "open to everybody: no --api-keys", NULL);
    log_info(engine->log, "listening", "port", port, "admin_port", admin_port, "desk_port",
             config->desk_port ? desk_port : "none", "channel", config->channel, "adapter",
             config->adapter_url, "database", store_place(engine->store), "cars", cars, "version",
             version_text, "otlp_endpoint", config->otlp_endpoint, NULL);
}

/* Runs the engine until a signal; the exit status. */
static int engine_serve(struct engine *engine)
{
    int status = 1;
    struct buffer error;
    buffer_init(&error, 4096);
    if (!engine_start(engine, &error)) {
        if (engine->drain && drain_is_asked_for(engine->drain)) {
            log_info(engine->log, "stopped while starting", NULL);
            status = 0;
            goto out;
        }
        log_error(engine->log, "cannot start", "error", error.data ? error.data : "out of memory",
                  NULL);
        goto out;
    }
    log_start(engine);
    int failure = loop_run(engine->loop);
    if (failure)
        log_error(engine->log, "event loop failed", "error", strerror(-failure), NULL);
    else
        log_info(engine->log, "stopped", NULL);
    status = failure ? 1 : 0;
out:
    engine_stop(engine);
    buffer_free(&error);
    return status;
}

/* What it does besides serving; config.c tells --help of it. */
static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"import", command_import},     {"backup", command_backup},     {"bookings", command_bookings},
    {"booking", command_booking},   {"cancel", command_cancel},     {"change", command_change},
    {"returned", command_returned}, {"block", command_block},       {"unblock", command_unblock},
    {"export", command_export},     {"cars", command_cars},         {"day", command_day},
    {"set", command_set},           {"webhooks", command_webhooks},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    struct config config = {0};
    switch (options_parse(&config_options, argc, argv, &config, NULL)) {
    case OPTIONS_EXIT_OK:
        return 0;
    case OPTIONS_EXIT_USAGE:
        return 2;
    case OPTIONS_HEALTHCHECK:
        return healthcheck("booking-main", config.admin_bind, config.admin_port);
    case OPTIONS_RUN:
        break;
    }
    descriptor_limit_raise();
    int status = 1;
    struct engine engine = {.config = &config, .log = log_new(STDERR_FILENO, "booking-main")};
    if (!engine.log)
        return status;
    log_set_level(engine.log, config.log_level);
    engine.access_log = config.access_log ? log_open(config.access_log, "booking-main")
                                          : log_new(STDOUT_FILENO, "booking-main");
    if (engine.access_log)
        status = engine_serve(&engine);
    else
        log_error(engine.log, "cannot open --access-log", "file", config.access_log, "error",
                  strerror(errno), NULL);
    log_free(engine.access_log);
    log_free(engine.log);
    return status;
}
