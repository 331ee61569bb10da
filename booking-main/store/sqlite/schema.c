#include "store/sqlite/schema.h"

#include "store/digest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Version 1. Periods are in minutes, events' `at` in milliseconds, and every other time in seconds
 * since 1970; prices in minor units of the one currency in meta.
 *
 * The bookings of a car that are held (1) or booked (2) never overlap. So of those that return
 * after a pickup, the first to return is also the first to be picked up: whether a car is free is
 * one probe of bookings_active. */
static const char version_1[] =
    "CREATE TABLE meta ("
    " name TEXT PRIMARY KEY,"
    " value NOT NULL"
    ") WITHOUT ROWID;"

    /* fleet: how many imports changed it. import: until when, in seconds, a large one may take, 0
     * for none. alive: what the committer's probe changes. */
    "INSERT INTO meta (name, value) VALUES"
    " ('currency', ''), ('fleet', 0), ('import', 0), ('alive', 0);"

    "CREATE TABLE cars ("
    " number INTEGER PRIMARY KEY AUTOINCREMENT," /* never used again */
    " carid TEXT NOT NULL UNIQUE,"
    " category TEXT NOT NULL,"
    " location TEXT NOT NULL,"
    " day_price INTEGER NOT NULL,"
    " hour_price INTEGER,"
    " offered INTEGER NOT NULL"
    ");"

    "CREATE TABLE bookings ("
    " number INTEGER PRIMARY KEY,"
    " id TEXT NOT NULL UNIQUE," /* the public one */
    " car INTEGER NOT NULL REFERENCES cars (number),"
    " pickup_at INTEGER NOT NULL,"
    " return_at INTEGER NOT NULL,"
    " state INTEGER NOT NULL," /* 1 held, 2 booked, 3 cancelled, 4 expired */
    " expires_at INTEGER NOT NULL,"
    " channel TEXT NOT NULL,"
    " reference TEXT NOT NULL,"
    " day_price INTEGER NOT NULL,"
    " hour_price INTEGER,"
    " created_at INTEGER NOT NULL"
    ");"
    "CREATE INDEX bookings_active ON bookings (car, return_at, pickup_at, state)"
    " WHERE state IN (1, 2);"

    /* Append-only. SQLite gives the greatest number and one, so there are no gaps. */
    "CREATE TABLE events ("
    " number INTEGER PRIMARY KEY,"
    " kind INTEGER NOT NULL," /* 1 taken, 2 released, 3 fleet */
    " car INTEGER NOT NULL,"
    " pickup_at INTEGER NOT NULL,"
    " return_at INTEGER NOT NULL,"
    " expires_at INTEGER NOT NULL,"
    " booking_id TEXT NOT NULL,"
    " at INTEGER NOT NULL"
    ");"

    /* What was answered for an idempotency key. Numbered, so that the oldest are found without an
     * index on the time, and new ones are put side by side. */
    "CREATE TABLE answers ("
    " number INTEGER PRIMARY KEY,"
    " channel TEXT NOT NULL,"
    " key TEXT NOT NULL,"
    " request BLOB NOT NULL,"
    " status INTEGER NOT NULL,"
    " location TEXT,"
    " content_type TEXT NOT NULL,"
    " body BLOB NOT NULL,"
    " at INTEGER NOT NULL,"
    " UNIQUE (channel, key)"
    ");";

#define BOOKING_COLUMNS                                                                            \
    " id TEXT NOT NULL,"                                                                           \
    " car INTEGER NOT NULL REFERENCES cars (number),"                                              \
    " pickup_at INTEGER NOT NULL,"                                                                 \
    " return_at INTEGER NOT NULL,"                                                                 \
    " state INTEGER NOT NULL,"                                                                     \
    " expires_at INTEGER NOT NULL,"                                                                \
    " channel TEXT NOT NULL,"                                                                      \
    " reference TEXT NOT NULL,"                                                                    \
    " day_price INTEGER NOT NULL,"                                                                 \
    " hour_price INTEGER,"                                                                         \
    " total INTEGER NOT NULL,"                                                                     \
    " currency TEXT NOT NULL,"                                                                     \
    " location TEXT NOT NULL,"                                                                     \
    " category TEXT NOT NULL,"                                                                     \
    " created_at INTEGER NOT NULL"
#define BOOKING_NAMES                                                                              \
    "number, id, car, pickup_at, return_at, state, expires_at, channel, reference, day_price,"     \
    " hour_price, total, currency, location, category, created_at"

/* Version 2.
 *
 * Bookings that are over move to past_bookings, some time after their return. What is left in
 * bookings is what engines work with, so a snapshot reads all of that table, and no commit touches
 * an index that has grown for years. all_bookings is for looking at.
 *
 * A booking keeps what was booked: its total, currency, place and category. Of the request that an
 * answer belongs to a digest is kept.
 *
 * `time` in meta is the store's own clock (store/clock.h), which dates answers and past bookings.
 * Both tables are in its order.
 *
 * The indexes are made when the rows are there, which sorts them instead of finding each its
 * place. */
