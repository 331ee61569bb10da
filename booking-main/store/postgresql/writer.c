/* What is PostgreSQL's own of group commit (store/committer.c).
 *
 * A connection can end at any moment: before a group was carried out, or between its commit and its
 * answer. Nobody can tell which from here. So the group is sent again on the next connection, with
 * the word that it may have been carried out already (functions.h). A booking has an id of its own,
 * so what was booked is found, and nothing is booked twice. Only when there is no new connection in
 * time do the requests get STORE_UNKNOWN.
 */
#include "store/postgresql/writer.h"

#include "store/postgresql/group.h"
#include "store/postgresql/schema.h"

#include <time.h>

/* A partner waits for the answer; a server that was restarted is back within this, as a rule. */
#define PATIENCE            (2500 * LOOP_MILLISECOND)
#define PATIENCE_IN_TROUBLE (500 * LOOP_MILLISECOND)

/* Other engines' changes show within about this. Looking costs one row. */
#define POLL_INTERVAL (40 * LOOP_MILLISECOND)

#define RECONNECT_INTERVAL (200 * LOOP_MILLISECOND)

enum { STATEMENT_TIMEOUT = 2000 }; /* milliseconds */

static void writer_describe(void *context, int result, struct buffer *error)
{
    const struct pg_writer *writer = context;
    pg_describe(&writer->connection, (enum pg_failure)result, error);
}

static void writer_trouble(void *context, bool in_trouble)
{
    struct pg_writer *writer = context;
    writer->in_trouble = in_trouble;
}

static int64_t deadline_of(const struct pg_writer *writer)
{
    return loop_clock() + (writer->in_trouble ? PATIENCE_IN_TROUBLE : PATIENCE);
}

/* Connects if there is no connection, but not too often: a server that comes back is not to be run
 * over by its engines. */
static enum pg_failure writer_connect(struct pg_writer *writer, int64_t deadline)
{
    if (writer->connection.connection)
        return PG_OK;
    int64_t now = loop_clock();
    if (now < writer->reconnect_at) {
        int64_t wait = writer->reconnect_at - now;
        if (writer->reconnect_at > deadline)
            return PG_AWAY;
        nanosleep(&(struct timespec){.tv_nsec = (long)wait}, NULL);
    }
    enum pg_failure failure = pg_connection_open(&writer->connection, deadline);
    writer->reconnect_at = loop_clock() + RECONNECT_INTERVAL;
    return failure;
}

/* --- events ---------------------------------------------------------------------------------- */

/* Takes in the rows; *newest becomes the number of the last one. */
static enum pg_failure take_events(struct event_reader *reader, const PGresult *events,
                                   int64_t *newest)
{
    int count = PQntuples(events);
    for (int i = 0; i < count; i++) {
        struct store_event event = pg_event(events, i);
        *newest = event.number;
        if (!event_reader_take(reader, &event) && !reader->broken)
            return PG_MEMORY;
    }
    return PG_OK;
}

static enum pg_failure read_counter(struct pg_writer *writer, int64_t deadline, int64_t *newest)
{
    PGresult *result;
    enum pg_failure failure =
        pg_run(&writer->connection, deadline, "SELECT last FROM event_counter", NULL, &result);
    if (failure == PG_OK)
        *newest = pg_number(result, 0, 0);
    PQclear(result);
    return failure;
}

static int writer_follow(void *context, struct event_reader *reader, int64_t limit)
{
    struct pg_writer *writer = context;
    /* A group's transaction reads them as well. Half of the interval: the last look ended a little
     * after its round began, and a whole one would leave out every second look. */
    if (writer->connection.connection && loop_clock() - writer->read_at < POLL_INTERVAL / 2)
        return PG_OK;
    int64_t deadline = deadline_of(writer), newest = 0, last = 0;
    enum pg_failure failure = writer_connect(writer, deadline);
    if (failure == PG_OK)
        failure = read_counter(writer, deadline, &newest);
    if (failure == PG_OK && newest > reader->known) {
        PGresult *events;
        failure = pg_read_events(&writer->connection, deadline, reader->known, limit, &events);
        if (failure == PG_OK)
            failure = take_events(reader, events, &last);
        reader->broken = reader->broken || (failure == PG_OK && PQntuples(events) == 0);
        PQclear(events);
    }
    if (failure == PG_OK && !event_reader_end(reader, newest))
        failure = PG_MEMORY;
    if (failure == PG_OK && event_reader_count(reader) < (size_t)limit)
        writer->read_at = loop_clock();
    return failure;
}

/* --- transactions ---------------------------------------------------------------------------- */

/* Before a transaction that the server undid is tried again: at once at first, since what was in
 * its way has ended as a rule, then less and less often. */
