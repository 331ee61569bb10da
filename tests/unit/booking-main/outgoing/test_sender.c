/* What the sender connects to, with a resolver and a network that the test plays: libcurl asks the
 * getaddrinfo() and the connect() that stand here. */
#include "outgoing/sender.h"
#include "tests/unit/unit.h"

#include "lib/base/loop.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define LIST_MAX 3

/* --- the resolver and the network ------------------------------------------------------------ */

static const char *const *answers; /* of the resolver, for the names that end in .test */
static _Atomic int lookups;
static int connections;
static char connected[INET6_ADDRSTRLEN]; /* the last address */

int getaddrinfo(const char *restrict name, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict found)
{
    static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    const char *suffix = name ? strrchr(name, '.') : NULL;
    if (!suffix || strcmp(suffix, ".test") != 0)
        return real(name, service, hints, found);
    lookups++;
    struct addrinfo *list = NULL, **last = &list, numeric = *hints;
    numeric.ai_flags = AI_NUMERICHOST;
    for (size_t i = 0; i < LIST_MAX && answers[i]; i++)
        if (real(answers[i], service, &numeric, last) == 0)
            last = &(*last)->ai_next;
    *found = list;
    return list ? 0 : EAI_NONAME;
}

/* Nobody is anywhere. */
int connect(int fd, const struct sockaddr *address, socklen_t size)
{
    (void)fd;
    (void)size;
    connections++;
    const void *bytes =
        address->sa_family == AF_INET6
            ? (const void *)&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr
            : &((const struct sockaddr_in *)(const void *)address)->sin_addr;
    inet_ntop(address->sa_family, bytes, connected, sizeof connected);
    errno = ECONNREFUSED;
    return -1;
}

/* --- sending --------------------------------------------------------------------------------- */

static struct webhook_secrets secrets = {.count = 1, .secrets[0].size = WEBHOOK_SECRET_MIN};
static struct loop *loop;
static char error[SENDER_ERROR_MAX + 1];

static void on_sent(void *context, const struct sent *sent)
{
    (void)context;
    assert_int_equal(sent->key, 7);
    assert_false(sent->taken);
    assert_int_equal(sent->status, 0);
    assert_true(strlen(sent->error) <= SENDER_ERROR_MAX);
    snprintf(error, sizeof error, "%s", sent->error);
    loop_stop(loop);
}

static void send_to(const char *url, bool allow_private)
{
    connections = 0;
    error[0] = '\0';
    loop = loop_new();
    assert_non_null(loop);
    struct sender *sender = sender_new(&(struct sender_config){.loop = loop,
                                                               .url = url,
                                                               .allow_private = allow_private,
                                                               .secrets = &secrets,
                                                               .sent = on_sent});
    assert_non_null(sender);
    assert_true(sender_send(sender, 7, "msg_1", "{}"));
    assert_int_equal(sender_under_way(sender), 1);
    assert_int_equal(loop_run(loop), 0);
    assert_int_equal(sender_under_way(sender), 0);
    sender_free(sender);
    loop_free(loop);
}

static void expect_refused(const char *host)
{
    char url[256];
    snprintf(url, sizeof url, "https://%s:8443/hooks", host);
    send_to(url, false);
    if (connections || !strstr(error, "is not public"))
        fail_msg("%s: %d connections, to %s: %s", host, connections, connected, error);
}

/* --- tests ----------------------------------------------------------------------------------- */

