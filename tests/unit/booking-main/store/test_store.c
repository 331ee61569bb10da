/* The store on SQLite: every operation and result, in memory and in a file. What happens to a file
 * is in test_store_file.c. */
#include "tests/unit/booking-main/store/unit_time.h"

static struct unit_engine engine;

static int begin_in_memory(void **state)
{
    (void)state;
    unit_engine_start(&engine, "sqlite::memory:");
    return 0;
}

static int begin_in_file(void **state)
{
    (void)state;
    unit_folder_make();
    unit_engine_start(&engine, unit_url("booking.db"));
    return 0;
}

static int end(void **state)
{
    (void)state;
    unit_engine_stop(&engine);
    unit_folder_remove();
    return 0;
}

/* --- booking --------------------------------------------------------------------------------- */

static void a_booking_is_kept_and_shown(void **state)
{
    (void)state;
    struct unit_request book = unit_booking("a", 1, 1000, 2000), show;
    strcpy(book.store.booking.reference, "M\xC3\xBCller");
    assert_int_equal(unit_run(&engine, &book), STORE_OK);
    assert_string_equal(book.store.booking.carid, "car-1");
    assert_string_equal(book.store.booking.location, "NCE");
    assert_string_equal(book.store.booking.category, "ECMR");

    show = unit_request(STORE_SHOW, "a");
    assert_int_equal(unit_run(&engine, &show), STORE_OK);
    const struct booking *booking = &show.store.booking;
    assert_string_equal(booking->id, book.store.booking.id);
    assert_string_equal(booking->channel, "kayak");
    assert_string_equal(booking->reference, "M\xC3\xBCller");
    assert_string_equal(booking->carid, "car-1");
    assert_int_equal(booking->car, 1);
    assert_int_equal(booking->period.pickup_at, 1000);
    assert_int_equal(booking->period.return_at, 2000);
    assert_int_equal(booking->state, BOOKING_BOOKED);
    assert_int_equal(booking->expires_at, 0);
    assert_int_equal(booking->day_price, 5500);
    assert_int_equal(booking->hour_price, 1000);
    assert_int_equal(booking->total, 5500);
    assert_string_equal(booking->currency, "EUR");

    show = unit_request(STORE_SHOW, "b");
    assert_int_equal(unit_run(&engine, &show), STORE_NOT_FOUND);
    show = unit_request(STORE_SHOW, "a");
    strcpy(show.store.booking.channel, "airbnb");
    assert_int_equal(unit_run(&engine, &show), STORE_NOT_FOUND);
    assert_int_equal(show.store.booking.car, 0); /* untouched */
}

static enum store_result book(const char *id, int64_t car, int32_t pickup_at, int32_t return_at)
{
    struct unit_request request = unit_booking(id, car, pickup_at, return_at);
    return unit_run(&engine, &request);
}

static void periods_of_a_car_never_overlap(void **state)
{
    (void)state;
    assert_int_equal(book("a", 1, 1000, 2000), STORE_OK);
    assert_int_equal(book("b", 1, 1000, 2000), STORE_CAR_TAKEN);
    assert_int_equal(book("c", 1, 1999, 3000), STORE_CAR_TAKEN);
    assert_int_equal(book("d", 1, 500, 1001), STORE_CAR_TAKEN);
    assert_int_equal(book("e", 1, 1500, 1600), STORE_CAR_TAKEN);
    assert_int_equal(book("f", 1, 500, 5000), STORE_CAR_TAKEN);
    assert_int_equal(book("g", 1, 2000, 3000), STORE_OK); /* back at 2000, out again at 2000 */
    assert_int_equal(book("h", 1, 500, 1000), STORE_OK);
    assert_int_equal(book("i", 2, 1000, 2000), STORE_OK);
    assert_int_equal(book("j", 1, 900, 2100), STORE_CAR_TAKEN);
    assert_int_equal(engine.event_count, 4 + 1);
}

