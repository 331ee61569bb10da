#include "tests/unit/unit.h"

#include "lib/http/identity.h"

static struct identity_source source;

static const char request_id[] = "b0a5:Req/1+2=3@x.y_z-";
static const char traceparent[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

static int is_lower_hex(char c)
{
    return c && strchr("0123456789abcdef", c);
}

static void check_made_request_id(const char *id)
{
    assert_int_equal(strlen(id), 36);
    for (int i = 0; i < 36; i++)
        if (i == 8 || i == 13 || i == 18 || i == 23)
            assert_int_equal(id[i], '-');
        else
            assert_true(is_lower_hex(id[i]));
    assert_int_equal(id[14], '4');              /* version */
    assert_non_null(memchr("89ab", id[19], 4)); /* variant */
}

static void check_made_traceparent(const char *trace)
{
    assert_int_equal(strlen(trace), IDENTITY_TRACEPARENT_SIZE);
    assert_memory_equal(trace, "00-", 3);
    assert_int_equal(trace[35], '-');
    for (int i = 3; i < 52; i++)
        if (i != 35)
            assert_true(is_lower_hex(trace[i]));
    assert_string_equal(trace + 52, "-00");
    assert_int_not_equal(strspn(trace + 3, "0"), 32);
    assert_int_not_equal(strspn(trace + 36, "0"), 16);
}

static void well_formed_ones_are_kept(void **state)
{
    (void)state;
    struct identity identity;
    identity_set(&source, &identity, request_id, traceparent);
    assert_string_equal(identity.request_id, request_id);
    assert_string_equal(identity.traceparent, traceparent);
}

static void each_is_made_apart_from_the_other(void **state)
{
    (void)state;
    struct identity identity;
    identity_set(&source, &identity, NULL, traceparent);
    check_made_request_id(identity.request_id);
    assert_string_equal(identity.traceparent, traceparent);
    identity_set(&source, &identity, request_id, NULL);
    assert_string_equal(identity.request_id, request_id);
    check_made_traceparent(identity.traceparent);
}

static void made_ones_are_well_formed_and_differ(void **state)
{
    (void)state;
    struct identity last = {"", ""};
    for (int i = 0; i < 500; i++) {
        struct identity identity, again;
        identity_set(&source, &identity, NULL, NULL);
        check_made_request_id(identity.request_id);
        check_made_traceparent(identity.traceparent);
        assert_string_not_equal(identity.request_id, last.request_id);
        assert_string_not_equal(identity.traceparent, last.traceparent);
        identity_set(&source, &again, identity.request_id, identity.traceparent);
        assert_memory_equal(again.request_id, identity.request_id, 37);
        assert_string_equal(again.traceparent, identity.traceparent);
        last = identity;
    }
}

static void request_id_length(void **state)
{
    (void)state;
    char id[IDENTITY_REQUEST_ID_MAX + 2];
    memset(id, 'x', sizeof id);
    id[IDENTITY_REQUEST_ID_MAX] = '\0';
    struct identity identity;
    identity_set(&source, &identity, id, NULL);
    assert_string_equal(identity.request_id, id);
    id[IDENTITY_REQUEST_ID_MAX] = 'x';
    id[IDENTITY_REQUEST_ID_MAX + 1] = '\0';
    identity_set(&source, &identity, id, NULL);
    check_made_request_id(identity.request_id);
    identity_set(&source, &identity, "a", NULL);
    assert_string_equal(identity.request_id, "a");
}

static void bad_request_ids_are_replaced(void **state)
{
    (void)state;
    static const char *const bad[] = {"",     " ",    "a b",   "a\tb",     "a\nb",
                                      "a\"b", "a\\b", "a,b",   "a;b",      "<a>",
                                      "a%20", "{}",   "a\x7f", "\xC3\xA9", "a\r\nSet: b"};
    for (size_t i = 0; i < LENGTH(bad); i++) {
        struct identity identity;
        identity_set(&source, &identity, bad[i], NULL);
        check_made_request_id(identity.request_id);
    }
}

static void bad_traceparents_are_replaced(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "00",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-011",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-B7AD6B7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333g-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g",
        "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331_01",
    };
    for (size_t i = 0; i < LENGTH(bad); i++) {
        struct identity identity;
        identity_set(&source, &identity, NULL, bad[i]);
        check_made_traceparent(identity.traceparent);
        assert_string_not_equal(identity.traceparent, bad[i]);
    }
}

static void random_fills_exactly_what_it_is_asked_for(void **state)
{
    (void)state;
    unsigned char data[300] = {0};
    identity_random(data + 1, 298);
    assert_int_equal(data[0], 0);
    assert_int_equal(data[299], 0);
    int zeros = 0;
    for (int i = 1; i < 299; i++)
        zeros += data[i] == 0;
    assert_true(zeros < 30);
    identity_random(data, 0);
    assert_int_equal(data[0], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(well_formed_ones_are_kept),
        cmocka_unit_test(each_is_made_apart_from_the_other),
        cmocka_unit_test(made_ones_are_well_formed_and_differ),
        cmocka_unit_test(request_id_length),
        cmocka_unit_test(bad_request_ids_are_replaced),
        cmocka_unit_test(bad_traceparents_are_replaced),
        cmocka_unit_test(random_fills_exactly_what_it_is_asked_for),
    };
    return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
