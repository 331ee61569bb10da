#include "outgoing/signature.h"
#include "tests/unit/unit.h"

#define VECTOR "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define OTHER  "whsec_" S24 S24 S16 /* 48 bytes */
#define S24    "bXkgdmVyeSBvd24gc2VjcmV0"
#define S16    "bXkgdmVyeSBvd24g"

static struct buffer signature;

static const char *sign(const struct webhook_secrets *secrets, const char *id, int64_t timestamp,
                        const char *body)
{
    buffer_free(&signature);
    buffer_init(&signature, 1024);
    webhook_sign(&signature, secrets, id, timestamp, body, strlen(body));
    assert_false(signature.failed);
    return signature.data;
}

static struct webhook_secrets parse(const char *text)
{
    struct webhook_secrets secrets;
    unsigned line;
    const char *fault = webhook_secrets_parse(text, &secrets, &line);
    if (fault)
        fail_msg("%s: line %u %s", text, line, fault);
    return secrets;
}

/* The one with which the reference libraries test themselves, and others that
 * Python's hmac made. */
static void vectors(void **state)
{
    (void)state;
    struct webhook_secrets secrets = parse(VECTOR);
    assert_string_equal(
        sign(&secrets, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, "{\"test\": 2432232314}"),
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    secrets = parse(OTHER "\n");
    assert_string_equal(sign(&secrets, "msg_1", 1700000000, "{}"),
                        "v1,8FoeqVivBGcxfkas47Lkt12iHCw8UY53E5h/edm97/Q=");
}

static void both_secrets_sign(void **state)
{
    (void)state;
    struct webhook_secrets secrets = parse("\n" OTHER "\r\n\n" VECTOR "  \n");
    assert_int_equal(secrets.count, 2);
    assert_string_equal(sign(&secrets, "msg_1", 1700000000, "{}"),
                        "v1,8FoeqVivBGcxfkas47Lkt12iHCw8UY53E5h/edm97/Q= "
                        "v1,x5lVgj0b/JJJaUYaa1+6I5J/EECcryrPlFN4VrkmI94=");
}

static void expect_fault(const char *text, unsigned line, const char *fault)
{
    struct webhook_secrets secrets = {.count = 77};
    unsigned at = 99;
    const char *found = webhook_secrets_parse(text, &secrets, &at);
    assert_non_null(found);
    assert_string_equal(found, fault);
    assert_int_equal(at, line);
    assert_int_equal(secrets.count, 77);
}

static void bad_secrets(void **state)
{
    (void)state;
    static const char form[] = "must be whsec_ and a secret in base64";
    expect_fault("", 0, "holds no secret");
    expect_fault("\n \n", 0, "holds no secret");
    expect_fault("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 1, form);
    expect_fault("whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 1, form);
    expect_fault(" " VECTOR, 1, form);
    expect_fault("whsec_", 1, "is shorter than 24 bytes");
    expect_fault("whsec_bXkgdmVyeSBvd24gc2VjcmU=", 1, "is shorter than 24 bytes");
    expect_fault("whsec_MfKQ9r8GKYqr-wjUPD8ILPZIo2LaLaSw", 1, "is not base64 behind whsec_");
    expect_fault("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", 1, "is not base64 behind whsec_");
    expect_fault(VECTOR " " VECTOR, 1, "is not base64 behind whsec_");
    expect_fault("whsec_" S24 S24 S24 "MTEgYnl0ZXMgYXQ=", 1, "is longer than 64 bytes");
    expect_fault(VECTOR "\nwhsec_" S24 S24 S24 S24, 2, "is longer than 64 bytes");
    expect_fault(VECTOR "\n" OTHER "\n\n" VECTOR, 4,
                 "is a third secret: two may be in use at a time");
}

static void the_longest_secret(void **state)
{
    (void)state;
    struct webhook_secrets secrets = parse("whsec_" S24 S24 S24 "dGVuIGJ5dGVzIQ==");
    assert_int_equal(secrets.secrets[0].size, 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),
        cmocka_unit_test(both_secrets_sign),
        cmocka_unit_test(bad_secrets),
        cmocka_unit_test(the_longest_secret),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    buffer_free(&signature);
    return failed;
}
