#include "commands/commands.h"

#include "lib/base/options.h"
#include "store/store.h"

#include <stdio.h>

struct backup_options {
    const char *database;
};

static const struct option_entry entries[] = {
    {"database", "BOOKING_DATABASE", OPTION_URL, offsetof(struct backup_options, database), "URL",
     "sqlite:booking.db", "the engines' database"},
};

static const struct options table = {
    .program = "booking-main backup",
    .usage = "FILE [OPTION]...",
    .summary =
        "Copies the database to a new file, as it is at one moment, while engines run on it.\n"
        "To restore: stop the engines, put the file in the database's place, remove the files\n"
        "beside it that end in -wal and -shm, start the engines.",
    .entries = entries,
    .count = sizeof entries / sizeof entries[0],
};

int command_backup(int argc, char **argv)
{
    struct backup_options values = {0};
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
        fprintf(stderr, "booking-main backup: name one new file; see booking-main backup --help\n");
        return 2;
    }
    struct buffer error;
    buffer_init(&error, 4096);
    bool done = store_backup(values.database, argv[rest], &error);
    if (!done)
        fprintf(stderr, "booking-main backup: %s\n", error.data ? error.data : "out of memory");
    buffer_free(&error);
    return done ? 0 : 1;
}