static void no_spelling_gets_through(void **state)
{
    (void)state;
    static const char *const hosts[] = {
        /* loopback: short, decimal, octal, hexadecimal, mixed */
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "127.255.255.254",
        "2130706433",
        "0x7f000001",
        "0x7F.0x0.0x0.0x1",
        "0x7f.1",
        "017700000001",
        "0177.0.0.1",
        "0177.1",
        "0x7f.0.01",

        "127.0.0.0x1",
        /* this host, private, shared, link-local */
        "0",
        "0.0.0.0",
        "0x0",
        "10.0.0.1",
        "167772161",
        "012.1",
        "172.16.0.1",
        "0xac100001",
        "192.168.1.1",
        "3232235777",
        "100.100.100.200",
        "0x64.0x64.0x64.0xc8",
        /* metadata of clouds */
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "0xA9.0xFE.43518",
        "169.16689662",
        "192.0.0.192",
        "168.63.129.16",
        "[fd00:ec2::254]",
        /* multicast, broadcast */
        "224.0.0.1",
        "255.255.255.255",
        "4294967295",
        /* IPv6, and IPv4 in it: mapped, compatible, translated, 6to4, Teredo */
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[0000:0000::0001]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:a9fe:a9fe]",
        "[::ffff:169.254.169.254]",
        "[::127.0.0.1]",
        "[::ffff:0:127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b::a9fe:a9fe]",
        "[64:ff9b:1::a9fe:a9fe]",
        "[2002:7f00:1::]",
        "[2002:a9fe:a9fe::1]",
        "[2001:0:7f00:1::]",
        "[fc00::1]",
        "[fe80::1]",
        "[fe80::1%25lo]",
        "[fe80::a9fe:a9fe%251]",
        "[ff02::1]",
        /* names that mean this machine */
        "localhost",
        "LOCALHOST",
        "hooks.localhost",
    };
    for (size_t i = 0; i < LENGTH(hosts); i++)
        expect_refused(hosts[i]);
}

static void nor_does_a_name(void **state)
{
    (void)state;
    static const char *const found[][LIST_MAX] = {
        {"127.0.0.1"},
        {"169.254.169.254"},
        {"10.96.0.1"},
        {"::1"},
        {"fd00:ec2::254"},
        {"::ffff:10.0.0.1"},
        {"100.100.100.200"},
        {"fe80::1"},
        {"64:ff9b::a9fe:a9fe"},
        {"10.0.0.1", "::1"},
        {"0.0.0.0"},
        {"192.168.0.1", "172.31.0.1", "127.1"},
    };
    for (size_t i = 0; i < LENGTH(found); i++) {
        answers = found[i];
        lookups = 0;
        expect_refused("receiver.test");
        assert_int_equal(lookups, 1);
    }
}

/* It is the address connected to that counts, not one that was looked up before. */
static void a_name_that_changes(void **state)
{
    (void)state;
    static const char *const before[LIST_MAX] = {"8.8.8.8"}, *const after[LIST_MAX] = {"127.0.0.1"},
                             *const both[LIST_MAX] = {"10.0.0.1", "8.8.8.8"};
    answers = before;
    send_to("https://changes.test/", false);
    assert_int_equal(connections, 1);
    assert_string_equal(connected, "8.8.8.8");
    answers = after;
    expect_refused("changes.test");
    answers = both;
    send_to("https://changes.test/", false);
    assert_int_equal(connections, 1);
    assert_string_equal(connected, "8.8.8.8");
}

static void public_ones_are_connected_to(void **state)
{
    (void)state;
    static const struct {
        const char *url, *address;
    } good[] = {
        {"https://8.8.8.8/", "8.8.8.8"},
        {"https://134744072/", "8.8.8.8"},
        {"https://[2606:4700::1111]/", "2606:4700::1111"},
        {"https://[64:ff9b::8.8.8.8]/", "64:ff9b::808:808"},
    };
    for (size_t i = 0; i < LENGTH(good); i++) {
        send_to(good[i].url, false);
        if (!connections || strcmp(connected, good[i].address) != 0)
            fail_msg("%s: %d connections, to %s: %s", good[i].url, connections, connected, error);
    }
}

static void where_they_are_allowed(void **state)
{
    (void)state;
    send_to("http://127.1:8080/", true);
    assert_int_equal(connections, 1);
    assert_string_equal(connected, "127.0.0.1");
}

static void other_protocols_are_none(void **state)
{
    (void)state;
    static const char *const urls[] = {"http://8.8.8.8/", "ftp://8.8.8.8/", "file:///etc/passwd",
                                       "gopher://8.8.8.8/", "dict://8.8.8.8/"};
    for (size_t i = 0; i < LENGTH(urls); i++) {
        send_to(urls[i], false);
        assert_int_equal(connections, 0);
        assert_true(*error);
        assert_null(strstr(error, "not public"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_spelling_gets_through), cmocka_unit_test(nor_does_a_name),
        cmocka_unit_test(a_name_that_changes),      cmocka_unit_test(public_ones_are_connected_to),
        cmocka_unit_test(where_they_are_allowed),   cmocka_unit_test(other_protocols_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
