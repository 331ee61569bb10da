/* What most tests of the store share: one engine, on a database in memory or in a file, and the
 * requests they make of it. Of programs linked with --wrap=time.
 *
 * Programs that end in run_on_store() run on either kind of database, as UNIT_STORE says. */
#ifndef TESTS_UNIT_BOOKING_MAIN_STORE_ONE_ENGINE_H
#define TESTS_UNIT_BOOKING_MAIN_STORE_ONE_ENGINE_H

#include "tests/unit/booking-main/store/unit_time.h"

static struct unit_engine engine;

/* --- before and after a test ----------------------------------------------------------------- */

/* A folder for its files, and no engine yet. */
static inline int begin_in_folder(void **state)
{
    (void)state;
    unit_jumped = 0;
    unit_folder_make();
    return 0;
}

static inline void start_in_file(void)
{
    unit_engine_start(&engine, unit_url("booking.db"));
}

static inline int begin_in_file(void **state)
{
    begin_in_folder(state);
    start_in_file();
    return 0;
}

static inline int begin_in_memory(void **state)
{
    (void)state;
    unit_engine_start(&engine, "sqlite::memory:");
    return 0;
}

static inline int end(void **state)
{
    (void)state;
    unit_engine_stop(&engine);
    unit_postgresql_forget();
    unit_folder_remove();
    return 0;
}

static inline int end_in_file(void **state)
{
    unit_engine_stop(&engine);
    check_database("booking.db");
    return end(state);
}

/* A test that must hold for either kind of database is run on both. */
#define BOTH(test)                                                                                 \
    {#test " (memory)", test, begin_in_memory, end, NULL},                                         \
    {                                                                                              \
#test " (file)", test, begin_in_file, end_in_file, NULL                                    \
    }

/* What is in memory is SQLite's. */
#define run_on_store(name, tests)                                                                  \
    (cmocka_set_skip_filter(unit_is_sqlite() ? NULL : "*(memory)"),                                \
     cmocka_run_group_tests_name(name, tests, NULL, unit_postgresql_drop_all))

/* --- requests -------------------------------------------------------------------------------- */

static inline enum store_result book(const char *id, int64_t car, int32_t pickup_at,
                                     int32_t return_at)
{
    struct unit_request request = unit_booking(id, car, pickup_at, return_at);
    return unit_run(&engine, &request);
}

/* Books car-1 for one minute. */
static inline enum store_result book_minute(const char *id, int32_t pickup_at)
{
    return book(id, 1, pickup_at, pickup_at + 1);
}

/* Car-1 from 1000 to 2000, to be submitted. */
static inline struct unit_request hold(const char *id, int64_t expires_at)
{
    struct unit_request request = unit_booking(id, 1, 1000, 2000);
    request.store.booking.state = BOOKING_HELD;
    request.store.booking.expires_at = expires_at;
    return request;
}

static inline enum store_result run_at(enum store_operation operation, const char *id, int64_t now,
                                       struct booking *booking)
{
    struct unit_request request = unit_request(operation, id);
    request.store.now = now;
    unit_run(&engine, &request);
    *booking = request.store.booking;
    return request.store.result;
}

#endif
