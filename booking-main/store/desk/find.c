/* Finding bookings, and one booking's history.
 *
 * Bookings are in two tables, those that are over in the second. A page is the first rows of the
 * first rows of each. So an index that gives a table's rows in the page's order makes the page
 * cheap, however many there are; a filter that leaves few rows is better served by its own index,
 * and `+` in front of a column keeps the planner from reading in the page's order instead.
 */
#include "store/desk/internal.h"

#include <stdio.h>
#include <string.h>

enum { EXPORT_PORTION = 1000, NARROW_MINUTES = 8 * MINUTES_PER_DAY, RARE = 20000 };

struct desk_filter desk_filter_any(void)
{
    return (struct desk_filter){
        .pickup_from = DESK_ANY_TIME,
        .pickup_to = DESK_ANY_TIME,
        .return_from = DESK_ANY_TIME,
        .return_to = DESK_ANY_TIME,
    };
}

/* --- what is looked up first ----------------------------------------------------------------- */

struct known {
    int64_t car_of_q, car; /* the numbers of the cars that `q` and `carid` name, -1 for none */
    bool channel_is_rare;  /* its bookings are few enough to be sorted */
};

static bool channel_is_rare(struct desk *desk, const char *channel)
{
    struct sql_statement statement;
    struct sql_rows rows;
    char end[48];
    sql_start(&statement, "SELECT count(*) FROM (SELECT 1 FROM bookings WHERE channel = ");
    sql_add_text(&statement, "", channel);
    snprintf(end, sizeof end, " LIMIT %d) t", RARE);
    sql_add(&statement, end);
    sql_query(desk->sql, &rows, &statement);
    bool rare = sql_next(&rows) && sql_number(&rows, 0) < RARE;
    sql_end(&rows);
    sql_stop(&statement);
    return rare;
}

static struct known look_up(struct desk *desk, const struct desk_filter *filter)
{
    return (struct known){
        .car_of_q = *filter->q ? desk_car_number(desk, filter->q) : -1,
        .car = *filter->carid ? desk_car_number(desk, filter->carid) : -1,
        .channel_is_rare = *filter->channel && filter->order == DESK_BY_PICKUP &&
                           channel_is_rare(desk, filter->channel),
    };
}

/* --- conditions ------------------------------------------------------------------------------ */

/* Bookings of a car, by the index on those that take it and the one on those that ended. As a
 * parameter: PostgreSQL takes a number for one of 32 bits, which its index does not know. */
static void add_car(struct sql_statement *statement, int64_t car)
{
    sql_add_number(statement, "((b.car = ", car);
    sql_add(statement, " AND b.state IN (1, 2, 5)) OR (");
    sql_add_number(statement, "b.car = ", car);
    sql_add(statement, " AND b.state IN (3, 4)))");
}

/* Whether so few bookings lie in a range that sorting them is cheap. */
static bool is_narrow(int32_t from, int32_t to)
{
    return from != DESK_ANY_TIME && to != DESK_ANY_TIME && to - from <= NARROW_MINUTES;
}

/* A range is for an index if it is narrow, or the page is in its order. */
static void add_range(struct sql_statement *statement, const char *column, bool indexed,
                      int32_t from, int32_t to)
{
    char text[64];
    snprintf(text, sizeof text, " AND %s%s >= ", indexed ? "" : "+", column);
    if (from != DESK_ANY_TIME)
        sql_add_number(statement, text, from);
    snprintf(text, sizeof text, " AND %s%s < ", indexed ? "" : "+", column);
    if (to != DESK_ANY_TIME)
        sql_add_number(statement, text, to);
}

/* Of the first table, whose own indexes have those few. */
static bool state_is_rare(enum booking_state state)
{
    return state == BOOKING_HELD || state == BOOKING_CANCELLED || state == BOOKING_EXPIRED;
}

