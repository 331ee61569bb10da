/* What is SQLite's own of group commit (store/committer.c).
 *
 * All that may fail in a transaction comes before COMMIT. A COMMIT whose sync fails has written all
 * of the group to the log. It does not count, but after a crash it would. The next transaction is
 * written over it, so one is made at once, and the requests are answered then. When that fails too,
 * they get STORE_UNKNOWN.
 */
#include "store/sqlite/writer.h"

#include "store/sqlite/schema.h"

#include <time.h>

/* How long the committer waits for another's lock: an HTTP answer is waiting for it. While in
 * trouble, when most likely it would wait in vain, a shorter time. */
#define PATIENCE            (1500 * LOOP_MILLISECOND)
#define PATIENCE_IN_TROUBLE (100 * LOOP_MILLISECOND)

/* The longest it waits for an import, which is known to end. */
#define PATIENCE_WITH_IMPORT (15 * LOOP_SECOND)

#define POLL_INTERVAL (200 * LOOP_MILLISECOND)

enum { CACHE_KIB = 8192 };

static void writer_describe(void *context, int result, struct buffer *error)
{
    const struct sqlite_writer *writer = context;
    sqlite_describe(&writer->connection, result, error);
}

static void writer_trouble(void *context, bool in_trouble)
{
    struct sqlite_writer *writer = context;
    writer->connection.patience = in_trouble ? PATIENCE_IN_TROUBLE : PATIENCE;
}

/* Whether the files are still where they were. Commits to one that was deleted or replaced would be
 * answered, and lost. */
static bool writer_check(void *context, struct buffer *error)
{
    const struct sqlite_writer *writer = context;
    return sqlite_place_check(&writer->place, error);
}

/* --- events ---------------------------------------------------------------------------------- */

static int take_event(void *context, const struct store_event *event)
{
    struct event_reader *reader = context;
    if (event_reader_take(reader, event))
        return SQLITE_OK;
    return reader->broken ? SQLITE_ABORT : SQLITE_NOMEM;
}

/* Reads the events that were not seen yet, `limit` of them at most, -1 for all. */
static int read_events(struct sqlite_writer *writer, struct event_reader *reader, int64_t limit)
{
    struct sqlite_events *events = &writer->operations.events;
    int64_t newest = 0;
    int result = sqlite_events_read(events, reader->known, limit, take_event, reader);
    if (result == SQLITE_OK || reader->broken)
        result = sqlite_last_event(events, &newest);
    if (result == SQLITE_OK && !event_reader_end(reader, newest))
        result = SQLITE_NOMEM;
    return result;
}

static int writer_follow(void *context, struct event_reader *reader, int64_t limit)
{
    struct sqlite_writer *writer = context;
    int64_t version = 0;
    int result = sqlite_data_version(&writer->operations.events, &version);
    /* A connection's own changes do not count for the version, and in memory all changes are its
     * own. */
    if (result != SQLITE_OK || (version == writer->known_version && !writer->in_memory))
        return result;
    result = read_events(writer, reader, limit);
    if (result == SQLITE_OK && event_reader_count(reader) < (size_t)limit)
        writer->known_version = version; /* older than what was read, or the same */
    return result;
}

/* --- transactions ---------------------------------------------------------------------------- */

/* Until when, in seconds, a large import said it may hold the write lock; 0 for none. */
static int read_import_deadline(struct sqlite_writer *writer, int64_t *deadline)
{
    struct query query = query_begin(&writer->connection, &writer->find_import,
                                     "SELECT value FROM meta WHERE name = 'import'");
    int result = query_step(&query);
    if (result == SQLITE_ROW)
        *deadline = sqlite3_column_int64(query.statement, 0);
    query_end(&query);
    return result == SQLITE_ROW ? SQLITE_OK : result;
}

/* Begins a transaction. An import of a million cars may hold the lock for seconds; it said so, and
 * waiting for it is better than refusing what comes meanwhile. */
static int begin_writing(struct sqlite_writer *writer)
{
    int64_t limit = loop_clock() + PATIENCE_WITH_IMPORT, import_deadline = 0;
    int result;
    do
        result = sqlite_begin(&writer->operations);
    while ((result & 0xFF) == SQLITE_BUSY && loop_clock() < limit &&
           read_import_deadline(writer, &import_deadline) == SQLITE_OK &&
           import_deadline > time(NULL));
    if ((result & 0xFF) == SQLITE_BUSY) { /* the import may have ended just before that was read */
        int64_t patience = writer->connection.patience;
        writer->connection.patience = 0;
        result = sqlite_begin(&writer->operations);
        writer->connection.patience = patience;
    }
    return result;
}

