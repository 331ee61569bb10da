#include "tests/unit/unit.h"

#include "lib/keys/keys.h"

#include <stdbool.h>
#include <unistd.h>

static char path[] = "/tmp/unit-keys-XXXXXX";
static char says[600];

/* Loads keys from a file with that content. */
static struct api_keys *load(const char *content, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(content, 1, size, file), size);
    fclose(file);
    struct buffer error;
    buffer_init(&error, sizeof says - 1);
    struct api_keys *keys = api_keys_load(path, &error);
    snprintf(says, sizeof says, "%s", error.data ? error.data : "");
    assert_int_equal(keys == NULL, error.size > 0);
    if (error.size)
        assert_non_null(strstr(says, path));
    buffer_free(&error);
    return keys;
}

static bool accepts(const struct api_keys *keys, const char *key)
{
    char field[1000];
    snprintf(field, sizeof field, "Bearer %s", key);
    return api_keys_accept(keys, field, false) != NULL;
}

static int begin(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    close(fd);
    return fd < 0;
}

static int end(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static void every_line_is_a_key_however_it_ends(void **state)
{
    (void)state;
    static const char *const files[] = {
        "alpha\nbeta\n",     "alpha\nbeta",         "alpha\r\nbeta\r\n",
        "\n\nalpha\n\nbeta", "\r\nalpha\nbeta\r\n", "alpha\nbeta\nalpha\n",
    };
    for (size_t i = 0; i < LENGTH(files); i++) {
        struct api_keys *keys = load(files[i], strlen(files[i]));
        assert_non_null(keys);
        assert_true(accepts(keys, "alpha"));
        assert_true(accepts(keys, "beta"));
        assert_false(accepts(keys, "gamma"));
        assert_false(accepts(keys, ""));
        assert_false(accepts(keys, "alph"));
        assert_false(accepts(keys, "alphaa"));
        assert_false(accepts(keys, "Alpha"));
        assert_false(accepts(keys, "alpha beta"));
        assert_false(accepts(keys, "alpha\n"));
        api_keys_free(keys);
    }
}

static void the_scheme_is_bearer_in_any_case(void **state)
{
    (void)state;
    struct api_keys *keys = load("secret\n", 7);
    assert_non_null(api_keys_accept(keys, "Bearer secret", false));
    assert_non_null(api_keys_accept(keys, "bearer secret", false));
    assert_non_null(api_keys_accept(keys, "BEARER secret", false));
    static const char *const refused[] = {"",
                                          "secret",
                                          "Bearer",
                                          "Bearer ",
                                          "Bearersecret",
                                          "Basic secret",
                                          "Bearer\tsecret",
                                          "Bearer=secret",
                                          " Bearer secret"};
    for (size_t i = 0; i < LENGTH(refused); i++)
        if (api_keys_accept(keys, refused[i], false))
            fail_msg("'%s' was accepted", refused[i]);
    assert_null(api_keys_accept(keys, NULL, false));
    api_keys_free(keys);
}

static void the_longest_key_counts_in_full(void **state)
{
    (void)state;
    char key[API_KEY_MAX + 2], file[API_KEY_MAX + 4];
    memset(key, 'k', sizeof key);
    key[API_KEY_MAX] = '\0';
    static const char *const ends[] = {"", "\n", "\r\n"};
    for (size_t i = 0; i < LENGTH(ends); i++) {
        int size = snprintf(file, sizeof file, "%s%s", key, ends[i]);
        struct api_keys *keys = load(file, (size_t)size);
        assert_non_null(keys);
        assert_true(accepts(keys, key));
        char other[sizeof key];
        memcpy(other, key, sizeof key);
        other[API_KEY_MAX - 1] = 'x'; /* the last character tells */
        assert_false(accepts(keys, other));
        other[API_KEY_MAX - 1] = '\0';
        assert_false(accepts(keys, other));
        memset(other, 'k', sizeof other); /* one more */
        other[API_KEY_MAX + 1] = '\0';
        assert_false(accepts(keys, other));
        api_keys_free(keys);
    }
}

static void bad_files_are_refused_with_the_line(void **state)
{
    (void)state;
    char too_long[2 * API_KEY_MAX + 20] = "ok\n";
    memset(too_long + 3, 'k', 2 * API_KEY_MAX);
    static const struct {
        const char *content;
        size_t size;
        const char *says;
    } cases[] = {
        {"", 0, "no key"},
        {"\n\r\n\n", 4, "no key"},
        {"alpha\na\tname key\n", 17, ":2: a name is"},
        {"alpha  key\n", 11, ":1: a name is"},
        {"al\xFFpha key\n", 10, ":1: a name is"},
        {" key\n", 5, ":1: a name is"},
        {"alpha \n", 7, ":1:"},
        {"\talpha\n", 7, ":1:"},
        {"al\xC3\xA9\n", 5, ":1:"},
        {"\xEF\xBB\xBF"
         "alpha\n",
         9, ":1: begins with a byte order mark"},
        {"\xFF\xFE"
         "a\0l\0\n\0",
         8, ":1: is UTF-16"},
        {"\xFE\xFF\0a\0\n", 6, ":1: is UTF-16"},
        {"alpha\nb\x7f\n", 9, ":2:"},
        {"alpha\nbe\0ta\n", 12, ":2:"}, /* not the key "be" */
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct api_keys *keys = load(cases[i].content, cases[i].size);
        if (keys)
            fail_msg("case %zu was taken", i);
        if (!strstr(says, cases[i].says))
            fail_msg("case %zu: %s", i, says);
    }
    assert_null(load(too_long, strlen(too_long)));
    assert_non_null(strstr(says, ":2:"));
}

static void a_key_of_one_too_many_is_refused_with_any_line_end(void **state)
{
    (void)state;
    char file[API_KEY_MAX + 8];
    memset(file, 'k', sizeof file);
    for (size_t extra = 1; extra <= 4; extra++) {
        file[API_KEY_MAX + extra] = '\n';
        assert_null(load(file, API_KEY_MAX + extra));
        assert_null(load(file, API_KEY_MAX + extra + 1));
        file[API_KEY_MAX + extra] = 'k';
    }
}

static void as_many_keys_as_allowed(void **state)
{
    (void)state;
    static char file[(API_KEYS_MAX + 1) * 8];
    size_t size = 0;
    for (int i = 0; i < API_KEYS_MAX; i++)
        size += (size_t)snprintf(file + size, sizeof file - size, "key%04d\n", i);
    struct api_keys *keys = load(file, size);
    assert_non_null(keys);
    assert_true(accepts(keys, "key0000"));
    assert_true(accepts(keys, "key0999"));
    assert_false(accepts(keys, "key1000"));
    api_keys_free(keys);
    size += (size_t)snprintf(file + size, sizeof file - size, "onemore");
    assert_null(load(file, size));
    assert_non_null(strstr(says, ":1001:"));
}

static const char *name_of(const struct api_keys *keys, const char *authorization)
{
    const char *name = api_keys_accept(keys, authorization, true);
    return name ? name : "nobody";
}

static void a_key_has_a_name(void **state)
{
    (void)state;
    static const char file[] = "anna first\nplain\n\nJos\xC3\xA9 B. second\r\nanna third\nlast";
    struct api_keys *keys = load(file, sizeof file - 1);
    assert_non_null(keys);
    assert_string_equal(name_of(keys, "Bearer first"), "anna");
    assert_string_equal(name_of(keys, "Bearer plain"), "key 2");
    assert_string_equal(name_of(keys, "Bearer second"), "Jos\xC3\xA9 B.");
    assert_string_equal(name_of(keys, "Bearer third"), "anna");
    assert_string_equal(name_of(keys, "Bearer last"), "key 6");
    assert_string_equal(name_of(keys, "Bearer anna"), "nobody");
    assert_string_equal(name_of(keys, "Bearer anna first"), "nobody");
    api_keys_free(keys);
    char longest[API_KEY_NAME_MAX + 8] = "";
    memset(longest, 'n', API_KEY_NAME_MAX);
    strcat(longest, " k");
    keys = load(longest, strlen(longest));
    assert_int_equal(strlen(name_of(keys, "Bearer k")), API_KEY_NAME_MAX);
    api_keys_free(keys);
    memset(longest, 'n', API_KEY_NAME_MAX + 1);
    strcpy(longest + API_KEY_NAME_MAX + 1, " k");
    assert_null(load(longest, strlen(longest)));
}

/* What was encoded was made with base64(1). */
static void basic_has_the_key_as_password(void **state)
{
    (void)state;
    struct api_keys *keys = load("anna se:cret\n", 13);
    assert_string_equal(name_of(keys, "Basic YW5uYTpzZTpjcmV0"), "anna"); /* anna:se:cret */
    assert_string_equal(name_of(keys, "basic OnNlOmNyZXQ="), "anna");     /* :se:cret */
    static const char *const refused[] = {
        "Basic YW5uYTpzZTpjcmV0eA==", /* anna:se:cretx */
        "Basic YW5uYTpzZTpjcmU=",     /* anna:se:cre */
        "Basic c2U6Y3JldA==",         /* se:cret */
        "Basic c2VjcmV0",             /* secret, without a colon */
        "Basic YW5uYTo=",             /* anna: */
        "Basic YW5uYTpzZTpjcmV0=",
        "Basic YW5uYTpzZTpjcmV",
        "Basic YW5uYTpzZTpj!mV0",
        "Basic ",
        "Basic",
        "Basic anna:se:cret",
        "Basic YW5uYTpzZQBjcmV0", /* a NUL in it */
    };
    for (size_t i = 0; i < LENGTH(refused); i++)
        assert_string_equal(name_of(keys, refused[i]), "nobody");
    char endless[4096] = "Basic ";
    memset(endless + 6, 'A', sizeof endless - 7);
    assert_string_equal(name_of(keys, endless), "nobody");
    assert_null(api_keys_accept(keys, "Basic YW5uYTpzZTpjcmV0", false));
    api_keys_free(keys);
}

static void a_file_that_is_not_there_is_named(void **state)
{
    (void)state;
    struct buffer error;
    buffer_init(&error, 500);
    assert_null(api_keys_load("/nonexistent/keys", &error));
    assert_non_null(strstr(error.data, "/nonexistent/keys: No such file"));
    buffer_clear(&error);
    assert_null(api_keys_load("/tmp", &error)); /* a folder */
    assert_true(error.size > 0);
    buffer_free(&error);
    api_keys_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line_is_a_key_however_it_ends),
        cmocka_unit_test(the_scheme_is_bearer_in_any_case),
        cmocka_unit_test(the_longest_key_counts_in_full),
        cmocka_unit_test(bad_files_are_refused_with_the_line),
        cmocka_unit_test(a_key_of_one_too_many_is_refused_with_any_line_end),
        cmocka_unit_test(as_many_keys_as_allowed),
        cmocka_unit_test(a_key_has_a_name),
        cmocka_unit_test(basic_has_the_key_as_password),
        cmocka_unit_test(a_file_that_is_not_there_is_named),
    };
    return cmocka_run_group_tests_name("api_keys", tests, begin, end);
}
