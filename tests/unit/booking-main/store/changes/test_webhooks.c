/* The store: what partners are yet to be told by webhook, and who tells it. */
#include "tests/unit/booking-main/store/one_desk.h"

#include "store/changes/webhooks.h"

enum { NOW = 5000, SECONDS = 6 };

static char told[8192];
static int64_t ids[16]; /* of those that were told last */

static enum desk_result lease(const char *owner)
{
    return webhook_lease(desk, "kayak", owner, SECONDS, &error);
}

/* As if its owner had been asleep since. */
static void let_lease_run_out(void)
{
    change_rows("UPDATE webhooks SET lease_until = lease_until - 60");
}

static struct webhook_collected collect_as(const char *owner, enum desk_result wanted)
{
    struct webhook_collected collected;
    expect(webhook_collect(desk, "kayak", owner, NOW, &collected, &error), wanted);
    return collected;
}

static unsigned collect(void)
{
    struct webhook_collected collected = collect_as("one", DESK_OK);
    assert_true(collected.caught_up);
    assert_false(collected.missed);
    return collected.made;
}

static bool tell(void *context, const struct webhook_delivery *delivery)
{
    unsigned *count = context;
    size_t size = strlen(told);
    ids[(*count)++ % LENGTH(ids)] = delivery->id;
    snprintf(told + size, sizeof told - size, "%s %s%s%s%s|", delivery->type, delivery->booking_id,
             delivery->state == WEBHOOK_GIVEN_UP ? " given up" : "",
             *delivery->last_error ? " " : "", delivery->last_error);
    return true;
}

static const char *due(int64_t now, unsigned limit)
{
    unsigned count = 0;
    *told = '\0';
    expect(webhook_due(desk, "kayak", now, limit, tell, &count, &error), DESK_OK);
    return told;
}

static const char *list(const char *channel, enum webhook_state state)
{
    unsigned count = 0;
    *told = '\0';
    expect(webhook_list(desk, channel, state, 0, 100, tell, &count, &error), DESK_OK);
    return told;
}

static enum desk_result settle(const char *owner, struct webhook_outcome outcome)
{
    return webhook_settle(desk, "kayak", owner, &outcome, 1, NOW, &error);
}

static struct webhook_outcome delivered(int64_t id)
{
    return (struct webhook_outcome){.id = id, .kind = WEBHOOK_DELIVERED, .status = 200};
}

static struct webhook_outcome failed(int64_t id, int64_t again_at)
{
    return (struct webhook_outcome){
        .id = id, .kind = WEBHOOK_FAILED, .next_at = again_at, .status = 503, .error = "busy"};
}

static void cancel_at_desk(const char *id)
{
    static struct desk_outcome outcome;
    struct desk_act act = {.actor = "ann", .reason = "asked for", .now = UNIT_NOW};
    expect(desk_cancel(desk, id, &act, &outcome, &error), DESK_OK);
}

static void move_at_desk(const char *id, int32_t return_at)
{
    static struct desk_outcome outcome;
    struct desk_act act = {.actor = "ann", .reason = "asked for", .now = UNIT_NOW};
    struct desk_change change = {return_at, NULL};
    expect(desk_change(desk, id, &change, &act, &outcome, &error), DESK_OK);
}

/* --- the lease ------------------------------------------------------------------------------- */

static void one_engine_at_a_time_has_the_lease(void **state)
{
    (void)state;
    expect(lease("one"), DESK_OK);
    expect(lease("two"), DESK_CHANGED);
    expect(lease("one"), DESK_OK); /* for longer */
    expect(webhook_lease(desk, "airbnb", "two", SECONDS, &error), DESK_OK);
    let_lease_run_out();
    expect(lease("two"), DESK_OK);
    expect(lease("one"), DESK_CHANGED);
    expect(webhook_release(desk, "kayak", "one", &error), DESK_OK); /* not its own */
    expect(lease("one"), DESK_CHANGED);
    expect(webhook_release(desk, "kayak", "two", &error), DESK_OK);
    expect(lease("one"), DESK_OK);
}

/* A clock that was set back does not keep a lease for a dead engine. */
static void a_lease_from_the_future_is_none(void **state)
{
    (void)state;
    expect(lease("one"), DESK_OK);
    change_rows("UPDATE webhooks SET lease_until = lease_until + 86400");
    collect_as("one", DESK_CHANGED);
    expect(lease("two"), DESK_OK);
}

