/* The store: where bookings are kept. It is the truth; the availability index only proposes.
 *
 * An operation is a request struct that the caller owns and hands in; later, on the event loop, its
 * done() is called, and from then on the store does not touch it any more. A booking counts when
 * its transaction is on disk, and done() is called only then. The store's transaction decides: car
 * still offered, still at that price, still free. So two engines on one database never sell a car
 * twice, whatever their indexes say.
 *
 * Every change of state is an event: a row of an append-only table, written in the change's own
 * transaction. The store hands all events, this engine's and the others', to one callback, in the
 * order of their numbers and without a gap, beginning behind the snapshot. The events of an
 * operation are handed over before its done() is called.
 *
 * A booking that is over (its return has passed for a while, or it was cancelled or expired) is
 * moved away from those that cars are booked for, and forgotten some hundred days later. So what
 * there was does not slow down what there is.
 *
 * Times are minutes since 1970 for periods (period.h) and seconds since 1970 for everything else.
 */
#ifndef BOOKING_STORE_STORE_H
#define BOOKING_STORE_STORE_H

#include "fleet/fleet.h"
#include "lib/base/buffer.h"
#include "lib/base/loop.h"
#include "rental/booking.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    STORE_KEY_MAX = 255,              /* bytes of an idempotency key */
    STORE_LOCATION_MAX = 128,         /* bytes of a Location header field */
    STORE_ANSWER_SECONDS = 48 * 3600, /* how long an answer is kept for its key; 24 h is promised */
    STORE_EVENT_SECONDS = 24 * 3600,  /* how long an event is kept for engines that fell behind */
    STORE_HISTORY_DAYS = 400,         /* how long a booking is kept when it is over, by default */
    STORE_IMPORT_NAMED = 5,           /* bookings that an import's report names */
};

enum store_result {
    STORE_OK,
    STORE_NOT_FOUND,   /* no such booking on this channel, or no answer for this key */
    STORE_CAR_TAKEN,   /* the car is not free over that period */
    STORE_CAR_CHANGED, /* it is not offered any more, or at another price, location or category, or
                          with another turnaround */
    STORE_WRONG_STATE, /* the booking is not, or no longer, in a state that allows this */
    STORE_KEY_EXISTS,  /* there is an answer for that key already */
    STORE_UNAVAILABLE, /* nothing was changed: locked, full, read-only, broken; or an id that is
                          there already, or the store is closing */
    STORE_UNKNOWN,     /* the disk failed while it took the change, and then could not undo it. The
                          change is not there now, and may be there after a crash. A request that is
                          repeated with the same key is told what is right */
};

/* The answer that is kept for an idempotency key, with the request it belongs to. The strings are
 * the caller's. Those of a found answer are the store's and valid until done() returns, except key
 * and request, which stay as they were handed in. */
struct store_answer {
    const char *key;     /* NULL: none is to be kept */
    const char *request; /* method, path and body; the store keeps a digest of it */
    size_t request_size;
    bool other_request; /* of a found answer: it was given to another request under this key */
    unsigned status;
    const char *location; /* header field, or NULL */
    const char *content_type;
    const char *body;
    size_t body_size;
};

/* With STORE_OK and STORE_WRONG_STATE `booking` is filled with what it is then. With any other
 * result it stays as it was handed in. A change whose key has an answer already gets
 * STORE_KEY_EXISTS, whatever else is wrong with it. */
enum store_operation {
    STORE_BOOK,    /* inserts `booking`, state held or booked, with `answer`. A hold in the way that
                      has expired at `now` is ended first */
    STORE_SHOW,    /* fills `booking` by id and channel */
    STORE_CONFIRM, /* held -> booked, with `answer`; WRONG_STATE unless held and not expired at
                      `now`. A hold that has expired is ended, and its state is then expired */
    STORE_CANCEL,  /* held or booked -> cancelled; WRONG_STATE when it was neither, or a hold that
                      has expired at `now`, or a booking whose pickup is `now` or earlier */
    STORE_EXPIRE,  /* held -> expired; WRONG_STATE unless held and expired (expires_at is `now`, or
                      earlier). The channel may be "": any */
    STORE_RECALL,  /* fills `answer` by channel and key, and says whether it is this request's */
};

