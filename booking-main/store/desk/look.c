/* Looking: cars, the calendar's rows, a day's overview. */
#include "store/desk/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CARS_PORTION = 1000,
    BARS_MAX = 20000, /* of a page of the calendar */
};

/* --- cars ------------------------------------------------------------------------------------ */

/* A car and its texts, of a page that is kept. */
struct kept_car {
    int64_t number;
    struct desk_car car;
    char carid[CAR_ID_MAX + 1], location[CAR_LOCATION_MAX + 1], category[CAR_CATEGORY_SIZE + 1];
    char currency[BOOKING_CURRENCY_SIZE + 1];
};

static void read_car(const struct sql_rows *rows, struct kept_car *kept)
{
    kept->number = sql_number(rows, 0);
    sql_copy_text(rows, 1, kept->carid, sizeof kept->carid);
    sql_copy_text(rows, 2, kept->location, sizeof kept->location);
    sql_copy_text(rows, 3, kept->category, sizeof kept->category);
    sql_copy_text(rows, 7, kept->currency, sizeof kept->currency);
    kept->car = (struct desk_car){
        .carid = kept->carid,
        .location = kept->location,
        .category = kept->category,
        .currency = kept->currency,
        .day_price = sql_number(rows, 4),
        .hour_price = sql_number(rows, 5),
        .turnaround = (int32_t)sql_number(rows, 6),
        .offered = sql_number(rows, 8) != 0,
    };
}

/* The last character of Unicode: no carid that begins with a text is behind the text with this. */
#define LAST_CHARACTER "\xF4\x8F\xBF\xBF"

/* Reads up to `limit` cars behind `after`; how many. */
static unsigned read_cars(struct desk *desk, const struct desk_car_filter *filter,
                          const char *after, unsigned limit, struct kept_car *cars)
{
    const char *binary = desk->sql->driver->binary;
    struct sql_statement statement;
    struct sql_rows rows;
    char text[64], last[sizeof filter->q + sizeof LAST_CHARACTER];
    unsigned count = 0;
    sql_start(&statement, "SELECT number, carid, location, category, day_price, hour_price,"
                          " turnaround, (SELECT value FROM meta WHERE name = 'currency'), offered"
                          " FROM cars WHERE number > 0");
    if (!filter->withdrawn)
        sql_add(&statement, " AND offered <> 0");
    if (*filter->location)
        sql_add_text(&statement, " AND location = ", filter->location);
    if (*filter->category)
        sql_add_text(&statement, " AND category = ", filter->category);
    if (*filter->q) {
        snprintf(last, sizeof last, "%s%s", filter->q, LAST_CHARACTER);
        snprintf(text, sizeof text, " AND carid%s >= ", binary);
        sql_add_text(&statement, text, filter->q);
        snprintf(text, sizeof text, " AND carid%s < ", binary);
        sql_add_text(&statement, text, last);
    }
    if (after && *after) {
        snprintf(text, sizeof text, " AND carid%s > ", binary);
        sql_add_text(&statement, text, after);
    }
    snprintf(text, sizeof text, " ORDER BY carid%s LIMIT %u", binary, limit);
    sql_add(&statement, text);
    sql_query(desk->sql, &rows, &statement);
    while (count < limit && sql_next(&rows))
        read_car(&rows, &cars[count++]);
    sql_end(&rows);
    sql_stop(&statement);
    return count;
}

static struct kept_car *new_cars(unsigned count, struct buffer *error)
{
    struct kept_car *cars = calloc(count, sizeof cars[0]);
    if (!cars)
        buffer_add_text(error, "out of memory");
    return cars;
}

bool desk_find_cars(struct desk *desk, const struct desk_car_filter *filter, const char *after,
                    unsigned limit, desk_car_reader *each, void *context, struct buffer *error)
{
    unsigned portion = limit ? limit : CARS_PORTION, count = portion;
    struct kept_car *cars = new_cars(portion, error);
    char last[CAR_ID_MAX + 1] = "";
    bool go_on = cars;
    if (!cars)
        return false;
    snprintf(last, sizeof last, "%s", after ? after : "");
    sql_begin(desk->sql, false);
    while (go_on && count == portion && !sql_failed(desk->sql)) {
        count = read_cars(desk, filter, last, portion, cars);
        for (unsigned i = 0; i < count && go_on; i++)
            go_on = each(context, &cars[i].car);
        if (count)
            memcpy(last, cars[count - 1].carid, sizeof last);
        go_on = go_on && !limit;
    }
    free(cars);
    return desk_end_reading(desk, error);
}

/* --- calendar -------------------------------------------------------------------------------- */

