/* The queue of holds: earliest first, whatever the order they came in. */
#include "tests/unit/unit.h"

#include "inventory/hold_queue.h"

static void push(struct hold_queue *queue, int64_t expires_at)
{
    char id[BOOKING_ID_SIZE + 1];
    snprintf(id, sizeof id, "%022lld", (long long)expires_at);
    assert_true(hold_queue_reserve(queue, 1));
    hold_queue_push(queue, expires_at, id);
}

static int64_t pop(struct hold_queue *queue)
{
    struct stock_hold hold = hold_queue_pop(queue);
    assert_int_equal(atoll(hold.booking_id), hold.expires_at); /* they stay together */
    return hold.expires_at;
}

static void the_earliest_comes_first(void **state)
{
    (void)state;
    static const int64_t times[] = {5, 3, 9, 1, 7, 3, INT64_C(1) << 40, 2};
    static const int64_t expected[] = {1, 2, 3, 3, 5, 7, 9, INT64_C(1) << 40};
    struct hold_queue queue = {0};
    for (size_t i = 0; i < LENGTH(times); i++)
        push(&queue, times[i]);
    assert_int_equal(queue.holds[0].expires_at, 1);
    for (size_t i = 0; i < LENGTH(expected); i++)
        assert_int_equal(pop(&queue), expected[i]);
    assert_int_equal(queue.count, 0);
    push(&queue, 4); /* and again */
    assert_int_equal(pop(&queue), 4);
    free(queue.holds);
}

/* Beside an array that is looked through. */
static void any_order_of_pushes_and_pops(void **state)
{
    (void)state;
    enum { STEPS = 20000 };
    static int64_t there[STEPS];
    int count = 0;
    uint64_t random = 11;
    struct hold_queue queue = {0};
    for (int i = 0; i < STEPS; i++) {
        uint64_t often = i % 4000 < 2000 ? 4 : 2;
        if (count && unit_random(&random) % often == 0) {
            int first = 0;
            for (int j = 1; j < count; j++)
                if (there[j] < there[first])
                    first = j;
            assert_int_equal(pop(&queue), there[first]);
            there[first] = there[--count];
        } else {
            int64_t expires_at = (int64_t)(unit_random(&random) % 1000);
            push(&queue, expires_at);
            there[count++] = expires_at;
        }
        assert_int_equal(queue.count, count);
    }
    free(queue.holds);
}

/* The loaded ones, in the order in which they lie in the store. */
static void any_order_of_those_taken_over(void **state)
{
    (void)state;
    uint64_t random = 5;
    for (size_t count = 0; count < 100; count++) {
        struct stock_hold *holds = calloc(count + 1, sizeof holds[0]);
        struct hold_queue queue = {0};
        push(&queue, 1); /* forgotten */
        for (size_t i = 0; i < count; i++) {
            holds[i].expires_at = (int64_t)(unit_random(&random) % 50);
            snprintf(holds[i].booking_id, sizeof holds[i].booking_id, "%022lld",
                     (long long)holds[i].expires_at);
        }
        hold_queue_take_over(&queue, holds, count);
        push(&queue, 25);
        assert_int_equal(queue.count, count + 1);
        int64_t last = 0;
        while (queue.count) {
            int64_t next = pop(&queue);
            assert_true(next >= last);
            last = next;
        }
        free(queue.holds);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_earliest_comes_first),
        cmocka_unit_test(any_order_of_pushes_and_pops),
        cmocka_unit_test(any_order_of_those_taken_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
