#include "inventory/stock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_BETWEEN_QUESTIONS = 1024 }; /* to go_on(): less than a millisecond */

struct loading {
    struct stock *stock;
    int32_t since;
    size_t hold_room;
    bool (*go_on)(void *context);
    void *context;
    unsigned rows;
    bool stopped;
};

/* Whether to read another row. */
static bool go_on(struct loading *loading)
{
    if (loading->go_on && loading->rows++ % ROWS_BETWEEN_QUESTIONS == 0 &&
        !loading->go_on(loading->context))
        loading->stopped = true;
    return !loading->stopped;
}

void stock_free(struct stock *stock)
{
    if (!stock)
        return;
    availability_free(stock->availability);
    catalog_free(stock->catalog);
    free(stock->holds);
    free(stock);
}

void stock_release(struct stock *stock, int64_t car, struct period period)
{
    uint32_t position = catalog_by_number(stock->catalog, car);
    if (position != CATALOG_NONE)
        (void)availability_release(stock->availability, position, period);
}

static bool begin(void *context, const char *currency, size_t cars)
{
    struct loading *loading = context;
    loading->stock->catalog = catalog_new(currency, cars);
    return loading->stock->catalog;
}

static bool add_car(void *context, const struct store_car *car)
{
    struct loading *loading = context;
    return go_on(loading) && catalog_add(loading->stock->catalog, car);
}

/* All cars are in: puts them into order and makes an index of them. */
static bool finish_cars(struct loading *loading)
{
    struct stock *stock = loading->stock;
    if (stock->availability)
        return true;
    if (!catalog_finish(stock->catalog))
        return false;
    uint32_t count = catalog_count(stock->catalog);
    struct availability_car *cars = calloc((size_t)count + 1, sizeof cars[0]);
    if (!cars)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        const struct catalog_car *car = catalog_car(stock->catalog, i);
        cars[i].location = car->location;
        cars[i].offered = car->offered;
        cars[i].turnaround = car->turnaround;
        memcpy(cars[i].category, car->category, sizeof cars[i].category);
    }
    int failure = availability_new(cars, count, loading->since, &stock->availability);
    free(cars);
    return failure == 0;
}

static bool add_hold(struct loading *loading, const struct store_event *event)
{
    struct stock *stock = loading->stock;
    if (stock->hold_count == loading->hold_room) {
        size_t room = loading->hold_room ? 2 * loading->hold_room : 64;
        struct stock_hold *holds = realloc(stock->holds, room * sizeof holds[0]);
        if (!holds)
            return false;
        stock->holds = holds;
        loading->hold_room = room;
    }
    struct stock_hold *hold = &stock->holds[stock->hold_count++];
    hold->expires_at = event->expires_at;
    memcpy(hold->booking_id, event->booking_id, sizeof hold->booking_id);
    return true;
}

static bool add_taken(void *context, const struct store_event *event)
{
    struct loading *loading = context;
    if (!go_on(loading) || !finish_cars(loading))
        return false;
    struct stock *stock = loading->stock;
    uint32_t position = catalog_by_number(stock->catalog, event->car);
    if (position == CATALOG_NONE)
        return true; /* a database edited by hand */
    if (availability_occupy(stock->availability, position, event->period) == -ENOMEM)
        return false;
    return event->expires_at ? add_hold(loading, event) : true;
}

struct stock *stock_load(struct store *store, int32_t since, bool (*may_go_on)(void *context),
                         void *context, struct buffer *error)
{
    struct loading loading = {.stock = calloc(1, sizeof *loading.stock),
                              .since = since,
                              .go_on = may_go_on,
                              .context = context};
    struct store_snapshot_reader reader = {&loading, begin, add_car, add_taken};
    if (!loading.stock) {
        buffer_add_text(error, "out of memory");
        return NULL;
    }
    if (!store_read_snapshot(store, since, &reader, &loading.stock->last_event, error))
        goto failed;
    if (!finish_cars(&loading)) {
        buffer_add_text(error, "out of memory for the fleet");
        goto failed;
    }
    availability_settle(loading.stock->availability);
    return loading.stock;

failed:
    stock_free(loading.stock);
    return NULL;
}
