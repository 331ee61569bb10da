#include "store/postgresql/group.h"

#include "lib/base/timestamp.h"
#include "lib/json/writer.h"
#include "store/digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REQUESTS_MAX = 256 * 1024 * 1024 }; /* bytes of a group's JSON; PostgreSQL takes 1 GiB */

/* --- events ---------------------------------------------------------------------------------- */

#define SELECT_EVENTS                                                                              \
    "SELECT number, kind, car, pickup_at, return_at, expires_at, at, booking_id, change, by,"      \
    " channel FROM events WHERE number > $1 ORDER BY number"

enum pg_failure pg_read_events(struct pg_connection *connection, int64_t deadline,
                               int64_t last_event, int64_t limit, PGresult **events)
{
    struct pg_parameters parameters = {0};
    pg_add_number(&parameters, last_event);
    pg_add_number(&parameters, limit);
    return pg_run(connection, deadline, SELECT_EVENTS " LIMIT $2", &parameters, events);
}

struct store_event pg_event(const PGresult *events, int row)
{
    struct store_event event = {
        .number = pg_number(events, row, 0),
        .kind = (enum store_event_kind)pg_number(events, row, 1),
        .car = pg_number(events, row, 2),
        .period = {(int32_t)pg_number(events, row, 3), (int32_t)pg_number(events, row, 4)},
        .expires_at = pg_number(events, row, 5),
        .at = pg_number(events, row, 6),
        .change = (enum store_change)pg_number(events, row, 8),
        .by = (enum store_by)pg_number(events, row, 9),
    };
    pg_copy_text(events, row, 7, event.booking_id, sizeof event.booking_id);
    pg_copy_text(events, row, 10, event.channel, sizeof event.channel);
    return event;
}

/* --- a group as JSON ------------------------------------------------------------------------- */

static void add_hex(struct buffer *out, const char *name, const void *data, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *bytes = data;
    if (!buffer_reserve(out, strlen(name) + 2 * size + sizeof "\"\":\"\","))
        return;
    buffer_printf(out, "\"%s\":\"", name);
    for (size_t i = 0; i < size; i++) {
        out->data[out->size++] = digits[bytes[i] >> 4];
        out->data[out->size++] = digits[bytes[i] & 15];
    }
    buffer_add_text(out, "\","); /* as every member ends, see lib/json/writer.c */
}

