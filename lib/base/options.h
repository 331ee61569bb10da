/* Command-line options and environment variables from one table.
 *
 * The table drives the flags, the environment, the defaults and --help. A flag wins over its
 * environment variable, which wins over the default. Every program also has --help and --version,
 * and every service --healthcheck, which are not in its table.
 */
#ifndef LIB_BASE_OPTIONS_H
#define LIB_BASE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_type {
    OPTION_TEXT, /* const char *, NULL when there is neither value nor default */
    OPTION_URL,  /* the same; a password in it is overwritten where it came from, so that the
                    process list does not show it */
    OPTION_PORT, /* uint16_t, 1 to 65535 */
    OPTION_PORT_OR_NONE, /* uint16_t, 0 for none */
    OPTION_SECONDS,      /* unsigned, 0 to 3600 */
    OPTION_DAYS,         /* unsigned, 1 to 36500 */
    OPTION_COUNT,        /* unsigned, 0 to 1000000 */
    OPTION_FLAG,         /* bool, without a value; as a variable true or false */
    OPTION_CHOICE,       /* unsigned: the value's place among the words in `argument`, "a|b|c" */
};

struct option_entry {
    const char *flag;        /* without the dashes */
    const char *environment; /* variable's name, or several, of which the first that is set counts,
                                with a space between them; or NULL */
    enum option_type type;
    size_t offset;             /* of the target in the caller's struct */
    const char *argument;      /* what --help calls the value */
    const char *default_value; /* as one would type it; NULL for none */
    const char *help;          /* a line or two, broken by \n */
};

struct options {
    const char *program;
    const char *summary; /* what the program is, for --help */
    const char *usage;   /* what may stand behind the program's name, if not [OPTION]... alone */
    const struct option_entry *entries;
    size_t count;
    bool service; /* has --healthcheck */
};

enum options_result {
    OPTIONS_RUN,
    OPTIONS_HEALTHCHECK,
    OPTIONS_EXIT_OK,    /* --help or --version was printed */
    OPTIONS_EXIT_USAGE, /* the error was printed; exit with status 2 */
};

/* Fills `target` (its text values point into argv, the environment or the table) and prints what
 * there is to print. With `rest` NULL, an argument that is no option is an error; else such
 * arguments may stand anywhere, are moved to the end of argv, and *rest is the index of the first.
 * `target` may be partly filled when the result is not to run. */
enum options_result options_parse(const struct options *options, int argc, char **argv,
                                  void *target, int *rest);

#endif
