/* What an operator changes. Each change is one transaction:
 *
 *     lock the cars it is about, in the order of their numbers, as bookings do
 *     read the booking again, which may have changed before the lock was had
 *     look whether it may be, and what is in the way
 *     write it, with its history and its events
 *
 * On SQLite the transaction itself is the lock. On PostgreSQL it may be undone for another's sake;
 * then it is tried again.
 */
#include "store/desk/internal.h"

#include "lib/base/timestamp.h"
#include "store/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { EVENTS_MAX = 64 };

struct writing;
typedef enum desk_result change_function(struct writing *writing, const char *id,
                                         const void *wanted);

/* A change under way. */
struct writing {
    change_function *change;
    const char *id;
    const void *wanted; /* the change's own */
    struct desk *desk;
    const struct desk_act *act;
    struct desk_outcome *outcome;
    struct buffer *error;
    struct buffer detail; /* what it changes, in words */
    struct store_event events[EVENTS_MAX];
    int event_count;
};

/* A car as far as a change needs it. */
struct target {
    int64_t number;
    int32_t turnaround;
    bool offered;
    char location[CAR_LOCATION_MAX + 1], category[CAR_CATEGORY_SIZE + 1];
    char currency[BOOKING_CURRENCY_SIZE + 1];
};

/* Seconds as the next whole minute. */
static int32_t minute_after(int64_t seconds)
{
    return (int32_t)((seconds + 59) / 60);
}

/* --- reading --------------------------------------------------------------------------------- */

/* The booking in one of the tables; with `lock` nobody else changes it until the end. */
static bool read_booking(struct writing *writing, const char *from, const char *id, bool lock,
                         struct desk_booking *booking)
{
    struct sql_statement statement;
    sql_start(&statement, "SELECT " DESK_BOOKING_COLUMNS);
    sql_add(&statement, from);
    sql_add_text(&statement, " AND b.id = ", id);
    if (lock)
        sql_add(&statement, writing->desk->sql->driver->lock);
    bool found = desk_take_booking(writing->desk, &statement, booking);
    sql_stop(&statement);
    return found;
}

static bool read_target(struct writing *writing, const char *carid, struct target *target)
{
    struct sql_statement statement;
    struct sql_rows rows;
    sql_start(&statement, "SELECT number, coalesce(turnaround, (SELECT CAST(value AS int) FROM meta"
                          " WHERE name = 'turnaround')), offered, location, category,"
                          " (SELECT value FROM meta WHERE name = 'currency') FROM cars"
                          " WHERE carid = ");
    sql_add_text(&statement, "", carid);
    sql_query(writing->desk->sql, &rows, &statement);
    bool found = sql_next(&rows);
    if (found) {
        target->number = sql_number(&rows, 0);
        target->turnaround = (int32_t)sql_number(&rows, 1);
        target->offered = sql_number(&rows, 2) != 0;
        sql_copy_text(&rows, 3, target->location, sizeof target->location);
        sql_copy_text(&rows, 4, target->category, sizeof target->category);
        sql_copy_text(&rows, 5, target->currency, sizeof target->currency);
    }
    sql_end(&rows);
    sql_stop(&statement);
    return found;
}

static void lock_cars(struct writing *writing, int64_t one, int64_t other)
{
    struct sql_statement statement;
    struct sql_rows rows;
    sql_start(&statement, "SELECT number FROM cars WHERE number IN (");
    sql_add_number(&statement, "", one);
    sql_add_number(&statement, ", ", other);
    sql_add(&statement, ") ORDER BY number");
    sql_add(&statement, writing->desk->sql->driver->lock);
    sql_query(writing->desk->sql, &rows, &statement);
    while (sql_next(&rows))
        ;
    sql_end(&rows);
    sql_stop(&statement);
}

/* Finds the booking and locks it with its car and `other`, 0 for none. What the desk knows of it is
 * then the outcome's. */