struct store_request {
    enum store_operation operation;
    struct booking booking; /* id and channel always; all of it for STORE_BOOK, but for the carid */
    struct store_answer answer;
    int64_t now; /* seconds */
    enum store_result result;
    void (*done)(struct store_request *request);

    int64_t submitted; /* on loop_clock(), set by store_submit() */

    /* The store's own. */
    struct store_request *next;
    char *memory; /* of a found answer's strings */
};

enum store_event_kind {
    EVENT_TAKEN = 1, /* the car is held, booked or blocked over the period, turnaround included;
                        expires_at says until when, 0 for ever: a booking, a hold, or a hold that
                        was confirmed */
    EVENT_RELEASED,  /* cancelled or expired; a booking that the operator changed is released and
                        taken anew */
    EVENT_FLEET,     /* the fleet was replaced; the other fields are 0. It also says that this
                        engine fell behind the events that are kept, which leaves numbers out, or
                        that a backup was restored under it (only then may numbers go back). In
                        each case a new snapshot is right again */
};

/* Who changed a booking. */
enum store_by { STORE_BY_PARTNER = 1, STORE_BY_OPERATOR, STORE_BY_EXPIRY };

/* What an event tells the partner whose booking it is (store/changes/changes.h). */
enum store_change {
    CHANGE_NONE, /* nothing: it is about the fleet or a block, or the next event tells it */
    CHANGE_HELD,
    CHANGE_BOOKED,    /* without having been held */
    CHANGE_CONFIRMED, /* a hold became a booking */
    CHANGE_CHANGED,   /* the operator gave it another return or another car */
    CHANGE_CANCELLED,
    CHANGE_EXPIRED,
};

struct store_event {
    int64_t number; /* ascending by one, but see EVENT_FLEET */
    enum store_event_kind kind;
    int64_t car;
    struct period period;
    int64_t expires_at;
    int64_t at; /* when it was written, in milliseconds since 1970; 0: it was not */
    char booking_id[BOOKING_ID_SIZE + 1];
    /* For the partner whose booking it is; empty with CHANGE_NONE. */
    enum store_change change;
    enum store_by by;
    char channel[BOOKING_CHANNEL_MAX + 1];
    const char *reason; /* to be written, borrowed; NULL for none, and in an event that was read */
};

/* What an engine starts from, and starts anew from when the fleet was replaced: its cars, in no
 * particular order. The texts are valid during the call only. */
struct store_car {
    int64_t number;
    const char *carid, *location, *category;
    int64_t day_price, hour_price; /* hour_price -1 for none */
    int32_t turnaround;            /* minutes: its own, or else the fleet's */
    bool offered;
};

/* What a snapshot is told to: first begin(), then car() for each car, then taken() for each hold
 * and for each booking or block that takes its car after `since`, as an EVENT_TAKEN with the number
 * 0. A hold is told however long it is over, because it has to be ended. A function returns false
 * to stop the reading when memory ran out. */
struct store_snapshot_reader {
    void *context;
    bool (*begin)(void *context, const char *currency, size_t cars);
    bool (*car)(void *context, const struct store_car *car);
    bool (*taken)(void *context, const struct store_event *event);
};

/* How many bookings and holds, and the ids of the first of them. */
struct store_import_bookings {
    size_t count;
    char first[STORE_IMPORT_NAMED][BOOKING_ID_SIZE + 1];
};

struct store_import_options {
    bool only_if_empty; /* a store that has cars already is left alone; the report is all zero */
    bool dry_run;       /* nothing is changed; the report says what would be */
    bool force;         /* also what is more likely a slip than a wish */
};

struct store_import_report {
    size_t added, changed, withdrawn, unchanged; /* cars; a withdrawn one that is back was added */
    size_t fleet_before;                         /* cars that were offered before */
    /* Changed cars whose day or hour price falls below half, or rises above double; in another
     * currency no price can be compared, and all cars that stay are counted. */
    size_t repriced;
    bool needs_force; /* more than a tenth of the cars go, or some are repriced */
    /* Bookings and holds that are not over: of cars that now stand elsewhere or have another
     * category, and of cars that are withdrawn. They keep what was booked. */
    struct store_import_bookings bookings_moved, bookings_withdrawn;
};

