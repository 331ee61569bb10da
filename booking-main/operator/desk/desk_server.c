#include "operator/desk/desk_server.h"

#include "engine.h"
#include "operator/desk/desk_api.h"
#include "operator/desk/desk_internal.h"

#include <stdlib.h>

enum {
    CONNECTIONS = 256,
    CONNECTIONS_PER_ADDRESS = 64,
    IDLE_SECONDS = 75,
    SHORT_JOBS = 2,               /* that run at once */
    LONG_JOBS = 2,                /* exports and imports */
    FLEET_MAX = 64 * 1024 * 1024, /* bytes of a fleet file */
};

/* A read asks desk_admit_page() or desk_admit_api(), a write desk_admit_api() or
 * desk_admit_fleet(). */
static const struct http_route routes[] = {
    {"GET", "/", desk_page, .admit = desk_admit_page},
    {"GET", "/{id}", desk_page, .admit = desk_admit_page},
    {"GET", "/api/status", desk_status, .admit = desk_admit_api, .quiet = true},
    {"GET", "/api/bookings", desk_api_bookings, .admit = desk_admit_api},
    {"GET", "/api/bookings/{id}", desk_api_booking, .admit = desk_admit_api},
    {"GET", "/api/cars", desk_api_cars, .admit = desk_admit_api},
    {"GET", "/api/calendar", desk_api_calendar, .admit = desk_admit_api},
    {"GET", "/api/occupancy", desk_api_occupancy, .admit = desk_admit_api},
    {"GET", "/api/day", desk_api_day, .admit = desk_admit_api},
    {"POST", "/api/bookings/{id}/cancel", desk_api_cancel, .admit = desk_admit_api},
    {"POST", "/api/bookings/{id}/change", desk_api_change, .admit = desk_admit_api},
    {"POST", "/api/bookings/{id}/returned", desk_api_returned, .admit = desk_admit_api},
    {"POST", "/api/blocks", desk_api_block, .admit = desk_admit_api},
    {"DELETE", "/api/blocks/{id}", desk_api_unblock, .admit = desk_admit_api},
    {"GET", "/api/webhooks", desk_api_webhooks, .admit = desk_admit_api},
    {"POST", "/api/webhooks/test", desk_api_webhook_test, .admit = desk_admit_api},
    {"POST", "/api/webhooks/{id}/again", desk_api_webhook_again, .admit = desk_admit_api},
    {"POST", "/api/turnaround", desk_api_turnaround, .admit = desk_admit_api},
    {"POST", "/api/fleet", desk_api_fleet, .admit = desk_admit_fleet, .body_limit = FLEET_MAX},
};

/* The page runs nothing and asks nothing but what this port serves, and no other page shows it. */
static const struct http_field_line fields[] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
     "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
};

struct desk_server *desk_server_new(struct engine *engine, struct buffer *error)
{
    const struct config *config = engine->config;
    struct desk_server *desk = calloc(1, sizeof *desk);
    if (!desk) {
        buffer_add_text(error, "out of memory");
        return NULL;
    }
    desk->engine = engine;
    desk->access =
        desk_access_new(engine->loop, engine->log, config->desk_bind, config->operator_keys, error);
    if (desk->access)
        return desk;
    free(desk);
    return NULL;
}

bool desk_server_start(struct desk_server *desk, struct buffer *error)
{
    if (!desk)
        return true;
    struct engine *engine = desk->engine;
    struct http_server_config config = {
        .loop = engine->loop,
        .server = "booking-main/" BOOKING_VERSION,
        .routes = routes,
        .route_count = sizeof routes / sizeof routes[0],
        .fields = fields,
        .field_count = sizeof fields / sizeof fields[0],
        .context = engine,
        .access_log = engine->access_log,
        .bodies_max = FLEET_MAX,
        .connection_limit = CONNECTIONS,
        .connections_per_address = CONNECTIONS_PER_ADDRESS,
        .idle_seconds = IDLE_SECONDS,
    };
    desk->jobs = desk_jobs_new(engine->store, engine->loop, "desk", SHORT_JOBS, LONG_JOBS);
    desk->counts = desk_counts_new(engine->loop);
    if (!desk->jobs || !desk->counts) {
        buffer_add_text(error, "out of memory or descriptors");
        return false;
    }
    desk->server = http_server_open(&config, engine->config->desk_bind, engine->config->desk_port,
                                    "--desk-port", error);
    return desk->server;
}

void desk_server_drain(struct desk_server *desk)
{
    if (!desk)
        return;
    http_server_close_connections(desk->server);
    desk_access_drain(desk->access);
}

void desk_server_stop_accepting(struct desk_server *desk)
{
    if (desk)
        http_server_stop_accepting(desk->server);
}

bool desk_server_is_idle(const struct desk_server *desk)
{
    return !desk || http_server_requests_in_progress(desk->server) == 0;
}

/* All of these may be NULL when the start failed. */
void desk_server_stop(struct desk_server *desk)
{
    if (!desk)
        return;
    if (desk->server)
        http_server_cut_streams(desk->server);
    desk_jobs_stop(desk->jobs);
    desk_counts_stop(desk->counts);
}

void desk_server_free(struct desk_server *desk)
{
    if (!desk)
        return;
    desk_access_drain(desk->access);
    http_server_free(desk->server);
    desk_jobs_free(desk->jobs);
    desk_counts_free(desk->counts);
    desk_access_free(desk->access);
    free(desk);
}

void desk_server_reread(struct desk_server *desk)
{
    if (desk)
        desk_access_reread(desk->access);
}

void desk_server_metrics(const struct desk_server *desk, struct buffer *out)
{
    if (!desk)
        return;
    metrics_single(out, "desk_connections", "gauge", "Open connections to the desk.",
                   http_server_connections(desk->server));
    metrics_single(out, "desk_requests_in_progress", "gauge",
                   "Requests to the desk being received or answered.",
                   http_server_requests_in_progress(desk->server));
}
