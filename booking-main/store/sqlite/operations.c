#include "store/sqlite/operations.h"

#include "lib/base/timestamp.h"
#include "rental/price.h"

#include <stdlib.h>
#include <string.h>

enum statement {
    BEGIN,
    COMMIT,
    FIND_CAR,
    FIND_NEXT,
    FIND_BOOKING,
    FIND_BY_NUMBER,
    FIND_KEY,
    FIND_ANSWER,
    INSERT_BOOKING,
    INSERT_EVENT,
    INSERT_ANSWER,
    SET_STATE,
    DATA_VERSION,
    LAST_EVENT,
    READ_EVENTS,
    FIND_OLD_ANSWER,
    PURGE_ANSWERS,
    WRITE_SOMETHING,
    FIND_IMPORT,
    STATEMENTS,
};
_Static_assert((int)STATEMENTS <= (int)SQLITE_STATEMENTS, "room for each prepared statement");

#define SELECT_BOOKING                                                                             \
    "SELECT b.number, b.id, b.channel, b.reference, b.car, b.pickup_at, b.return_at, b.state,"     \
    " b.expires_at, b.day_price, b.hour_price, c.carid, c.location, c.category"                    \
    " FROM bookings b JOIN cars c ON c.number = b.car"

/* Parameters are numbered in the order they are bound. */
static const char *const sql[STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [FIND_CAR] = "SELECT offered, day_price, hour_price, carid, location, category FROM cars"
                 " WHERE number = ?",
    /* The car's booking, held or booked, that returns first after ?2; by index alone. The literal
     * list of states is what makes the partial index fit. */
    [FIND_NEXT] = "SELECT number, pickup_at FROM bookings"
                  " WHERE car = ? AND state IN (1, 2) AND return_at > ?"
                  " ORDER BY return_at LIMIT 1",
    [FIND_BOOKING] = SELECT_BOOKING " WHERE b.id = ?",
    [FIND_BY_NUMBER] = SELECT_BOOKING " WHERE b.number = ?",
    [FIND_KEY] = "SELECT 1 FROM answers WHERE channel = ? AND key = ?",
    [FIND_ANSWER] = "SELECT request, status, location, content_type, body FROM answers"
                    " WHERE channel = ? AND key = ?",
    [INSERT_BOOKING] =
        "INSERT INTO bookings (id, car, pickup_at, return_at, state, expires_at, channel,"
        " reference, day_price, hour_price, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [INSERT_EVENT] =
        "INSERT INTO events (kind, car, pickup_at, return_at, expires_at, booking_id, at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
    [INSERT_ANSWER] =
        "INSERT INTO answers (channel, key, request, status, location, content_type, body, at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    [SET_STATE] = "UPDATE bookings SET state = ? WHERE number = ?",
    [DATA_VERSION] = "PRAGMA data_version",
    [LAST_EVENT] = "SELECT coalesce(max(number), 0) FROM events",
    [READ_EVENTS] = "SELECT number, kind, car, pickup_at, return_at, expires_at, at,"
                    " booking_id FROM events WHERE number > ? ORDER BY number LIMIT ?",
    [FIND_OLD_ANSWER] = "SELECT 1 FROM (SELECT at FROM answers ORDER BY number LIMIT ?)"
                        " WHERE at < ? LIMIT 1",
    [PURGE_ANSWERS] = "DELETE FROM answers WHERE number IN"
                      " (SELECT number FROM (SELECT number, at FROM answers ORDER BY number"
                      " LIMIT ?) WHERE at < ?)",
    [FIND_IMPORT] = "SELECT value FROM meta WHERE name = 'import'",
    [WRITE_SOMETHING] = "UPDATE meta SET value = value + 1 WHERE name = 'alive'",
};

void sqlite_operations_init(struct sqlite_operations *operations,
                            struct sqlite_connection *connection)
{
    *operations = (struct sqlite_operations){.connection = connection};
}

void sqlite_operations_end(struct sqlite_operations *operations)
{
    for (int i = 0; i < STATEMENTS; i++) {
        (void)sqlite3_finalize(operations->statements[i]); /* repeats what its last step returned */
        operations->statements[i] = NULL;
    }
}

static struct query begin(struct sqlite_operations *operations, enum statement statement)
{
    return query_begin(operations->connection, &operations->statements[statement], sql[statement]);
}