static void who_lost_the_lease_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(book("a", 1, 1000, 2000), STORE_OK);
    collect_as("one", DESK_CHANGED); /* there is none yet */
    expect(lease("one"), DESK_OK);
    cancel_at_desk("a");
    assert_int_equal(collect(), 1);
    assert_string_equal(due(NOW, 9), "booking.cancelled a|");
    let_lease_run_out();
    expect(settle("one", delivered(ids[0])), DESK_CHANGED);
    collect_as("one", DESK_CHANGED);
    expect(lease("two"), DESK_OK);
    expect(settle("one", delivered(ids[0])), DESK_CHANGED);
    assert_string_equal(due(NOW, 9), "booking.cancelled a|");
    expect(settle("two", delivered(ids[0])), DESK_OK);
    assert_string_equal(due(NOW, 9), "");
}

/* --- collecting ------------------------------------------------------------------------------ */

static char body[1024], message[64];

static bool keep_body(void *context, const struct webhook_delivery *delivery)
{
    (void)context;
    snprintf(body, sizeof body, "%s", delivery->body);
    snprintf(message, sizeof message, "%s", delivery->message);
    return true;
}

static void what_the_partner_did_not_do_becomes_deliveries(void **state)
{
    (void)state;
    struct booking booking;
    assert_int_equal(book("before", 1, 1000, 2000), STORE_OK);
    cancel_at_desk("before");
    expect(lease("one"), DESK_OK); /* begins here */
    assert_int_equal(collect(), 0);
    struct unit_request other = unit_booking("other", 1, 3000, 4000), held = hold("c", 500);
    strcpy(other.store.booking.channel, "airbnb");
    assert_int_equal(unit_run(&engine, &other), STORE_OK);
    cancel_at_desk("other");
    assert_int_equal(book("a", 1, 5000, 6000), STORE_OK);
    assert_int_equal(book("b", 2, 5000, 6000), STORE_OK);
    assert_int_equal(run_at(STORE_CANCEL, "b", UNIT_NOW, &booking), STORE_OK);
    assert_int_equal(unit_run(&engine, &held), STORE_OK);
    assert_int_equal(run_at(STORE_EXPIRE, "c", UNIT_NOW, &booking), STORE_OK);
    move_at_desk("a", 5500);
    assert_int_equal(collect(), 2);
    assert_int_equal(collect(), 0);
    assert_string_equal(due(NOW, 9), "booking.expired c|booking.changed a|");
    expect(settle("one", delivered(ids[0])), DESK_OK);
    expect(webhook_due(desk, "kayak", NOW, 9, keep_body, NULL, &error), DESK_OK);
    char start[64] = "{\"type\":\"booking.changed\",\"number\":", first[64];
    assert_memory_equal(body, start, strlen(start));
    assert_non_null(strstr(body, "\"booking_id\":\"a\",\"status\":\"booked\",\"by\":\"operator\","
                                 "\"reason\":\"asked for\",\"carid\":\"car-1\","));
    assert_int_equal(strlen(message), BOOKING_ID_SIZE);
    strcpy(first, message);
    expect(settle("one", failed(ids[1], NOW)), DESK_OK);
    expect(webhook_due(desk, "kayak", NOW, 9, keep_body, NULL, &error), DESK_OK);
    assert_string_equal(message, first); /* on every try */
}

static void much_is_collected_by_portions(void **state)
{
    (void)state;
    expect(lease("one"), DESK_OK);
    assert_int_equal(book("a", 1, 1000, 2000), STORE_OK);
    for (int i = 0; i <= WEBHOOK_COLLECT_MAX; i++)
        move_at_desk("a", 1500 + i);
    struct webhook_collected collected = collect_as("one", DESK_OK);
    assert_int_equal(collected.made, WEBHOOK_COLLECT_MAX);
    assert_false(collected.caught_up);
    assert_int_equal(collect(), 1);
}

/* Others' changes are not read for ever anew, although nothing came of them. */
static void what_others_changed_is_left_behind(void **state)
{
    (void)state;
    expect(lease("one"), DESK_OK);
    change_rows("INSERT INTO events (number, kind, car, pickup_at, return_at, expires_at,"
                " booking_id, at, change, by, channel) WITH RECURSIVE n (number) AS (SELECT 2 UNION"
                " ALL SELECT number + 1 FROM n WHERE number < 25000) SELECT number, 1, 1, 1000,"
                " 2000, 0, 'x', 5, 5, 2, 'airbnb' FROM n");
    assert_false(collect_as("one", DESK_OK).caught_up);
    assert_false(collect_as("one", DESK_OK).caught_up);
    assert_true(collect_as("one", DESK_OK).caught_up);
    change_rows("DELETE FROM events WHERE number < 24000"); /* which it need not have any more */
    assert_false(collect_as("one", DESK_OK).missed);
}

