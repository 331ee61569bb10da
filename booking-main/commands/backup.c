#include "commands/commands.h"

#include "lib/base/options.h"
#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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
        "Copies the database to a new file, or with - to standard output, as it is at one moment,\n"
        "while engines run on it.\n"
        "To restore: stop the engines, put the file in the database's place, remove the files\n"
        "beside it that end in -wal and -shm, start the engines.",
    .entries = entries,
    .count = sizeof entries / sizeof entries[0],
};

/* To standard output. SQLite can copy into a file only, so the copy is made beside the database
 * first, where there is as much room as a database needs, and is removed again. */
static bool write_out(const char *database, struct buffer *error)
{
    if (isatty(STDOUT_FILENO)) {
        buffer_add_text(error, "a database is nothing for a terminal: send it to a file");
        return false;
    }
    char path[4096], bytes[65536];
    const char *file = strchr(database, ':');
    snprintf(path, sizeof path, "%s.backup-%d", file ? file + 1 : database, (int)getpid());
    if (!store_backup(database, path, error))
        return false;
    FILE *copy = fopen(path, "rbe");
    (void)unlink(path);
    bool written = copy;
    for (size_t size; written && (size = fread(bytes, 1, sizeof bytes, copy)) > 0;)
        written = fwrite(bytes, 1, size, stdout) == size;
    if (!written || ferror(copy) || fflush(stdout) != 0) {
        buffer_printf(error, "standard output: %s", strerror(errno));
        written = false;
    }
    if (copy)
        fclose(copy);
    return written;
}

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
        fprintf(stderr,
                "booking-main backup: name one new file, or -; see booking-main backup --help\n");
        return 2;
    }
    struct buffer error;
    buffer_init(&error, 4096);
    bool done = strcmp(argv[rest], "-") == 0 ? write_out(values.database, &error)
                                             : store_backup(values.database, argv[rest], &error);
    if (!done)
        fprintf(stderr, "booking-main backup: %s\n", error.data ? error.data : "out of memory");
    buffer_free(&error);
    return done ? 0 : 1;
}