static int run(struct sqlite_operations *operations, enum statement statement)
{
    struct query query = begin(operations, statement);
    return query_run(&query);
}

int sqlite_begin(struct sqlite_operations *operations)
{
    return run(operations, BEGIN);
}

int sqlite_commit(struct sqlite_operations *operations)
{
    return run(operations, COMMIT);
}

/* --- reading --------------------------------------------------------------------------------- */

/* A booking with the number it has inside. */
struct record {
    int64_t number; /* 0: there is none */
    struct booking booking;
};

static void copy_text(char *out, size_t size, const struct query *query, int column)
{
    const char *text = query_column_text(query, column);
    size_t length = strnlen(text, size - 1);
    memcpy(out, text, length);
    out[length] = '\0';
}

/* Steps a statement that begins with SELECT_BOOKING. */
static int read_record(struct query *query, struct record *record)
{
    sqlite3_stmt *row = query->statement;
    int result = query_step(query);
    record->number = 0;
    if (result == SQLITE_ROW) {
        struct booking *booking = &record->booking;
        record->number = sqlite3_column_int64(row, 0);
        copy_text(booking->id, sizeof booking->id, query, 1);
        copy_text(booking->channel, sizeof booking->channel, query, 2);
        copy_text(booking->reference, sizeof booking->reference, query, 3);
        booking->car = sqlite3_column_int64(row, 4);
        booking->period.pickup_at = sqlite3_column_int(row, 5);
        booking->period.return_at = sqlite3_column_int(row, 6);
        booking->state = (enum booking_state)sqlite3_column_int(row, 7);
        booking->expires_at = sqlite3_column_int64(row, 8);
        booking->day_price = sqlite3_column_int64(row, 9);
        booking->hour_price = query_column_price(query, 10);
        booking->total =
            price_total(booking->day_price,
                        period_started_days(booking->period.return_at - booking->period.pickup_at));
        copy_text(booking->carid, sizeof booking->carid, query, 11);
        copy_text(booking->location, sizeof booking->location, query, 12);
        copy_text(booking->category, sizeof booking->category, query, 13);
        result = SQLITE_OK;
    } else if (result == SQLITE_DONE) {
        result = SQLITE_OK;
    }
    query_end(query);
    return result;
}

/* The request's booking; number 0 if there is none, or it is another partner's. */
static int find_booking(struct sqlite_operations *operations, const struct store_request *request,
                        struct record *record)
{
    struct query query = begin(operations, FIND_BOOKING);
    query_text(&query, request->booking.id);
    int result = read_record(&query, record);
    bool any_channel = request->operation == STORE_EXPIRE && !*request->booking.channel;
    if (result == SQLITE_OK && record->number && !any_channel &&
        strcmp(record->booking.channel, request->booking.channel) != 0)
        record->number = 0;
    return result;
}

static int find_by_number(struct sqlite_operations *operations, int64_t number,
                          struct record *record)
{
    struct query query = begin(operations, FIND_BY_NUMBER);
    query_number(&query, number);
    return read_record(&query, record);
}

static void fill_booking(struct sqlite_outcome *outcome, const struct booking *booking)
{
    outcome->booking = *booking;
    outcome->has_booking = true;
}

static int show(struct sqlite_operations *operations, const struct store_request *request,
                struct sqlite_outcome *outcome)
{
    struct record record;
    int result = find_booking(operations, request, &record);
    if (result != SQLITE_OK)
        return result;
    outcome->result = record.number ? STORE_OK : STORE_NOT_FOUND;
    if (record.number)
        fill_booking(outcome, &record.booking);
    return SQLITE_OK;
}

/* Copies a column, with a NUL behind it, to *at and moves that on. */
static const char *keep_column(char **at, sqlite3_stmt *row, int column, size_t *size)
{
    char *copy = *at;
    const void *data = sqlite3_column_blob(row, column);
    *size = (size_t)sqlite3_column_bytes(row, column);
    if (*size)
        memcpy(copy, data, *size);
    copy[*size] = '\0';
    *at += *size + 1;
    return copy;
}