/* However few others changed: they are deleted by their age. */
static void a_quiet_channel_has_missed_nothing(void **state)
{
    (void)state;
    struct webhook_collected collected;
    expect(lease("one"), DESK_OK);
    change_rows("INSERT INTO events (number, kind, car, pickup_at, return_at, expires_at,"
                " booking_id, at, change, by, channel) SELECT 1 + max(number), 1, 1, 1000, 2000, 0,"
                " 'x', 5, 5, 2, 'airbnb' FROM events");
    change_rows("INSERT INTO events (number, kind, car, pickup_at, return_at, expires_at,"
                " booking_id, at, change, by, channel) SELECT 1 + max(number), 1, 1, 1000, 2000, 0,"
                " 'x', 6, 5, 2, 'airbnb' FROM events");
    expect(webhook_collect(desk, "kayak", "one", STORE_EVENT_SECONDS, &collected, &error), DESK_OK);
    change_rows("DELETE FROM events WHERE number < (SELECT max(number) FROM events)");
    assert_false(collect_as("one", DESK_OK).missed);
}

static void events_that_are_gone_are_said_to_be_missed(void **state)
{
    (void)state;
    expect(lease("one"), DESK_OK);
    assert_int_equal(book("a", 1, 1000, 2000), STORE_OK);
    move_at_desk("a", 2500);
    cancel_at_desk("a");
    change_rows("DELETE FROM events WHERE number < 5");
    struct webhook_collected collected = collect_as("one", DESK_OK);
    assert_true(collected.missed);
    assert_int_equal(collected.made, 1);
    assert_string_equal(due(NOW, 9), "booking.cancelled a|");
    assert_int_equal(collect(), 0); /* and it is said once */
}

/* --- sending --------------------------------------------------------------------------------- */

static void changes_of_a_booking_wait_for_one_another(void **state)
{
    (void)state;
    expect(lease("one"), DESK_OK);
    assert_int_equal(book("a", 1, 1000, 2000), STORE_OK);
    assert_int_equal(book("b", 2, 1000, 2000), STORE_OK);
    move_at_desk("a", 2500);
    cancel_at_desk("a");
    move_at_desk("b", 2500);
    assert_int_equal(collect(), 3);
    assert_string_equal(due(NOW - 1, 9), "");
    assert_string_equal(due(NOW, 1), "booking.changed a|");
    assert_string_equal(due(NOW, 9), "booking.changed a|booking.changed b|");
    expect(settle("one", failed(ids[0], NOW + 50)), DESK_OK);
    assert_string_equal(due(NOW + 49, 9), "booking.changed b|"); /* a's cancellation waits */
    assert_string_equal(due(NOW + 50, 9), "booking.changed b|booking.changed a busy|");
    expect(settle("one", delivered(ids[1])), DESK_OK);
    assert_string_equal(due(NOW + 50, 9), "booking.cancelled a|booking.changed b|");
}

static void what_was_given_up_may_be_sent_again(void **state)
{
    (void)state;
    expect(lease("one"), DESK_OK);
    assert_int_equal(book("a", 1, 1000, 2000), STORE_OK);
    move_at_desk("a", 2500);
    cancel_at_desk("a");
    assert_int_equal(collect(), 2);
    assert_string_equal(due(NOW, 9), "booking.changed a|");
    int64_t id = ids[0];
    struct webhook_outcome ended = failed(id, 0);
    ended.kind = WEBHOOK_ENDED;
    expect(settle("one", ended), DESK_OK);
    assert_string_equal(list("kayak", WEBHOOK_GIVEN_UP), "booking.changed a given up busy|");
    assert_string_equal(due(NOW, 9), "booking.cancelled a|"); /* which waits no longer */
    expect(webhook_again(desk, "airbnb", 0, NOW, &error), DESK_NOT_FOUND);
    expect(webhook_again(desk, "airbnb", id, NOW, &error), DESK_NOT_FOUND);
    expect(webhook_again(desk, "", 12345, NOW, &error), DESK_NOT_FOUND);
    expect(webhook_again(desk, "kayak", id, NOW, &error), DESK_OK);
    assert_string_equal(due(NOW, 9), "booking.changed a busy|");
    expect(settle("one", ended), DESK_OK);
    expect(webhook_again(desk, "", 0, NOW, &error), DESK_OK); /* all */
    assert_string_equal(list("", WEBHOOK_GIVEN_UP), "");
    assert_string_equal(list("", 0), "booking.changed a busy|booking.cancelled a|");
}

