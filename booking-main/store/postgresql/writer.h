/* The PostgreSQL store's writing connection: what the committer (store/committer.h) does on it. */
#ifndef BOOKING_STORE_POSTGRESQL_WRITER_H
#define BOOKING_STORE_POSTGRESQL_WRITER_H

#include "store/clock.h"
#include "store/committer.h"
#include "store/postgresql/connection.h"

struct pg_writer {
    struct pg_connection connection;
    struct store_clock clock;
    bool in_trouble;
    bool unknown;         /* the last transaction may have been carried out */
    int64_t read_at;      /* when the events were last read, on loop_clock() */
    int64_t reconnect_at; /* not before */
};

/* The context is a struct pg_writer. */
extern const struct committer_driver pg_committer_driver;

/* Connects, and brings the database up to date. The URL is borrowed; the struct must not move.
 * False, with a sentence added to `error`, when it cannot. */
bool pg_writer_open(struct pg_writer *writer, const char *url, struct buffer *error);
void pg_writer_close(struct pg_writer *writer);

#endif
