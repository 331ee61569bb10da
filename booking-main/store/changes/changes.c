#include "store/changes/internal.h"

#include "lib/base/money.h"
#include "lib/base/timestamp.h"
#include "lib/json/writer.h"

/* --- reading --------------------------------------------------------------------------------- */

/* A booking is in one of two tables. A view over both would be read whole for a join. */
#define EITHER(column) ", coalesce(b." column ", p." column ")"

#define CHANGE_COLUMNS                                                                             \
    "SELECT e.number, e.at, e.change, e.by, e.reason, e.channel, e.expires_at" EITHER("id")        \
        EITHER("reference") EITHER("pickup_at") EITHER("return_at") EITHER("total")                \
            EITHER("currency") EITHER("location") EITHER("category") ", c.carid"

/* The order is the events', since each has one booking at most. */
#define CHANGE_JOIN                                                                                \
    ") e LEFT JOIN bookings b ON b.id = e.booking_id"                                              \
    " LEFT JOIN past_bookings p ON p.id = e.booking_id"                                            \
    " LEFT JOIN cars c ON c.number = coalesce(b.car, p.car) ORDER BY e.number"

static enum booking_state state_after(enum store_change what, bool is_held)
{
    switch (what) {
    case CHANGE_CANCELLED:
        return BOOKING_CANCELLED;
    case CHANGE_EXPIRED:
        return BOOKING_EXPIRED;
    default:
        return is_held ? BOOKING_HELD : BOOKING_BOOKED;
    }
}

/* False when the booking is not kept any more. */
static bool read_change(const struct sql_rows *rows, struct change *change)
{
    struct booking *booking = &change->booking;
    int column = 0;
    *change = (struct change){.number = sql_number(rows, column++)};
    change->at = sql_number(rows, column++);
    change->what = (enum store_change)sql_number(rows, column++);
    change->by = (enum store_by)sql_number(rows, column++);
    change->reason = sql_text(rows, column++);
    sql_copy_text(rows, column++, booking->channel, sizeof booking->channel);
    booking->state = state_after(change->what, sql_number(rows, column++) > 0);
    sql_copy_text(rows, column++, booking->id, sizeof booking->id);
    sql_copy_text(rows, column++, booking->reference, sizeof booking->reference);
    booking->period.pickup_at = (int32_t)sql_number(rows, column++);
    booking->period.return_at = (int32_t)sql_number(rows, column++);
    booking->total = sql_number(rows, column++);
    sql_copy_text(rows, column++, booking->currency, sizeof booking->currency);
    sql_copy_text(rows, column++, booking->location, sizeof booking->location);
    sql_copy_text(rows, column++, booking->category, sizeof booking->category);
    sql_copy_text(rows, column, booking->carid, sizeof booking->carid);
    return *booking->id;
}

static void scan_portion(struct sql *sql, const struct changes_scan *scan, int64_t to,
                         struct changes_end *end)
{
    struct sql_statement statement;
    struct sql_rows rows;
    unsigned count = 0;
    bool go_on = true;
    sql_start(&statement,
              CHANGE_COLUMNS " FROM (SELECT number, at, change, by, reason, channel, expires_at,"
                             " booking_id FROM events");
    sql_add_number(&statement, " WHERE number > ", scan->after);
    sql_add_number(&statement, " AND number <= ", to);
    sql_add_text(&statement, " AND change <> 0 AND channel = ", scan->channel);
    if (scan->not_the_partners)
        sql_add(&statement, " AND by <> 1");
    sql_add_number(&statement, " ORDER BY number LIMIT ", scan->limit);
    sql_add(&statement, CHANGE_JOIN);
    sql_query(sql, &rows, &statement);
    while (go_on && sql_next(&rows)) {
        struct change change;
        count++;
        if (read_change(&rows, &change))
            go_on = scan->each(scan->context, &change);
        end->next = change.number;
    }
    if (go_on && count < scan->limit)
        end->next = to;
    sql_end(&rows);
    sql_stop(&statement);
}