static const char version_2[] =
    "INSERT INTO meta (name, value) VALUES ('time', CAST(strftime('%s') AS INTEGER));"

    "CREATE TABLE all_v1 (number INTEGER PRIMARY KEY," BOOKING_COLUMNS ");"
    "INSERT INTO all_v1 SELECT b.number, b.id, b.car, b.pickup_at, b.return_at, b.state,"
    " b.expires_at, b.channel, b.reference, b.day_price, b.hour_price,"
    " b.day_price * ((b.return_at - b.pickup_at + 1439) / 1440),"
    " (SELECT value FROM meta WHERE name = 'currency'),"
    " coalesce(c.location, ''), coalesce(c.category, ''), b.created_at"
    " FROM bookings b LEFT JOIN cars c ON c.number = b.car ORDER BY b.number;"
    "DROP TABLE bookings;"

    "CREATE TABLE past_bookings (number INTEGER PRIMARY KEY," BOOKING_COLUMNS ","
    " ended_at INTEGER NOT NULL" /* when it was moved here */
    ");"
    "INSERT INTO past_bookings SELECT *, (SELECT value FROM meta WHERE name = 'time') FROM all_v1"
    " WHERE state IN (3, 4) OR return_at * 60 <= (SELECT value FROM meta WHERE name = 'time')"
    " - 172800 ORDER BY number;"
    "CREATE UNIQUE INDEX past_bookings_id ON past_bookings (id);"

    "CREATE TABLE bookings (number INTEGER PRIMARY KEY," BOOKING_COLUMNS ");"
    "INSERT INTO bookings SELECT * FROM all_v1 WHERE number NOT IN"
    " (SELECT number FROM past_bookings) ORDER BY number;"
    "CREATE UNIQUE INDEX bookings_id ON bookings (id);"
    "CREATE INDEX bookings_active ON bookings (car, return_at, pickup_at, state)"
    " WHERE state IN (1, 2);"
    "DROP TABLE all_v1;"
    "CREATE VIEW all_bookings AS SELECT " BOOKING_NAMES ", NULL AS ended_at FROM bookings"
    " UNION ALL SELECT " BOOKING_NAMES ", ended_at FROM past_bookings;"

    "CREATE TABLE answers_v2 ("
    " number INTEGER PRIMARY KEY,"
    " channel TEXT NOT NULL,"
    " key TEXT NOT NULL,"
    " request BLOB NOT NULL," /* its digest, store/digest.h */
    " status INTEGER NOT NULL,"
    " location TEXT,"
    " content_type TEXT NOT NULL,"
    " body BLOB NOT NULL,"
    " at INTEGER NOT NULL,"
    " UNIQUE (channel, key)"
    ");"
    "INSERT INTO answers_v2 SELECT number, channel, key, digest(request), status, location,"
    " content_type, body, min(at, (SELECT value FROM meta WHERE name = 'time'))"
    " FROM answers ORDER BY number;"
    "DROP TABLE answers;"
    "ALTER TABLE answers_v2 RENAME TO answers;";

/* Version 3, for the operator's desk.
 *
 * A booking takes its car until its return and the turnaround behind it, which is the car's own, or
 * the fleet's in meta, at the time when it was made. A block (state 5) is a booking of no channel.
 * `version` counts the changes of a booking, so that nobody changes what he has not seen.
 *
 * What happened to a booking after it was made is in history; `by` is 1 for the partner, 2 for the
 * operator, 3 for an expiry. It goes when the booking goes.
 *
 * bookings_ended is as small as the portion that the keeper has not moved yet. */
