/* The store on PostgreSQL: its threads, each with a connection of its own.
 *
 * The committer (store/committer.c, with writer.c) does the writing, the reader what only reads,
 * the keeper (keeper.c) what nobody waits for. An import or a snapshot opens a connection for
 * itself. The loop never waits for the server.
 */
#include "store/driver.h"

#include "lib/base/container_of.h"
#include "store/committer.h"
#include "store/postgresql/desk_sql.h"
#include "store/postgresql/group.h"
#include "store/postgresql/import.h"
#include "store/postgresql/keeper.h"
#include "store/postgresql/schema.h"
#include "store/postgresql/snapshot.h"
#include "store/postgresql/writer.h"
#include "store/thread.h"

#include <stdlib.h>
#include <string.h>

#define READ_PATIENCE (1500 * LOOP_MILLISECOND)

struct pg_store {
    struct store store;
    char *url;
    int64_t last_event;      /* to start behind */
    struct pg_writer writer; /* the committer's */
    struct committer committer;
    struct store_thread committer_thread;

    struct store_queue reads;
    struct pg_connection reader; /* its thread's */
    struct store_outcome outcome;
    struct store_thread reader_thread;

    struct pg_keeper keeper;
    struct store_thread keeper_thread;
    bool keeper_is_there;
};

static struct pg_store *from_store(struct store *store)
{
    return container_of(store, struct pg_store, store);
}

/* --- threads --------------------------------------------------------------------------------- */

static void *run_committer(void *context)
{
    struct pg_store *store = context;
    committer_run(&store->committer, store->last_event);
    return NULL;
}

static void *run_keeper(void *context)
{
    struct pg_store *store = context;
    pg_keeper_run(&store->keeper);
    return NULL;
}

/* Once more on a new connection when the old one has ended meanwhile. */
static void read_one(struct pg_store *store, struct store_request *request)
{
    int64_t deadline = loop_clock() + READ_PATIENCE;
    enum pg_failure failure = PG_AWAY;
    for (int i = 0; i < 2 && failure == PG_AWAY; i++) {
        failure = pg_connection_open(&store->reader, deadline);
        if (failure == PG_OK)
            failure = pg_read_one(&store->reader, deadline, request, &store->outcome);
    }
    if (failure == PG_OK)
        store_outcome_give(&store->outcome, request);
    outbox_hand_over_read(&store->committer.outbox, request);
}

static void *run_reader(void *context)
{
    struct pg_store *store = context;
    struct store_request *request;
    while (store_queue_take(&store->reads, -1, &request, 1) >= 0)
        read_one(store, request);
    return NULL;
}

static void postgresql_submit(struct store *base, struct store_request *request)
{
    struct pg_store *store = from_store(base);
    request->result = STORE_UNAVAILABLE;
    request->memory = NULL;
    store_queue_add(store_request_reads_only(request) ? &store->reads : &store->committer.queue,
                    request);
}

static struct store_stats postgresql_stats(const struct store *base)
{
    const struct pg_store *store = container_of(base, const struct pg_store, store);
    return (struct store_stats){.database_bytes = atomic_load(&store->keeper.database_bytes)};
}

/* --- opening, starting, closing -------------------------------------------------------------- */

static void free_store(struct pg_store *store)
{
    free(store->url);
    free(store);
}

static struct store *postgresql_open(const char *url, struct buffer *error)
{
    struct pg_store *store = calloc(1, sizeof *store);
    bool queue = false, committer = false;
    if (!store || !(store->url = strdup(url)))
        goto no_memory;
    store->store.driver = &postgresql_store_driver;
    queue = store_queue_init(&store->reads);
    committer = queue && committer_init(&store->committer, &pg_committer_driver, &store->writer);
    if (!committer)
        goto no_memory;
    if (pg_writer_open(&store->writer, store->url, error) &&
        pg_connection_init(&store->reader, store->url, error)) {
        store->reader.statement_timeout = READ_PATIENCE / LOOP_MILLISECOND;
        return &store->store;
    }
    goto failed;

no_memory:
    buffer_add_text(error, "database: out of memory");
failed:
    if (committer)
        committer_destroy(&store->committer);
    if (queue)
        store_queue_destroy(&store->reads);
    if (store)
        free_store(store);
    return NULL;
}

static int start_threads(struct pg_store *store)
{
    int failure = store_thread_start(&store->committer_thread, "committer", run_committer, store);
    if (failure == 0)
        failure = store_thread_start(&store->reader_thread, "reader", run_reader, store);
    if (failure == 0)
        failure = store_thread_start(&store->keeper_thread, "keeper", run_keeper, store);
    return failure;
}

