#include "store/sqlite/operations.h"

#include "store/event.h"

#include <stdlib.h>
#include <string.h>

void sqlite_operations_init(struct sqlite_operations *operations,
                            struct sqlite_connection *connection)
{
    *operations = (struct sqlite_operations){.connection = connection};
    sqlite_events_init(&operations->events, connection);
    sqlite_answers_init(&operations->answers, connection);
}

int sqlite_begin(struct sqlite_operations *operations)
{
    struct query query = query_begin(operations->connection, &operations->begin, "BEGIN IMMEDIATE");
    return query_run(&query);
}

int sqlite_commit(struct sqlite_operations *operations)
{
    struct query query = query_begin(operations->connection, &operations->commit, "COMMIT");
    return query_run(&query);
}

/* --- reading --------------------------------------------------------------------------------- */

/* A booking with the number it has inside. */
struct record {
    int64_t number; /* 0: there is none, or it is a past one */
    bool found;
    struct booking booking;
};

#define SELECT_BOOKING(number, table)                                                              \
    "SELECT " number ", b.id, b.channel, b.reference, b.car, b.pickup_at, b.return_at, b.state,"   \
    " b.expires_at, b.day_price, b.hour_price, b.total, b.currency, c.carid, b.location,"          \
    " b.category, b.turnaround FROM " table " b JOIN cars c ON c.number = b.car"

/* Steps a statement that begins with SELECT_BOOKING. */
static int read_record(struct query *query, struct record *record)
{
    sqlite3_stmt *row = query->statement;
    int result = query_step(query);
    record->number = 0;
    record->found = result == SQLITE_ROW;
    if (record->found) {
        struct booking *booking = &record->booking;
        record->number = sqlite3_column_int64(row, 0);
        query_copy_text(query, 1, booking->id, sizeof booking->id);
        query_copy_text(query, 2, booking->channel, sizeof booking->channel);
        query_copy_text(query, 3, booking->reference, sizeof booking->reference);
        booking->car = sqlite3_column_int64(row, 4);
        booking->period.pickup_at = sqlite3_column_int(row, 5);
        booking->period.return_at = sqlite3_column_int(row, 6);
        booking->state = (enum booking_state)sqlite3_column_int(row, 7);
        booking->expires_at = sqlite3_column_int64(row, 8);
        booking->day_price = sqlite3_column_int64(row, 9);
        booking->hour_price = query_column_price(query, 10);
        booking->total = sqlite3_column_int64(row, 11);
        query_copy_text(query, 12, booking->currency, sizeof booking->currency);
        query_copy_text(query, 13, booking->carid, sizeof booking->carid);
        query_copy_text(query, 14, booking->location, sizeof booking->location);
        query_copy_text(query, 15, booking->category, sizeof booking->category);
        booking->turnaround = sqlite3_column_int(row, 16);
        result = SQLITE_OK;
    } else if (result == SQLITE_DONE) {
        result = SQLITE_OK;
    }
    query_end(query);
    return result;
}

/* The request's booking; not found if there is none, or it is another partner's. */
static int find_booking(struct sqlite_operations *operations, const struct store_request *request,
                        struct record *record)
{
    /* The second table is looked into only when the first has none: the reading stops there. */
    struct query query = query_begin(
        operations->connection, &operations->find_booking,
        SELECT_BOOKING("b.number", "bookings") " WHERE b.id = ?1 UNION ALL " SELECT_BOOKING(
            "0", "past_bookings") " WHERE b.id = ?1");
    query_text(&query, request->booking.id);
    int result = read_record(&query, record);
    bool any_channel = request->operation == STORE_EXPIRE && !*request->booking.channel;
    if (result == SQLITE_OK && record->found && !any_channel &&
        strcmp(record->booking.channel, request->booking.channel) != 0)
        record->found = false;
    return result;
}

static int find_by_number(struct sqlite_operations *operations, int64_t number,
                          struct record *record)
{
    struct query query = query_begin(operations->connection, &operations->find_by_number,
                                     SELECT_BOOKING("b.number", "bookings") " WHERE b.number = ?");
    query_number(&query, number);
    return read_record(&query, record);
}

