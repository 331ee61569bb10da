#include "tests/unit/unit.h"

#include "config.h"
#include "lib/log/log.h"

static struct config valid(void)
{
    return (struct config){.channel = "default", .database = "sqlite:booking.db"};
}

/* Checks the config; what was said must begin with the option's name. NULL: it must be valid. */
static void check(const struct config *config, const char *option, const char *value)
{
    struct buffer error;
    buffer_init(&error, 4096);
    bool good = config_check(config, &error);
    if (good != (option == NULL))
        fail_msg("'%s': %s", value, error.data ? error.data : "was taken");
    if (option) {
        assert_non_null(error.data);
        assert_memory_equal(error.data, option, strlen(option));
        assert_non_null(strstr(error.data, value));
    }
    buffer_free(&error);
}

static void the_defaults_are_those_of_the_contract(void **state)
{
    (void)state;
    static const struct {
        const char *flag, *environment, *value;
    } contract[] = {
        {"bind", "BOOKING_BIND", NULL},
        {"port", "BOOKING_PORT", "33"},
        {"admin-bind", "BOOKING_ADMIN_BIND", NULL},
        {"admin-port", "BOOKING_ADMIN_PORT", "9033"},
        {"desk-bind", "BOOKING_DESK_BIND", "127.0.0.1"},
        {"desk-port", "BOOKING_DESK_PORT", "9034"},
        {"operator-keys", "BOOKING_OPERATOR_KEYS", NULL},
        {"adapter-url", "BOOKING_ADAPTER_URL", "http://127.0.0.1:9096"},
        {"prefix", "BOOKING_PREFIX", NULL},
        {"database", "BOOKING_DATABASE", "sqlite:booking.db"},
        {"history", "BOOKING_HISTORY", "400"},
        {"fleet", "BOOKING_FLEET", "demo"},
        {"channel", "BOOKING_CHANNEL", "default"},
        {"api-keys", "BOOKING_API_KEYS", NULL},
        {"drain-delay", "BOOKING_DRAIN_DELAY", "5"},
        {"access-log", "BOOKING_ACCESS_LOG", NULL},
        {"webhook-url", "BOOKING_WEBHOOK_URL", NULL},
        {"webhook-secret", "BOOKING_WEBHOOK_SECRET", NULL},
        {"webhook-private", "BOOKING_WEBHOOK_PRIVATE", NULL},
        {"otlp-endpoint", "BOOKING_OTLP_ENDPOINT OTEL_EXPORTER_OTLP_ENDPOINT", NULL},
        {"log-level", "BOOKING_LOG_LEVEL", "info"},
    };
    for (size_t i = 0; i < LENGTH(contract); i++) {
        const struct option_entry *found = NULL;
        for (size_t j = 0; j < config_options.count; j++)
            if (strcmp(config_options.entries[j].flag, contract[i].flag) == 0)
                found = &config_options.entries[j];
        if (!found)
            fail_msg("--%s is not in the table", contract[i].flag);
        assert_string_equal(found->environment, contract[i].environment);
        if (contract[i].value) {
            assert_non_null(found->default_value);
            assert_string_equal(found->default_value, contract[i].value);
        } else {
            assert_null(found->default_value);
        }
    }
}

static void the_defaults_are_valid(void **state)
{
    (void)state;
    for (size_t i = 0; i < config_options.count; i++)
        unsetenv(config_options.entries[i].environment);
    struct config config = {0};
    assert_int_equal(
        options_parse(&config_options, 1, (char *[]){(char[]){"unit"}, NULL}, &config, NULL),
        OPTIONS_RUN);
    assert_int_equal(config.port, 33);
    assert_int_equal(config.admin_port, 9033);
    assert_int_equal(config.drain_delay, 5);
    assert_int_equal(config.log_level, LOG_LEVEL_INFO);
    check(&config, NULL, "defaults");
}

static void no_two_options_share_a_name_or_a_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < config_options.count; i++)
        for (size_t j = 0; j < i; j++) {
            const struct option_entry *a = &config_options.entries[i],
                                      *b = &config_options.entries[j];
            assert_string_not_equal(a->flag, b->flag);
            assert_string_not_equal(a->environment, b->environment);
            assert_int_not_equal(a->offset, b->offset);
        }
}

static void prefixes(void **state)
{
    (void)state;
    static const char *const good[] = {"", "/kayak", "/a", "/a/b", "/A-b_c.d~1"};
    static const char *const bad[] = {"kayak",     "/",    "/kayak/", "//kayak", "/a//b",
                                      "/a b",      "/a?b", "/a%20",   "/a#b",    "/caf\xC3\xA9",
                                      "http://x/a"};
    struct config config = valid();
    for (size_t i = 0; i < LENGTH(good); i++) {
        config.prefix = good[i];
        check(&config, NULL, good[i]);
    }
    for (size_t i = 0; i < LENGTH(bad); i++) {
        config.prefix = bad[i];
        check(&config, "--prefix", bad[i]);
    }
    char longest[66];
    memset(longest, 'p', sizeof longest);
    longest[0] = '/';
    longest[64] = '\0';
    config.prefix = longest;
    check(&config, NULL, longest);
    longest[64] = 'p';
    longest[65] = '\0';
    check(&config, "--prefix", longest);
}

