#include "store/store.h"

#include "lib/base/text.h"
#include "store/driver.h"

#include <string.h>

static const struct store_driver *const drivers[] = {&sqlite_store_driver,
                                                     &postgresql_store_driver};

/* The driver for the URL; NULL with a sentence added to `error`. */
static const struct store_driver *driver_of(const char *url, struct buffer *error)
{
    for (size_t i = 0; i < sizeof drivers / sizeof drivers[0]; i++)
        if (strncmp(url, drivers[i]->scheme, strlen(drivers[i]->scheme)) == 0)
            return drivers[i];
    buffer_printf(error, "database '%.*s': must be sqlite:FILE or postgresql://USER@HOST/DATABASE",
                  (int)text_url_shown(url), url);
    return NULL;
}

struct store *store_open(const char *url, struct buffer *error)
{
    const struct store_driver *driver = driver_of(url, error);
    struct store *store = driver ? driver->open(url, error) : NULL;
    if (store)
        store->history_days = STORE_HISTORY_DAYS;
    return store;
}

bool store_exists(const char *url, bool *exists, struct buffer *error)
{
    const struct store_driver *driver = driver_of(url, error);
    if (driver)
        *exists = driver->exists(url);
    return driver;
}

bool store_backup(const char *url, const char *path, struct buffer *error)
{
    const struct store_driver *driver = driver_of(url, error);
    if (!driver)
        return false;
    size_t size = strlen(driver->scheme);
    return driver->backup(url, strncmp(path, driver->scheme, size) == 0 ? path + size : path,
                          error);
}

bool store_import(struct store *store, const struct fleet *fleet,
                  const struct store_import_options *options, struct store_import_report *report,
                  struct buffer *error)
{
    return store->driver->import(store, fleet, options, report, error);
}

bool store_read_snapshot(struct store *store, int32_t since,
                         const struct store_snapshot_reader *reader, int64_t *last_event,
                         struct buffer *error)
{
    return store->driver->read_snapshot(store, since, reader, last_event, error);
}

bool store_start(struct store *store, struct loop *loop, const struct store_handlers *handlers,
                 int64_t last_event, struct buffer *error)
{
    return store->driver->start(store, loop, handlers, last_event, error);
}

const char *store_place(const struct store *store)
{
    return store->driver->place(store);
}

void store_keep_history(struct store *store, unsigned days)
{
    store->history_days = days;
}

struct store_stats store_stats(const struct store *store)
{
    return store->driver->stats(store);
}

void store_submit(struct store *store, struct store_request *request)
{
    request->submitted = loop_clock();
    store->driver->submit(store, request);
}

void store_close(struct store *store)
{
    if (store)
        store->driver->close(store);
}
