#include "commands/commands.h"

#include "fleet/fleet.h"
#include "lib/base/options.h"
#include "store/store.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct import_options {
    const char *database;
    bool dry_run;
    bool create;
    bool force;
};

static const struct option_entry entries[] = {
    {"database", "BOOKING_DATABASE", OPTION_URL, offsetof(struct import_options, database), "URL",
     "sqlite:booking.db", "the engines' database"},
    {"dry-run", NULL, OPTION_FLAG, offsetof(struct import_options, dry_run), NULL, NULL,
     "only say what would change"},
    {"create", NULL, OPTION_FLAG, offsetof(struct import_options, create), NULL, NULL,
     "make the database if there is none"},
    {"force", NULL, OPTION_FLAG, offsetof(struct import_options, force), NULL, NULL,
     "also if many cars go, or a price falls below half or rises above double"},
};

static const struct options table = {
    .program = "booking-main import",
    .usage = "FILE|- [OPTION]...",
    .summary = "Replaces the fleet by the cars of a CSV file, or of standard input for -, in one\n"
               "transaction. Engines that run on the database follow within a second. Cars that\n"
               "are not in the file any more are no longer offered and keep their bookings.",
    .entries = entries,
    .count = sizeof entries / sizeof entries[0],
};

static void warn_of(const struct store_import_bookings *bookings, const char *what)
{
    if (!bookings->count)
        return;
    fprintf(stderr, "booking-main import: warning: %zu bookings or holds are of cars that %s:",
            bookings->count, what);
    for (size_t i = 0; i < bookings->count && i < STORE_IMPORT_NAMED; i++)
        fprintf(stderr, "%s %s", i ? "," : "", bookings->first[i]);
    fprintf(stderr, "%s\n", bookings->count > STORE_IMPORT_NAMED ? ", ..." : "");
}

/* What is right but may not be what was meant. */
static void warn(const struct fleet *fleet, const struct store_import_report *report)
{
    for (const char *line = fleet->warnings.data; line && *line;) {
        int size = (int)strcspn(line, "\n");
        fprintf(stderr, "booking-main import: warning: %.*s\n", size, line);
        line += size + (line[size] == '\n');
    }
    warn_of(&report->bookings_moved, "now stand elsewhere or are of another category");
    warn_of(&report->bookings_withdrawn, "are withdrawn");
}

/* Opens the database. There must be one already: another's name is more likely a slip than a wish.
 */
static struct store *open_database(const struct import_options *values, struct buffer *error)
{
    bool exists;
    if (!store_exists(values->database, &exists, error))
        return NULL;
    if (!exists && !values->create) {
        buffer_printf(error,
                      "database '%s': there is none: name the engines' with --database, or have it "
                      "made with --create",
                      values->database);
        return NULL;
    }
    return store_open(!exists && values->dry_run ? "sqlite::memory:" : values->database, error);
}

/* Says what was done, or why nothing was: whether that is what was asked for. */
static bool tell(const struct fleet *fleet, const struct import_options *values,
                 const struct store_import_report *report)
{
    struct buffer doubts;
    buffer_init(&doubts, 1024);
    store_import_doubts(report, &doubts);
    bool refused = report->needs_force && !values->force;
    if (refused && !values->dry_run)
        fprintf(stderr,
                "booking-main import: nothing done, since it would %s: look at the file with "
                "--dry-run, and if it is right, import it with --force\n",
                doubts.data);
    else
        printf("%s%zu added, %zu changed, %zu withdrawn, %zu unchanged\n",
               values->dry_run ? "Nothing done; it would be: " : "", report->added, report->changed,
               report->withdrawn, report->unchanged);
    if (refused && values->dry_run)
        fprintf(stderr, "booking-main import: warning: it needs --force, since it would %s\n",
                doubts.data);
    if (!refused || values->dry_run)
        warn(fleet, report);
    buffer_free(&doubts);
    return !refused || values->dry_run;
}

static int import_file(const char *path, const struct import_options *values)
{
    int status = 1;
    struct buffer error;
    buffer_init(&error, 4096);
    struct store_import_report report;
    struct store *store = NULL;
    struct fleet *fleet = strcmp(path, "-") == 0
                              ? fleet_read(STDIN_FILENO, "standard input", &error)
                              : fleet_load(path, &error);
    if (fleet)
        store = open_database(values, &error);
    struct store_import_options options = {.dry_run = values->dry_run, .force = values->force};
    if (store && store_import(store, fleet, &options, &report, &error)) {
        status = tell(fleet, values, &report) ? 0 : 1;
    } else {
        fprintf(stderr, "booking-main import: %s\n", error.data ? error.data : "out of memory");
    }
    store_close(store);
    fleet_free(fleet);
    buffer_free(&error);
    return status;
}

int command_import(int argc, char **argv)
{
    struct import_options values = {0};
    int rest;
    switch (options_parse(&table, argc, argv, &values, &rest)) {
    case OPTIONS_EXIT_OK:
        return 0;
    case OPTIONS_EXIT_USAGE:
    case OPTIONS_HEALTHCHECK:
        return 2;
    case OPTIONS_RUN:
        break;
    }
    if (argc - rest != 1) {
        fprintf(stderr, "booking-main import: name one CSV file; see booking-main import --help\n");
        return 2;
    }
    return import_file(argv[rest], &values);
}