static int keep_answer(sqlite3_stmt *row, struct sqlite_outcome *outcome)
{
    static const int kept[] = {0, 2, 3, 4};
    size_t size = 0, text_size;
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        size += (size_t)sqlite3_column_bytes(row, kept[i]) + 1;
    char *at = malloc(size);
    if (!at)
        return SQLITE_NOMEM;
    outcome->memory = at;
    struct store_answer *answer = &outcome->answer;
    answer->key = NULL; /* the request has it */
    answer->request = keep_column(&at, row, 0, &answer->request_size);
    answer->status = (unsigned)sqlite3_column_int(row, 1);
    answer->location = NULL;
    if (sqlite3_column_type(row, 2) != SQLITE_NULL)
        answer->location = keep_column(&at, row, 2, &text_size);
    answer->content_type = keep_column(&at, row, 3, &text_size);
    answer->body = keep_column(&at, row, 4, &answer->body_size);
    outcome->has_answer = true;
    return SQLITE_OK;
}

static int recall(struct sqlite_operations *operations, const struct store_request *request,
                  struct sqlite_outcome *outcome)
{
    struct query query = begin(operations, FIND_ANSWER);
    query_text(&query, request->booking.channel);
    query_text(&query, request->answer.key);
    int result = query_step(&query);
    if (result == SQLITE_ROW) {
        result = keep_answer(query.statement, outcome);
        outcome->result = STORE_OK;
    } else if (result == SQLITE_DONE) {
        result = SQLITE_OK;
        outcome->result = STORE_NOT_FOUND;
    }
    query_end(&query);
    return result;
}

static int has_answer(struct sqlite_operations *operations, const struct store_request *request,
                      bool *exists)
{
    if (!request->answer.key) {
        *exists = false;
        return SQLITE_OK;
    }
    struct query query = begin(operations, FIND_KEY);
    query_text(&query, request->booking.channel);
    query_text(&query, request->answer.key);
    int result = query_step(&query);
    query_end(&query);
    *exists = result == SQLITE_ROW;
    return result == SQLITE_ROW || result == SQLITE_DONE ? SQLITE_OK : result;
}

/* --- changing -------------------------------------------------------------------------------- */

static int insert_event(struct sqlite_operations *operations, enum store_event_kind kind,
                        const struct booking *booking)
{
    bool held = booking->state == BOOKING_HELD;
    struct query query = begin(operations, INSERT_EVENT);
    query_number(&query, kind);
    query_number(&query, booking->car);
    query_number(&query, booking->period.pickup_at);
    query_number(&query, booking->period.return_at);
    query_number(&query, held ? booking->expires_at : 0);
    query_text(&query, booking->id);
    query_number(&query, timestamp_now_milliseconds());
    return query_run(&query);
}

static int insert_answer(struct sqlite_operations *operations, const struct store_request *request)
{
    const struct store_answer *answer = &request->answer;
    if (!answer->key)
        return SQLITE_OK;
    struct query query = begin(operations, INSERT_ANSWER);
    query_text(&query, request->booking.channel);
    query_text(&query, answer->key);
    query_blob(&query, answer->request, answer->request_size);
    query_number(&query, answer->status);
    query_text(&query, answer->location);
    query_text(&query, answer->content_type);
    query_blob(&query, answer->body, answer->body_size);
    query_number(&query, request->now);
    return query_run(&query);
}

/* Gives a booking that is held or booked another state, with the event. */
static int change_state(struct sqlite_operations *operations, struct record *record,
                        enum booking_state state)
{
    struct query query = begin(operations, SET_STATE);
    query_number(&query, state);
    query_number(&query, record->number);
    int result = query_run(&query);
    if (result != SQLITE_OK)
        return result;
    record->booking.state = state;
    return insert_event(operations, state == BOOKING_BOOKED ? EVENT_TAKEN : EVENT_RELEASED,
                        &record->booking);
}

static bool has_expired(const struct booking *booking, int64_t now)
{
    return booking->state == BOOKING_HELD && booking->expires_at <= now;
}

/* Finds out whether the car is free over the period. A hold in the way that nobody has ended in
 * time is ended here, on record, so that a clock set back does not bring it back to life. */
