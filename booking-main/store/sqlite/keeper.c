/* Upkeep and checkpoints.
 *
 * What is committed goes to the log, and has to be copied into the database at some time: that is
 * a checkpoint. SQLite would make one within a commit, which then takes a hundred times as long. So
 * the keeper makes them, on a connection of its own:
 *
 *     at a quiet moment, when nothing was committed for a tick, it copies what there is, so that
 *     the database file is complete by itself but for the last second's bookings;
 *     when the log has become long all the same, it does not wait for a quiet moment.
 *
 * Copying goes on beside commits. But a log is only begun anew when all of it has been copied, and
 * while bookings come one after the other there is always a bit more. So a long log is copied
 * first, and then the rest of it while the committer pauses: a few milliseconds.
 *
 * The upkeep is small transactions, each while the committer pauses too. Nothing here is urgent: a
 * lock that another engine holds, or a disk that fails, means later. Whether the store is in
 * trouble only the committer decides.
 */
#include "store/sqlite/keeper.h"

#include <stdio.h>
#include <time.h>

#define TICK            (500 * LOOP_MILLISECOND)
#define TICK_WITH_MORE  (50 * LOOP_MILLISECOND) /* bookings go on in between */
#define UPKEEP_INTERVAL (10 * LOOP_SECOND)
#define PATIENCE        (10 * LOOP_MILLISECOND) /* the committer waits meanwhile */

enum {
    LOG_LONG = 32 * 1024 * 1024, /* bytes: to be cut also when it is not quiet */
    LOG_KEPT = 4 * 1024 * 1024,  /* bytes of it that may stay, to be written over again */
    CACHE_KIB = 1024,
};

/* --- upkeep ---------------------------------------------------------------------------------- */

static struct sqlite_upkeep_time keeper_time(struct keeper *keeper)
{
    int64_t wall = time(NULL);
    int64_t now = store_clock_move(&keeper->writer->clock, loop_clock(), wall);
    return (struct sqlite_upkeep_time){
        .now = now,
        .earlier = now < wall ? now : wall,
        .later = now < wall ? wall : now,
    };
}

/* While the committer pauses. */
static int keeper_write(struct keeper *keeper, int64_t behind, bool *more)
{
    struct sqlite_upkeep_time now = keeper_time(keeper);
    int result = sqlite_run(keeper->connection, "BEGIN IMMEDIATE");
    if (result == SQLITE_OK)
        result = sqlite_upkeep_do(&keeper->upkeep, &now, behind, more);
    if (result == SQLITE_OK)
        result = sqlite_run(keeper->connection, "COMMIT");
    sqlite_rollback(keeper->connection);
    return result;
}

/* Whether there is more to do at once. */
static bool keeper_upkeep(struct keeper *keeper, int64_t behind)
{
    bool more = false, in_memory = keeper->connection != &keeper->own;
    int result = SQLITE_OK;
    committer_pause(keeper->committer);
    struct sqlite_upkeep_time now = keeper_time(keeper);
    if (!in_memory) /* looking around needs a pause only where all share one connection */
        committer_resume(keeper->committer);
    result = sqlite_upkeep_look(&keeper->upkeep, &now);
    if (!in_memory)
        committer_pause(keeper->committer);
    int changes = sqlite3_total_changes(keeper->connection->db);
    if (result == SQLITE_OK)
        result = keeper_write(keeper, behind, &more);
    if (sqlite3_total_changes(keeper->connection->db) != changes)
        keeper->copied = false;
    committer_resume(keeper->committer);
    return result == SQLITE_OK && more;
}

/* --- checkpoints ----------------------------------------------------------------------------- */

static bool keeper_checkpoint(struct keeper *keeper, int mode)
{
    int in_log = 0, in_database = 0;
    int result =
        sqlite3_wal_checkpoint_v2(keeper->connection->db, NULL, mode, &in_log, &in_database);
    if (result != SQLITE_OK || in_log != in_database)
        return false; /* somebody reads what would be written over, or commits meanwhile */
    atomic_store(&keeper->checkpointed, time(NULL));
    return true;
}

