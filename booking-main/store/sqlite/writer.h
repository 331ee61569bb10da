/* The SQLite store's writing connection: what the committer (store/committer.h) does on it. */
#ifndef BOOKING_STORE_SQLITE_WRITER_H
#define BOOKING_STORE_SQLITE_WRITER_H

#include "store/clock.h"
#include "store/committer.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/operations.h"
#include "store/sqlite/place.h"

/* Where a transaction failed. */
enum sqlite_step { STEP_BEGIN, STEP_OPERATION, STEP_EVENTS, STEP_COMMIT };

struct sqlite_writer {
    /* Used in the committer's turn only, by its thread or by one that has it pause. Imports,
     * snapshots and the keeper use the connection of a database in memory, which has no other. */
    struct sqlite_connection connection;
    struct sqlite_operations operations;
    sqlite3_stmt *find_import, *write_something;
    struct store_clock clock;

    /* Fixed once it is open. */
    bool in_memory;
    struct sqlite_place place;

    /* The committer's thread's alone. */
    int64_t known_version; /* of the data, when the events were last read; -1 for none */
    enum sqlite_step step; /* the last one of the last transaction */
};

/* The context is a struct sqlite_writer. */
extern const struct committer_driver sqlite_committer_driver;

/* Opens the database and brings it up to date. False, with a sentence added to `error`, when it
 * cannot. The path is borrowed; the struct must not move. */
bool sqlite_writer_open(struct sqlite_writer *writer, const char *path, struct buffer *error);
void sqlite_writer_close(struct sqlite_writer *writer);

#endif