/* Random bookings and cancellations beside a plain table of minutes. */
static void any_periods_are_free_when_a_plain_model_says_so(void **state)
{
    (void)state;
    enum { MINUTES = 60, STEPS = 1500 };
    static bool taken[3][MINUTES];
    static struct {
        char id[BOOKING_ID_SIZE + 1];
        int64_t car;
        int32_t from, to;
    } booked[STEPS];
    int count = 0;
    uint64_t random = 4711;
    memset(taken, 0, sizeof taken);
    for (int i = 0; i < STEPS; i++) {
        char id[BOOKING_ID_SIZE + 1];
        if (count && unit_random(&random) % 3 == 0) {
            int which = (int)(unit_random(&random) % (unsigned)count);
            struct unit_request cancel = unit_request(STORE_CANCEL, booked[which].id);
            assert_int_equal(unit_run(&engine, &cancel), STORE_OK);
            for (int32_t at = booked[which].from; at < booked[which].to; at++)
                taken[booked[which].car][at] = false;
            booked[which] = booked[--count];
            continue;
        }
        int64_t car = 1 + (int64_t)(unit_random(&random) % 2);
        int32_t from = (int32_t)(unit_random(&random) % (MINUTES - 1));
        int32_t to = from + 1 + (int32_t)(unit_random(&random) % 12);
        to = to > MINUTES ? MINUTES : to;
        bool is_free = true;
        for (int32_t at = from; at < to; at++)
            is_free = is_free && !taken[car][at];
        snprintf(id, sizeof id, "r%d", i);
        /* In the future at the time of cancelling. */
        assert_int_equal(book(id, car, 100000000 + from, 100000000 + to),
                         is_free ? STORE_OK : STORE_CAR_TAKEN);
        if (!is_free)
            continue;
        strcpy(booked[count].id, id);
        booked[count].car = car;
        booked[count].from = from;
        booked[count++].to = to;
        for (int32_t at = from; at < to; at++)
            taken[car][at] = true;
    }
}

static void a_car_that_changed_is_not_booked(void **state)
{
    (void)state;
    struct unit_request request;
    assert_int_equal(book("a", 99, 1000, 2000), STORE_CAR_CHANGED);
    request = unit_booking("b", 1, 1000, 2000);
    request.store.booking.day_price = 5400;
    assert_int_equal(unit_run(&engine, &request), STORE_CAR_CHANGED);
    request = unit_booking("c", 1, 1000, 2000);
    request.store.booking.hour_price = -1;
    assert_int_equal(unit_run(&engine, &request), STORE_CAR_CHANGED);
    request = unit_booking("d", 3, 1000, 2000); /* has no price an hour */
    assert_int_equal(unit_run(&engine, &request), STORE_CAR_CHANGED);
    request.store.booking.hour_price = -1;
    request.store.booking.day_price = 7000;
    strcpy(request.store.booking.location, "PAR");
    assert_int_equal(unit_run(&engine, &request), STORE_CAR_CHANGED);
    strcpy(request.store.booking.category, "CDMR");
    assert_int_equal(unit_run(&engine, &request), STORE_OK);
    request = unit_booking("d2", 1, 1000, 2000);
    strcpy(request.store.booking.location, "PAR");
    assert_int_equal(unit_run(&engine, &request), STORE_CAR_CHANGED);
    request = unit_booking("d3", 1, 1000, 2000);
    strcpy(request.store.booking.currency, "JPY"); /* as much in minor units */
    assert_int_equal(unit_run(&engine, &request), STORE_CAR_CHANGED);
    unit_import(&engine, "car-1,ECMR,NCE,60.00,10.00,EUR\ncar-3,CDMR,PAR,70.00,,EUR\n");
    assert_int_equal(book("e", 1, 1000, 2000), STORE_CAR_CHANGED); /* dearer now */
    assert_int_equal(book("f", 2, 1000, 2000), STORE_CAR_CHANGED); /* withdrawn */
    struct unit_request show = unit_request(STORE_SHOW, "d");
    assert_int_equal(unit_run(&engine, &show), STORE_OK);
    assert_int_equal(show.store.booking.hour_price, -1);
    assert_int_equal(show.store.booking.day_price, 7000);
}

