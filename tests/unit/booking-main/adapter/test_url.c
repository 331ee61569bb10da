#include "tests/unit/booking-main/adapter/calls_unit.h"

/* --- URLs ------------------------------------------------------------------------------------ */

/* In place of the C library's own, for names of which only a test knows: they have no address, and
 * that is not found out before the test says so. It is called in a thread of libcurl's. */
static atomic_bool lookups_held;
static atomic_int lookups_under_way;

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **result)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    if (!strstr(name, "unit.invalid"))
        return real(name, service, hints, result);
    lookups_under_way++;
    while (lookups_held)
        usleep(1000);
    lookups_under_way--;
    return EAI_NONAME;
}

/* Then libcurl can let go of what it held for them, if it has not before. */
static void let_lookups_end(void)
{
    lookups_held = false;
    while (lookups_under_way)
        usleep(1000);
    usleep(10000);
}

static void a_name_is_looked_up(void **state)
{
    (void)state;
    adapter_calls_free(upstream);
    upstream = connect_to("http://localhost:%d", server.port);
    int before = count_descriptors();
    for (int i = 0; i < 5; i++)
        call_once();
    assert_common_fields("localhost");
    assert_int_equal(server.accepted, 1);
    run_a_while();
    assert_int_equal(count_descriptors(), before + 2);
}

static void a_name_without_an_address_is_unavailable(void **state)
{
    (void)state;
    adapter_calls_free(upstream);
    upstream = connect_to("http://unit.invalid:%d", server.port);
    int before = count_descriptors();
    start_many(3);
    run_until(&ended, 3);
    assert_all_failed(ADAPTER_UNREACHABLE);
    assert_int_equal(count_descriptors(), before);
}

/* Nor does it hold up the loop, neither before it is given up nor then: this would not end. */
static void a_lookup_without_end_takes_no_longer_than_connecting_may(void **state)
{
    (void)state;
    adapter_calls_free(upstream);
    upstream = connect_to("http://unit.invalid:%d", server.port);
    lookups_held = true;
    alarm(PATIENCE_SECONDS);
    start();
    run_until(&ended, 1);
    alarm(0);
    let_lookups_end();
    assert_all_failed(ADAPTER_UNREACHABLE);
    int64_t limit = ADAPTER_CONNECT_MILLISECONDS * LOOP_MILLISECOND;
    assert_true(exchanges[0].call.duration >= limit - limit / 8);
}

static void stopping_waits_for_no_lookup(void **state)
{
    (void)state;
    adapter_calls_free(upstream);
    upstream = connect_to("http://unit.invalid:%d", server.port);
    lookups_held = true;
    start();
    run_a_while();
    assert_int_equal(ended, 0);
    alarm(PATIENCE_SECONDS); /* ends the program where it waits */
    adapter_calls_stop(upstream);
    alarm(0);
    let_lookups_end();
    assert_all_failed(ADAPTER_UNREACHABLE);
}

static void an_address_may_be_of_ipv6(void **state)
{
    (void)state;
    stop_server();
    if (!start_server(AF_INET6))
        skip();
    adapter_calls_free(upstream);
    upstream = connect_to("http://[::1]:%d", server.port);
    call_once();
    assert_common_fields("[::1]");
}

static void a_url_may_end_in_a_slash_or_have_no_port(void **state)
{
    (void)state;
    adapter_calls_free(connect_to("http://127.0.0.1:%d/", 80));
    adapter_calls_free(connect_to("http://localhost", 0));
    adapter_calls_free(connect_to("http://[::1]:%d", 9096));
}

static void check_refused(const char *url)
{
    static const char expected[] = "before --adapter-url ";
    struct buffer error;
    buffer_init(&error, 1000);
    buffer_add_text(&error, "before ");
    struct adapter_calls *new = adapter_calls_new(loop, url, &error);
    bool named = !error.failed && strncmp(error.data, expected, sizeof expected - 1) == 0;
    buffer_free(&error);
    adapter_calls_free(new);
    if (new || !named)
        fail_msg("'%s' was %s", url, new ? "taken" : "refused without naming the option");
}

static void a_bad_url_is_refused_by_its_option(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "",
        " ",
        "http",
        "http:",
        "http://",
        "http:///",
        "127.0.0.1:9096",
        "//127.0.0.1:9096",
        "localhost",
        "https://127.0.0.1:9096",
        "ftp://127.0.0.1:9096",
        "unix:///socket",
        "file:///dev/null",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:-1",
        "http://127.0.0.1:port",
        "http://127.0.0.1:90 96",
        "http://127.0.0.1:9096/path",
        "http://127.0.0.1:9096/?",
        "http://127.0.0.1:9096/?a=b",
        "http://127.0.0.1:9096?a=b",
        "http://127.0.0.1:9096/#a",
        "http://user@127.0.0.1:9096",
        "http://user:password@127.0.0.1:9096",
        "http://:9096",
        "http://a b:9096",
        "http://127.0.0.1:9096\r\nX-Injected: a",
        "http://[::1:9096",
        "http://[::g]:9096",
    };
    for (size_t i = 0; i < LENGTH(urls); i++)
        check_refused(urls[i]);
    char longest[600];
    snprintf(longest, sizeof longest, "http://%0500d:9096", 0);
    check_refused(longest);
}

static void a_url_has_two_slashes_before_its_host(void **state)
{
    (void)state;
    check_refused("http:/127.0.0.1:9096");
    check_refused("http:///127.0.0.1:9096");
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_name_is_looked_up),
        TEST(a_name_without_an_address_is_unavailable),
        TEST(a_lookup_without_end_takes_no_longer_than_connecting_may),
        TEST(stopping_waits_for_no_lookup),
        TEST(an_address_may_be_of_ipv6),
        TEST(a_url_may_end_in_a_slash_or_have_no_port),
        TEST(a_bad_url_is_refused_by_its_option),
        TEST(a_url_has_two_slashes_before_its_host),
    };
    return cmocka_run_group_tests_name("url", tests, NULL, NULL);
}
