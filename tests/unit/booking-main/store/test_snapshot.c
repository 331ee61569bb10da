/* The store: snapshots, which an engine begins from. */
#include "tests/unit/booking-main/store/one_engine.h"

static void a_snapshot_is_what_there_is(void **state)
{
    (void)state;
    struct booking booking;
    struct unit_request held = hold("held", 500);
    assert_int_equal(unit_run(&engine, &held), STORE_OK);
    assert_int_equal(book("booked", 2, 1500, 2500), STORE_OK);
    assert_int_equal(book("past", 2, 100, 200), STORE_OK);
    assert_int_equal(book("gone", 2, 5000, 6000), STORE_OK);
    assert_int_equal(run_at(STORE_CANCEL, "gone", 0, &booking), STORE_OK);
    struct unit_snapshot snapshot = unit_snapshot(&engine, 200);
    assert_string_equal(snapshot.currency, "EUR");
    assert_int_equal(snapshot.announced, 3);
    assert_int_equal(snapshot.car_count, 3);
    assert_int_equal(snapshot.taken_count, 2);
    assert_string_equal(snapshot.taken[0], "0 1 1 1000-2000 500 held");
    assert_string_equal(snapshot.taken[1], "0 1 2 1500-2500 0 booked");
    assert_int_equal(snapshot.last_event, 6);
    snapshot = unit_snapshot(&engine, 199);
    assert_int_equal(snapshot.taken_count, 3);
    /* A confirmed hold does not end. */
    assert_int_equal(run_at(STORE_CONFIRM, "held", 100, &booking), STORE_OK);
    snapshot = unit_snapshot(&engine, 200);
    assert_string_equal(snapshot.taken[0], "0 1 1 1000-2000 0 held");
}

static bool refuse(void *context, const struct store_event *event)
{
    (void)event;
    (*(int *)context)++;
    return false;
}

static bool accept_begin(void *context, const char *currency, size_t cars)
{
    (void)context;
    (void)currency;
    (void)cars;
    return true;
}

static bool accept_car(void *context, const struct store_car *car)
{
    (void)context;
    (void)car;
    return true;
}

static void a_reader_may_stop_a_snapshot(void **state)
{
    (void)state;
    int calls = 0;
    int64_t last = -7;
    struct buffer error;
    struct store_snapshot_reader reader = {&calls, accept_begin, accept_car, refuse};
    buffer_init(&error, 4096);
    assert_int_equal(book("a", 1, 1000, 2000), STORE_OK);
    assert_int_equal(book("b", 2, 1000, 2000), STORE_OK);
    assert_false(store_read_snapshot(engine.store, 0, &reader, &last, &error));
    assert_int_equal(calls, 1);
    assert_int_equal(last, -7);
    assert_non_null(strstr(error.data, "out of memory"));
    assert_int_equal(book("c", 2, 3000, 4000), STORE_OK); /* and it goes on */
    buffer_free(&error);
}

/* In another thread, while bookings are made: each is in the snapshot or has a later event. */
struct snapshot_thread {
    int64_t last_event[20];
    size_t taken[20];
};

static void *take_snapshots(void *context)
{
    struct snapshot_thread *thread = context;
    for (int i = 0; i < 20; i++) {
        struct unit_snapshot snapshot = unit_snapshot(&engine, 0);
        thread->last_event[i] = snapshot.last_event;
        thread->taken[i] = snapshot.taken_count;
    }
    return NULL;
}

static void snapshots_are_consistent_while_it_runs(void **state)
{
    (void)state;
    struct snapshot_thread results;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, take_snapshots, &results), 0);
    for (int i = 0; i < 300; i++) {
        char id[BOOKING_ID_SIZE + 1];
        snprintf(id, sizeof id, "s%d", i);
        assert_int_equal(book(id, 1, 1000 + i, 1001 + i), STORE_OK);
    }
    pthread_join(thread, NULL);
    for (int i = 0; i < 20; i++)
        assert_int_equal(results.taken[i], results.last_event[i] - 1); /* but for the fleet's */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(a_snapshot_is_what_there_is),
        BOTH(a_reader_may_stop_a_snapshot),
        BOTH(snapshots_are_consistent_while_it_runs),
    };
    return run_on_store("store: snapshots", tests);
}
