#include "config.h"

#include "lib/base/text.h"
#include "lib/log/log.h"

#include <string.h>

#define FIELD(name) offsetof(struct config, name)

static const struct option_entry entries[] = {
    {"bind", "BOOKING_BIND", OPTION_TEXT, FIELD(bind), "ADDRESS", NULL,
     "address of the public port; without one, all addresses"},
    {"port", "BOOKING_PORT", OPTION_PORT, FIELD(port), "PORT", "33", "public port"},
    {"admin-bind", "BOOKING_ADMIN_BIND", OPTION_TEXT, FIELD(admin_bind), "ADDRESS", NULL,
     "address of the operator port; without one, all addresses"},
    {"admin-port", "BOOKING_ADMIN_PORT", OPTION_PORT, FIELD(admin_port), "PORT", "9033",
     "operator port: /healthz, /readyz, /metrics"},
    {"desk-bind", "BOOKING_DESK_BIND", OPTION_TEXT, FIELD(desk_bind), "ADDRESS", "127.0.0.1",
     "address of the operator's desk; one that is not loopback needs\n--operator-keys"},
    {"desk-port", "BOOKING_DESK_PORT", OPTION_PORT_OR_NONE, FIELD(desk_port), "PORT", "9034",
     "the operator's desk: page and API; 0 for none"},
    {"operator-keys", "BOOKING_OPERATOR_KEYS", OPTION_TEXT, FIELD(operator_keys), "FILE", NULL,
     "operators' keys, a line each: a name, a space and the key;\n"
     "without the file the desk asks nobody who he is"},
    {"connections-per-address", "BOOKING_CONNECTIONS_PER_ADDRESS", OPTION_COUNT,
     FIELD(connections_per_address), "N", "1024",
     "connections that one address may have to the public port;\n"
     "0 for any number, as behind a proxy"},
    {"adapter-url", "BOOKING_ADAPTER_URL", OPTION_TEXT, FIELD(adapter_url), "URL",
     "http://127.0.0.1:9096", "the adapter beside this engine"},
    {"prefix", "BOOKING_PREFIX", OPTION_TEXT, FIELD(prefix), "PATH", NULL,
     "serve all paths under this one too, such as /kayak, so that\n"
     "an ingress needs no rewriting"},
    {"database", "BOOKING_DATABASE", OPTION_URL, FIELD(database), "URL", "sqlite:booking.db",
     "where fleet and bookings are kept: sqlite:FILE, or for many\n"
     "engines with one fleet postgresql://USER@HOST/DATABASE"},
    {"offer-staleness", "BOOKING_OFFER_STALENESS", OPTION_SECONDS, FIELD(offer_staleness),
     "SECONDS", "60",
     "how long offers go on from memory, and the engine stays\n"
     "ready, while the database does not answer"},
    {"history", "BOOKING_HISTORY", OPTION_DAYS, FIELD(history), "DAYS", "400",
     "how long a booking is kept after its return, its cancellation\n"
     "or its expiry"},
    {"fleet", "BOOKING_FLEET", OPTION_TEXT, FIELD(fleet), "FILE", "demo",
     "CSV file of the cars, read only into a database that has none;\n"
     "demo for a demo fleet, none to wait for an import"},
    {"channel", "BOOKING_CHANNEL", OPTION_TEXT, FIELD(channel), "NAME", "default",
     "the partner this engine serves; it sees its own bookings only"},
    {"api-keys", "BOOKING_API_KEYS", OPTION_TEXT, FIELD(api_keys), "FILE", NULL,
     "accepted keys, a line each, with a name and a space before it or\n"
     "without; without the file the service is open"},
    {"rate-limit", "BOOKING_RATE_LIMIT", OPTION_COUNT, FIELD(rate_limit), "N", "0",
     "requests a second that each key may send to the public port, and\n"
     "at once; without --api-keys, all callers together; 0 for any number"},
    {"drain-delay", "BOOKING_DRAIN_DELAY", OPTION_SECONDS, FIELD(drain_delay), "SECONDS", "5",
     "how long to serve on, not ready any more, after SIGTERM"},
    {"access-log", "BOOKING_ACCESS_LOG", OPTION_TEXT, FIELD(access_log), "FILE", NULL,
     "append a line for each request here; without one,\nto standard output"},
    {"webhook-url", "BOOKING_WEBHOOK_URL", OPTION_URL, FIELD(webhook_url), "URL", NULL,
     "https URL that is told of the changes of this channel's bookings\n"
     "that the partner did not make itself; needs --webhook-secret"},
    {"webhook-secret", "BOOKING_WEBHOOK_SECRET", OPTION_TEXT, FIELD(webhook_secret), "FILE", NULL,
     "one or two secrets that webhooks are signed with, a line each:\n"
     "whsec_ and 24 to 64 bytes in base64"},
    {"webhook-private", "BOOKING_WEBHOOK_PRIVATE", OPTION_FLAG, FIELD(webhook_private), NULL, NULL,
     "let webhooks go to addresses that are not public, and by http:\nfor trying out"},
    {"otlp-endpoint", "BOOKING_OTLP_ENDPOINT OTEL_EXPORTER_OTLP_ENDPOINT", OPTION_URL,
     FIELD(otlp_endpoint), "URL", NULL,
     "collector that spans are sent to, by OTLP over HTTP with JSON;\n"
     "without one no traces are recorded"},
    {"log-level", "BOOKING_LOG_LEVEL", OPTION_CHOICE, FIELD(log_level), LOG_LEVELS, "info",
     "what standard error is told; debug explains each request"},
};

