#include "outgoing/complaint.h"
#include "tests/unit/unit.h"

static void it_is_made_when_it_begins_and_taken_back_at_its_end(void **state)
{
    (void)state;
    struct complaint complaint = {0};
    assert_false(complaint_over(&complaint)); /* nothing was ever wrong */
    assert_true(complaint_due(&complaint, 1));
    assert_false(complaint_due(&complaint, 2));
    assert_false(complaint_due(&complaint, 1 + 2 * COMPLAINT_PAUSE));
    assert_true(complaint_over(&complaint));
    assert_false(complaint_over(&complaint));
}

static void what_comes_and_goes_is_said_once_a_minute(void **state)
{
    (void)state;
    struct complaint complaint = {0};
    int lines = 0;
    for (int64_t now = 0; now < 10 * COMPLAINT_PAUSE; now += LOOP_SECOND)
        lines += complaint_due(&complaint, now) + complaint_over(&complaint);
    assert_int_equal(lines, 20);
}

static void what_began_within_the_minute_and_goes_on_is_said_then(void **state)
{
    (void)state;
    struct complaint complaint = {0};
    assert_true(complaint_due(&complaint, 0));
    assert_true(complaint_over(&complaint));
    assert_false(complaint_due(&complaint, 5));
    assert_true(complaint_due(&complaint, COMPLAINT_PAUSE));
    assert_true(complaint_over(&complaint));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_made_when_it_begins_and_taken_back_at_its_end),
        cmocka_unit_test(what_comes_and_goes_is_said_once_a_minute),
        cmocka_unit_test(what_began_within_the_minute_and_goes_on_is_said_then),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