static void fill_booking(struct store_outcome *outcome, const struct booking *booking)
{
    outcome->booking = *booking;
    outcome->has_booking = true;
}

static int operation_show(struct sqlite_operations *operations, const struct store_request *request,
                          struct store_outcome *outcome)
{
    struct record record;
    int result = find_booking(operations, request, &record);
    if (result != SQLITE_OK)
        return result;
    outcome->result = record.found ? STORE_OK : STORE_NOT_FOUND;
    if (record.found)
        fill_booking(outcome, &record.booking);
    return SQLITE_OK;
}

static int operation_recall(struct sqlite_operations *operations,
                            const struct store_request *request, struct store_outcome *outcome)
{
    int result =
        sqlite_answer_find(&operations->answers, request, &outcome->answer, &outcome->memory);
    outcome->has_answer = outcome->memory;
    outcome->result = outcome->has_answer ? STORE_OK : STORE_NOT_FOUND;
    return result;
}

/* --- changing -------------------------------------------------------------------------------- */

/* Whoever confirms or cancels is the partner, for the operator has ways of his own
 * (store/desk/). */
static enum store_by by_of(enum booking_state state)
{
    return state == BOOKING_EXPIRED ? STORE_BY_EXPIRY : STORE_BY_PARTNER;
}

static int write_history(struct sqlite_operations *operations, const struct record *record,
                         enum booking_state state, int64_t now)
{
    struct query query =
        query_begin(operations->connection, &operations->write_history,
                    "INSERT INTO history (booking_id, number, at, what, by, actor, reason, detail)"
                    " SELECT ?1, coalesce(max(number), 0) + 1, ?2, ?3, ?4, ?5, '', '' FROM history"
                    " WHERE booking_id = ?1");
    query_text(&query, record->booking.id);
    query_number(&query, now);
    query_text(&query, state == BOOKING_BOOKED ? "confirmed" : booking_state_name(state));
    query_number(&query, by_of(state));
    query_text(&query, state == BOOKING_EXPIRED ? "" : record->booking.channel);
    return query_run(&query);
}

/* Gives a booking that is held or booked another state, with the event. */
static int change_state(struct sqlite_operations *operations, struct record *record,
                        enum booking_state state, int64_t now)
{
    struct query query =
        query_begin(operations->connection, &operations->set_state,
                    "UPDATE bookings SET state = ?, version = version + 1 WHERE number = ?");
    query_number(&query, state);
    query_number(&query, record->number);
    int result = query_run(&query);
    if (result == SQLITE_OK)
        result = write_history(operations, record, state, now);
    if (result != SQLITE_OK)
        return result;
    static const enum store_change changes[] = {
        [BOOKING_BOOKED] = CHANGE_CONFIRMED,
        [BOOKING_CANCELLED] = CHANGE_CANCELLED,
        [BOOKING_EXPIRED] = CHANGE_EXPIRED,
    };
    record->booking.state = state;
    struct store_event event =
        store_event_of(state == BOOKING_BOOKED ? EVENT_TAKEN : EVENT_RELEASED, &record->booking,
                       changes[state], by_of(state));
    return sqlite_event_add(&operations->events, &event);
}

static bool hold_expired(const struct booking *booking, int64_t now)
{
    return booking->state == BOOKING_HELD && booking->expires_at <= now;
}

/* Finds out whether the car is free over the period. A hold in the way that nobody has ended in
 * time is ended here, on record, so that a clock set back does not bring it back to life. */