/* Whether anything was committed since the last tick, by this engine or another. */
static bool has_changed(struct keeper *keeper)
{
    int64_t version = -1;
    struct query query =
        query_begin(keeper->connection, &keeper->read_version, "PRAGMA data_version");
    if (query_step(&query) == SQLITE_ROW)
        version = sqlite3_column_int64(query.statement, 0);
    query_end(&query);
    bool changed = version != keeper->known_version;
    keeper->known_version = version;
    return changed;
}

static void shorten_log(struct keeper *keeper)
{
    bool changed = has_changed(keeper);
    uint64_t size = sqlite_place_size(&keeper->writer->place, PLACE_LOG);
    keeper->copied = keeper->copied && !changed;
    bool is_long = size >= LOG_LONG || (!changed && size > LOG_KEPT);
    if (!is_long && (changed || keeper->copied))
        return;
    if (!keeper->copied)
        keeper->copied = keeper_checkpoint(keeper, SQLITE_CHECKPOINT_PASSIVE);
    if (!is_long)
        return;
    committer_pause(keeper->committer);
    keeper->copied = keeper_checkpoint(keeper, SQLITE_CHECKPOINT_TRUNCATE) || keeper->copied;
    committer_resume(keeper->committer);
}

/* --- the thread ------------------------------------------------------------------------------ */

static void measure(struct keeper *keeper)
{
    const struct sqlite_place *place = &keeper->writer->place;
    atomic_store(&keeper->database_bytes, sqlite_place_size(place, PLACE_DATABASE));
    atomic_store(&keeper->log_bytes, sqlite_place_size(place, PLACE_LOG));
}

/* How long to wait for the next. */
static int64_t keeper_round(struct keeper *keeper)
{
    bool more = false, in_memory = keeper->connection != &keeper->own;
    if (!sqlite_place_check(&keeper->writer->place, NULL))
        return TICK; /* what is there now is not ours to write to */
    if (loop_clock() >= keeper->next_upkeep) {
        more = keeper_upkeep(keeper, UPKEEP_TIME_SECONDS);
        if (!more)
            keeper->next_upkeep = loop_clock() + UPKEEP_INTERVAL;
    }
    if (!in_memory) {
        shorten_log(keeper);
        measure(keeper);
    }
    return more ? TICK_WITH_MORE : TICK;
}

void keeper_run(struct keeper *keeper)
{
    int64_t at = 0; /* the first time at once */
    while (store_queue_take(&keeper->stop, at, NULL, 0) >= 0)
        at = loop_clock() + keeper_round(keeper);
    if (!sqlite_place_check(&keeper->writer->place, NULL))
        return;
    (void)keeper_upkeep(keeper, 0);
    (void)keeper_checkpoint(keeper, SQLITE_CHECKPOINT_PASSIVE);
}

/* --- opening and closing --------------------------------------------------------------------- */

bool keeper_open(struct keeper *keeper, struct committer *committer, struct sqlite_writer *writer,
                 unsigned history_days, struct buffer *error)
{
    *keeper = (struct keeper){.committer = committer, .writer = writer, .known_version = -1};
    keeper->connection = writer->in_memory ? &writer->connection : &keeper->own;
    if (!store_queue_init(&keeper->stop)) {
        buffer_printf(error, "database '%s': out of memory", writer->connection.path);
        return false;
    }
    if (!writer->in_memory) {
        if (!sqlite_connection_open(&keeper->own, writer->connection.path, CACHE_KIB, error)) {
            store_queue_destroy(&keeper->stop);
            return false;
        }
        keeper->own.patience = PATIENCE;
        measure(keeper);
    }
    sqlite_upkeep_init(&keeper->upkeep, keeper->connection, history_days);
    return true;
}

void keeper_close(struct keeper *keeper)
{
    sqlite_connection_close(&keeper->own);
    store_queue_destroy(&keeper->stop);
}

struct store_stats keeper_stats(const struct keeper *keeper)
{
    return (struct store_stats){
        .database_bytes = atomic_load(&keeper->database_bytes),
        .log_bytes = atomic_load(&keeper->log_bytes),
        .checkpointed = atomic_load(&keeper->checkpointed),
    };
}
