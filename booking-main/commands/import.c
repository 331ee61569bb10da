#include "commands/commands.h"

#include "fleet/fleet.h"
#include "lib/base/options.h"
#include "store/store.h"

#include <stdio.h>

struct import_options {
    const char *database;
    bool dry_run;
};

static const struct option_entry entries[] = {
    {"database", "BOOKING_DATABASE", OPTION_TEXT, offsetof(struct import_options, database), "URL",
     "sqlite:booking.db", "the engines' database"},
    {"dry-run", NULL, OPTION_FLAG, offsetof(struct import_options, dry_run), NULL, NULL,
     "only say what would change"},
};

static const struct options table = {
    .program = "booking-main import",
    .usage = "FILE [OPTION]...",
    .summary =
        "Replaces the fleet by the cars of a CSV file, in one transaction. Engines that run on "
        "the\n"
        "database follow within a second. Cars that are not in the file any more are no longer\n"
        "offered and keep their bookings.",
    .entries = entries,
    .count = sizeof entries / sizeof entries[0],
};

static void warn_of_bookings(const struct store_import_report *report)
{
    if (report->bookings_moved)
        fprintf(stderr,
                "booking-main import: warning: %zu bookings and holds are of cars that now stand "
                "elsewhere or are of another category; they keep what was booked\n",
                report->bookings_moved);
    if (report->bookings_withdrawn)
        fprintf(stderr,
                "booking-main import: warning: %zu bookings and holds are of cars that are "
                "withdrawn; they keep their cars\n",
                report->bookings_withdrawn);
}

static int import_file(const char *path, const struct import_options *values)
{
    int status = 1;
    struct buffer error;
    buffer_init(&error, 4096);
    struct store_import_report report;
    struct store *store = NULL;
    struct fleet *fleet = fleet_load(path, &error);
    if (fleet)
        store = store_open(values->database, &error);
    if (store && store_import(store, fleet, false, values->dry_run, &report, &error)) {
        printf("%s%zu added, %zu changed, %zu withdrawn, %zu unchanged\n",
               values->dry_run ? "Nothing done; it would be: " : "", report.added, report.changed,
               report.withdrawn, report.unchanged);
        warn_of_bookings(&report);
        status = 0;
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
