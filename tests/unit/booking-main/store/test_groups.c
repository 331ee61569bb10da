/* The store: several requests at once, and events in their order. */
#include "tests/unit/booking-main/store/one_engine.h"

/* store_unit.h checks of each event that it follows the last, and of each success that its event
 * came before. */
static void many_at_once_share_commits(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    struct unit_request *requests = calloc(COUNT, sizeof *requests);
    assert_non_null(requests);
    for (int i = 0; i < COUNT; i++) {
        char id[BOOKING_ID_SIZE + 1];
        snprintf(id, sizeof id, "id-%d", i);
        requests[i] = unit_booking(id, 1 + i % 2, 1000 + i, 1001 + i);
    }
    for (int i = 0; i < COUNT; i++)
        unit_submit(&engine, &requests[i]);
    unit_wait(&engine);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(requests[i].store.result, STORE_OK);
    assert_int_equal(engine.event_count, COUNT + 1);
    assert_int_equal(engine.committed, COUNT);
    assert_in_range(engine.commits, 4, 100); /* of 256 at most; hardly alone */
    assert_true(engine.largest_commit <= 256);
    assert_true(engine.commit_time > 0);
    free(requests);
}

static struct unit_request submitted_again;

static void submit_again(struct unit_request *request)
{
    (void)request;
    submitted_again = unit_booking("b", 2, 1000, 2000);
    unit_submit(&engine, &submitted_again);
}

static void a_callback_may_submit_again(void **state)
{
    (void)state;
    struct unit_request first = unit_booking("a", 1, 1000, 2000);
    first.then = submit_again;
    unit_submit(&engine, &first);
    unit_wait(&engine);
    assert_int_equal(first.store.result, STORE_OK);
    assert_int_equal(submitted_again.store.result, STORE_OK);
}

static void closing_ends_what_is_pending(void **state)
{
    (void)state;
    enum { COUNT = 600 };
    struct unit_request *requests = calloc(COUNT, sizeof *requests);
    assert_non_null(requests);
    for (int i = 0; i < COUNT; i++) {
        char id[BOOKING_ID_SIZE + 1];
        snprintf(id, sizeof id, "id-%d", i);
        requests[i] =
            i % 3 == 2 ? unit_request(STORE_SHOW, "id-0") : unit_booking(id, 1, 1000 + i, 1001 + i);
        unit_submit(&engine, &requests[i]);
    }
    requests[COUNT - 1].then = submit_again; /* while it closes */
    size_t events = engine.event_count;
    store_close(engine.store);
    engine.store = NULL;
    assert_int_equal(engine.pending, 0);
    int booked = 0;
    for (int i = 0; i < COUNT; i++) {
        assert_true(requests[i].finished);
        if (i % 3 != 2)
            booked += requests[i].store.result == STORE_OK;
    }
    assert_int_equal(engine.event_count - events, booked);
    free(requests);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(many_at_once_share_commits),
        BOTH(a_callback_may_submit_again),
        BOTH(closing_ends_what_is_pending),
    };
    return run_on_store("store: groups", tests);
}