static int make_way(struct sqlite_operations *operations, const struct booking *booking,
                    int64_t now, bool *is_free)
{
    for (;;) {
        struct query query = begin(operations, FIND_NEXT);
        query_number(&query, booking->car);
        query_number(&query, booking->period.pickup_at);
        int result = query_step(&query);
        bool found = result == SQLITE_ROW;
        int64_t number = found ? sqlite3_column_int64(query.statement, 0) : 0;
        int64_t pickup_at = found ? sqlite3_column_int64(query.statement, 1) : 0;
        query_end(&query);
        if (!found && result != SQLITE_DONE)
            return result;
        *is_free = !found || pickup_at >= booking->period.return_at;
        if (*is_free)
            return SQLITE_OK;
        struct record other;
        result = find_by_number(operations, number, &other);
        if (result != SQLITE_OK || !other.number || !has_expired(&other.booking, now))
            return result;
        result = change_state(operations, &other, BOOKING_EXPIRED);
        if (result != SQLITE_OK)
            return result;
    }
}

/* Whether the car is offered as the booking has it, fills in its carid if so. */
static int check_car(struct sqlite_operations *operations, struct booking *booking, bool *as_agreed)
{
    struct query query = begin(operations, FIND_CAR);
    query_number(&query, booking->car);
    int result = query_step(&query);
    *as_agreed = result == SQLITE_ROW && sqlite3_column_int(query.statement, 0) &&
                 sqlite3_column_int64(query.statement, 1) == booking->day_price &&
                 query_column_price(&query, 2) == booking->hour_price &&
                 strcmp(query_column_text(&query, 4), booking->location) == 0 &&
                 strcmp(query_column_text(&query, 5), booking->category) == 0;
    if (*as_agreed)
        copy_text(booking->carid, sizeof booking->carid, &query, 3);
    query_end(&query);
    return result == SQLITE_ROW || result == SQLITE_DONE ? SQLITE_OK : result;
}

static int insert_booking(struct sqlite_operations *operations, const struct booking *booking,
                          int64_t now)
{
    struct query query = begin(operations, INSERT_BOOKING);
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
    query_number(&query, now);
    return query_run(&query);
}

static int book(struct sqlite_operations *operations, const struct store_request *request,
                struct sqlite_outcome *outcome)
{
    struct booking booking = request->booking;
    bool exists = false, as_agreed = false, is_free = false;
    int result = has_answer(operations, request, &exists);
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
    if (result == SQLITE_OK)
        result = insert_event(operations, EVENT_TAKEN, &booking);
    if (result == SQLITE_OK)
        result = insert_answer(operations, request);
    outcome->result = STORE_OK;
    fill_booking(outcome, &booking);
    return result;
}

/* Whether a found booking may go to the state that the operation leads to. */
static bool is_allowed(const struct store_request *request, const struct booking *booking)
{
    int64_t now = request->now;
    bool held = booking->state == BOOKING_HELD;
    switch (request->operation) {
    case STORE_CONFIRM:
        return held && !has_expired(booking, now);
    case STORE_CANCEL:
        if (held)
            return !has_expired(booking, now);
        return booking->state == BOOKING_BOOKED && (int64_t)booking->period.pickup_at * 60 > now;
    case STORE_EXPIRE:
        return has_expired(booking, now);
    default:
        return false;
    }
}

static int change(struct sqlite_operations *operations, const struct store_request *request,
                  struct sqlite_outcome *outcome)
{
    static const enum booking_state goal[] = {
        [STORE_CONFIRM] = BOOKING_BOOKED,
        [STORE_CANCEL] = BOOKING_CANCELLED,
        [STORE_EXPIRE] = BOOKING_EXPIRED,
    };
    bool confirm = request->operation == STORE_CONFIRM, exists = false;
    struct record record = {0};
    int result = confirm ? has_answer(operations, request, &exists) : SQLITE_OK;
    if (result == SQLITE_OK && !exists)
        result = find_booking(operations, request, &record);
    if (result != SQLITE_OK)
        return result;
    if (!record.number) {
        outcome->result = exists ? STORE_KEY_EXISTS : STORE_NOT_FOUND;
        return SQLITE_OK;
    }
    bool allowed = is_allowed(request, &record.booking);
    if (allowed)
        result = change_state(operations, &record, goal[request->operation]);
    else if (confirm && has_expired(&record.booking, request->now))
        result = change_state(operations, &record, BOOKING_EXPIRED);
    if (result == SQLITE_OK && allowed && confirm)
        result = insert_answer(operations, request);
    outcome->result = allowed ? STORE_OK : STORE_WRONG_STATE;
    fill_booking(outcome, &record.booking);
    return result;
}

