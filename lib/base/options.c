#include "lib/base/options.h"

#include "lib/base/version.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRIES_MAX = 32, BUILT_IN_COUNT = 3, ENVIRONMENT_MAX = 63 };
enum { CODE_HELP = 1000, CODE_VERSION, CODE_HEALTHCHECK }; /* above any index into the table */

/* Prints a text with something else in the place of one of its characters. */
static void print_with(const char *text, char from, const char *to)
{
    for (; *text; text++) {
        if (*text == from)
            fputs(to, stdout);
        else
            putchar(*text);
    }
}

static void print_help(const struct options *options)
{
    printf("Usage: %s %s\n\n%s\n\nOptions, each with its environment variable and default:\n",
           options->program, options->usage ? options->usage : "[OPTION]...", options->summary);
    for (size_t i = 0; i < options->count; i++) {
        const struct option_entry *entry = &options->entries[i];
        printf("  --%s%s%s\n      ", entry->flag, entry->argument ? " " : "",
               entry->argument ? entry->argument : "");
        if (entry->environment) {
            print_with(entry->environment, ' ', " or ");
            printf("; default: %s\n      ", entry->default_value ? entry->default_value : "none");
        }
        print_with(entry->help, '\n', "\n      ");
        putchar('\n');
    }
    if (options->service)
        printf(
            "  --healthcheck\n      ask the running %s whether it is healthy: exit status 0 or 1\n",
            options->program);
    printf("  --version\n  --help\n");
}

/* The place of `text` among the words of "a|b|c", or -1. */
static int choice_of(const char *choices, const char *text)
{
    size_t size = strlen(text);
    for (int place = 0;; place++) {
        size_t word = strcspn(choices, "|");
        if (word == size && memcmp(choices, text, size) == 0)
            return place;
        if (!choices[word])
            return -1;
        choices += word + 1;
    }
}

/* Copies of URLs, kept as long as the program runs. */
static struct {
    char *kept[ENTRIES_MAX];
    size_t count;
} urls;

/* The password in a URL, NULL where there is none. In scheme://user:password@host it goes on to the
 * last @, whatever somebody forgot to percent-encode in it. */
static char *find_password(const char *url, size_t *size)
{
    static const char parameter[] = "password=";
    const char *authority = strstr(url, "://"), *at = strrchr(url, '@');
    char *colon = authority ? strchr(authority + 3, ':') : NULL, *query = strstr(url, parameter);
    if (colon && at && colon < at) {
        *size = (size_t)(at - colon - 1);
        return colon + 1;
    }
    if (!query)
        return NULL;
    query += sizeof parameter - 1;
    *size = strcspn(query, "& ");
    return query;
}

/* The URL as it was given, of which the original forgets the password. NULL when out of memory. */
static const char *take_url(const char *text)
{
    size_t size;
    char *password = find_password(text, &size);
    if (!password || urls.count == ENTRIES_MAX)
        return text;
    char *copy = strdup(text);
    if (copy)
        memset(password, 'x', size);
    urls.kept[urls.count++] = copy;
    return copy;
}

/* Sets the entry's target from `text`; NULL, or what the value should have been. */
static const char *set_value(const struct option_entry *entry, const char *text, void *target)
{
    void *field = (char *)target + entry->offset;
    if (entry->type == OPTION_TEXT) {
        *(const char **)field = text;
        return NULL;
    }
    if (entry->type == OPTION_URL) {
        const char *url = take_url(text);
        *(const char **)field = url;
        return url ? NULL : "possible without memory";
    }
    if (entry->type == OPTION_FLAG) {
        int place = choice_of("false|true|0|1|no|yes|off|on|", text);
        if (place < 0)
            return "true or false";
        *(bool *)field = place % 2 || !*text; /* the last is the flag without a value */
        return NULL;
    }
    if (entry->type == OPTION_CHOICE) {
        int place = choice_of(entry->argument, text);
        if (place < 0)
            return entry->argument;
        *(unsigned *)field = (unsigned)place;
        return NULL;
    }
    static const struct {
        unsigned long least, most;
        const char *expected;
    } ranges[] = {
        [OPTION_PORT] = {1, 65535, "a port, 1 to 65535"},
        [OPTION_PORT_OR_NONE] = {0, 65535, "a port, 1 to 65535, or 0 for none"},
        [OPTION_SECONDS] = {0, 3600, "a whole number of seconds, 0 to 3600"},
        [OPTION_DAYS] = {1, 36500, "a whole number of days, 1 to 36500"},
        [OPTION_COUNT] = {0, 1000000, "a whole number, 0 to 1000000"},
    };
    if (!*text || strspn(text, "0123456789") != strlen(text))
        return ranges[entry->type].expected;
    errno = 0;
    unsigned long number = strtoul(text, NULL, 10);
    if (errno || number > ranges[entry->type].most || number < ranges[entry->type].least)
        return ranges[entry->type].expected;
    if (entry->type == OPTION_PORT || entry->type == OPTION_PORT_OR_NONE)
        *(uint16_t *)field = (uint16_t)number;
    else
        *(unsigned *)field = (unsigned)number;
    return NULL;
}