static void pause_after(int tries)
{
    int doubled = tries < 7 ? tries : 7;
    nanosleep(&(struct timespec){.tv_nsec = (long)(LOOP_MILLISECOND / 2) << doubled}, NULL);
}

static enum pg_failure commit_once(struct pg_writer *writer, int64_t deadline,
                                   const struct pg_group *group, struct event_reader *reader)
{
    PGresult *events;
    int64_t newest = reader->known;
    enum pg_failure failure = pg_group_commit(&writer->connection, deadline, group, &events);
    if (failure == PG_OK)
        failure = take_events(reader, events, &newest);
    if (failure == PG_OK && !event_reader_end(reader, newest))
        failure = PG_MEMORY;
    if (failure == PG_OK)
        writer->read_at = loop_clock();
    PQclear(events);
    return failure;
}

static int writer_transact(void *context, struct store_request *const *requests,
                           struct store_outcome *outcomes, int count, struct event_reader *reader,
                           bool *operation_failed)
{
    struct pg_writer *writer = context;
    int64_t deadline = deadline_of(writer);
    struct pg_group group = {
        .requests = requests,
        .outcomes = outcomes,
        .count = count,
        .store_time = store_clock_move(&writer->clock, loop_clock(), time(NULL)),
        .last_event = reader->known,
    };
    enum pg_failure failure;
    int undone = 0;
    writer->unknown = false;
    do {
        failure = writer_connect(writer, deadline);
        if (failure != PG_OK)
            continue;
        /* What was sent is waited for longer than the server tries (STATEMENT_TIMEOUT), however
         * late it was sent. What is left too early may yet be committed, when another engine has
         * looked for it in vain and refused the order. */
        int64_t end = loop_clock() + PATIENCE;
        failure = commit_once(writer, end, &group, reader);
        if (failure == PG_AWAY)
            group.again = writer->unknown = true;
        else if (failure != PG_OK)
            pg_rollback(&writer->connection, end);
        if (failure == PG_OK || failure == PG_CONFLICT)
            writer->unknown = false; /* an earlier try would have been found */
        if (failure == PG_AGAIN)
            pause_after(undone++);
    } while ((failure == PG_AWAY || failure == PG_AGAIN) && loop_clock() < deadline);
    if (failure == PG_CONFLICT && count == 1) { /* somebody booked past booking_group() */
        outcomes[0] = (struct store_outcome){.result = STORE_CAR_TAKEN};
        failure = PG_OK;
    }
    *operation_failed = failure == PG_CONFLICT;
    return failure;
}

static bool writer_undo(void *context, int result)
{
    struct pg_writer *writer = context;
    (void)result;
    pg_rollback(&writer->connection, deadline_of(writer));
    return !writer->unknown;
}

static int writer_probe(void *context)
{
    struct pg_writer *writer = context;
    int64_t deadline = deadline_of(writer);
    enum pg_failure failure = writer_connect(writer, deadline);
    if (failure == PG_OK)
        failure = pg_run(&writer->connection, deadline,
                         "UPDATE meta SET value = (value::bigint + 1)::text WHERE name = 'alive'",
                         NULL, NULL);
    return failure;
}

const struct committer_driver pg_committer_driver = {
    .poll_interval = POLL_INTERVAL,
    .follow = writer_follow,
    .transact = writer_transact,
    .undo = writer_undo,
    .probe = writer_probe,
    .describe = writer_describe,
    .trouble = writer_trouble,
};

/* --- opening and closing --------------------------------------------------------------------- */

bool pg_writer_open(struct pg_writer *writer, const char *url, struct buffer *error)
{
    *writer = (struct pg_writer){0};
    struct pg_connection *connection = &writer->connection;
    if (!pg_connection_init(connection, url, error))
        return false;
    PGresult *kept = NULL;
    int64_t deadline = loop_clock() + PG_OPEN_PATIENCE;
    enum pg_failure failure = pg_connection_open(connection, deadline);
    if (failure == PG_OK && !pg_schema_prepare(connection, error)) {
        pg_writer_close(writer);
        return false;
    }
    if (failure == PG_OK)
        failure =
            pg_run(connection, deadline, "SELECT value FROM meta WHERE name = 'time'", NULL, &kept);
    if (failure == PG_OK)
        store_clock_start(&writer->clock, pg_number(kept, 0, 0), loop_clock());
    else
        pg_describe(connection, failure, error);
    PQclear(kept);
    /* The steps may take longer than a request. From the next connection on there is a limit. */
    connection->statement_timeout = STATEMENT_TIMEOUT;
    pg_connection_close(connection);
    return failure == PG_OK;
}

void pg_writer_close(struct pg_writer *writer)
{
    pg_connection_close(&writer->connection);
}
