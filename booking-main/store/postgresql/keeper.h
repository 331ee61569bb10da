/* The PostgreSQL store's keeper: a thread that keeps the tables short, as SQLite's does
 * (store/sqlite/upkeep.h). Engines on one database take turns: who finds another at it leaves it.
 */
#ifndef BOOKING_STORE_POSTGRESQL_KEEPER_H
#define BOOKING_STORE_POSTGRESQL_KEEPER_H

#include "store/clock.h"
#include "store/postgresql/connection.h"
#include "store/queue.h"

#include <stdatomic.h>

struct pg_keeper {
    struct store_queue stop; /* nothing is ever put in; closed, it ends the thread's waiting, */
    _Atomic bool stopping;   /* and this ends its waiting for the server */

    /* The thread's alone. */
    struct pg_connection connection;
    struct store_clock clock;
    bool clock_runs;
    unsigned history_days;
    int64_t looked_at; /* number of the last booking looked at */

    _Atomic uint64_t database_bytes; /* read by anybody */
};

/* False, with a sentence added to `error`, when it cannot. The URL is borrowed. */
bool pg_keeper_init(struct pg_keeper *keeper, const char *url, unsigned history_days,
                    struct buffer *error);

/* What the thread runs, until it is told to stop. */
void pg_keeper_run(struct pg_keeper *keeper);
void pg_keeper_stop(struct pg_keeper *keeper);

/* After the thread has ended. */
void pg_keeper_destroy(struct pg_keeper *keeper);

#endif