static void what_was_given_up_is_forgotten_in_the_end(void **state)
{
    (void)state;
    expect(lease("one"), DESK_OK);
    assert_int_equal(book("a", 1, 1000, 2000), STORE_OK);
    assert_int_equal(book("b", 2, 1000, 2000), STORE_OK);
    cancel_at_desk("a");
    cancel_at_desk("b");
    assert_int_equal(collect(), 2);
    change_rows("UPDATE webhook_deliveries SET state = 2 WHERE booking_id = 'a'"); /* of 1970 */
    expect(lease("one"), DESK_OK);
    assert_string_equal(list("kayak", WEBHOOK_GIVEN_UP), "booking.cancelled a given up|");
    let_lease_run_out();
    expect(lease("two"), DESK_OK);
    assert_string_equal(list("kayak", 0), "booking.cancelled b|");
}

static void a_test_waits_for_nothing(void **state)
{
    (void)state;
    int64_t id = 0, other = 0;
    expect(webhook_test(desk, "kayak", NOW, &id, &error), DESK_NOT_FOUND);
    expect(lease("one"), DESK_OK);
    expect(webhook_test(desk, "kayak", NOW, &id, &error), DESK_OK);
    expect(webhook_test(desk, "kayak", NOW, &other, &error), DESK_OK);
    assert_true(other > id);
    assert_string_equal(due(NOW, 9), "webhook.test |webhook.test |");
    assert_int_equal(ids[0], id);
    expect(webhook_due(desk, "kayak", NOW, 1, keep_body, NULL, &error), DESK_OK);
    assert_string_equal(body, "{\"type\":\"webhook.test\",\"at\":\"1970-01-01T01:23:20Z\"}");
    expect(settle("one", delivered(id)), DESK_OK);
    expect(settle("one", delivered(id)), DESK_OK); /* it is gone */
    assert_string_equal(due(NOW, 9), "webhook.test |");
}

/* --- summaries ------------------------------------------------------------------------------- */

static bool add_summary(void *context, const struct webhook_summary *summary)
{
    (void)context;
    size_t size = strlen(told);
    snprintf(told + size, sizeof told - size, "%s '%s' %d %d %d %d|", summary->channel,
             summary->owner, (int)summary->uncollected, (int)summary->waiting,
             (int)summary->given_up, (int)summary->waiting_since);
    return true;
}

static const char *summaries(const char *channel)
{
    *told = '\0';
    expect(webhook_summaries(desk, channel, add_summary, NULL, &error), DESK_OK);
    return told;
}

static void a_channels_summary_counts_what_waits(void **state)
{
    (void)state;
    assert_string_equal(summaries(""), "");
    expect(lease("one"), DESK_OK);
    expect(webhook_lease(desk, "airbnb", "two", SECONDS, &error), DESK_OK);
    assert_int_equal(book("a", 1, 1000, 2000), STORE_OK);
    assert_int_equal(book("b", 2, 1000, 2000), STORE_OK);
    cancel_at_desk("a");
    cancel_at_desk("b");
    assert_string_equal(summaries("kayak"), "kayak 'one' 4 0 0 0|");
    assert_int_equal(collect(), 2);
    change_rows("UPDATE webhook_deliveries SET state = 2 WHERE booking_id = 'a'");
    expect(webhook_release(desk, "airbnb", "two", &error), DESK_OK);
    assert_string_equal(summaries(""), "airbnb '' 4 0 0 0|kayak 'one' 0 1 1 5000|");
    int64_t waiting, given_up;
    expect(webhook_count(desk, "kayak", &waiting, &given_up, &error), DESK_OK);
    assert_int_equal(waiting, 1);
    assert_int_equal(given_up, 1);
    expect(webhook_count(desk, "airbnb", &waiting, &given_up, &error), DESK_OK);
    assert_int_equal(waiting, 0);
    assert_int_equal(given_up, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DESK_BOTH(one_engine_at_a_time_has_the_lease),
        DESK_BOTH(a_lease_from_the_future_is_none),
        DESK_BOTH(who_lost_the_lease_changes_nothing),
        DESK_BOTH(what_the_partner_did_not_do_becomes_deliveries),
        DESK_BOTH(much_is_collected_by_portions),
        DESK_BOTH(changes_of_a_booking_wait_for_one_another),
        DESK_BOTH(what_was_given_up_may_be_sent_again),
        DESK_BOTH(what_was_given_up_is_forgotten_in_the_end),
        DESK_BOTH(a_test_waits_for_nothing),
        DESK_BOTH(a_channels_summary_counts_what_waits),
        /* Whose ends find events missing, as they should. */
        cmocka_unit_test_setup_teardown(what_others_changed_is_left_behind, begin_desk_in_file,
                                        end_desk),
        cmocka_unit_test_setup_teardown(a_quiet_channel_has_missed_nothing, begin_desk_in_file,
                                        end_desk),
        cmocka_unit_test_setup_teardown(events_that_are_gone_are_said_to_be_missed,
                                        begin_desk_in_file, end_desk),
    };
    return run_on_store("webhooks", tests);
}