static enum desk_result lock_booking(struct writing *writing, const char *id, int64_t other)
{
    struct sql *sql = writing->desk->sql;
    struct desk_booking *booking = &writing->outcome->booking;
    if (!read_booking(writing, DESK_FROM("bookings"), id, false, booking)) {
        bool over = read_booking(writing, DESK_FROM("past_bookings"), id, false, booking);
        return over ? DESK_WRONG_STATE : DESK_NOT_FOUND;
    }
    int64_t car = booking->booking.car;
    lock_cars(writing, car, other ? other : car);
    if (!read_booking(writing, DESK_FROM("bookings"), id, true, booking) ||
        booking->booking.car != car) { /* moved just now, to the past or to another car */
        sql_fail(sql, SQL_AGAIN);
        return DESK_FAILED;
    }
    bool seen = !writing->act->seen || writing->act->seen == booking->version;
    return seen ? DESK_OK : DESK_CHANGED;
}

/* --- what is in the way ---------------------------------------------------------------------- */

static void note_history(struct writing *writing, const char *id, const char *what,
                         enum store_by by, const char *actor, const char *reason,
                         const char *detail)
{
    struct sql_statement statement;
    sql_start(&statement, "INSERT INTO history (booking_id, number, at, what, by, actor, reason,"
                          " detail) SELECT CAST($1 AS text), coalesce(max(number), 0) + 1,"
                          " CAST($2 AS bigint), CAST($3 AS text), CAST($4 AS int),"
                          " CAST($5 AS text), CAST($6 AS text), CAST($7 AS text) FROM history"
                          " WHERE booking_id = $1");
    const struct sql_value values[] = {{.text = id},    {.number = writing->act->now},
                                       {.text = what},  {.number = by},
                                       {.text = actor}, {.text = reason},
                                       {.text = detail}};
    memcpy(statement.values, values, sizeof values);
    statement.count = sizeof values / sizeof values[0];
    sql_run(writing->desk->sql, &statement);
    sql_stop(&statement);
}

static void note_act(struct writing *writing, const char *what)
{
    const char *detail = writing->detail.data ? writing->detail.data : "";
    note_history(writing, writing->outcome->booking.booking.id, what, STORE_BY_OPERATOR,
                 writing->act->actor ? writing->act->actor : "",
                 writing->act->reason ? writing->act->reason : "", detail);
}

static void add_event(struct writing *writing, struct store_event event)
{
    if (writing->event_count < EVENTS_MAX)
        writing->events[writing->event_count++] = event;
}

/* What the operator did to it. */
static void add_act(struct writing *writing, enum store_event_kind kind,
                    const struct booking *booking, enum store_change change)
{
    struct store_event event = store_event_of(kind, booking, change, STORE_BY_OPERATOR);
    event.reason = event.change ? writing->act->reason : NULL;
    add_event(writing, event);
}

static bool add_collision(void *context, const struct desk_booking *booking)
{
    struct writing *writing = context;
    struct desk_outcome *outcome = writing->outcome;
    const struct booking *other = &booking->booking;
    if (other->state == BOOKING_HELD && other->expires_at <= writing->act->now)
        return true; /* ended below */
    if (outcome->collision_count < DESK_COLLISIONS_MAX)
        outcome->collisions[outcome->collision_count] = *booking;
    outcome->collision_count++;
    return true;
}

/* Ends holds in the way that have run out, as a booking would. */
static void end_holds(struct writing *writing, const struct booking *booking)
{
    struct period taken = booking_occupies(booking);
    struct desk_booking expired;
    bool found = true;
    while (found && writing->event_count < EVENTS_MAX - 2 && !sql_failed(writing->desk->sql)) {
        struct sql_statement statement;
        sql_start(&statement, "SELECT " DESK_BOOKING_COLUMNS DESK_FROM("bookings"));
        sql_add_number(&statement,
                       " AND b.state IN (1, 2, 5) AND b.state = 1 AND b.car = ", booking->car);
        sql_add_number(&statement, " AND b.return_at + b.turnaround > ", taken.pickup_at);
        sql_add_number(&statement, " AND b.pickup_at < ", taken.return_at);
        sql_add_number(&statement, " AND b.expires_at <= ", writing->act->now);
        sql_add_text(&statement, " AND b.id <> ", booking->id);
        sql_add(&statement, " LIMIT 1");
        found = desk_take_booking(writing->desk, &statement, &expired);
        sql_stop(&statement);
        if (!found)
            break;
        sql_start(&statement, "UPDATE bookings SET state = 4, version = version + 1 WHERE id = ");
        sql_add_text(&statement, "", expired.booking.id);
        sql_run(writing->desk->sql, &statement);
        sql_stop(&statement);
        note_history(writing, expired.booking.id, "expired", STORE_BY_EXPIRY, "", "", "");
        add_event(writing, store_event_of(EVENT_RELEASED, &expired.booking, CHANGE_EXPIRED,
                                          STORE_BY_EXPIRY));
    }
}