static void an_id_that_exists_fails_alone(void **state)
{
    (void)state;
    assert_int_equal(book("a", 1, 1000, 2000), STORE_OK);
    struct unit_request requests[3] = {unit_booking("b", 2, 1000, 2000),
                                       unit_booking("a", 2, 3000, 4000),
                                       unit_booking("c", 2, 5000, 6000)};
    for (int i = 0; i < 3; i++)
        unit_submit(&engine, &requests[i]);
    unit_wait(&engine);
    assert_int_equal(requests[0].store.result, STORE_OK);
    assert_int_equal(requests[1].store.result, STORE_UNAVAILABLE);
    assert_int_equal(requests[2].store.result, STORE_OK);
    assert_int_equal(engine.troubles, 0);
    assert_int_equal(engine.event_count, 3 + 1);
}

/* --- holds ----------------------------------------------------------------------------------- */

static struct unit_request hold(const char *id, int64_t expires_at)
{
    struct unit_request request = unit_booking(id, 1, 1000, 2000);
    request.store.booking.state = BOOKING_HELD;
    request.store.booking.expires_at = expires_at;
    return request;
}

static enum store_result run_at(enum store_operation operation, const char *id, int64_t now,
                                struct booking *booking)
{
    struct unit_request request = unit_request(operation, id);
    request.store.now = now;
    unit_run(&engine, &request);
    *booking = request.store.booking;
    return request.store.result;
}

static void check_event(size_t place, enum store_event_kind kind, const char *id,
                        int64_t expires_at)
{
    assert_true(place < engine.event_count);
    const struct store_event *event = &engine.events[place];
    assert_int_equal(event->kind, kind);
    assert_string_equal(event->booking_id, id);
    assert_int_equal(event->car, 1);
    assert_int_equal(event->period.pickup_at, 1000);
    assert_int_equal(event->period.return_at, 2000);
    assert_int_equal(event->expires_at, expires_at);
}

static void a_hold_is_confirmed_and_cancelled(void **state)
{
    (void)state;
    struct booking booking;
    struct unit_request request = hold("a", 500);
    request.store.now = 400;
    assert_int_equal(unit_run(&engine, &request), STORE_OK);
    assert_int_equal(run_at(STORE_CONFIRM, "x", 499, &booking), STORE_NOT_FOUND);
    assert_int_equal(run_at(STORE_CONFIRM, "a", 499, &booking), STORE_OK);
    assert_int_equal(booking.state, BOOKING_BOOKED);
    assert_int_equal(booking.expires_at, 500); /* a hold that was */
    assert_int_equal(run_at(STORE_CONFIRM, "a", 499, &booking), STORE_WRONG_STATE);
    assert_int_equal(booking.state, BOOKING_BOOKED);
    assert_int_equal(run_at(STORE_EXPIRE, "a", 9999, &booking), STORE_WRONG_STATE);
    assert_int_equal(run_at(STORE_CANCEL, "a", 9999, &booking), STORE_OK);
    assert_int_equal(booking.state, BOOKING_CANCELLED);
    assert_int_equal(run_at(STORE_CANCEL, "a", 9999, &booking), STORE_WRONG_STATE);
    assert_int_equal(booking.state, BOOKING_CANCELLED);
    assert_int_equal(run_at(STORE_CONFIRM, "a", 499, &booking), STORE_WRONG_STATE);
    check_event(1, EVENT_TAKEN, "a", 500);
    check_event(2, EVENT_TAKEN, "a", 0);
    check_event(3, EVENT_RELEASED, "a", 0);
    assert_int_equal(engine.event_count, 4);
    assert_int_equal(book("b", 1, 1000, 2000), STORE_OK);
}

