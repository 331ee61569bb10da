/* The engine: what its handlers share. main.c puts it together. */
#ifndef BOOKING_ENGINE_H
#define BOOKING_ENGINE_H

#include "api_keys.h"
#include "config.h"
#include "drain.h"
#include "http_server.h"
#include "idempotency.h"
#include "inventory.h"
#include "log.h"
#include "metrics.h"
#include "store.h"
#include "upstream.h"

struct engine_counters {
    uint64_t offers;    /* answered */
    uint64_t bookings;  /* committed, confirmed holds not counted again */
    uint64_t holds;     /* committed */
    uint64_t confirmed; /* holds */
    uint64_t cancelled;
    uint64_t conflicts; /* commits that the store refused: the car was taken or changed */
    uint64_t replays;   /* answers given again for an idempotency key */
    uint64_t events;
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
    struct idempotency_list keys; /* in flight */
    struct api_keys *api_keys;    /* NULL: open */
    struct upstream *adapter;
    struct http_server *public_server;
    struct http_server *operator_server;
    struct drain *drain;
    bool store_down;
    struct engine_counters counters;
};

/* Handlers; the context is the engine. */
http_handler offer_car;       /* GET /bookCar */
http_handler book_car;        /* POST /bookCar */
http_handler booking_show;    /* GET /bookings/{id} */
http_handler booking_confirm; /* POST /bookings/{id}/confirm */
http_handler booking_cancel;  /* DELETE /bookings/{id} */
http_handler operator_healthz;
http_handler operator_readyz;
http_handler operator_metrics;

/* Calls the adapter, so that there is a connection to it: told to stop in the same moment, it
 * serves on as long as somebody is connected. */
void operator_keep_adapter(struct engine *engine);

#endif