/* Whether the car is free for the booking, as it is to be. */
static bool is_free(struct writing *writing, const struct booking *booking)
{
    struct period taken = booking_occupies(booking);
    struct sql_statement statement;
    struct desk_booking row;
    unsigned count;
    sql_start(&statement, "SELECT " DESK_BOOKING_COLUMNS DESK_FROM("bookings"));
    sql_add_number(&statement, " AND b.state IN (1, 2, 5) AND b.car = ", booking->car);
    sql_add_number(&statement, " AND b.return_at + b.turnaround > ", taken.pickup_at);
    sql_add_number(&statement, " AND b.pickup_at < ", taken.return_at);
    sql_add_text(&statement, " AND b.id <> ", booking->id);
    sql_add(&statement, " ORDER BY b.return_at + b.turnaround");
    (void)desk_tell_bookings(writing->desk, &statement, add_collision, writing, &row, &count);
    sql_stop(&statement);
    if (writing->outcome->collision_count)
        return false;
    if (count)
        end_holds(writing, booking);
    return true;
}

/* --- one transaction ------------------------------------------------------------------------- */

static enum desk_result write_once(struct sql *sql, void *context)
{
    struct writing *writing = context;
    writing->event_count = 0;
    buffer_clear(&writing->detail);
    memset(writing->outcome, 0, sizeof *writing->outcome);
    enum desk_result result = writing->change(writing, writing->id, writing->wanted);
    for (int i = 0; i < writing->event_count && result == DESK_OK; i++)
        sql_add_event(sql, &writing->events[i]);
    return result;
}

static enum desk_result write_change(struct desk *desk, const char *id, const struct desk_act *act,
                                     struct desk_outcome *outcome, change_function *change,
                                     const void *wanted, struct buffer *error)
{
    struct writing writing = {
        .desk = desk,
        .act = act,
        .outcome = outcome,
        .error = error,
        .change = change,
        .id = id,
        .wanted = wanted,
    };
    buffer_init(&writing.detail, 1024);
    enum desk_result result = desk_write(desk, write_once, &writing, error);
    buffer_free(&writing.detail);
    return result;
}

/* Writes what the booking has become. */
static void update_booking(struct writing *writing)
{
    const struct desk_booking *row = &writing->outcome->booking;
    struct sql_statement statement;
    writing->outcome->booking.version++;
    sql_start(&statement, "UPDATE bookings SET version = version + 1");
    sql_add_number(&statement, ", state = ", row->booking.state);
    sql_add_number(&statement, ", car = ", row->booking.car);
    sql_add_number(&statement, ", return_at = ", row->booking.period.return_at);
    sql_add_number(&statement, ", turnaround = ", row->booking.turnaround);
    sql_add_number(&statement, ", returned_at = ", row->returned_at);
    sql_add_text(&statement, " WHERE id = ", row->booking.id);
    sql_run(writing->desk->sql, &statement);
    sql_stop(&statement);
    snprintf(writing->outcome->booking.reason, sizeof row->reason, "%s",
             writing->act->reason ? writing->act->reason : "");
}

/* Takes the booking's old period back and, if it is still active, its new one. The last of these
 * events tells the partner. */
static void move_events(struct writing *writing, const struct booking *before)
{
    const struct booking *now = &writing->outcome->booking.booking;
    bool ends = now->state == BOOKING_CANCELLED;
    add_act(writing, EVENT_RELEASED, before, ends ? CHANGE_CANCELLED : CHANGE_NONE);
    if (!ends)
        add_act(writing, EVENT_TAKEN, now, CHANGE_CHANGED);
}