static void nothing_is_cancelled_once_the_pickup_has_passed(void **state)
{
    (void)state;
    struct booking booking;
    assert_int_equal(book("a", 1, 1000, 2000), STORE_OK);
    assert_int_equal(run_at(STORE_CANCEL, "a", 60000, &booking), STORE_WRONG_STATE);
    assert_int_equal(booking.state, BOOKING_BOOKED);
    assert_int_equal(run_at(STORE_CANCEL, "a", 59999, &booking), STORE_OK);
}

static void a_hold_is_released_as_long_as_it_is_held(void **state)
{
    (void)state;
    struct booking booking;
    struct unit_request request = hold("a", 70000);
    assert_int_equal(unit_run(&engine, &request), STORE_OK);
    assert_int_equal(run_at(STORE_CANCEL, "a", 70000, &booking), STORE_WRONG_STATE);
    assert_int_equal(booking.state, BOOKING_HELD);
    assert_int_equal(run_at(STORE_CANCEL, "a", 69999, &booking), STORE_OK); /* pickup: 60000 */
    assert_int_equal(booking.state, BOOKING_CANCELLED);
}

static void a_hold_expires_when_it_is_time(void **state)
{
    (void)state;
    struct booking booking;
    struct unit_request request = hold("a", 500), other;
    assert_int_equal(unit_run(&engine, &request), STORE_OK);
    assert_int_equal(run_at(STORE_EXPIRE, "a", 499, &booking), STORE_WRONG_STATE);
    assert_int_equal(booking.state, BOOKING_HELD);
    other = unit_request(STORE_EXPIRE, "a");
    strcpy(other.store.booking.channel, "airbnb");
    other.store.now = 500;
    assert_int_equal(unit_run(&engine, &other), STORE_NOT_FOUND);
    other.store.booking.channel[0] = '\0'; /* any */
    assert_int_equal(unit_run(&engine, &other), STORE_OK);
    assert_int_equal(other.store.booking.state, BOOKING_EXPIRED);
    assert_string_equal(other.store.booking.channel, "kayak");
    assert_int_equal(run_at(STORE_EXPIRE, "a", 500, &booking), STORE_WRONG_STATE);
    assert_int_equal(booking.state, BOOKING_EXPIRED);
    assert_int_equal(run_at(STORE_CONFIRM, "a", 0, &booking), STORE_WRONG_STATE);
    check_event(2, EVENT_RELEASED, "a", 0);
    assert_int_equal(engine.event_count, 3);
}

static void confirming_too_late_ends_the_hold(void **state)
{
    (void)state;
    struct booking booking;
    struct unit_request request = hold("a", 500), recall;
    assert_int_equal(unit_run(&engine, &request), STORE_OK);
    request = unit_request(STORE_CONFIRM, "a");
    request.store.now = 500;
    request.store.answer = unit_answer("key");
    assert_int_equal(unit_run(&engine, &request), STORE_WRONG_STATE);
    assert_int_equal(request.store.booking.state, BOOKING_EXPIRED);
    check_event(2, EVENT_RELEASED, "a", 0);
    recall = unit_request(STORE_RECALL, "");
    recall.store.answer.key = "key";
    assert_int_equal(unit_run(&engine, &recall), STORE_NOT_FOUND); /* only successes are kept */
    /* A clock set back does not bring it back to life. */
    assert_int_equal(run_at(STORE_CONFIRM, "a", 100, &booking), STORE_WRONG_STATE);
}