enum desk_result changes_scan(struct sql *sql, const struct changes_scan *scan,
                              struct changes_end *end)
{
    int64_t first = sql_one_number(sql, "SELECT coalesce(min(number), 1) FROM events");
    int64_t last = sql_one_number(sql, "SELECT coalesce(max(number), 0) FROM events");
    if (sql_failed(sql))
        return DESK_FAILED;
    if (scan->after < first - 1 || scan->after > last) {
        end->next = first - 1;
        return DESK_NOT_FOUND;
    }
    int64_t to = last - scan->after > CHANGES_SCAN_MAX ? scan->after + CHANGES_SCAN_MAX : last;
    end->next = scan->after;
    scan_portion(sql, scan, to, end);
    end->caught_up = end->next == last;
    return sql_failed(sql) ? DESK_FAILED : DESK_OK;
}

enum desk_result changes_read(struct desk *desk, const char *channel, int64_t after, unsigned limit,
                              change_reader *each, void *context, struct changes_end *end,
                              struct buffer *error)
{
    struct changes_scan scan = {
        .channel = channel,
        .after = after,
        .limit = limit,
        .each = each,
        .context = context,
    };
    sql_begin(desk_sql(desk), false);
    enum desk_result result = changes_scan(desk_sql(desk), &scan, end);
    return desk_end_reading(desk, error) ? result : DESK_FAILED;
}

enum desk_result changes_last(struct desk *desk, int64_t *last, struct buffer *error)
{
    sql_begin(desk_sql(desk), false);
    *last = sql_one_number(desk_sql(desk), "SELECT coalesce(max(number), 0) FROM events");
    return desk_end_reading(desk, error) ? DESK_OK : DESK_FAILED;
}

/* --- as JSON --------------------------------------------------------------------------------- */

const char *change_type(enum store_change what)
{
    static const char *const types[] = {
        [CHANGE_HELD] = "booking.held",           [CHANGE_BOOKED] = "booking.booked",
        [CHANGE_CONFIRMED] = "booking.confirmed", [CHANGE_CHANGED] = "booking.changed",
        [CHANGE_CANCELLED] = "booking.cancelled", [CHANGE_EXPIRED] = "booking.expired",
    };
    return types[what];
}

const char *change_by_name(enum store_by by)
{
    static const char *const names[] = {
        [STORE_BY_PARTNER] = "partner",
        [STORE_BY_OPERATOR] = "operator",
        [STORE_BY_EXPIRY] = "expiry",
    };
    return names[by];
}

static const char *or_none(const char *text)
{
    return *text ? text : NULL;
}

void change_json_members(struct buffer *out, const struct change *change)
{
    const struct booking *booking = &change->booking;
    char at[TIMESTAMP_SIZE], pickup_at[TIMESTAMP_SIZE], return_at[TIMESTAMP_SIZE];
    timestamp_format_seconds(change->at / 1000, at);
    timestamp_format(booking->period.pickup_at, pickup_at);
    timestamp_format(booking->period.return_at, return_at);
    json_add_integer(out, "number", change->number);
    json_add_string(out, "at", at);
    json_add_string(out, "booking_id", booking->id);
    json_add_string(out, "reference", or_none(booking->reference));
    json_add_string(out, "status", booking_state_name(booking->state));
    json_add_string(out, "by", change_by_name(change->by));
    json_add_string(out, "reason", or_none(change->reason));
    json_add_string(out, "carid", booking->carid);
    json_add_money(out, "price", booking->total, money_exponent(booking->currency));
    json_add_string(out, "currency", booking->currency);
    json_add_string(out, "pickup_at", pickup_at);
    json_add_string(out, "return_at", return_at);
    json_add_string(out, "location", booking->location);
    json_add_string(out, "category", booking->category);
}
