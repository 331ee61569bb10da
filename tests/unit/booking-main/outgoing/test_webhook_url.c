#include "outgoing/webhook_url.h"
#include "tests/unit/unit.h"

static void expect_fault(const char *url, bool allow_private, const char *part)
{
    const char *fault = webhook_url_fault(url, allow_private);
    if (!fault || !strstr(fault, part))
        fail_msg("%s: %s", url, fault ? fault : "is taken");
}

static void expect_good(const char *url, bool allow_private)
{
    const char *fault = webhook_url_fault(url, allow_private);
    if (fault)
        fail_msg("%s: %s", url, fault);
}

static void good_ones(void **state)
{
    (void)state;
    static const char *const good[] = {
        "https://example.com",   "https://example.com/", "https://example.com:8443/hooks/a?token=b",
        "HTTPS://EXAMPLE.com/x", "https://8.8.8.8/",     "https://[2606:4700::1111]/",
        "https://localhost/", /* a name, which is judged when connecting */
    };
    for (size_t i = 0; i < LENGTH(good); i++) {
        expect_good(good[i], false);
        expect_good(good[i], true);
    }
    expect_good("http://127.0.0.1:8080/", true);
    expect_good("https://[::1]:8080/", true);
}

static void bad_ones(void **state)
{
    (void)state;
    static const struct {
        const char *url, *fault;
    } bad[] = {
        {"", "such as https://"},
        {"example.com", "such as https://"},
        {"ftp://example.com/", "such as https://"},
        {"file:///etc/passwd", "such as https://"},
        {"https:/example.com/", "such as https://"},
        {"https:///example.com/", "such as https://"},
        {"https://", "is not a URL"},
        {"https://exa mple.com/", "is not a URL"},
        {"https://example.com:99999/", "is not a URL"},
        {"https://user@example.com/", "user"},
        {"https://user:secret@example.com/", "user"},
        {"https://:secret@example.com/", "user"},
        {"https://example.com/#part", "fragment"},
        {"https://example.com/\r\nX: y", "control"},
        {"https://example.com/\x80", "control"},
    };
    for (size_t i = 0; i < LENGTH(bad); i++) {
        expect_fault(bad[i].url, false, bad[i].fault);
        expect_fault(bad[i].url, true, bad[i].fault);
    }
    expect_fault("http://example.com/", false, "must be https");
    char url[WEBHOOK_URL_MAX + 64] = "https://example.com/";
    memset(url + strlen(url), 'a', WEBHOOK_URL_MAX);
    expect_fault(url, false, "too long");
}

static void addresses_that_are_not_public(void **state)
{
    (void)state;
    static const char *const hosts[] = {
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "0x7f000001",
        "2130706433",
        "017700000001",
        "0177.0.0.1",
        "0",
        "0.0.0.0",
        "10.1.2.3",
        "192.168.1.1",
        "169.254.169.254",
        "0xa9fea9fe",
        "2852039166",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[fe80::1]",
        "[fe80::1%25eth0]",
        "[fd00:ec2::254]",
        "[64:ff9b::7f00:1]",
        "[0:0:0:0:0:0:0:1]",
    };
    for (size_t i = 0; i < LENGTH(hosts); i++) {
        char url[128];
        snprintf(url, sizeof url, "https://%s:8443/hooks", hosts[i]);
        expect_fault(url, false, "not public");
        expect_good(url, true);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones),
        cmocka_unit_test(bad_ones),
        cmocka_unit_test(addresses_that_are_not_public),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