static void usage_error(const struct options *options, const char *what, const char *value,
                        const char *expected)
{
    fprintf(stderr, "%s: %s", options->program, what);
    if (value)
        fprintf(stderr, "=%s: not %s", value, expected);
    /* Kubernetes sets NAME_PORT=tcp://... for a Service called NAME. */
    if (value && strncmp(value, "tcp://", 6) == 0)
        fprintf(stderr,
                "; a Service of the pod's namespace sets this: use enableServiceLinks: false");
    fprintf(stderr, "; see %s --help\n", options->program);
}

/* The first of these variables that is set and not empty; its name is then in `name`. */
static const char *read_environment(const char *names, char name[ENVIRONMENT_MAX + 1])
{
    while (names) {
        size_t size = strcspn(names, " ");
        snprintf(name, ENVIRONMENT_MAX + 1, "%.*s", (int)size, names);
        const char *text = getenv(name);
        if (text && *text)
            return text;
        names = names[size] ? names + size + 1 : NULL;
    }
    return NULL;
}

static bool set_defaults(const struct options *options, void *target)
{
    for (size_t i = 0; i < options->count; i++) {
        const struct option_entry *entry = &options->entries[i];
        if (entry->default_value)
            (void)set_value(entry, entry->default_value, target); /* the table's own are valid */
        char name[ENVIRONMENT_MAX + 1];
        const char *text = read_environment(entry->environment, name);
        if (!text)
            continue;
        const char *expected = set_value(entry, text, target);
        if (expected) {
            usage_error(options, name, text, expected);
            return false;
        }
    }
    return true;
}

enum options_result options_parse(const struct options *options, int argc, char **argv,
                                  void *target, int *rest)
{
    struct option flags[ENTRIES_MAX + BUILT_IN_COUNT + 1] = {{0}};
    size_t count = 0;
    for (; count < options->count && count < ENTRIES_MAX; count++)
        flags[count] = (struct option){
            .name = options->entries[count].flag,
            .has_arg =
                options->entries[count].type == OPTION_FLAG ? no_argument : required_argument,
            .val = (int)count,
        };
    flags[count++] = (struct option){"help", no_argument, NULL, CODE_HELP};
    flags[count++] = (struct option){"version", no_argument, NULL, CODE_VERSION};
    if (options->service)
        flags[count++] = (struct option){"healthcheck", no_argument, NULL, CODE_HEALTHCHECK};

    bool check = false;
    const char *given[ENTRIES_MAX] = {0}; /* set after the environment, which they win over */
    opterr = 0;
    optind = 0; /* start afresh, whatever was parsed before */
    for (;;) {
        int code = getopt_long(argc, argv, rest ? ":" : "+:", flags, NULL);
        if (code == -1)
            break;
        if (code == CODE_HELP) {
            print_help(options);
            return OPTIONS_EXIT_OK;
        }
        if (code == CODE_VERSION) {
            printf("%s %s\n", options->program, version_text);
            return OPTIONS_EXIT_OK;
        }
        if (code == CODE_HEALTHCHECK) {
            check = true;
        } else if (code == ':' || code == '?') {
            fprintf(stderr, "%s: %s: %s; see %s --help\n", options->program, argv[optind - 1],
                    code == ':' ? "the option needs a value"
                                : "no such option, or it takes no value",
                    options->program);
            return OPTIONS_EXIT_USAGE;
        } else {
            given[code] = optarg ? optarg : "";
        }
    }
    if (rest) {
        *rest = optind;
    } else if (optind < argc) {
        fprintf(stderr, "%s: %s: not an option; see %s --help\n", options->program, argv[optind],
                options->program);
        return OPTIONS_EXIT_USAGE;
    }
    if (!set_defaults(options, target))
        return OPTIONS_EXIT_USAGE;
    for (size_t i = 0; i < options->count; i++) {
        const char *expected = given[i] ? set_value(&options->entries[i], given[i], target) : NULL;
        if (expected) {
            char flag[64];
            snprintf(flag, sizeof flag, "--%s", options->entries[i].flag);
            usage_error(options, flag, given[i], expected);
            return OPTIONS_EXIT_USAGE;
        }
    }
    return check ? OPTIONS_HEALTHCHECK : OPTIONS_RUN;
}
