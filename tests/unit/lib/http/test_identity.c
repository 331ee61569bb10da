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
    assert_true(identity_set(&source, &identity, request_id, traceparent));
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
    assert_false(identity_set(&source, &identity, request_id, NULL));
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

static void a_sampled_trace_is_joined(void **state)
{
    (void)state;
    static const struct {
        const char *flags, *joined; /* NULL: not sampled */
    } cases[] = {{"01", "01"}, {"03", "03"}, {"0b", "03"}, {"ff", "03"}, {"fd", "01"},
                 {"a9", "01"}, {"00", NULL}, {"02", NULL}, {"fe", NULL}, {"0c", NULL}};
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char given[IDENTITY_TRACEPARENT_SIZE + 1], parent[IDENTITY_SPAN_ID_SIZE + 1] = "before";
        snprintf(given, sizeof given, "%.53s%s", traceparent, cases[i].flags);
        struct identity identity;
        assert_true(identity_set(&source, &identity, request_id, given));
        bool joined = identity_join(&source, &identity, true, parent);
        assert_int_equal(joined, cases[i].joined != NULL);
        assert_int_equal(joined, identity_is_sampled(given));
        if (!joined) {
            assert_string_equal(identity.traceparent, given);
            assert_string_equal(parent, "before");
            continue;
        }
        assert_string_equal(parent, "b7ad6b7169203331");
        assert_memory_equal(identity.traceparent, given, 36);
        assert_memory_not_equal(identity.traceparent + 36, given + 36, 16);
        assert_string_equal(identity.traceparent + 53, cases[i].joined);
        struct identity again; /* what was made is well formed */
        assert_true(identity_set(&source, &again, NULL, identity.traceparent));
    }
}

static void a_trace_that_begins_here_is_sampled(void **state)
{
    (void)state;
    struct identity identity;
    char parent[IDENTITY_SPAN_ID_SIZE + 1], made[IDENTITY_TRACEPARENT_SIZE + 1];
    assert_false(identity_set(&source, &identity, NULL, NULL));
    memcpy(made, identity.traceparent, sizeof made);
    assert_true(identity_join(&source, &identity, false, parent));
    assert_string_equal(parent, "");
    assert_memory_equal(identity.traceparent, made, 53);
    assert_string_equal(identity.traceparent + 53, "01");
}

static void each_span_has_an_id_of_its_own(void **state)
{
    (void)state;
    char last[IDENTITY_TRACEPARENT_SIZE + 1] = "", span[IDENTITY_TRACEPARENT_SIZE + 1];
    for (int i = 0; i < 1000; i++) { /* over several fillings of the stock */
        struct identity identity;
        identity_add_span(&source, traceparent, span);
        assert_true(identity_set(&source, &identity, NULL, span));
        assert_memory_equal(span, traceparent, 36);
        assert_string_not_equal(span, last);
        memcpy(last, span, sizeof last);
    }
}

static void a_uuid_is_random(void **state)
{
    (void)state;
    char one[IDENTITY_UUID_SIZE + 1], other[IDENTITY_UUID_SIZE + 1];
    identity_make_uuid(&source, one);
    identity_make_uuid(&source, other);
    check_made_request_id(one);
    assert_string_not_equal(one, other);
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
        cmocka_unit_test(a_sampled_trace_is_joined),
        cmocka_unit_test(a_trace_that_begins_here_is_sampled),
        cmocka_unit_test(each_span_has_an_id_of_its_own),
        cmocka_unit_test(a_uuid_is_random),
        cmocka_unit_test(random_fills_exactly_what_it_is_asked_for),
    };
    return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