static bool is_booking(const struct booking *booking)
{
    return booking->state == BOOKING_HELD || booking->state == BOOKING_BOOKED;
}

/* --- cancel ---------------------------------------------------------------------------------- */

static enum desk_result cancel(struct writing *writing, const char *id, const void *context)
{
    (void)context;
    struct booking *booking = &writing->outcome->booking.booking;
    enum desk_result result = lock_booking(writing, id, 0);
    if (result != DESK_OK)
        return result;
    if (!is_booking(booking) || (int64_t)booking->period.return_at * 60 <= writing->act->now)
        return DESK_WRONG_STATE;
    struct booking before = *booking;
    booking->state = BOOKING_CANCELLED;
    update_booking(writing);
    move_events(writing, &before);
    note_act(writing, "cancelled");
    return DESK_OK;
}

enum desk_result desk_cancel(struct desk *desk, const char *id, const struct desk_act *act,
                             struct desk_outcome *outcome, struct buffer *error)
{
    return write_change(desk, id, act, outcome, cancel, NULL, error);
}

/* --- change ---------------------------------------------------------------------------------- */

static void detail_minutes(struct buffer *detail, const char *name, int32_t before, int32_t after)
{
    char from[TIMESTAMP_SIZE], to[TIMESTAMP_SIZE];
    timestamp_format(before, from);
    timestamp_format(after, to);
    buffer_printf(detail, "%s%s %s -> %s", detail->size ? ", " : "", name, from, to);
}

/* NULL, or what is wrong with the new return. */
static const char *return_problem(const struct booking *booking, int32_t return_at, int64_t now)
{
    if (return_at <= booking->period.pickup_at)
        return "return_at: must be after the pickup";
    if (return_at - booking->period.pickup_at > PERIOD_MAX_DAYS * MINUTES_PER_DAY)
        return "return_at: a rental lasts 90 days at most";
    if ((int64_t)return_at * 60 <= now - 60)
        return "return_at: must not be past; say that the car is back instead";
    return NULL;
}

static enum desk_result change(struct writing *writing, const char *id, const void *context)
{
    const struct desk_change *wanted = context;
    struct booking *booking = &writing->outcome->booking.booking;
    struct target target = {0};
    if (wanted->carid && !read_target(writing, wanted->carid, &target))
        return DESK_UNKNOWN_CAR;
    enum desk_result result = lock_booking(writing, id, target.number);
    if (result != DESK_OK)
        return result;
    if (!is_booking(booking) || writing->outcome->booking.returned_at ||
        (booking->state == BOOKING_HELD && booking->expires_at <= writing->act->now))
        return DESK_WRONG_STATE;
    struct booking before = *booking;
    bool moves = wanted->carid && target.number != booking->car;
    bool longer = false;
    if (wanted->return_at != DESK_ANY_TIME && wanted->return_at != booking->period.return_at) {
        const char *problem = return_problem(booking, wanted->return_at, writing->act->now);
        if (problem) {
            buffer_add_text(writing->error, problem);
            return DESK_INVALID;
        }
        longer = wanted->return_at > booking->period.return_at;
        detail_minutes(&writing->detail, "return_at", booking->period.return_at, wanted->return_at);
        booking->period.return_at = wanted->return_at;
    } else if (!moves) {
        return DESK_OK; /* it is so already, and nothing is written */
    }
    if (!wanted->carid && longer && !read_target(writing, booking->carid, &target))
        return DESK_UNKNOWN_CAR;
    if (moves && !target.offered)
        return DESK_UNKNOWN_CAR;
    if (moves) {
        buffer_printf(&writing->detail, "%scarid %s -> %s", writing->detail.size ? ", " : "",
                      booking->carid, wanted->carid);
        booking->car = target.number;
        snprintf(booking->carid, sizeof booking->carid, "%s", wanted->carid);
    }
    if (moves || longer)
        booking->turnaround = target.turnaround;
    if (!is_free(writing, booking)) {
        *booking = before; /* as it is now */
        return DESK_IN_THE_WAY;
    }
    update_booking(writing);
    move_events(writing, &before);
    note_act(writing, "changed");
    return DESK_OK;
}