static void an_expired_hold_gives_way(void **state)
{
    (void)state;
    struct booking booking;
    struct unit_request first = hold("a", 500), second = unit_booking("b", 1, 1999, 3000);
    second.store.now = 499;
    assert_int_equal(unit_run(&engine, &first), STORE_OK);
    assert_int_equal(unit_run(&engine, &second), STORE_CAR_TAKEN);
    second.store.now = 500;
    assert_int_equal(unit_run(&engine, &second), STORE_OK);
    check_event(2, EVENT_RELEASED, "a", 0);
    assert_int_equal(engine.events[3].kind, EVENT_TAKEN);
    assert_string_equal(engine.events[3].booking_id, "b");
    assert_int_equal(run_at(STORE_CONFIRM, "a", 100, &booking), STORE_WRONG_STATE);
    assert_int_equal(booking.state, BOOKING_EXPIRED);
}

static void of_several_in_the_way_the_expired_ones_end(void **state)
{
    (void)state;
    struct booking booking;
    struct unit_request early = hold("a", 500), wide = unit_booking("c", 1, 0, 9000);
    assert_int_equal(unit_run(&engine, &early), STORE_OK);
    assert_int_equal(book("b", 1, 5000, 6000), STORE_OK);
    wide.store.now = 600;
    assert_int_equal(unit_run(&engine, &wide), STORE_CAR_TAKEN);
    assert_int_equal(run_at(STORE_SHOW, "a", 0, &booking), STORE_OK);
    assert_int_equal(booking.state, BOOKING_EXPIRED);
    assert_int_equal(run_at(STORE_SHOW, "c", 0, &booking), STORE_NOT_FOUND);
    check_event(3, EVENT_RELEASED, "a", 0);
    assert_int_equal(engine.event_count, 4);
}

/* --- answers --------------------------------------------------------------------------------- */

static void an_answer_is_kept_byte_for_byte(void **state)
{
    (void)state;
    static const char request_bytes[] = "POST\0/bookCar\xFF", body[] = "{\"a\":\0\x80}";
    struct unit_request book = unit_booking("a", 1, 1000, 2000), recall;
    book.store.answer = (struct store_answer){.key = "key 1",
                                              .request = request_bytes,
                                              .request_size = sizeof request_bytes,
                                              .status = 201,
                                              .location = "/bookings/a",
                                              .content_type = "application/json",
                                              .body = body,
                                              .body_size = sizeof body};
    assert_int_equal(unit_run(&engine, &book), STORE_OK);
    recall = unit_request(STORE_RECALL, "");
    recall.store.answer.key = "key 1";
    recall.store.answer.request = request_bytes;
    recall.store.answer.request_size = sizeof request_bytes;
    assert_int_equal(unit_run(&engine, &recall), STORE_OK);
    const struct store_answer *answer = &recall.found; /* copied in done() */
    assert_int_equal(answer->status, 201);
    assert_string_equal(answer->location, "/bookings/a");
    assert_string_equal(answer->content_type, "application/json");
    assert_false(answer->other_request);
    assert_ptr_equal(answer->request, request_bytes); /* as handed in */
    assert_int_equal(answer->body_size, sizeof body);
    assert_memory_equal(answer->body, body, sizeof body);
    unit_free_found(&recall);

    recall.store.answer.key = "key 2";
    assert_int_equal(unit_run(&engine, &recall), STORE_NOT_FOUND);
    recall.store.answer.key = "key 1";
    strcpy(recall.store.booking.channel, "airbnb");
    assert_int_equal(unit_run(&engine, &recall), STORE_NOT_FOUND);
}

static void an_answer_belongs_to_its_request(void **state)
{
    (void)state;
    static const char *const others[] = {"POST /\n{ }", "POST /\n", "", "POST /\n{}\n",
                                         "post /\n{}"};
    struct unit_request book = unit_booking("a", 1, 1000, 2000), recall;
    book.store.answer = unit_answer("k");
    book.store.answer.request = "POST /\n{}";
    book.store.answer.request_size = strlen("POST /\n{}");
    assert_int_equal(unit_run(&engine, &book), STORE_OK);
    recall = unit_request(STORE_RECALL, "");
    for (size_t i = 0; i <= LENGTH(others); i++) {
        recall.store.answer = unit_answer("k");
        recall.store.answer.request = i < LENGTH(others) ? others[i] : "POST /\n{}";
        recall.store.answer.request_size = strlen(recall.store.answer.request);
        assert_int_equal(unit_run(&engine, &recall), STORE_OK);
        assert_int_equal(recall.found.other_request, i < LENGTH(others));
        unit_free_found(&recall);
    }
}