/* The digest of the answer's request as hexadecimal text. */
static void request_digest(const struct store_answer *answer, char hex[2 * STORE_DIGEST_SIZE + 1])
{
    unsigned char digest[STORE_DIGEST_SIZE];
    store_digest(answer->request, answer->request_size, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

static void add_answer(struct buffer *out, const struct store_answer *answer)
{
    char digest[2 * STORE_DIGEST_SIZE + 1];
    request_digest(answer, digest);
    json_add_string(out, "key", answer->key);
    json_add_string(out, "request", digest);
    json_add_integer(out, "status", answer->status);
    json_add_string(out, "answer_location", answer->location);
    json_add_string(out, "content_type", answer->content_type);
    add_hex(out, "body", answer->body, answer->body_size);
}

static void add_booking(struct buffer *out, const struct booking *booking)
{
    json_add_string(out, "reference", booking->reference);
    json_add_integer(out, "car", booking->car);
    json_add_integer(out, "pickup_at", booking->period.pickup_at);
    json_add_integer(out, "return_at", booking->period.return_at);
    json_add_integer(out, "state", booking->state);
    json_add_integer(out, "expires_at", booking->expires_at);
    json_add_integer(out, "day_price", booking->day_price);
    if (booking->hour_price >= 0)
        json_add_integer(out, "hour_price", booking->hour_price);
    json_add_integer(out, "total", booking->total);
    json_add_string(out, "currency", booking->currency);
    json_add_string(out, "location", booking->location);
    json_add_string(out, "category", booking->category);
    json_add_integer(out, "turnaround", booking->turnaround);
}

static void write_requests(struct buffer *out, const struct pg_group *group)
{
    buffer_add_text(out, "[");
    for (int i = 0; i < group->count; i++) {
        const struct store_request *request = group->requests[i];
        if (i)
            buffer_add_text(out, ",");
        json_begin(out);
        json_add_integer(out, "operation", request->operation);
        json_add_integer(out, "now", request->now);
        json_add_string(out, "id", request->booking.id);
        json_add_string(out, "channel", request->booking.channel);
        if (request->operation == STORE_BOOK)
            add_booking(out, &request->booking);
        if (request->answer.key)
            add_answer(out, &request->answer);
        json_end(out);
    }
    buffer_add_text(out, "]");
}

/* --- its outcomes ---------------------------------------------------------------------------- */

/* The columns of a booking, from `column` on. */
#define BOOKING_COLUMNS                                                                            \
    "id, channel, reference, car, pickup_at, return_at, state, expires_at, day_price, hour_price," \
    " total, currency, carid, location, category, turnaround"

static void fill_booking(const PGresult *rows, int row, int column, struct booking *booking)
{
    pg_copy_text(rows, row, column + 0, booking->id, sizeof booking->id);
    pg_copy_text(rows, row, column + 1, booking->channel, sizeof booking->channel);
    pg_copy_text(rows, row, column + 2, booking->reference, sizeof booking->reference);
    booking->car = pg_number(rows, row, column + 3);
    booking->period.pickup_at = (int32_t)pg_number(rows, row, column + 4);
    booking->period.return_at = (int32_t)pg_number(rows, row, column + 5);
    booking->state = (enum booking_state)pg_number(rows, row, column + 6);
    booking->expires_at = pg_number(rows, row, column + 7);
    booking->day_price = pg_number(rows, row, column + 8);
    booking->hour_price = pg_number(rows, row, column + 9);
    booking->total = pg_number(rows, row, column + 10);
    pg_copy_text(rows, row, column + 11, booking->currency, sizeof booking->currency);
    pg_copy_text(rows, row, column + 12, booking->carid, sizeof booking->carid);
    pg_copy_text(rows, row, column + 13, booking->location, sizeof booking->location);
    pg_copy_text(rows, row, column + 14, booking->category, sizeof booking->category);
    booking->turnaround = (int32_t)pg_number(rows, row, column + 15);
}

static void fill_outcome(const PGresult *rows, int row, struct store_outcome *outcome)
{
    outcome->result = (enum store_result)pg_number(rows, row, 0);
    outcome->has_answer = false;
    outcome->has_booking = !PQgetisnull(rows, row, 1) &&
                           (outcome->result == STORE_OK || outcome->result == STORE_WRONG_STATE);
    if (outcome->has_booking)
        fill_booking(rows, row, 1, &outcome->booking);
}

enum pg_failure pg_group_commit(struct pg_connection *connection, int64_t deadline,
                                const struct pg_group *group, PGresult **events)
{
    struct buffer requests;
    buffer_init(&requests, REQUESTS_MAX);
    write_requests(&requests, group);
    *events = NULL;
    if (requests.failed) {
        buffer_free(&requests);
        return PG_MEMORY;
    }
    struct pg_parameters call = {0}, behind = {0};
    pg_add_text(&call, requests.data);
    pg_add_number(&call, group->store_time);
    pg_add_number(&call, timestamp_now_milliseconds());
    pg_add_text(&call, group->again ? "true" : "false");
    pg_add_number(&behind, group->last_event);
    struct pg_statement statements[] = {
        {.sql = "BEGIN"},
        {.sql =
             "SELECT result, " BOOKING_COLUMNS " FROM booking_group($1, $2, $3, $4) ORDER BY place",
         .parameters = &call},
        {.sql = SELECT_EVENTS, .parameters = &behind},
        {.sql = "COMMIT"},
    };
    enum { OUTCOMES = 1, EVENTS = 2, COUNT = sizeof statements / sizeof statements[0] };
    enum pg_failure failure = pg_run_together(connection, deadline, statements, COUNT);
    buffer_free(&requests);
    if (failure == PG_OK && PQntuples(statements[OUTCOMES].result) != group->count)
        failure = PG_REFUSED;
    for (int i = 0; failure == PG_OK && i < group->count; i++)
        fill_outcome(statements[OUTCOMES].result, i, &group->outcomes[i]);
    if (failure == PG_OK) {
        *events = statements[EVENTS].result;
        statements[EVENTS].result = NULL;
    }
    for (int i = 0; i < COUNT; i++)
        PQclear(statements[i].result);
    return failure;
}

/* --- reading --------------------------------------------------------------------------------- */

static enum pg_failure read_booking(struct pg_connection *connection, int64_t deadline,
                                    const struct store_request *request,
                                    struct store_outcome *outcome)
{
    PGresult *rows;
    struct pg_parameters parameters = {0};
    pg_add_text(&parameters, request->booking.id);
    pg_add_text(&parameters, request->booking.channel);
    enum pg_failure failure =
        pg_run(connection, deadline,
               "SELECT b.id, b.channel, b.reference, b.car, b.pickup_at, b.return_at, b.state,"
               " b.expires_at, b.day_price, b.hour_price, b.total, b.currency, c.carid, b.location,"
               " b.category, b.turnaround FROM all_bookings b JOIN cars c ON c.number = b.car "
               "WHERE b.id = $1"
               " AND b.channel = $2",
               &parameters, &rows);
    if (failure != PG_OK)
        return failure;
    outcome->has_booking = PQntuples(rows) > 0;
    outcome->result = outcome->has_booking ? STORE_OK : STORE_NOT_FOUND;
    if (outcome->has_booking)
        fill_booking(rows, 0, 0, &outcome->booking);
    PQclear(rows);
    return PG_OK;
}

enum { REQUEST, STATUS, LOCATION, CONTENT_TYPE, BODY };

static bool is_for(const PGresult *row, const struct store_answer *asked)
{
    char digest[2 * STORE_DIGEST_SIZE + 1];
    request_digest(asked, digest);
    return strcmp(pg_text(row, 0, REQUEST), digest) == 0;
}

/* Copies a text, with its NUL, to *at and moves that on. */
static const char *keep_text(char **at, const char *text, size_t size)
{
    char *copy = *at;
    memcpy(copy, text, size);
    copy[size] = '\0';
    *at += size + 1;
    return copy;
}

static enum pg_failure keep_answer(const PGresult *row, const struct store_answer *asked,
                                   struct store_outcome *outcome)
{
    struct store_answer *found = &outcome->answer;
    const char *location = pg_text(row, 0, LOCATION), *type = pg_text(row, 0, CONTENT_TYPE);
    size_t body_size;
    unsigned char *body = PQunescapeBytea((const unsigned char *)pg_text(row, 0, BODY), &body_size);
    char *at = body ? malloc(strlen(location) + strlen(type) + body_size + 3) : NULL;
    if (!at) {
        PQfreemem(body);
        return PG_MEMORY;
    }
    outcome->memory = at;
    *found = *asked;
    found->other_request = !is_for(row, asked);
    found->status = (unsigned)pg_number(row, 0, STATUS);
    found->location =
        PQgetisnull(row, 0, LOCATION) ? NULL : keep_text(&at, location, strlen(location));
    found->content_type = keep_text(&at, type, strlen(type));
    found->body = keep_text(&at, (const char *)body, body_size);
    found->body_size = body_size;
    PQfreemem(body);
    return PG_OK;
}

static enum pg_failure read_answer(struct pg_connection *connection, int64_t deadline,
                                   const struct store_request *request,
                                   struct store_outcome *outcome)
{
    PGresult *rows;
    struct pg_parameters parameters = {0};
    pg_add_text(&parameters, request->booking.channel);
    pg_add_text(&parameters, request->answer.key);
    enum pg_failure failure =
        pg_run(connection, deadline,
               "SELECT request, status, location, content_type, body FROM answers"
               " WHERE channel = $1 AND key = $2",
               &parameters, &rows);
    if (failure != PG_OK)
        return failure;
    outcome->has_answer = PQntuples(rows) > 0;
    outcome->result = outcome->has_answer ? STORE_OK : STORE_NOT_FOUND;
    if (outcome->has_answer)
        failure = keep_answer(rows, &request->answer, outcome);
    PQclear(rows);
    return failure;
}

enum pg_failure pg_read_one(struct pg_connection *connection, int64_t deadline,
                            const struct store_request *request, struct store_outcome *outcome)
{
    outcome->result = STORE_UNAVAILABLE;
    outcome->has_booking = outcome->has_answer = false;
    outcome->memory = NULL;
    return request->operation == STORE_SHOW ? read_booking(connection, deadline, request, outcome)
                                            : read_answer(connection, deadline, request, outcome);
}