enum desk_result desk_change(struct desk *desk, const char *id, const struct desk_change *wanted,
                             const struct desk_act *act, struct desk_outcome *outcome,
                             struct buffer *error)
{
    return write_change(desk, id, act, outcome, change, wanted, error);
}

/* --- returned -------------------------------------------------------------------------------- */

/* A booking keeps one minute at least, since a period is not empty. */
static int32_t end_now(const struct booking *booking, int64_t now)
{
    int32_t end = minute_after(now);
    return end > booking->period.pickup_at ? end : booking->period.pickup_at + 1;
}

static enum desk_result returned(struct writing *writing, const char *id, const void *context)
{
    (void)context;
    struct desk_booking *row = &writing->outcome->booking;
    struct booking *booking = &row->booking;
    int64_t now = writing->act->now;
    enum desk_result result = lock_booking(writing, id, 0);
    if (result != DESK_OK)
        return result;
    if (booking->state != BOOKING_BOOKED || row->returned_at ||
        (int64_t)booking->period.pickup_at * 60 > now)
        return DESK_WRONG_STATE;
    struct booking before = *booking;
    row->returned_at = now;
    if (end_now(booking, now) < booking->period.return_at) {
        booking->period.return_at = end_now(booking, now);
        detail_minutes(&writing->detail, "return_at", before.period.return_at,
                       booking->period.return_at);
        move_events(writing, &before);
    }
    update_booking(writing);
    note_act(writing, "returned");
    return DESK_OK;
}

enum desk_result desk_returned(struct desk *desk, const char *id, const struct desk_act *act,
                               struct desk_outcome *outcome, struct buffer *error)
{
    return write_change(desk, id, act, outcome, returned, NULL, error);
}

/* --- block and unblock ----------------------------------------------------------------------- */

struct block {
    const char *carid;
    struct period period;
};

static const char *block_problem(struct period period, int64_t now)
{
    if (period.return_at <= period.pickup_at)
        return "to: must be after from";
    if ((int64_t)period.return_at * 60 <= now)
        return "to: must be ahead of now";
    if (period.return_at - period.pickup_at > DESK_BLOCK_DAYS_MAX * MINUTES_PER_DAY)
        return "to: a block lasts 366 days at most; make another one behind it";
    if (period.return_at - now / 60 > PERIOD_MAX_AHEAD * 366 * MINUTES_PER_DAY)
        return "to: must be within two years";
    return NULL;
}

static void insert_block(struct writing *writing)
{
    const struct booking *booking = &writing->outcome->booking.booking;
    struct sql_statement statement;
    sql_start(&statement,
              "INSERT INTO bookings (channel, reference, state, expires_at, day_price, total,"
              " turnaround, id, car, pickup_at, return_at, currency, location, category,"
              " created_at) VALUES ('', '', 5, 0, 0, 0, 0");
    sql_add_text(&statement, ", ", booking->id);
    sql_add_number(&statement, ", ", booking->car);
    sql_add_number(&statement, ", ", booking->period.pickup_at);
    sql_add_number(&statement, ", ", booking->period.return_at);
    sql_add_text(&statement, ", ", booking->currency);
    sql_add_text(&statement, ", ", booking->location);
    sql_add_text(&statement, ", ", booking->category);
    sql_add_number(&statement, ", ", writing->act->now);
    sql_add(&statement, ")");
    sql_run(writing->desk->sql, &statement);
    sql_stop(&statement);
}