struct rows {
    const struct kept_car *cars;
    unsigned count, told; /* cars whose row has begun */
    desk_car_reader *car;
    desk_booking_reader *bar;
    void *context;
};

/* Begins the rows up to that of the car with this number, -1 for all. */
static bool begin_rows(struct rows *rows, int64_t number)
{
    bool go_on = true;
    while (go_on && rows->told < rows->count &&
           (rows->told == 0 || rows->cars[rows->told - 1].number != number))
        go_on = rows->car(rows->context, &rows->cars[rows->told++].car);
    return go_on;
}

static bool tell_bar(void *context, const struct desk_booking *booking)
{
    struct rows *rows = context;
    return begin_rows(rows, booking->booking.car) && rows->bar(rows->context, booking);
}

/* A page of cars, by number. */
static void add_cars(struct sql_statement *statement, const struct kept_car *cars, unsigned count)
{
    char number[32];
    sql_add(statement, " AND b.car IN (");
    for (unsigned i = 0; i < count; i++) {
        snprintf(number, sizeof number, "%s%" PRId64, i ? ", " : "", cars[i].number);
        sql_add(statement, number);
    }
    sql_add(statement, ")");
}

static void add_bars(struct sql_statement *statement, const char *from, const char *states,
                     const struct kept_car *cars, unsigned count)
{
    sql_add(statement, "SELECT " DESK_BOOKING_COLUMNS);
    sql_add(statement, from);
    sql_add(statement, states);
    add_cars(statement, cars, count);
    sql_add(statement, " AND b.pickup_at < $1 AND b.return_at + b.turnaround > $2");
}

bool desk_calendar(struct desk *desk, const struct desk_car_filter *filter, const char *after,
                   unsigned limit, struct period period, desk_car_reader *car,
                   desk_booking_reader *bar, void *context, struct buffer *error)
{
    struct kept_car *cars = new_cars(limit, error);
    struct sql_statement statement;
    struct desk_booking last;
    unsigned count;
    char end[64];
    if (!cars)
        return false;
    sql_begin(desk->sql, false);
    struct rows rows = {cars, read_cars(desk, filter, after, limit, cars), 0, car, bar, context};
    bool go_on = true;
    if (rows.count) {
        sql_start(&statement, "SELECT * FROM (");
        statement.values[0].number = period.return_at;
        statement.values[1].number = period.pickup_at;
        statement.values[2].number = period.pickup_at - (DESK_BLOCK_DAYS_MAX + 7) * MINUTES_PER_DAY;
        statement.count = 3;
        add_bars(&statement, DESK_FROM("bookings"), " AND b.state IN (1, 2, 5)", cars, rows.count);
        sql_add(&statement, " UNION ALL ");
        add_bars(&statement, DESK_FROM("past_bookings"), " AND b.state IN (2, 5)", cars,
                 rows.count);
        /* Nothing lasts longer, so a car's bookings of years are not looked through. */
        sql_add(&statement, " AND b.pickup_at > $3");
        snprintf(end, sizeof end, ") t ORDER BY t.carid%s, t.pickup_at LIMIT %d",
                 desk->sql->driver->binary, BARS_MAX);
        sql_add(&statement, end);
        go_on = desk_tell_bookings(desk, &statement, tell_bar, &rows, &last, &count);
        sql_stop(&statement);
    }
    if (go_on)
        (void)begin_rows(&rows, -1);
    free(cars);
    return desk_end_reading(desk, error);
}

/* --- a day ----------------------------------------------------------------------------------- */

struct list {
    const struct desk_day_reader *reader;
    enum desk_day_list list;
};

static bool tell_one(void *context, const struct desk_booking *booking)
{
    const struct list *list = context;
    return list->reader->booking(list->reader->context, list->list, booking);
}

/* A list of the day: what its bookings are, their order, and whether those that are over count. */
struct day_list {
    const char *condition, *order;
    bool past;
};

static const struct day_list day_lists[DESK_DAY_LISTS] = {
    [DESK_PICKUPS] = {" AND b.state = 2 AND b.pickup_at >= $1 AND b.pickup_at < $2",
                      DESK_COLUMN_PICKUP, true},
    [DESK_RETURNS] = {" AND b.state = 2 AND b.return_at >= $1 AND b.return_at < $2",
                      DESK_COLUMN_RETURN, true},
    [DESK_LATE] = {" AND b.state = 2 AND b.return_at <= $1 AND b.returned_at = 0",
                   DESK_COLUMN_RETURN, false},
    [DESK_BLOCKS] = {" AND b.state = 5 AND b.return_at > $1 AND b.pickup_at < $2",
                     DESK_COLUMN_PICKUP, true},
    [DESK_HOLDS] = {" AND b.state = 1 AND b.expires_at > $1", DESK_COLUMN_CREATED, false},
};

