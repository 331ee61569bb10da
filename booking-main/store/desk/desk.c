#include "store/desk/internal.h"

#include "store/driver.h"

#include <stdlib.h>

enum { TRIES = 5 };

struct desk *desk_open(struct store *store, struct buffer *error)
{
    struct desk *desk = calloc(1, sizeof *desk);
    if (!desk) {
        buffer_add_text(error, "out of memory");
        return NULL;
    }
    desk->sql = store->driver->open_sql(store, error);
    if (desk->sql)
        return desk;
    free(desk);
    return NULL;
}

void desk_close(struct desk *desk)
{
    if (!desk)
        return;
    desk->sql->driver->close(desk->sql);
    free(desk);
}

void desk_cancel_call(struct desk *desk)
{
    atomic_store(&desk->sql->cancelled, true);
}

struct sql *desk_sql(struct desk *desk)
{
    return desk->sql;
}

static void add_sentence(struct desk *desk, const char *otherwise, struct buffer *error)
{
    const struct buffer *sentence = &desk->sql->error;
    buffer_add_text(error, sentence->size ? sentence->data : otherwise);
}

bool desk_end_reading(struct desk *desk, struct buffer *error)
{
    struct sql *sql = desk->sql;
    bool good = !sql_failed(sql);
    if (!good)
        add_sentence(desk, "out of memory", error);
    sql_rollback(sql); /* nothing was changed */
    return good;
}

enum desk_result desk_write(struct desk *desk,
                            enum desk_result (*write)(struct sql *sql, void *context),
                            void *context, struct buffer *error)
{
    struct sql *sql = desk->sql;
    enum desk_result result = DESK_FAILED;
    bool again = true;
    for (int i = 0; i < TRIES && again; i++) {
        sql_begin(sql, true);
        result = write(sql, context);
        if (result == DESK_OK && sql_commit(sql))
            break;
        again = sql->failure == SQL_AGAIN;
        if (sql_failed(sql))
            result = DESK_FAILED;
        sql_rollback(sql);
    }
    if (result == DESK_FAILED)
        add_sentence(desk, "others change the same: try again", error);
    return result;
}

void desk_read_booking(const struct sql_rows *rows, struct desk_booking *row)
{
    struct booking *booking = &row->booking;
    int column = 0;
    sql_copy_text(rows, column++, booking->id, sizeof booking->id);
    row->created_at = sql_number(rows, column++);
    booking->period.pickup_at = (int32_t)sql_number(rows, column++);
    booking->period.return_at = (int32_t)sql_number(rows, column++);
    sql_copy_text(rows, column++, booking->channel, sizeof booking->channel);
    sql_copy_text(rows, column++, booking->reference, sizeof booking->reference);
    booking->car = sql_number(rows, column++);
    booking->turnaround = (int32_t)sql_number(rows, column++);
    booking->state = (enum booking_state)sql_number(rows, column++);
    booking->expires_at = sql_number(rows, column++);
    booking->day_price = sql_number(rows, column++);
    booking->hour_price = sql_number(rows, column++);
    booking->total = sql_number(rows, column++);
    sql_copy_text(rows, column++, booking->currency, sizeof booking->currency);
    sql_copy_text(rows, column++, booking->carid, sizeof booking->carid);
    sql_copy_text(rows, column++, booking->location, sizeof booking->location);
    sql_copy_text(rows, column++, booking->category, sizeof booking->category);
    row->returned_at = sql_number(rows, column++);
    row->version = sql_number(rows, column++);
    sql_copy_text(rows, column, row->reason, sizeof row->reason);
}

bool desk_take_booking(struct desk *desk, const struct sql_statement *statement,
                       struct desk_booking *booking)
{
    struct sql_rows rows;
    sql_query(desk->sql, &rows, statement);
    bool found = sql_next(&rows);
    if (found)
        desk_read_booking(&rows, booking);
    sql_end(&rows);
    return found;
}

bool desk_tell_bookings(struct desk *desk, const struct sql_statement *statement,
                        desk_booking_reader *each, void *context, struct desk_booking *last,
                        unsigned *count)
{
    struct sql_rows rows;
    bool go_on = true;
    sql_query(desk->sql, &rows, statement);
    for (*count = 0; go_on && sql_next(&rows); (*count)++) {
        desk_read_booking(&rows, last);
        go_on = each(context, last);
    }
    sql_end(&rows);
    return go_on;
}

int64_t desk_car_number(struct desk *desk, const char *carid)
{
    struct sql_statement statement;
    struct sql_rows rows;
    sql_start(&statement, "SELECT number FROM cars WHERE carid = ");
    sql_add_text(&statement, "", carid);
    sql_query(desk->sql, &rows, &statement);
    int64_t number = sql_next(&rows) ? sql_number(&rows, 0) : -1;
    sql_end(&rows);
    sql_stop(&statement);
    return number;
}