/* What one transaction was, for the metrics. */
struct store_commit {
    unsigned operations; /* that were carried out, whatever their result */
    int64_t duration;    /* nanoseconds, waiting for locks and the disk included */
};

struct store_handlers {
    void *context;
    void (*event)(void *context, const struct store_event *event);
    void (*commit)(void *context, const struct store_commit *commit);
    /* The store stopped answering, with a sentence that says why; NULL: it answers again. It finds
     * that out by itself, without being asked for anything. */
    void (*trouble)(void *context, const char *sentence);
};

/* How large the database is, for the metrics; all 0 for one in memory. */
struct store_stats {
    uint64_t database_bytes;
    uint64_t log_bytes;   /* of the log that was not yet copied into the database and cut */
    int64_t checkpointed; /* when all of the log had last been copied, seconds since 1970 */
};

struct store;

/* Opens or makes the database, checks that it is one of ours and of a version we know, and brings
 * an older one up to date. `url` is sqlite:FILE, sqlite::memory: for tests, or what libpq takes,
 * postgresql://USER@HOST/DATABASE. NULL, with a
 * sentence added to `error`, when it cannot. */
struct store *store_open(const char *url, struct buffer *error);

/* Replaces the fleet in one transaction, blocking. Cars that are not in it any more are withdrawn
 * and keep their bookings. What needs force changes nothing without it, as the report then says.
 * Returns false, with nothing changed and a sentence added to `error`, when the database fails, or
 * when a booking that is not over is in another currency. */
bool store_import(struct store *store, const struct fleet *fleet,
                  const struct store_import_options *options, struct store_import_report *report,
                  struct buffer *error);

/* Adds why an import needs force, as the end of a sentence: "withdraw 20 of 90 cars and ...". */
void store_import_doubts(const struct store_import_report *report, struct buffer *out);

/* Whether there is a database at `url` already. False, with a sentence added to `error`, when the
 * URL is of no database that this version knows. */
bool store_exists(const char *url, bool *exists, struct buffer *error);

/* Copies the database at `url` to the new file `path`, which may be written as a URL too. The copy
 * is of one moment, and engines may run on the database meanwhile. False, with a sentence added to
 * `error`, when it cannot. */
bool store_backup(const char *url, const char *path, struct buffer *error);

/* Reads one consistent state, and blocks meanwhile; *last_event becomes the number of the last
 * event that is in it. May be called from any thread, also while the store runs. `since` is in
 * minutes since 1970. False, with a sentence added to `error`, when the database fails or the
 * reader stopped it. */
bool store_read_snapshot(struct store *store, int32_t since,
                         const struct store_snapshot_reader *reader, int64_t *last_event,
                         struct buffer *error);

/* Where the database is, for a log: without a password. The store's, until it is closed. */
const char *store_place(const struct store *store);

/* From now on requests are taken, and events behind `last_event` are handed over, all on the loop's
 * thread. The loop is borrowed, the handlers are copied. False, with a sentence added to `error`,
 * when it cannot; the store is then good for store_close() only. */
bool store_start(struct store *store, struct loop *loop, const struct store_handlers *handlers,
                 int64_t last_event, struct buffer *error);

/* How many days a booking is kept after it is over: returned, cancelled or expired. Of engines on
 * one database the shortest counts. To be called before store_start(); without a call it is
 * STORE_HISTORY_DAYS. */
void store_keep_history(struct store *store, unsigned days);

/* Hands a request in, on the loop's thread and after store_start(). It belongs to the store until
 * its done() is called, from the loop or from within store_close(). */
void store_submit(struct store *store, struct store_request *request);

/* The sizes of a moment ago; asking costs nothing. To be called after store_start(). */
struct store_stats store_stats(const struct store *store);

/* Ends what is under way and closes the database. The last events and results are delivered from
 * within this call, so it belongs on the loop's thread, before the loop is freed. Requests that
 * have not begun get STORE_UNAVAILABLE. NULL is fine. */
void store_close(struct store *store);

#endif
