#include "outgoing/public_address.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <sys/un.h>

static bool is_public(const char *text)
{
    struct sockaddr_in in4 = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &in4.sin_addr) == 1)
        return address_is_public((const struct sockaddr *)&in4);
    if (inet_pton(AF_INET6, text, &in6.sin6_addr) != 1)
        fail_msg("%s is no address", text);
    return address_is_public((const struct sockaddr *)&in6);
}

/* The first and the last of each range, and what lies beside it. */
static void ranges_end_where_they_end(void **state)
{
    (void)state;
    static const char *const not_public[] = {
        "0.0.0.0",
        "0.255.255.255",
        "10.0.0.0",
        "10.255.255.255",
        "100.64.0.0",
        "100.100.100.200",
        "100.127.255.255",
        "127.0.0.0",
        "127.0.0.1",
        "127.255.255.255",
        "168.63.129.16",
        "169.254.0.0",
        "169.254.169.254",
        "169.254.255.255",
        "172.16.0.0",
        "172.31.255.255",
        "192.0.0.0",
        "192.0.0.192",
        "192.0.2.255",
        "192.88.99.1",
        "192.168.0.0",
        "192.168.255.255",
        "198.18.0.0",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.255",
        "224.0.0.0",
        "239.255.255.255",
        "240.0.0.0",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::10.0.0.1",
        "::8.8.8.8",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:0:127.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::8.8.8.8",
        "100::1",
        "2001::1",
        "2001:0:7f00:1::",
        "2001:1ff:ffff::",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:808:808::1",
        "3fff::1",
        "3fff:fff::1",
        "4000::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fdff::1",
        "fe80::1",
        "fe80::a9fe:a9fe",
        "febf::1",
        "fec0::1",
        "ff02::1",
        "ffff:ffff::1",
        "1fff::1",
    };
    static const char *const in_public[] = {
        "1.0.0.0",         "1.1.1.1",          "8.8.8.8",          "9.255.255.255",
        "11.0.0.0",        "100.63.255.255",   "100.128.0.0",      "126.255.255.255",
        "128.0.0.0",       "168.63.129.15",    "168.63.129.17",    "169.253.255.255",
        "169.255.0.0",     "172.15.255.255",   "172.32.0.0",       "191.255.255.255",
        "192.0.1.0",       "192.0.3.0",        "192.88.98.255",    "192.88.100.0",
        "192.167.255.255", "192.169.0.0",      "198.17.255.255",   "198.20.0.0",
        "223.255.255.255", "::ffff:8.8.8.8",   "64:ff9b::8.8.8.8", "2000::1",
        "2001:200::1",     "2001:db7:ffff::1", "2001:db9::1",      "2001:4860:4860::8888",
        "2003::1",         "2606:4700::1111",  "3ffe:ffff::1",     "3fff:1000::1",
    };
    for (size_t i = 0; i < LENGTH(not_public); i++)
        if (is_public(not_public[i]))
            fail_msg("%s is taken for public", not_public[i]);
    for (size_t i = 0; i < LENGTH(in_public); i++)
        if (!is_public(in_public[i]))
            fail_msg("%s is not taken for public", in_public[i]);
}

static void other_families_are_not_public(void **state)
{
    (void)state;
    struct sockaddr_un local = {.sun_family = AF_UNIX, .sun_path = "/run/some.socket"};
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    assert_false(address_is_public((const struct sockaddr *)&local));
    assert_false(address_is_public(&none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_end_where_they_end),
        cmocka_unit_test(other_families_are_not_public),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