const struct options config_options = {
    .program = "booking-main",
    .usage =
        "[OPTION]...\n"
        "       booking-main COMMAND ...   works on the database, also while engines run:\n"
        "           import FILE   replaces the fleet     backup FILE   copies the database\n"
        "           bookings      lists bookings         booking ID    shows one, with its "
        "history\n"
        "           cancel ID     cancels one            change ID     extends, shortens or moves "
        "it\n"
        "           returned ID   its car is back        day [DAY]     pickups, returns, sales\n"
        "           block CAR     out of service         unblock ID    back in service\n"
        "           cars          lists the fleet        export        a period's bookings as CSV\n"
        "           set           the turnaround         webhooks      what waits, tests\n"
        "           COMMAND --help says more",
    .service = true,
    .summary =
        "Books cars: picks one, has the adapter beside it put the answer into its partner's\n"
        "format, and serves that on GET /bookCar.",
    .entries = entries,
    .count = sizeof entries / sizeof entries[0],
};

static bool prefix_valid(const char *prefix)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._~-/";
    size_t size = strlen(prefix);
    return prefix[0] == '/' && size > 1 && size <= 64 && prefix[size - 1] != '/' &&
           !strstr(prefix, "//") && strspn(prefix, allowed) == size;
}

static bool channel_valid(const char *channel)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t size = strlen(channel);
    return size >= 1 && size <= 64 && strspn(channel, allowed) == size;
}

static bool database_valid(const char *database)
{
    static const char *const schemes[] = {"sqlite:", "postgresql://"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (strncmp(database, schemes[i], strlen(schemes[i])) == 0)
            return database[strlen(schemes[i])];
    return false;
}

bool config_check(const struct config *config, struct buffer *error)
{
    if (config->prefix && *config->prefix && !prefix_valid(config->prefix))
        buffer_printf(error,
                      "--prefix '%s': must be a path such as /kayak, without a slash at its end",
                      config->prefix);
    else if (!channel_valid(config->channel))
        buffer_printf(error, "--channel '%s': must be 1 to 64 letters, digits, '.', '_' or '-'",
                      config->channel);
    else if (!database_valid(config->database))
        buffer_printf(error,
                      "--database '%.*s': must be sqlite:FILE or postgresql://USER@HOST/DATABASE",
                      (int)text_url_shown(config->database), config->database);
    else
        return true;
    return false;
}