/* A transaction that changes nothing that anybody reads. It finds out whether the database can be
 * written, and it is written over what a failed commit has left in the log. */
static int write_something(void *context)
{
    struct sqlite_writer *writer = context;
    int result = sqlite_begin(&writer->operations);
    if (result == SQLITE_OK) {
        struct query query = query_begin(&writer->connection, &writer->write_something,
                                         "UPDATE meta SET value = value + 1 WHERE name = 'alive'");
        result = query_run(&query);
    }
    if (result == SQLITE_OK)
        result = sqlite_commit(&writer->operations);
    if (result != SQLITE_OK)
        sqlite_rollback(&writer->connection);
    return result;
}

static int writer_transact(void *context, struct store_request *const *requests,
                           struct store_outcome *outcomes, int count, struct event_reader *reader,
                           bool *operation_failed)
{
    struct sqlite_writer *writer = context;
    struct sqlite_operations *operations = &writer->operations;
    writer->step = STEP_BEGIN;
    int result = begin_writing(writer);
    operations->time = store_clock_move(&writer->clock, loop_clock(), time(NULL));
    for (int i = 0; i < count && result == SQLITE_OK; i++) {
        writer->step = STEP_OPERATION;
        result = sqlite_operation_run(operations, requests[i], &outcomes[i]);
    }
    if (result == SQLITE_OK) {
        writer->step = STEP_EVENTS;
        result = read_events(writer, reader, -1);
    }
    if (result == SQLITE_OK) {
        writer->step = STEP_COMMIT;
        result = sqlite_commit(operations);
    }
    *operation_failed = writer->step == STEP_OPERATION;
    return result;
}

/* A transaction never was on the disk when its end could not be written; otherwise it is made sure
 * of by writing over it. */
static bool writer_undo(void *context, int result)
{
    struct sqlite_writer *writer = context;
    sqlite_rollback(&writer->connection);
    return writer->step != STEP_COMMIT || (result & 0xFF) == SQLITE_FULL ||
           (result & 0xFF) == SQLITE_BUSY || result == SQLITE_IOERR_WRITE ||
           write_something(writer) == SQLITE_OK;
}

const struct committer_driver sqlite_committer_driver = {
    .poll_interval = POLL_INTERVAL,
    .check = writer_check,
    .follow = writer_follow,
    .transact = writer_transact,
    .undo = writer_undo,
    .probe = write_something,
    .describe = writer_describe,
    .trouble = writer_trouble,
};

/* --- opening and closing --------------------------------------------------------------------- */

/* The database as this version wants it, its clock, and where it lies. */
static bool set_up(struct sqlite_writer *writer, const char *path, struct buffer *error)
{
    int64_t kept = 0;
    if (!sqlite_schema_prepare(&writer->connection, sqlite_schema_steps, sqlite_schema_version,
                               error))
        return false;
    int result = sqlite_read_number(&writer->connection,
                                    "SELECT value FROM meta WHERE name = 'time'", &kept);
    if (result == SQLITE_OK && !sqlite_place_note(&writer->place, path))
        result = SQLITE_NOMEM;
    if (result != SQLITE_OK)
        sqlite_describe(&writer->connection, result, error);
    store_clock_start(&writer->clock, kept, loop_clock());
    return result == SQLITE_OK;
}

bool sqlite_writer_open(struct sqlite_writer *writer, const char *path, struct buffer *error)
{
    writer->in_memory = sqlite_path_is_memory(path);
    writer->known_version = -1;
    if (!sqlite_place_is_sound(path, error) ||
        !sqlite_connection_open(&writer->connection, path, CACHE_KIB, error))
        return false;
    sqlite_operations_init(&writer->operations, &writer->connection);
    if (set_up(writer, path, error))
        return true;
    sqlite_writer_close(writer);
    return false;
}

void sqlite_writer_close(struct sqlite_writer *writer)
{
    sqlite_connection_close(&writer->connection);
    sqlite_place_free(&writer->place);
}