/* One column, or the rows, of both tables. */
static void add_list(struct sql_statement *statement, const char *columns,
                     const struct day_list *list, const char *location)
{
    sql_add(statement, "SELECT ");
    sql_add(statement, columns);
    sql_add(statement, DESK_FROM("bookings"));
    sql_add(statement, list->condition);
    sql_add(statement, location);
    if (!list->past)
        return;
    sql_add(statement, " UNION ALL SELECT ");
    sql_add(statement, columns);
    sql_add(statement, DESK_FROM("past_bookings"));
    sql_add(statement, list->condition);
    sql_add(statement, location);
}

static bool tell_list(struct desk *desk, enum desk_day_list which, const struct sql_value *values,
                      int count, const char *location, const struct desk_day_reader *reader)
{
    const struct day_list *list = &day_lists[which];
    struct list told = {reader, which};
    struct sql_statement statement;
    struct sql_rows rows;
    struct desk_booking last;
    unsigned told_count;
    char text[64];
    sql_start(&statement, "");
    memcpy(statement.values, values, (size_t)count * sizeof values[0]);
    statement.count = count;
    add_list(&statement, DESK_BOOKING_COLUMNS, list, location);
    snprintf(text, sizeof text, " ORDER BY %s, " DESK_COLUMN_ID " LIMIT %d", list->order,
             DESK_DAY_ROWS_MAX);
    sql_add(&statement, text);
    bool go_on = desk_tell_bookings(desk, &statement, tell_one, &told, &last, &told_count);
    sql_stop(&statement);
    int64_t all = told_count;
    if (go_on && told_count == DESK_DAY_ROWS_MAX) {
        sql_start(&statement, "SELECT count(*) FROM (");
        memcpy(statement.values, values, (size_t)count * sizeof values[0]);
        statement.count = count;
        add_list(&statement, "b.id", list, location);
        sql_add(&statement, ") t");
        sql_query(desk->sql, &rows, &statement);
        all = sql_next(&rows) ? sql_number(&rows, 0) : 0;
        sql_end(&rows);
        sql_stop(&statement);
    }
    return go_on && reader->count(reader->context, which, all);
}

static bool tell_sales(struct desk *desk, struct period period, const char *location,
                       const struct desk_day_reader *reader)
{
    static const char *const tables[] = {" FROM bookings b", " FROM past_bookings b"};
    struct sql_statement statement;
    struct sql_rows rows;
    bool go_on = true;
    sql_start(&statement, "SELECT channel, count(*), CAST(sum(total) AS bigint) FROM (");
    for (int i = 0; i < 2; i++) {
        sql_add(&statement,
                i ? " UNION ALL SELECT b.channel, b.total" : "SELECT b.channel, b.total");
        sql_add(&statement, tables[i]);
        sql_add_number(&statement,
                       " WHERE b.state = 2 AND b.created_at >= ", (int64_t)period.pickup_at * 60);
        sql_add_number(&statement, " AND b.created_at < ", (int64_t)period.return_at * 60);
        if (*location)
            sql_add_text(&statement, " AND b.location = ", location);
    }
    sql_add(&statement, ") t GROUP BY channel ORDER BY count(*) DESC, channel LIMIT 200");
    sql_query(desk->sql, &rows, &statement);
    while (go_on && sql_next(&rows)) {
        struct desk_sales sales = {
            .channel = sql_text(&rows, 0),
            .count = sql_number(&rows, 1),
            .total = sql_number(&rows, 2),
        };
        go_on = reader->sales(reader->context, &sales);
    }
    sql_end(&rows);
    sql_stop(&statement);
    return go_on;
}

bool desk_day(struct desk *desk, struct period period, const char *location, int64_t now,
              const struct desk_day_reader *reader, struct buffer *error)
{
    bool go_on = true;
    sql_begin(desk->sql, false);
    for (enum desk_day_list list = 0; list < DESK_DAY_LISTS && go_on; list++) {
        bool by_now = list == DESK_LATE || list == DESK_HOLDS;
        struct sql_value values[3] = {{.number = period.pickup_at}, {.number = period.return_at}};
        int count = 2;
        const char *at_location = "";
        if (by_now) {
            values[0].number = list == DESK_LATE ? now / 60 : now;
            count = 1;
        }
        if (*location) {
            at_location = by_now ? " AND b.location = $2" : " AND b.location = $3";
            values[count++].text = location;
        }
        go_on = tell_list(desk, list, values, count, at_location, reader);
    }
    if (go_on)
        (void)tell_sales(desk, period, location, reader);
    return desk_end_reading(desk, error);
}
