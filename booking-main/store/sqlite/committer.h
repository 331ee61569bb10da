/* The SQLite store's committer: the one thread that writes what requests ask for. See the idea in
 * committer.c. */
#ifndef BOOKING_STORE_SQLITE_COMMITTER_H
#define BOOKING_STORE_SQLITE_COMMITTER_H

#include "store/clock.h"
#include "store/outbox.h"
#include "store/queue.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/operations.h"
#include "store/sqlite/place.h"

enum { COMMITTER_GROUP_MAX = 256 };

struct committer {
    struct store_queue queue;
    struct outbox outbox;

    /* Used between committer_pause() and committer_resume() only, by the thread itself too.
     * Imports, snapshots and the keeper use the connection of a database in memory, which has no
     * other. */
    pthread_mutex_t turn, next_turn;
    struct sqlite_connection connection;
    struct sqlite_operations operations;
    sqlite3_stmt *find_import, *write_something;
    struct store_clock clock;

    /* Fixed once it is open. */
    bool in_memory;
    struct sqlite_place place;

    /* The thread's alone. */
    int64_t last_event;    /* handed over, or about to be */
    int64_t known_version; /* of the data, when the events were last read; -1 for none */
    bool in_trouble;
    struct store_request *group[COMMITTER_GROUP_MAX];
    struct sqlite_outcome outcomes[COMMITTER_GROUP_MAX];
};

/* Opens the database and brings it up to date. False, with a sentence added to `error`, when it
 * cannot. The path is borrowed; the struct must not move. */
bool committer_open(struct committer *committer, const char *path, struct buffer *error);

/* Has the committer pause between two rounds. The turns are fair: a thread that waits is next,
 * however many rounds are due. */
void committer_pause(struct committer *committer);
void committer_resume(struct committer *committer);

/* After the thread has ended. */
void committer_close(struct committer *committer);

/* What the thread runs, from the event after `last_event` on, until queue and outbox are closed. */
void committer_run(struct committer *committer, int64_t last_event);

#endif