static int make_way(struct sqlite_operations *operations, const struct booking *booking,
                    int64_t now, bool *is_free)
{
    for (;;) {
        /* The car's booking that sets it free first after this one's pickup, by one probe. The
         * literal list of states is what makes the partial index fit. */
        struct query query = query_begin(operations->connection, &operations->find_next,
                                         "SELECT number, pickup_at FROM bookings WHERE car = ?"
                                         " AND state IN (1, 2, 5) AND return_at + turnaround > ?"
                                         " ORDER BY return_at + turnaround LIMIT 1");
        query_number(&query, booking->car);
        query_number(&query, booking->period.pickup_at);
        int result = query_step(&query);
        bool found = result == SQLITE_ROW;
        int64_t number = found ? sqlite3_column_int64(query.statement, 0) : 0;
        int64_t pickup_at = found ? sqlite3_column_int64(query.statement, 1) : 0;
        query_end(&query);
        if (!found && result != SQLITE_DONE)
            return result;
        *is_free = !found || pickup_at >= booking_occupies(booking).return_at;
        if (*is_free)
            return SQLITE_OK;
        struct record other;
        result = find_by_number(operations, number, &other);
        if (result != SQLITE_OK || !other.number || !hold_expired(&other.booking, now))
            return result;
        result = change_state(operations, &other, BOOKING_EXPIRED, now);
        if (result != SQLITE_OK)
            return result;
    }
}

/* Whether the car is offered as the booking has it, fills in its carid if so. */
static int check_car(struct sqlite_operations *operations, struct booking *booking, bool *as_agreed)
{
    struct query query =
        query_begin(operations->connection, &operations->find_car,
                    "SELECT offered, day_price, hour_price, carid, location, category,"
                    " (SELECT value FROM meta WHERE name = 'currency'),"
                    " coalesce(turnaround, (SELECT value FROM meta WHERE name = 'turnaround'))"
                    " FROM cars"
                    " WHERE number = ?");
    query_number(&query, booking->car);
    int result = query_step(&query);
    *as_agreed = result == SQLITE_ROW && sqlite3_column_int(query.statement, 0) &&
                 sqlite3_column_int64(query.statement, 1) == booking->day_price &&
                 query_column_price(&query, 2) == booking->hour_price &&
                 strcmp(query_column_text(&query, 4), booking->location) == 0 &&
                 strcmp(query_column_text(&query, 5), booking->category) == 0 &&
                 strcmp(query_column_text(&query, 6), booking->currency) == 0 &&
                 sqlite3_column_int(query.statement, 7) == booking->turnaround;
    if (*as_agreed)
        query_copy_text(&query, 3, booking->carid, sizeof booking->carid);
    query_end(&query);
    return result == SQLITE_ROW || result == SQLITE_DONE ? SQLITE_OK : result;
}