/* --- operations ------------------------------------------------------------------------------ */

bool sqlite_operation_reads_only(const struct store_request *request)
{
    return request->operation == STORE_SHOW || request->operation == STORE_RECALL;
}

int sqlite_operation_run(struct sqlite_operations *operations, const struct store_request *request,
                         struct sqlite_outcome *outcome)
{
    outcome->result = STORE_UNAVAILABLE;
    outcome->has_booking = outcome->has_answer = false;
    outcome->memory = NULL;
    switch (request->operation) {
    case STORE_BOOK:
        return book(operations, request, outcome);
    case STORE_SHOW:
        return show(operations, request, outcome);
    case STORE_RECALL:
        return recall(operations, request, outcome);
    case STORE_CONFIRM:
    case STORE_CANCEL:
    case STORE_EXPIRE:
        return change(operations, request, outcome);
    }
    return SQLITE_MISUSE;
}

void sqlite_outcome_give(struct sqlite_outcome *outcome, struct store_request *request)
{
    request->result = outcome->result;
    if (outcome->has_booking)
        request->booking = outcome->booking;
    if (outcome->has_answer) {
        const char *key = request->answer.key;
        request->answer = outcome->answer;
        request->answer.key = key;
    }
    request->memory = outcome->memory;
    outcome->memory = NULL;
}

void sqlite_outcome_drop(struct sqlite_outcome *outcome)
{
    free(outcome->memory);
    outcome->memory = NULL;
}

/* --- events and housekeeping ----------------------------------------------------------------- */

static int read_number(struct sqlite_operations *operations, enum statement statement,
                       int64_t *number)
{
    struct query query = begin(operations, statement);
    int result = query_step(&query);
    if (result == SQLITE_ROW) {
        *number = sqlite3_column_int64(query.statement, 0);
        result = SQLITE_OK;
    }
    query_end(&query);
    return result;
}

int sqlite_data_version(struct sqlite_operations *operations, int64_t *version)
{
    return read_number(operations, DATA_VERSION, version);
}

int sqlite_last_event(struct sqlite_operations *operations, int64_t *number)
{
    return read_number(operations, LAST_EVENT, number);
}

int sqlite_read_events(struct sqlite_operations *operations, int64_t last, int64_t limit,
                       int (*take)(void *context, const struct store_event *event), void *context)
{
    struct query query = begin(operations, READ_EVENTS);
    query_number(&query, last);
    query_number(&query, limit);
    int result;
    while ((result = query_step(&query)) == SQLITE_ROW) {
        sqlite3_stmt *row = query.statement;
        struct store_event event = {
            .number = sqlite3_column_int64(row, 0),
            .kind = (enum store_event_kind)sqlite3_column_int(row, 1),
            .car = sqlite3_column_int64(row, 2),
            .period = {sqlite3_column_int(row, 3), sqlite3_column_int(row, 4)},
            .expires_at = sqlite3_column_int64(row, 5),
            .at = sqlite3_column_int64(row, 6),
        };
        copy_text(event.booking_id, sizeof event.booking_id, &query, 7);
        result = take(context, &event);
        if (result != SQLITE_OK)
            break;
    }
    query_end(&query);
    return result == SQLITE_DONE ? SQLITE_OK : result;
}

int sqlite_purge_answers(struct sqlite_operations *operations, int64_t limit, int portion,
                         int *deleted)
{
    *deleted = 0;
    struct query query = begin(operations, FIND_OLD_ANSWER);
    query_number(&query, portion);
    query_number(&query, limit);
    int result = query_step(&query);
    query_end(&query);
    if (result != SQLITE_ROW)
        return result == SQLITE_DONE ? SQLITE_OK : result;
    query = begin(operations, PURGE_ANSWERS);
    query_number(&query, portion);
    query_number(&query, limit);
    result = query_run(&query);
    if (result == SQLITE_OK)
        *deleted = sqlite3_changes(operations->connection->db);
    return result;
}

int sqlite_write_something(struct sqlite_operations *operations)
{
    return run(operations, WRITE_SOMETHING);
}

int sqlite_import_deadline(struct sqlite_operations *operations, int64_t *deadline)
{
    return read_number(operations, FIND_IMPORT, deadline);
}
