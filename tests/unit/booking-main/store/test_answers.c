/* The store: what was answered for an idempotency key. */
#include "tests/unit/booking-main/store/one_engine.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(an_answer_is_kept_byte_for_byte),
        BOTH(an_answer_belongs_to_its_request),
        BOTH(an_empty_answer_is_kept_too),
        BOTH(a_key_is_good_for_one_change),
        BOTH(of_two_with_one_key_in_a_group_one_succeeds),
    };
    return run_on_store("store: answers", tests);
}