static const char version_3[] =
    "ALTER TABLE cars ADD COLUMN turnaround INTEGER;"
    "ALTER TABLE bookings ADD COLUMN turnaround INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE bookings ADD COLUMN version INTEGER NOT NULL DEFAULT 1;"
    "ALTER TABLE bookings ADD COLUMN returned_at INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE past_bookings ADD COLUMN turnaround INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE past_bookings ADD COLUMN version INTEGER NOT NULL DEFAULT 1;"
    "ALTER TABLE past_bookings ADD COLUMN returned_at INTEGER NOT NULL DEFAULT 0;"
    "INSERT INTO meta (name, value) VALUES ('turnaround', 0);"

    "CREATE TABLE history ("
    " booking_id TEXT NOT NULL,"
    " number INTEGER NOT NULL," /* from 1 on for each booking */
    " at INTEGER NOT NULL,"
    " what TEXT NOT NULL,"
    " by INTEGER NOT NULL,"
    " actor TEXT NOT NULL,"
    " reason TEXT NOT NULL,"
    " detail TEXT NOT NULL,"
    " PRIMARY KEY (booking_id, number)"
    ") WITHOUT ROWID;"
    "CREATE TRIGGER past_bookings_gone AFTER DELETE ON past_bookings BEGIN"
    " DELETE FROM history WHERE booking_id = OLD.id; END;"

    "DROP INDEX bookings_active;"
    "CREATE INDEX bookings_active ON bookings (car, return_at + turnaround, pickup_at, state)"
    " WHERE state IN (1, 2, 5);"
    "CREATE INDEX bookings_ended ON bookings (car) WHERE state IN (3, 4);"
    "CREATE INDEX bookings_created ON bookings (created_at, id);"
    "CREATE INDEX bookings_channel ON bookings (channel, created_at, id);"
    "CREATE INDEX bookings_reference ON bookings (reference) WHERE reference <> '';"
    "CREATE INDEX bookings_pickup ON bookings (pickup_at, id);"
    "CREATE INDEX bookings_return ON bookings (return_at);"
    "CREATE INDEX past_bookings_car ON past_bookings (car, pickup_at);"
    "CREATE INDEX past_bookings_created ON past_bookings (created_at, id);"
    "CREATE INDEX past_bookings_channel ON past_bookings (channel, created_at, id);"
    "CREATE INDEX past_bookings_reference ON past_bookings (reference) WHERE reference <> '';"
    "CREATE INDEX past_bookings_pickup ON past_bookings (pickup_at, id);"
    "CREATE INDEX past_bookings_return ON past_bookings (return_at);"
    "CREATE INDEX bookings_held ON bookings (expires_at) WHERE state = 1;"
    "CREATE INDEX bookings_blocked ON bookings (return_at) WHERE state = 5;"
    "CREATE INDEX cars_location ON cars (location, carid);"
    "CREATE INDEX cars_category ON cars (category, carid);"

    "DROP VIEW all_bookings;"
    "CREATE VIEW all_bookings AS SELECT " BOOKING_NAMES ", turnaround, version, returned_at,"
    " NULL AS ended_at FROM bookings"
    " UNION ALL SELECT " BOOKING_NAMES ", turnaround, version, returned_at, ended_at"
    " FROM past_bookings;";

/* Version 4, for changes and webhooks (store/changes/).
 *
 * An event says what it tells the partner whose booking it is: `change` is one of enum
 * store_change, `by` one of enum store_by. Older events tell nothing.
 *
 * A channel with a webhook has a row in webhooks: up to which event its changes were `collected`
 * into webhook_deliveries, and who sends for it, until when. A delivery's `number` is its event's,
 * 0 for a test. */
static const char version_4[] =
    "ALTER TABLE events ADD COLUMN change INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE events ADD COLUMN by INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE events ADD COLUMN channel TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE events ADD COLUMN reason TEXT NOT NULL DEFAULT '';"

    "CREATE TABLE webhooks ("
    " channel TEXT PRIMARY KEY,"
    " collected INTEGER NOT NULL,"
    " lease_owner TEXT NOT NULL,"
    " lease_until INTEGER NOT NULL"
    ") WITHOUT ROWID;"
    "CREATE TABLE webhook_deliveries ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT," /* never used again */
    " channel TEXT NOT NULL,"
    " number INTEGER NOT NULL,"
    " message TEXT NOT NULL," /* random */
    " type TEXT NOT NULL,"
    " booking_id TEXT NOT NULL,"
    " body TEXT NOT NULL,"
    " state INTEGER NOT NULL," /* 1 waiting, 2 given up */
    " attempts INTEGER NOT NULL,"
    " next_at INTEGER NOT NULL,"
    " tried_at INTEGER NOT NULL,"
    " last_status INTEGER NOT NULL,"
    " last_error TEXT NOT NULL,"
    " created_at INTEGER NOT NULL"
    ");"
    "CREATE INDEX webhook_deliveries_next ON webhook_deliveries (channel, state, next_at);"
    "CREATE INDEX webhook_deliveries_booking ON webhook_deliveries (channel, booking_id, id)"
    " WHERE state = 1;";

const char *const sqlite_schema_steps[] = {version_1, version_2, version_3, version_4};
const int sqlite_schema_version = sizeof sqlite_schema_steps / sizeof sqlite_schema_steps[0];

/* --- knowing it again ------------------------------------------------------------------------ */

static bool schema_failed(const struct sqlite_connection *connection, int result,
                          struct buffer *error)
{
    sqlite_describe(connection, result, error);
    return false;
}

/* Reads the version, 0 for an empty database; false, with a sentence, if it is not for us. In an
 * open transaction: between one pragma and the next, another engine may make the tables. */