static void channels(void **state)
{
    (void)state;
    static const char *const good[] = {"default", "kayak", "a", "A.b_c-1"};
    static const char *const bad[] = {"", "two words", "a/b", "caf\xC3\xA9", "a\n", "a'b", "a\"b"};
    struct config config = valid();
    for (size_t i = 0; i < LENGTH(good); i++) {
        config.channel = good[i];
        check(&config, NULL, good[i]);
    }
    for (size_t i = 0; i < LENGTH(bad); i++) {
        config.channel = bad[i];
        check(&config, "--channel", bad[i]);
    }
}

static void databases(void **state)
{
    (void)state;
    static const char *const good[] = {"sqlite:booking.db", "sqlite:/data/b.db",
                                       "sqlite::memory:", "postgresql://db/booking",
                                       "postgresql://u:p@db:5432,db2/b?target_session_attrs=any"};
    static const char *const bad[] = {"",
                                      "sqlite:",
                                      "booking.db",
                                      "postgresql://",
                                      "postgres://db:5432/b",
                                      "mysql://db/b",
                                      "SQLITE:b.db",
                                      "postgresql:db"};
    struct config config = valid();
    for (size_t i = 0; i < LENGTH(good); i++) {
        config.database = good[i];
        check(&config, NULL, good[i]);
    }
    for (size_t i = 0; i < LENGTH(bad); i++) {
        config.database = bad[i];
        check(&config, "--database", bad[i]);
    }
}

/* Whether the line has each of the names, which stand with a space between them, as code. */
static bool has_names(const char *line, const char *names)
{
    for (; names; names = strchr(names, ' ')) {
        char code[80];
        names += *names == ' ';
        snprintf(code, sizeof code, "`%.*s`", (int)strcspn(names, " "), names);
        if (!strstr(line, code))
            return false;
    }
    return true;
}

/* Whether a table row of the document has the flag and all its variables as code. */
static bool has_row(const char *document, const char *flag, const char *environment)
{
    char first[80];
    snprintf(first, sizeof first, "`--%s`", flag);
    char argument[80]; /* `--port PORT` will do as well */
    snprintf(argument, sizeof argument, "`--%s ", flag);
    for (const char *line = document; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        char row[1000];
        snprintf(row, sizeof row, "%.*s", (int)strcspn(line, "\n"), line);
        if (row[0] == '|' && (strstr(row, first) || strstr(row, argument)) &&
            has_names(row, environment))
            return true;
    }
    return false;
}

static void every_option_is_documented(void **state)
{
    (void)state;
    char *document = unit_read("docs/configuration.md", NULL);
    if (!document)
        fail_msg("docs/configuration.md is missing");
    for (size_t i = 0; i < config_options.count; i++) {
        const struct option_entry *entry = &config_options.entries[i];
        if (!has_row(document, entry->flag, entry->environment))
            fail_msg("docs/configuration.md has no row with `--%s` and `%s`", entry->flag,
                     entry->environment);
    }
    /* The adapters' table is their own. */
    assert_true(has_row(document, "bind", "ADAPTER_BIND"));
    assert_true(has_row(document, "port", "ADAPTER_PORT"));
    assert_true(has_row(document, "log-level", "ADAPTER_LOG_LEVEL"));
    free(document);
}

/* Whether the name, as code, is one of those. */
static bool is_among(const char *names, const char *code)
{
    size_t size = strlen(code) - 2;
    for (; names; names = strchr(names, ' ')) {
        names += *names == ' ';
        if (strcspn(names, " ") == size && memcmp(names, code + 1, size) == 0)
            return true;
    }
    return false;
}

/* And no document speaks of a flag of booking-main that is not there. */
static void every_documented_variable_exists(void **state)
{
    (void)state;
    static const char *const documents[] = {"docs/configuration.md", "README.md"};
    for (size_t i = 0; i < LENGTH(documents); i++) {
        char *document = unit_read(documents[i], NULL);
        if (!document)
            continue;
        for (const char *at = document; (at = strstr(at, "`BOOKING_"));) {
            char name[64];
            at++;
            snprintf(name, sizeof name, "`%.*s`", (int)strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"),
                     at);
            bool known = false;
            for (size_t j = 0; j < config_options.count; j++)
                known = known || is_among(config_options.entries[j].environment, name);
            if (!known)
                fail_msg("%s speaks of %s, which there is not", documents[i], name);
        }
        free(document);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_defaults_are_those_of_the_contract),
        cmocka_unit_test(the_defaults_are_valid),
        cmocka_unit_test(no_two_options_share_a_name_or_a_place),
        cmocka_unit_test(prefixes),
        cmocka_unit_test(channels),
        cmocka_unit_test(databases),
        cmocka_unit_test(every_option_is_documented),
        cmocka_unit_test(every_documented_variable_exists),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