static void an_empty_answer_is_kept_too(void **state)
{
    (void)state;
    struct unit_request book = unit_booking("a", 1, 1000, 2000), recall;
    book.store.answer = (struct store_answer){.key = "k", .status = 200, .content_type = "t"};
    assert_int_equal(unit_run(&engine, &book), STORE_OK);
    recall = unit_request(STORE_RECALL, "");
    recall.store.answer.key = "k";
    assert_int_equal(unit_run(&engine, &recall), STORE_OK);
    assert_null(recall.found.location);
    assert_false(recall.found.other_request); /* an empty request, too */
    assert_int_equal(recall.found.body_size, 0);
    unit_free_found(&recall);
}

static void a_key_is_good_for_one_change(void **state)
{
    (void)state;
    struct unit_request request = hold("a", 500), again;
    request.store.now = 400;
    request.store.answer = unit_answer("book");
    assert_int_equal(unit_run(&engine, &request), STORE_OK);
    again = unit_booking("b", 2, 1000, 2000); /* it would succeed */
    again.store.answer = unit_answer("book");
    assert_int_equal(unit_run(&engine, &again), STORE_KEY_EXISTS);
    assert_string_equal(again.store.booking.carid, "");
    again = unit_booking("b", 99, 1000, 2000); /* comes before the car */
    again.store.answer = unit_answer("book");
    assert_int_equal(unit_run(&engine, &again), STORE_KEY_EXISTS);
    again = unit_request(STORE_CONFIRM, "a");
    again.store.answer = unit_answer("book");
    again.store.now = 450;
    assert_int_equal(unit_run(&engine, &again), STORE_KEY_EXISTS);
    assert_int_equal(again.store.booking.car, 0);
    again.store.answer = unit_answer("confirm");
    assert_int_equal(unit_run(&engine, &again), STORE_OK);
    again = unit_booking("b", 2, 1000, 2000); /* another partner's key of that name */
    strcpy(again.store.booking.channel, "airbnb");
    again.store.answer = unit_answer("book");
    assert_int_equal(unit_run(&engine, &again), STORE_OK);
    assert_int_equal(engine.event_count, 3 + 1);
}

static void of_two_with_one_key_in_a_group_one_succeeds(void **state)
{
    (void)state;
    struct unit_request requests[2] = {unit_booking("a", 1, 1000, 2000),
                                       unit_booking("b", 2, 1000, 2000)};
    for (int i = 0; i < 2; i++) {
        requests[i].store.answer = unit_answer("key");
        unit_submit(&engine, &requests[i]);
    }
    unit_wait(&engine);
    assert_int_equal(requests[0].store.result, STORE_OK);
    assert_int_equal(requests[1].store.result, STORE_KEY_EXISTS);
}

/* --- events and groups ----------------------------------------------------------------------- */

/* unit_store.h checks of each event that it follows the last, and of each success that its event
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

/* --- fleet and snapshot ---------------------------------------------------------------------- */

static void check_report(const struct store_import_report *report, size_t added, size_t changed,
                         size_t withdrawn, size_t unchanged)
{
    assert_int_equal(report->added, added);
    assert_int_equal(report->changed, changed);
    assert_int_equal(report->withdrawn, withdrawn);
    assert_int_equal(report->unchanged, unchanged);
}