static bool read_version(struct sqlite_connection *connection, int known, int *version,
                         struct buffer *error)
{
    const char *path = connection->path;
    int64_t application = 0, found = 0, tables = 0;
    int result = sqlite_read_number(connection, "PRAGMA application_id", &application);
    if (result == SQLITE_OK)
        result = sqlite_read_number(connection, "PRAGMA user_version", &found);
    if (result == SQLITE_OK)
        result = sqlite_read_number(connection, "SELECT count(*) FROM sqlite_schema", &tables);
    if (result != SQLITE_OK)
        return schema_failed(connection, result, error);
    if (application == 0 && found == 0 && tables == 0) {
        *version = 0;
        return true;
    }
    if (application != SQLITE_SCHEMA_APPLICATION_ID || found < 1) {
        buffer_printf(error,
                      "database '%s' belongs to another program (application id %" PRId64
                      "): name another file",
                      path, application);
        return false;
    }
    if (found > known) {
        buffer_printf(error,
                      "database '%s' has been used by a newer version of booking-main (schema "
                      "%" PRId64 ", this one knows up to %d): run that version, or restore a "
                      "backup from before",
                      path, found, known);
        return false;
    }
    *version = (int)found;
    return true;
}

/* --- bringing it up to date ------------------------------------------------------------------ */

/* digest(blob) in the steps' SQL. */
static void schema_digest(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    unsigned char made[STORE_DIGEST_SIZE];
    const void *data = sqlite3_value_blob(values[0]);
    store_digest(data ? data : "", (size_t)sqlite3_value_bytes(values[0]), made);
    sqlite3_result_blob(context, made, sizeof made, SQLITE_TRANSIENT);
}

/* The mode is kept in the file. Changing it needs the file alone, and SQLite does not always wait
 * for that: two engines may be starting at once on a new file. */
static bool use_write_ahead_log(struct sqlite_connection *connection, struct buffer *error)
{
    int64_t deadline = loop_clock() + connection->patience;
    for (;;) {
        sqlite3_stmt *statement = NULL;
        struct query query = query_begin(connection, &statement, "PRAGMA journal_mode = WAL");
        int result = query_step(&query);
        bool changed = result == SQLITE_ROW && strcmp(query_column_text(&query, 0), "wal") == 0;
        bool again = (result & 0xFF) == SQLITE_BUSY && loop_clock() < deadline;
        if (result == SQLITE_ROW && !changed)
            buffer_printf(error,
                          "database '%s' cannot have a write-ahead log here: put it on a local "
                          "disk, not on a network volume",
                          connection->path);
        else if (!changed && !again)
            sqlite_describe(connection, result, error);
        sqlite3_finalize(statement);
        if (!again)
            return changed;
        usleep(5000);
    }
}

/* In an open transaction, whose outcome decides about all steps. *from is the version there was. */
static bool take_steps(struct sqlite_connection *connection, const char *const *steps, int version,
                       int *from, struct buffer *error)
{
    if (!read_version(connection, version, from, error)) /* another may have been faster */
        return false;
    for (int i = *from; i < version; i++) {
        char pragmas[96];
        snprintf(pragmas, sizeof pragmas, "PRAGMA application_id = %d; PRAGMA user_version = %d",
                 SQLITE_SCHEMA_APPLICATION_ID, i + 1);
        int result = sqlite_run(connection, steps[i]);
        if (result == SQLITE_OK)
            result = sqlite_run(connection, pragmas);
        if (result != SQLITE_OK)
            return schema_failed(connection, result, error);
    }
    return true;
}

bool sqlite_schema_prepare(struct sqlite_connection *connection, const char *const *steps,
                           int version, struct buffer *error)
{
    int found = 0;
    int result = sqlite3_create_function(connection->db, "digest", 1,
                                         SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY,
                                         NULL, schema_digest, NULL, NULL);
    if (result == SQLITE_OK)
        result = sqlite_run(connection, "BEGIN");
    if (result != SQLITE_OK)
        return schema_failed(connection, result, error);
    bool ours = read_version(connection, version, &found, error);
    sqlite_rollback(connection);
    if (!ours)
        return false;
    if (!sqlite_path_is_memory(connection->path) && !use_write_ahead_log(connection, error))
        return false;
    /* Also when there is nothing to do: a database that cannot be written is found out now. */
    result = sqlite_run(connection, "BEGIN IMMEDIATE");
    if (result != SQLITE_OK)
        return schema_failed(connection, result, error);
    bool taken = take_steps(connection, steps, version, &found, error);
    if (taken && (result = sqlite_run(connection, "COMMIT")) != SQLITE_OK)
        taken = schema_failed(connection, result, error);
    sqlite_rollback(connection);
    if (taken && found < version) /* so that the file by itself is a database; if not, then later */
        (void)sqlite3_wal_checkpoint_v2(connection->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL,
                                        NULL);
    return taken;
}