static void add_filter(struct sql_statement *statement, const struct desk_filter *filter,
                       const struct known *known)
{
    char state[40];
    if (*filter->q) {
        sql_add_text(statement, " AND (b.id = ", filter->q);
        sql_add_text(statement, " OR (b.reference <> '' AND b.reference = ", filter->q);
        sql_add(statement, ")");
        if (known->car_of_q >= 0) {
            sql_add(statement, " OR ");
            add_car(statement, known->car_of_q);
        }
        sql_add(statement, ")");
    }
    if (*filter->reference)
        sql_add_text(statement, " AND b.reference <> '' AND b.reference = ", filter->reference);
    if (*filter->carid) {
        sql_add(statement, " AND ");
        add_car(statement, known->car);
    }
    if (*filter->channel)
        sql_add_text(statement,
                     state_is_rare(filter->state) ||
                             (filter->order == DESK_BY_PICKUP && !known->channel_is_rare)
                         ? " AND (b.channel || '') = "
                         : " AND b.channel = ",
                     filter->channel);
    if (*filter->location)
        sql_add_text(statement, " AND b.location = ", filter->location);
    if (*filter->category)
        sql_add_text(statement, " AND b.category = ", filter->category);
    snprintf(state, sizeof state, " AND b.state %s %d", filter->state ? "=" : "<>",
             filter->state ? (int)filter->state : BOOKING_BLOCKED);
    sql_add(statement, state);
    if (filter->state == BOOKING_CANCELLED || filter->state == BOOKING_EXPIRED)
        sql_add(statement, " AND b.state IN (3, 4)"); /* which says so to that index */
    if (!filter->state) /* nor a block that was taken back before it began */
        sql_add(statement, " AND (b.channel || '') <> ''");
    add_range(statement, "b.pickup_at",
              filter->order == DESK_BY_PICKUP || is_narrow(filter->pickup_from, filter->pickup_to),
              filter->pickup_from, filter->pickup_to);
    add_range(statement, "b.return_at", is_narrow(filter->return_from, filter->return_to),
              filter->return_from, filter->return_to);
}

/* --- pages ----------------------------------------------------------------------------------- */

/* In which order, and whether the filter's own index is the better one. */
struct order {
    const char *column, *place, *direction, *behind;
    bool filter_first;
};

static bool has_pickups(const struct desk_filter *filter)
{
    return filter->pickup_from != DESK_ANY_TIME || filter->pickup_to != DESK_ANY_TIME;
}

static struct order order_of(const struct desk_filter *filter, const struct known *known)
{
    struct order order = {"b.created_at", DESK_COLUMN_CREATED, "DESC", "<", false};
    if (filter->order == DESK_BY_PICKUP)
        order = (struct order){"b.pickup_at", DESK_COLUMN_PICKUP, "ASC", ">", false};
    order.filter_first =
        *filter->q || *filter->reference || *filter->carid || known->channel_is_rare ||
        filter->state == BOOKING_HELD || filter->state == BOOKING_BLOCKED ||
        is_narrow(filter->return_from, filter->return_to) ||
        (filter->order != DESK_BY_PICKUP && is_narrow(filter->pickup_from, filter->pickup_to));
    return order;
}

static void add_table(struct sql_statement *statement, const char *from, const char *conditions,
                      const struct order *order, unsigned limit)
{
    char end[128];
    sql_add(statement, "SELECT * FROM (SELECT " DESK_BOOKING_COLUMNS);
    sql_add(statement, from);
    sql_add(statement, conditions);
    snprintf(end, sizeof end, " ORDER BY %s%s %s, b.id %s LIMIT %u) t",
             order->filter_first ? "+" : "", order->column, order->direction, order->direction,
             limit);
    sql_add(statement, end);
}

static bool tell_page(struct desk *desk, const struct desk_filter *filter,
                      const struct known *known, const struct desk_place *after, unsigned limit,
                      desk_booking_reader *each, void *context, struct desk_booking *last,
                      unsigned *count)
{
    struct order order = order_of(filter, known), first_order = order;
    struct sql_statement statement, conditions;
    char end[96];
    /* The conditions are written once, so that both tables share their parameters. */
    sql_start(&conditions, "");
    add_filter(&conditions, filter, known);
    if (after) {
        snprintf(end, sizeof end, " AND (%s, b.id) %s (", order.column, order.behind);
        sql_add_number(&conditions, end, after->at);
        sql_add_text(&conditions, ", ", after->id);
        sql_add(&conditions, ")");
    }
    sql_start(&statement, "");
    memcpy(statement.values, conditions.values, sizeof statement.values);
    statement.count = conditions.count;
    const char *text = conditions.text.data ? conditions.text.data : "";
    first_order.filter_first |= state_is_rare(filter->state);
    add_table(&statement, DESK_FROM("bookings"), text, &first_order, limit);
    if (filter->state != BOOKING_HELD) { /* which is never over */
        sql_add(&statement, " UNION ALL ");
        add_table(&statement, DESK_FROM("past_bookings"), text, &order, limit);
    }
    snprintf(end, sizeof end, " ORDER BY %s %s, " DESK_COLUMN_ID " %s LIMIT %u", order.place,
             order.direction, order.direction, limit);
    sql_add(&statement, end);
    statement.text.failed = statement.text.failed || conditions.text.failed;
    bool go_on = desk_tell_bookings(desk, &statement, each, context, last, count);
    sql_stop(&conditions);
    sql_stop(&statement);
    return go_on;
}