static void an_import_reports_and_does_what_changed(void **state)
{
    (void)state;
    static const char fleet[] = "car-1,ECMR,NCE,55.00,10.00,EUR\n"  /* the same */
                                "car-2,ECMR,LYS,55.00,10.00,EUR\n"  /* elsewhere */
                                "car-4,ECMR,NCE,10.00,,EUR\n"       /* new; car-3 is not there */
                                "car-0,ECMR,NCE,55.00,10.00,EUR\n"; /* new */
    struct store_import_report report = unit_try_import(&engine, fleet, false, true);
    check_report(&report, 2, 1, 1, 1);
    assert_int_equal(engine.event_count, 1); /* a dry run changes nothing */
    report = unit_try_import(&engine, fleet, true, false);
    check_report(&report, 0, 0, 0, 0); /* there are cars */
    report = unit_try_import(&engine, fleet, false, false);
    check_report(&report, 2, 1, 1, 1);
    unit_run_until_events(&engine, 2);
    assert_int_equal(engine.events[1].kind, EVENT_FLEET);
    report = unit_try_import(&engine, fleet, false, false);
    check_report(&report, 0, 0, 0, 4); /* nothing to do, and no event */
    assert_int_equal(book("a", 1, 1000, 2000), STORE_OK);
    assert_int_equal(engine.event_count, 3);

    struct unit_snapshot snapshot = unit_snapshot(&engine, 0);
    assert_int_equal(snapshot.car_count, 5);
    assert_string_equal(snapshot.cars[0], "1 car-1 NCE ECMR 5500 1000 offered");
    assert_string_equal(snapshot.cars[1], "2 car-2 LYS ECMR 5500 1000 offered");
    assert_string_equal(snapshot.cars[2], "3 car-3 PAR CDMR 7000 -1");
    assert_string_equal(snapshot.cars[3], "4 car-0 NCE ECMR 5500 1000 offered");
    assert_string_equal(snapshot.cars[4], "5 car-4 NCE ECMR 1000 -1 offered");

    report = unit_try_import(&engine, "car-3,CDMR,PAR,70.00,,EUR\n", false, false);
    check_report(&report, 1, 0, 4, 0); /* it is back, under its number */
    snapshot = unit_snapshot(&engine, 0);
    assert_string_equal(snapshot.cars[2], "3 car-3 PAR CDMR 7000 -1 offered");
    assert_string_equal(snapshot.cars[0], "1 car-1 NCE ECMR 5500 1000");
    struct unit_request show = unit_request(STORE_SHOW, "a"); /* withdrawn, and still booked */
    assert_int_equal(unit_run(&engine, &show), STORE_OK);
    assert_int_equal(show.store.booking.state, BOOKING_BOOKED);
}

static void a_booking_shows_what_was_booked(void **state)
{
    (void)state;
    struct unit_request request = unit_booking("a", 1, 100000000, 100002000), show;
    request.store.booking.total = 12345;
    assert_int_equal(unit_run(&engine, &request), STORE_OK);
    assert_int_equal(book("b", 2, 100000000, 100002000), STORE_OK);
    assert_int_equal(book("past", 2, 1, 2), STORE_OK);
    struct store_import_report report =
        unit_try_import(&engine, "car-1,CDAR,LYS,60.00,10.00,EUR\n", false, false);
    assert_int_equal(report.bookings_moved.count, 1);
    assert_int_equal(report.bookings_withdrawn.count, 1); /* but for what is over */
    show = unit_request(STORE_SHOW, "a");
    assert_int_equal(unit_run(&engine, &show), STORE_OK);
    assert_string_equal(show.store.booking.location, "NCE");
    assert_string_equal(show.store.booking.category, "ECMR");
    assert_int_equal(show.store.booking.day_price, 5500);
    assert_int_equal(show.store.booking.total, 12345);
    report = unit_try_import(&engine, "car-1,CDAR,LYS,61.00,10.00,EUR\n", false, false);
    assert_int_equal(report.changed, 1);
    assert_int_equal(report.bookings_moved.count, 0); /* another price is no place */
}

