/* What the operator sets: options and environment variables, checked. */
#ifndef BOOKING_CONFIG_H
#define BOOKING_CONFIG_H

#include "lib/base/buffer.h"
#include "lib/base/options.h"

#include <stdbool.h>

struct config {
    const char *bind; /* NULL for all addresses */
    uint16_t port;
    const char *admin_bind;
    uint16_t admin_port;
    const char *desk_bind;
    uint16_t desk_port;               /* 0: no desk */
    const char *operator_keys;        /* NULL: the desk is open, on loopback only */
    unsigned connections_per_address; /* 0 for any number */
    const char *adapter_url;
    const char *prefix; /* NULL for none */
    const char *database;
    unsigned offer_staleness; /* seconds that offers go on without the database */
    unsigned history;         /* days that a booking is kept after it is over */
    const char *fleet;        /* "demo" for the demo fleet, "none" to wait for an import */
    const char *channel;
    const char *api_keys;    /* NULL: open */
    unsigned rate_limit;     /* requests a second of each caller; 0 for any number */
    unsigned drain_delay;    /* seconds */
    const char *access_log;  /* NULL for standard output */
    const char *webhook_url; /* NULL: none */
    const char *webhook_secret;
    bool webhook_private;
    const char *otlp_endpoint; /* NULL: no traces */
    unsigned log_level;        /* enum log_level */
};

/* The table, for parsing and for the documentation's test. */
extern const struct options config_options;

/* Checks what the table cannot; false with a sentence added to `error`. */
bool config_check(const struct config *config, struct buffer *error);

#endif