bool desk_find_bookings(struct desk *desk, const struct desk_filter *filter,
                        const struct desk_place *after, unsigned limit, desk_booking_reader *each,
                        void *context, struct buffer *error)
{
    struct desk_booking last;
    unsigned count;
    sql_begin(desk->sql, false);
    struct known known = look_up(desk, filter);
    (void)tell_page(desk, filter, &known, after, limit, each, context, &last, &count);
    return desk_end_reading(desk, error);
}

struct desk_place desk_place_of(const struct desk_filter *filter, const struct desk_booking *row)
{
    struct desk_place place = {.at = filter->order == DESK_BY_PICKUP ? row->booking.period.pickup_at
                                                                     : row->created_at};
    memcpy(place.id, row->booking.id, sizeof place.id);
    return place;
}

/* Page by page within one transaction. In the order of pickups when these are asked for, so that
 * each page is found at once. */
bool desk_export_bookings(struct desk *desk, const struct desk_filter *filter,
                          desk_booking_reader *each, void *context, struct buffer *error)
{
    struct desk_filter ordered = *filter;
    struct desk_booking last;
    struct desk_place place;
    unsigned count = EXPORT_PORTION;
    bool go_on = true;
    if (has_pickups(filter))
        ordered.order = DESK_BY_PICKUP;
    sql_begin(desk->sql, false);
    struct known known = look_up(desk, &ordered);
    for (bool first = true; go_on && count == EXPORT_PORTION && !sql_failed(desk->sql);
         first = false) {
        go_on = tell_page(desk, &ordered, &known, first ? NULL : &place, EXPORT_PORTION, each,
                          context, &last, &count);
        if (count)
            place = desk_place_of(&ordered, &last);
    }
    return desk_end_reading(desk, error);
}

/* --- one booking ----------------------------------------------------------------------------- */

/* How it was made is the booking's own to tell, so that nothing is written twice. */
static bool tell_first(const struct desk_booking *row, desk_history_reader *each, void *context)
{
    struct desk_history_entry entry = {
        .at = row->created_at,
        .what = row->booking.expires_at ? "held" : "booked",
        .by = STORE_BY_PARTNER,
        .actor = row->booking.channel,
        .reason = "",
        .detail = "",
    };
    return !*row->booking.channel || each(context, &entry);
}

static void tell_history(struct desk *desk, const struct desk_booking *row,
                         desk_history_reader *each, void *context)
{
    struct sql_statement statement;
    struct sql_rows rows;
    sql_start(&statement, "SELECT at, what, by, actor, reason, detail FROM history h"
                          " WHERE h.booking_id = ");
    sql_add_text(&statement, "", row->booking.id);
    sql_add(&statement, " ORDER BY h.number");
    sql_query(desk->sql, &rows, &statement);
    bool go_on = tell_first(row, each, context);
    while (go_on && sql_next(&rows)) {
        struct desk_history_entry entry = {
            .at = sql_number(&rows, 0),
            .what = sql_text(&rows, 1),
            .by = (enum store_by)sql_number(&rows, 2),
            .actor = sql_text(&rows, 3),
            .reason = sql_text(&rows, 4),
            .detail = sql_text(&rows, 5),
        };
        go_on = each(context, &entry);
    }
    sql_end(&rows);
    sql_stop(&statement);
}

enum desk_result desk_show(struct desk *desk, const char *id, struct desk_booking *booking,
                           desk_history_reader *each, void *context, struct buffer *error)
{
    struct sql_statement statement;
    sql_begin(desk->sql, false);
    sql_start(&statement, "SELECT " DESK_BOOKING_COLUMNS DESK_FROM("bookings"));
    sql_add_text(&statement, " AND b.id = ", id);
    sql_add(&statement,
            " UNION ALL SELECT " DESK_BOOKING_COLUMNS DESK_FROM("past_bookings") " AND b.id = $1");
    bool found = desk_take_booking(desk, &statement, booking);
    sql_stop(&statement);
    if (found && each)
        tell_history(desk, booking, each, context);
    if (!desk_end_reading(desk, error))
        return DESK_FAILED;
    return found ? DESK_OK : DESK_NOT_FOUND;
}
