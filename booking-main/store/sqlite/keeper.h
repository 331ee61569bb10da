/* The SQLite store's keeper: a thread that keeps the database small and its log short, off the way
 * of the commits. See the idea in keeper.c. */
#ifndef BOOKING_STORE_SQLITE_KEEPER_H
#define BOOKING_STORE_SQLITE_KEEPER_H

#include "store/queue.h"
#include "store/sqlite/upkeep.h"
#include "store/sqlite/writer.h"

#include <stdatomic.h>

struct keeper {
    struct committer *committer; /* which pauses for it */
    struct sqlite_writer *writer;
    struct store_queue stop; /* nothing is ever put in; closed, it ends the thread's waiting */

    /* The thread's alone. */
    struct sqlite_connection own, *connection; /* of a database in memory: the committer's */
    struct sqlite_upkeep upkeep;
    int64_t next_upkeep;
    int64_t known_version; /* of the data, a tick ago */
    sqlite3_stmt *read_version;
    bool copied; /* all of the log is in the database */

    /* Written by the thread, read by anybody. */
    _Atomic uint64_t database_bytes, log_bytes;
    _Atomic int64_t checkpointed;
};

/* False, with a sentence added to `error`, when it cannot. Committer and writer outlive it;
 * the struct must not move. */
bool keeper_open(struct keeper *keeper, struct committer *committer, struct sqlite_writer *writer,
                 unsigned history_days, struct buffer *error);

/* What the thread runs, until the queue `stop` is closed. */
void keeper_run(struct keeper *keeper);

/* After the thread has ended, and before the committer is closed. */
void keeper_close(struct keeper *keeper);

struct store_stats keeper_stats(const struct keeper *keeper);

#endif
