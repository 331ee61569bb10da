/* The table of functions that a database engine brings to the store; see store.h for what each
 * does.
 *
 * A driver's own struct embeds `struct store` as its first member.
 */
#ifndef BOOKING_STORE_DRIVER_H
#define BOOKING_STORE_DRIVER_H

#include "store/store.h"

struct sql;

struct store_driver {
    const char *scheme; /* what its URLs begin with, such as "sqlite:" */
    struct store *(*open)(const char *url, struct buffer *error);
    const char *(*place)(const struct store *store);
    bool (*exists)(const char *url);
    bool (*backup)(const char *url, const char *path, struct buffer *error);
    bool (*import)(struct store *store, const struct fleet *fleet,
                   const struct store_import_options *options, struct store_import_report *report,
                   struct buffer *error);
    bool (*read_snapshot)(struct store *store, int32_t since,
                          const struct store_snapshot_reader *reader, int64_t *last_event,
                          struct buffer *error);
    bool (*start)(struct store *store, struct loop *loop, const struct store_handlers *handlers,
                  int64_t last_event, struct buffer *error);
    void (*submit)(struct store *store, struct store_request *request);
    struct store_stats (*stats)(const struct store *store);
    /* For the operator's desk (store/desk/); NULL with a sentence when it cannot. */
    struct sql *(*open_sql)(struct store *store, struct buffer *error);
    void (*close)(struct store *store);
};

struct store {
    const struct store_driver *driver;
    unsigned history_days;
};

extern const struct store_driver sqlite_store_driver, postgresql_store_driver;

#endif