static int insert_booking(struct sqlite_operations *operations, const struct booking *booking,
                          int64_t now)
{
    struct query query =
        query_begin(operations->connection, &operations->insert_booking,
                    "INSERT INTO bookings (id, car, pickup_at, return_at, state, expires_at,"
                    " channel, reference, day_price, hour_price, total, currency, location,"
                    " category, created_at, turnaround)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    query_text(&query, booking->id);
    query_number(&query, booking->car);
    query_number(&query, booking->period.pickup_at);
    query_number(&query, booking->period.return_at);
    query_number(&query, booking->state);
    query_number(&query, booking->expires_at);
    query_text(&query, booking->channel);
    query_text(&query, booking->reference);
    query_number(&query, booking->day_price);
    query_price(&query, booking->hour_price);
    query_number(&query, booking->total);
    query_text(&query, booking->currency);
    query_text(&query, booking->location);
    query_text(&query, booking->category);
    query_number(&query, now);
    query_number(&query, booking->turnaround);
    return query_run(&query);
}

static int operation_book(struct sqlite_operations *operations, const struct store_request *request,
                          struct store_outcome *outcome)
{
    struct booking booking = request->booking;
    bool exists = false, as_agreed = false, is_free = false;
    int result = sqlite_answer_exists(&operations->answers, request, &exists);
    if (result == SQLITE_OK && !exists)
        result = check_car(operations, &booking, &as_agreed);
    if (result == SQLITE_OK && as_agreed)
        result = make_way(operations, &booking, request->now, &is_free);
    if (result != SQLITE_OK)
        return result;
    if (exists || !is_free) {
        outcome->result = exists      ? STORE_KEY_EXISTS
                          : as_agreed ? STORE_CAR_TAKEN
                                      : STORE_CAR_CHANGED;
        return SQLITE_OK;
    }
    result = insert_booking(operations, &booking, request->now);
    if ((result & 0xFF) == SQLITE_CONSTRAINT) {
        /* The same 128 random bits twice: a caller's mistake. Nothing was written for it. */
        outcome->result = STORE_UNAVAILABLE;
        return SQLITE_OK;
    }
    struct store_event event = store_event_of(
        EVENT_TAKEN, &booking, booking.state == BOOKING_HELD ? CHANGE_HELD : CHANGE_BOOKED,
        STORE_BY_PARTNER);
    if (result == SQLITE_OK)
        result = sqlite_event_add(&operations->events, &event);
    if (result == SQLITE_OK)
        result = sqlite_answer_insert(&operations->answers, request, operations->time);
    outcome->result = STORE_OK;
    fill_booking(outcome, &booking);
    return result;
}

/* Whether a booking that was found may go to the state that the operation leads to. */
static bool change_allowed(const struct store_request *request, const struct booking *booking)
{
    int64_t now = request->now;
    bool held = booking->state == BOOKING_HELD;
    switch (request->operation) {
    case STORE_CONFIRM:
        return held && !hold_expired(booking, now);
    case STORE_CANCEL:
        if (held)
            return !hold_expired(booking, now);
        return booking->state == BOOKING_BOOKED && (int64_t)booking->period.pickup_at * 60 > now;
    case STORE_EXPIRE:
        return hold_expired(booking, now);
    default:
        return false;
    }
}

static int operation_change(struct sqlite_operations *operations,
                            const struct store_request *request, struct store_outcome *outcome)
{
    static const enum booking_state goal[] = {
        [STORE_CONFIRM] = BOOKING_BOOKED,
        [STORE_CANCEL] = BOOKING_CANCELLED,
        [STORE_EXPIRE] = BOOKING_EXPIRED,
    };
    bool confirm = request->operation == STORE_CONFIRM, exists = false;
    struct record record = {0};
    int result = confirm ? sqlite_answer_exists(&operations->answers, request, &exists) : SQLITE_OK;
    if (result == SQLITE_OK && !exists)
        result = find_booking(operations, request, &record);
    if (result != SQLITE_OK)
        return result;
    if (!record.found) {
        outcome->result = exists ? STORE_KEY_EXISTS : STORE_NOT_FOUND;
        return SQLITE_OK;
    }
    bool is_past = !record.number; /* final, whatever the clock says now */
    bool allowed = !is_past && change_allowed(request, &record.booking);
    if (allowed)
        result = change_state(operations, &record, goal[request->operation], request->now);
    else if (!is_past && confirm && hold_expired(&record.booking, request->now))
        result = change_state(operations, &record, BOOKING_EXPIRED, request->now);
    if (result == SQLITE_OK && allowed && confirm)
        result = sqlite_answer_insert(&operations->answers, request, operations->time);
    outcome->result = allowed ? STORE_OK : STORE_WRONG_STATE;
    fill_booking(outcome, &record.booking);
    return result;
}

/* --- operations ------------------------------------------------------------------------------ */

int sqlite_operation_run(struct sqlite_operations *operations, const struct store_request *request,
                         struct store_outcome *outcome)
{
    outcome->result = STORE_UNAVAILABLE;
    outcome->has_booking = outcome->has_answer = false;
    outcome->memory = NULL;
    switch (request->operation) {
    case STORE_BOOK:
        return operation_book(operations, request, outcome);
    case STORE_SHOW:
        return operation_show(operations, request, outcome);
    case STORE_RECALL:
        return operation_recall(operations, request, outcome);
    case STORE_CONFIRM:
    case STORE_CANCEL:
    case STORE_EXPIRE:
        return operation_change(operations, request, outcome);
    }
    return SQLITE_MISUSE;
}