static bool postgresql_start(struct store *base, struct loop *loop,
                             const struct store_handlers *handlers, int64_t last_event,
                             struct buffer *error)
{
    struct pg_store *store = from_store(base);
    store->last_event = last_event;
    if (!pg_keeper_init(&store->keeper, store->url, base->history_days, error))
        return false;
    store->keeper_is_there = true;
    int failure = -outbox_start(&store->committer.outbox, loop, handlers);
    if (failure == 0)
        failure = start_threads(store);
    if (failure)
        buffer_printf(error, "%s: threads: %s", store->reader.name, strerror(failure));
    return failure == 0;
}

static void postgresql_close(struct store *base)
{
    struct pg_store *store = from_store(base);
    outbox_close(&store->committer.outbox);
    store_queue_close(&store->reads);
    store_queue_close(&store->committer.queue);
    if (store->keeper_is_there)
        pg_keeper_stop(&store->keeper);
    store_thread_join(&store->reader_thread);
    store_thread_join(&store->committer_thread);
    store_thread_join(&store->keeper_thread);
    outbox_stop(&store->committer.outbox);
    store_lists_finish(&store->reads.waiting, &store->committer.queue.waiting);
    if (store->keeper_is_there)
        pg_keeper_destroy(&store->keeper);
    pg_connection_close(&store->reader);
    pg_writer_close(&store->writer);
    committer_destroy(&store->committer);
    store_queue_destroy(&store->reads);
    free_store(store);
}

/* --- everything at once ---------------------------------------------------------------------- */

/* A connection for a long operation, from any thread. */
static bool open_own(struct pg_store *store, struct pg_connection *own, struct buffer *error)
{
    if (!pg_connection_init(own, store->url, error))
        return false;
    enum pg_failure failure = pg_connection_open(own, loop_clock() + PG_OPEN_PATIENCE);
    if (failure != PG_OK)
        pg_describe(own, failure, error);
    return failure == PG_OK;
}

static bool postgresql_import(struct store *base, const struct fleet *fleet,
                              const struct store_import_options *options,
                              struct store_import_report *report, struct buffer *error)
{
    struct pg_connection own;
    if (!open_own(from_store(base), &own, error))
        return false;
    bool imported = pg_import_fleet(&own, fleet, options, report, error);
    pg_connection_close(&own);
    return imported;
}

static bool postgresql_read_snapshot(struct store *base, int32_t since,
                                     const struct store_snapshot_reader *reader,
                                     int64_t *last_event, struct buffer *error)
{
    struct pg_connection own;
    if (!open_own(from_store(base), &own, error))
        return false;
    bool read = pg_snapshot_read(&own, since, reader, last_event, error);
    pg_connection_close(&own);
    return read;
}

static struct sql *postgresql_open_sql(struct store *base, struct buffer *error)
{
    return pg_sql_open(from_store(base)->url, error);
}

static const char *postgresql_place(const struct store *base)
{
    return container_of(base, const struct pg_store, store)->reader.place;
}

/* Whether the database has our tables. One that cannot be reached counts as there, for whoever
 * opens it says why it cannot. */
static bool postgresql_exists(const char *url)
{
    struct pg_connection own;
    struct buffer ignored;
    bool exists = true;
    buffer_init(&ignored, 1024);
    int64_t deadline = loop_clock() + PG_OPEN_PATIENCE;
    if (pg_connection_init(&own, url, &ignored) && pg_connection_open(&own, deadline) == PG_OK)
        (void)pg_schema_exists(&own, deadline, &exists);
    pg_connection_close(&own);
    buffer_free(&ignored);
    return exists;
}

static bool postgresql_backup(const char *url, const char *path, struct buffer *error)
{
    struct pg_connection own;
    if (!pg_connection_init(&own, url, error))
        return false;
    buffer_printf(error,
                  "%s: the server's own tool copies it: pg_dump --format=custom --file='%s' with "
                  "the same URL",
                  own.name, path);
    return false;
}

const struct store_driver postgresql_store_driver = {
    .scheme = "postgresql://",
    .open = postgresql_open,
    .place = postgresql_place,
    .exists = postgresql_exists,
    .backup = postgresql_backup,
    .import = postgresql_import,
    .read_snapshot = postgresql_read_snapshot,
    .start = postgresql_start,
    .submit = postgresql_submit,
    .stats = postgresql_stats,
    .open_sql = postgresql_open_sql,
    .close = postgresql_close,
};
