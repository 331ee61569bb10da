/* The store on SQLite: its threads.
 *
 * All writing goes to the committer (store/committer.c, with writer.c). Reading goes to a second
 * thread with a connection of its own. In WAL mode it does not wait for the committer, nor, as it
 * would as part of a group, for the disk to take a commit; and the loop does not wait for a read
 * from the disk. A read that fails is given to the committer, which tries it again, and is the only
 * one to decide whether the store is in trouble.
 *
 * A third thread, the keeper (keeper.c), does what nobody waits for.
 *
 * A database in memory has one connection: the committer does the reads, and pauses for imports,
 * snapshots and the keeper.
 */
#include "store/driver.h"

#include "lib/base/container_of.h"
#include "store/committer.h"
#include "store/sqlite/backup.h"
#include "store/sqlite/desk_sql.h"
#include "store/sqlite/import.h"
#include "store/sqlite/keeper.h"
#include "store/sqlite/snapshot.h"
#include "store/sqlite/writer.h"
#include "store/thread.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SCHEME "sqlite:"

enum { READER_CACHE_KIB = 1024, BULK_CACHE_KIB = 16384 };

struct sqlite_store {
    struct store store;
    char *url;
    const char *path; /* in it */
    bool in_memory;
    int64_t last_event;          /* to start behind */
    struct sqlite_writer writer; /* the committer's */
    struct committer committer;
    struct store_thread committer_thread;

    struct store_queue reads;
    struct sqlite_connection connection; /* the reader's, from here on */
    struct sqlite_operations operations;
    struct store_outcome outcome;
    struct store_thread reader_thread;

    struct keeper keeper;
    struct store_thread keeper_thread;
    bool keeper_is_open;
};

static struct sqlite_store *from_store(struct store *store)
{
    return container_of(store, struct sqlite_store, store);
}

/* --- threads --------------------------------------------------------------------------------- */

static void *run_committer(void *context)
{
    struct sqlite_store *store = context;
    committer_run(&store->committer, store->last_event);
    return NULL;
}

static void *run_keeper(void *context)
{
    struct sqlite_store *store = context;
    keeper_run(&store->keeper);
    return NULL;
}

static void read_one(struct sqlite_store *store, struct store_request *request)
{
    int result = sqlite_operation_run(&store->operations, request, &store->outcome);
    if (result == SQLITE_OK) {
        store_outcome_give(&store->outcome, request);
        outbox_hand_over_read(&store->committer.outbox, request);
    } else {
        store_outcome_drop(&store->outcome);
        store_queue_add(&store->committer.queue, request);
    }
}

static void *run_reader(void *context)
{
    struct sqlite_store *store = context;
    struct store_request *request;
    while (store_queue_take(&store->reads, -1, &request, 1) >= 0)
        read_one(store, request);
    return NULL;
}

static void sqlite_submit(struct store *base, struct store_request *request)
{
    struct sqlite_store *store = from_store(base);
    bool reads = store_request_reads_only(request) && !store->in_memory;
    request->result = STORE_UNAVAILABLE;
    request->memory = NULL;
    store_queue_add(reads ? &store->reads : &store->committer.queue, request);
}

static struct store_stats sqlite_stats(const struct store *base)
{
    const struct sqlite_store *store = container_of(base, const struct sqlite_store, store);
    return keeper_stats(&store->keeper);
}

/* --- opening, starting, closing -------------------------------------------------------------- */

static void free_store(struct sqlite_store *store)
{
    free(store->url);
    free(store);
}

static struct store *sqlite_open(const char *url, struct buffer *error)
{
    struct sqlite_store *store = calloc(1, sizeof *store);
    if (!store || !(store->url = strdup(url))) {
        buffer_printf(error, "database '%s': out of memory", url);
        free(store);
        return NULL;
    }
    store->path = store->url + strlen(SCHEME);
    store->store.driver = &sqlite_store_driver;
    store->in_memory = sqlite_path_is_memory(store->path);
    if (!store_queue_init(&store->reads)) {
        buffer_printf(error, "database '%s': out of memory", url);
        free_store(store);
        return NULL;
    }
    if (!committer_init(&store->committer, &sqlite_committer_driver, &store->writer)) {
        buffer_printf(error, "database '%s': out of memory", url);
        store_queue_destroy(&store->reads);
        free_store(store);
        return NULL;
    }
    if (!sqlite_writer_open(&store->writer, store->path, error)) {
        committer_destroy(&store->committer);
        store_queue_destroy(&store->reads);
        free_store(store);
        return NULL;
    }
    return &store->store;
}

static int start_threads(struct sqlite_store *store)
{
    int failure = store_thread_start(&store->committer_thread, "committer", run_committer, store);
    if (failure == 0)
        failure = store_thread_start(&store->keeper_thread, "keeper", run_keeper, store);
    if (failure == 0 && !store->in_memory)
        failure = store_thread_start(&store->reader_thread, "reader", run_reader, store);
    return failure;
}