static void a_currency_changes_while_no_booking_is_under_way(void **state)
{
    (void)state;
    static const char yen[] = "car-1,ECMR,NCE,5500,1000,JPY\n";
    struct unit_request request, show;
    struct booking booking;
    struct buffer error;
    struct store_import_report report;
    struct fleet *fleet = unit_fleet(yen), *euro = unit_fleet(UNIT_FLEET);
    buffer_init(&error, 4096);
    assert_true(store_import(engine.store, fleet, false, false, &report, &error));
    check_report(&report, 0, 0, 2, 1); /* 5500 minor units either way */
    assert_string_equal(unit_snapshot(&engine, 0).currency, "JPY");
    request = unit_booking("a", 1, 100000000, 100002000);
    strcpy(request.store.booking.currency, "JPY");
    assert_int_equal(unit_run(&engine, &request), STORE_OK);
    for (int dry_run = 0; dry_run <= 1; dry_run++) {
        buffer_clear(&error);
        assert_false(store_import(engine.store, euro, false, dry_run, &report, &error));
        assert_non_null(strstr(error.data, "another currency"));
    }
    /* Neither what was cancelled, nor what is over, nor a hold that ran out. */
    assert_int_equal(run_at(STORE_CANCEL, "a", 0, &booking), STORE_OK);
    strcpy(request.store.booking.id, "b");
    request.store.booking.period = (struct period){1, 2};
    assert_int_equal(unit_run(&engine, &request), STORE_OK);
    strcpy(request.store.booking.id, "c");
    request.store.booking.period = (struct period){100000000, 100002000};
    request.store.booking.state = BOOKING_HELD;
    request.store.booking.expires_at = UNIT_NOW;
    assert_int_equal(unit_run(&engine, &request), STORE_OK);
    assert_true(store_import(engine.store, euro, false, false, &report, &error));
    assert_string_equal(unit_snapshot(&engine, 0).currency, "EUR");
    show = unit_request(STORE_SHOW, "a"); /* it is still shown, in its own */
    assert_int_equal(unit_run(&engine, &show), STORE_OK);
    assert_string_equal(show.store.booking.currency, "JPY");
    fleet_free(fleet);
    fleet_free(euro);
    buffer_free(&error);
}

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

#define BOTH(test)                                                                                 \
    {#test " (memory)", test, begin_in_memory, end, NULL},                                         \
    {                                                                                              \
#test " (file)", test, begin_in_file, end, NULL                                            \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(a_booking_is_kept_and_shown),
        BOTH(periods_of_a_car_never_overlap),
        BOTH(any_periods_are_free_when_a_plain_model_says_so),
        BOTH(a_car_that_changed_is_not_booked),
        BOTH(an_id_that_exists_fails_alone),
        BOTH(a_hold_is_confirmed_and_cancelled),
        BOTH(nothing_is_cancelled_once_the_pickup_has_passed),
        BOTH(a_hold_is_released_as_long_as_it_is_held),
        BOTH(a_hold_expires_when_it_is_time),
        BOTH(confirming_too_late_ends_the_hold),
        BOTH(an_expired_hold_gives_way),
        BOTH(of_several_in_the_way_the_expired_ones_end),
        BOTH(an_answer_is_kept_byte_for_byte),
        BOTH(an_answer_belongs_to_its_request),
        BOTH(an_empty_answer_is_kept_too),
        BOTH(a_key_is_good_for_one_change),
        BOTH(of_two_with_one_key_in_a_group_one_succeeds),
        BOTH(many_at_once_share_commits),
        BOTH(a_callback_may_submit_again),
        BOTH(closing_ends_what_is_pending),
        BOTH(an_import_reports_and_does_what_changed),
        BOTH(a_booking_shows_what_was_booked),
        BOTH(a_currency_changes_while_no_booking_is_under_way),
        BOTH(a_snapshot_is_what_there_is),
        BOTH(a_reader_may_stop_a_snapshot),
        BOTH(snapshots_are_consistent_while_it_runs),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
