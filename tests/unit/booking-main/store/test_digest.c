/* The digest is SHA-256, whoever computes it: NIST's examples. */
#include "tests/unit/unit.h"

#include "store/digest.h"

static void check(const char *text, size_t size, const char *expected)
{
    unsigned char digest[STORE_DIGEST_SIZE];
    char hexadecimal[2 * STORE_DIGEST_SIZE + 1];
    store_digest(text, size, digest);
    for (int i = 0; i < STORE_DIGEST_SIZE; i++)
        snprintf(hexadecimal + 2 * i, 3, "%02x", digest[i]);
    assert_string_equal(hexadecimal, expected);
}

static void the_examples_agree(void **state)
{
    (void)state;
    check("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    check("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_examples_agree)};
    return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}
