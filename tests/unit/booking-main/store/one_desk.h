/* One engine (one_engine.h), and a desk on its database. */
#ifndef TESTS_UNIT_BOOKING_MAIN_STORE_ONE_DESK_H
#define TESTS_UNIT_BOOKING_MAIN_STORE_ONE_DESK_H

#include "tests/unit/booking-main/store/one_engine.h"

#include "store/desk/transaction.h"

static struct desk *desk;
static struct buffer error;

static inline void open_desk(void)
{
    buffer_init(&error, 4096);
    desk = desk_open(engine.store, &error);
    if (!desk)
        fail_msg("%s", error.data);
}

static inline void close_desk(void)
{
    desk_close(desk);
    buffer_free(&error);
}

static inline int begin_desk_in_memory(void **state)
{
    begin_in_memory(state);
    open_desk();
    return 0;
}

static inline int begin_desk_in_file(void **state)
{
    begin_in_file(state);
    open_desk();
    return 0;
}

static inline int end_desk(void **state)
{
    close_desk();
    return end(state);
}

static inline int end_desk_in_file(void **state)
{
    close_desk();
    return end_in_file(state);
}

#define DESK_BOTH(test)                                                                            \
    {#test " (memory)", test, begin_desk_in_memory, end_desk, NULL},                               \
    {                                                                                              \
#test " (file)", test, begin_desk_in_file, end_desk_in_file, NULL                          \
    }

/* Fails with the database's sentence where one was not expected. */
static inline void expect(enum desk_result result, enum desk_result wanted)
{
    if (result != wanted)
        fail_msg("result %d, not %d: %s", result, wanted, error.data ? error.data : "");
    buffer_clear(&error);
}

/* Changes the database by a statement of its own. */
static inline void change_rows(const char *text)
{
    struct sql_statement statement;
    sql_start(&statement, text);
    sql_begin(desk_sql(desk), true);
    sql_run(desk_sql(desk), &statement);
    sql_stop(&statement);
    if (!sql_commit(desk_sql(desk)))
        fail_msg("%s: %s", text, desk_sql(desk)->error.data);
}

#endif