static enum desk_result block(struct writing *writing, const char *id, const void *context)
{
    const struct block *wanted = context;
    struct desk_booking *row = &writing->outcome->booking;
    struct booking *booking = &row->booking;
    struct target target;
    const char *problem = block_problem(wanted->period, writing->act->now);
    if (problem) {
        buffer_add_text(writing->error, problem);
        return DESK_INVALID;
    }
    if (!read_target(writing, wanted->carid, &target))
        return DESK_UNKNOWN_CAR;
    lock_cars(writing, target.number, target.number);
    booking->state = BOOKING_BLOCKED;
    booking->car = target.number;
    booking->period = wanted->period;
    booking->hour_price = -1;
    snprintf(booking->id, sizeof booking->id, "%s", id);
    snprintf(booking->carid, sizeof booking->carid, "%s", wanted->carid);
    memcpy(booking->location, target.location, sizeof booking->location);
    memcpy(booking->category, target.category, sizeof booking->category);
    memcpy(booking->currency, target.currency, sizeof booking->currency);
    if (!is_free(writing, booking)) {
        memset(row, 0, sizeof *row); /* there is none */
        return DESK_IN_THE_WAY;
    }
    row->created_at = writing->act->now;
    row->version = 1;
    snprintf(row->reason, sizeof row->reason, "%s",
             writing->act->reason ? writing->act->reason : "");
    insert_block(writing);
    add_act(writing, EVENT_TAKEN, booking, CHANGE_NONE);
    note_act(writing, "blocked");
    return DESK_OK;
}

enum desk_result desk_block(struct desk *desk, const char *carid, struct period period,
                            const struct desk_act *act, struct desk_outcome *outcome,
                            struct buffer *error)
{
    struct block wanted = {carid, period};
    unsigned char random[BOOKING_ID_SIZE];
    char id[BOOKING_ID_SIZE + 1];
    if (getrandom(random, sizeof random, 0) != sizeof random) {
        buffer_add_text(error, "the system gives no random numbers");
        return DESK_FAILED;
    }
    booking_id_make(random, id);
    return write_change(desk, id, act, outcome, block, &wanted, error);
}

static enum desk_result unblock(struct writing *writing, const char *id, const void *context)
{
    (void)context;
    struct desk_booking *row = &writing->outcome->booking;
    struct booking *booking = &row->booking;
    int64_t now = writing->act->now;
    enum desk_result result = lock_booking(writing, id, 0);
    if (result == DESK_OK || result == DESK_WRONG_STATE)
        if (*booking->channel)
            return DESK_NOT_FOUND; /* a booking */
    if (result != DESK_OK)
        return result;
    if (booking->state != BOOKING_BLOCKED || (int64_t)booking->period.return_at * 60 <= now)
        return DESK_WRONG_STATE;
    struct booking before = *booking;
    if ((int64_t)booking->period.pickup_at * 60 > now) {
        booking->state = BOOKING_CANCELLED;
    } else if (end_now(booking, now) < booking->period.return_at) {
        booking->period.return_at = end_now(booking, now);
        detail_minutes(&writing->detail, "to", before.period.return_at, booking->period.return_at);
    }
    update_booking(writing);
    move_events(writing, &before);
    note_act(writing, "released");
    return DESK_OK;
}

enum desk_result desk_unblock(struct desk *desk, const char *id, const struct desk_act *act,
                              struct desk_outcome *outcome, struct buffer *error)
{
    return write_change(desk, id, act, outcome, unblock, NULL, error);
}

/* --- turnaround ------------------------------------------------------------------------------ */

bool desk_turnaround(struct desk *desk, int32_t *minutes, struct buffer *error)
{
    sql_begin(desk->sql, false);
    *minutes = (int32_t)sql_one_number(
        desk->sql, "SELECT CAST(value AS int) FROM meta WHERE name = 'turnaround'");
    return desk_end_reading(desk, error);
}

static enum desk_result set_turnaround(struct writing *writing, const char *id, const void *context)
{
    (void)id;
    struct sql_statement statement;
    sql_start(&statement, "UPDATE meta SET value = ");
    sql_add_number(&statement, "", *(const int32_t *)context);
    sql_add(&statement, " WHERE name = 'turnaround'");
    sql_run(writing->desk->sql, &statement);
    sql_stop(&statement);
    add_event(writing, store_event_fleet()); /* engines load their cars anew */
    return DESK_OK;
}

bool desk_set_turnaround(struct desk *desk, int32_t minutes, struct buffer *error)
{
    struct desk_act nobody = {0};
    struct desk_outcome *outcome = malloc(sizeof *outcome);
    if (!outcome) {
        buffer_add_text(error, "out of memory");
        return false;
    }
    bool set = write_change(desk, "", &nobody, outcome, set_turnaround, &minutes, error) == DESK_OK;
    free(outcome);
    return set;
}