static bool sqlite_start(struct store *base, struct loop *loop,
                         const struct store_handlers *handlers, int64_t last_event,
                         struct buffer *error)
{
    struct sqlite_store *store = from_store(base);
    store->last_event = last_event;
    if (!store->in_memory) {
        if (!sqlite_connection_open(&store->connection, store->path, READER_CACHE_KIB, error))
            return false;
        sqlite_operations_init(&store->operations, &store->connection);
    }
    if (!keeper_open(&store->keeper, &store->committer, &store->writer, base->history_days, error))
        return false;
    store->keeper_is_open = true;
    int failure = -outbox_start(&store->committer.outbox, loop, handlers);
    if (failure == 0)
        failure = start_threads(store);
    if (failure)
        buffer_printf(error, "database '%s': threads: %s", store->path, strerror(failure));
    return failure == 0;
}

static void stop_threads(struct sqlite_store *store)
{
    outbox_close(&store->committer.outbox);
    store_queue_close(&store->reads);
    store_queue_close(&store->committer.queue);
    store_thread_join(&store->reader_thread);
    store_thread_join(&store->committer_thread);
    if (store->keeper_is_open) /* last, so that it copies what they have written */
        store_queue_close(&store->keeper.stop);
    store_thread_join(&store->keeper_thread);
}

/* What lies where the files were is not theirs: a backup that was put there, say. */
static void leave_if_moved(struct sqlite_store *store)
{
    if (sqlite_place_check(&store->writer.place, NULL))
        return;
    sqlite_connection_leave(&store->keeper.own);
    sqlite_connection_leave(&store->connection);
    sqlite_connection_leave(&store->writer.connection);
}

static void sqlite_close(struct store *base)
{
    struct sqlite_store *store = from_store(base);
    stop_threads(store);
    outbox_stop(&store->committer.outbox);
    store_lists_finish(&store->reads.waiting, &store->committer.queue.waiting);
    leave_if_moved(store);
    if (store->keeper_is_open)
        keeper_close(&store->keeper);
    sqlite_connection_close(&store->connection);
    store_queue_destroy(&store->reads);
    sqlite_writer_close(&store->writer);
    committer_destroy(&store->committer);
    free_store(store);
}

/* --- everything at once ---------------------------------------------------------------------- */

/* A connection for a long operation, from any thread: one of its own, or the one that there is in
 * memory, locked. */
static struct sqlite_connection *sqlite_borrow(struct sqlite_store *store,
                                               struct sqlite_connection *own, struct buffer *error)
{
    if (store->in_memory) {
        committer_pause(&store->committer);
        return &store->writer.connection;
    }
    return sqlite_connection_open(own, store->path, BULK_CACHE_KIB, error) ? own : NULL;
}

static void sqlite_give_back(struct sqlite_store *store, struct sqlite_connection *connection)
{
    if (store->in_memory)
        committer_resume(&store->committer);
    else
        sqlite_connection_close(connection);
}

static bool sqlite_import(struct store *base, const struct fleet *fleet,
                          const struct store_import_options *options,
                          struct store_import_report *report, struct buffer *error)
{
    struct sqlite_store *store = from_store(base);
    struct sqlite_connection own, *connection = sqlite_borrow(store, &own, error);
    if (!connection)
        return false;
    bool imported = sqlite_import_fleet(connection, fleet, options, report, error);
    sqlite_give_back(store, connection);
    return imported;
}

static bool sqlite_read_snapshot(struct store *base, int32_t since,
                                 const struct store_snapshot_reader *reader, int64_t *last_event,
                                 struct buffer *error)
{
    struct sqlite_store *store = from_store(base);
    struct sqlite_connection own, *connection = sqlite_borrow(store, &own, error);
    if (!connection)
        return false;
    bool read = sqlite_snapshot_read(connection, since, reader, last_event, error);
    sqlite_give_back(store, connection);
    return read;
}

static struct sql *sqlite_open_sql(struct store *base, struct buffer *error)
{
    struct sqlite_store *store = from_store(base);
    return store->in_memory
               ? sqlite_sql_open(store->path, &store->committer, &store->writer.connection, error)
               : sqlite_sql_open(store->path, NULL, NULL, error);
}

static const char *sqlite_store_place(const struct store *base)
{
    return container_of(base, const struct sqlite_store, store)->url;
}

static bool database_exists(const char *url)
{
    const char *path = url + strlen(SCHEME);
    return sqlite_path_is_memory(path) || access(path, F_OK) == 0;
}

static bool backup_database(const char *url, const char *path, struct buffer *error)
{
    return sqlite_backup(url + strlen(SCHEME), path, error);
}

const struct store_driver sqlite_store_driver = {
    .scheme = SCHEME,
    .open = sqlite_open,
    .place = sqlite_store_place,
    .exists = database_exists,
    .backup = backup_database,
    .import = sqlite_import,
    .read_snapshot = sqlite_read_snapshot,
    .start = sqlite_start,
    .submit = sqlite_submit,
    .stats = sqlite_stats,
    .open_sql = sqlite_open_sql,
    .close = sqlite_close,
};
