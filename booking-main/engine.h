/* The engine: what the handlers of its ports share. main.c puts it together.
 *
 * All of it belongs to the loop's thread.
 */
#ifndef BOOKING_ENGINE_H
#define BOOKING_ENGINE_H

#include "adapter/calls.h"
#include "config.h"
#include "inventory/inventory.h"
#include "lib/base/drain.h"
#include "lib/base/metrics.h"
#include "lib/base/sighup.h"
#include "lib/http/server.h"
#include "lib/log/log.h"
#include "store/store.h"

struct engine_counters {
    uint64_t offers;    /* answered */
    uint64_t bookings;  /* committed, confirmed holds not counted again */
    uint64_t holds;     /* committed */
    uint64_t confirmed; /* holds */
    uint64_t cancelled;
    uint64_t conflicts; /* commits that the store refused: the car was taken or changed */
    uint64_t replays;   /* answers given again for an idempotency key */
    uint64_t events;
    unsigned changes_waiting; /* requests that wait for the next change */
    struct metrics_histogram event_lag;
    struct metrics_histogram commit_duration;
    struct metrics_sizes commit_size;
};

struct engine {
    const struct config *config;
    struct loop *loop;
    struct log *log;
    struct log *access_log;
    struct store *store;
    struct inventory *inventory;
    struct idempotency *keys_in_flight; /* a list */
    struct key_file *api_keys;          /* NULL: open */
    struct callers *callers;            /* NULL: neither keys nor a limit */
    struct desk_jobs *lookups;       /* for what a partner asks of the store and many rows answer */
    struct partner_changes *changes; /* who asks for them */
    struct adapter_calls *adapter;
    struct http_server *public_server;
    struct http_server *operator_server;
    struct desk_server *desk;  /* NULL: no desk */
    struct traces *traces;     /* NULL: none are recorded */
    struct webhooks *webhooks; /* NULL: none are sent */
    struct drain *drain;
    struct sighup *sighup;
    bool store_down;
    struct loop_timer staleness; /* expires when it is down for too long: */
    bool offers_stale;           /* offers from memory have ended */
    struct engine_counters counters;
};

#endif
