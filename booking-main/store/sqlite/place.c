#include "store/sqlite/place.h"

#include "lib/base/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const endings[PLACE_FILES] = {"", "-wal", "-shm"};

bool sqlite_place_note(struct sqlite_place *place, const char *path)
{
    *place = (struct sqlite_place){.path = sqlite_path_is_memory(path) ? NULL : path};
    for (int i = 0; place->path && i < PLACE_FILES; i++) {
        struct stat status = {0};
        if (asprintf(&place->names[i], "%s%s", path, endings[i]) < 0) {
            place->names[i] = NULL;
            sqlite_place_free(place);
            return false;
        }
        (void)stat(place->names[i], &status); /* gone already: sqlite_place_check() says so */
        place->files[i].device = status.st_dev;
        place->files[i].inode = status.st_ino;
    }
    return true;
}

void sqlite_place_free(struct sqlite_place *place)
{
    for (int i = 0; i < PLACE_FILES; i++) {
        free(place->names[i]);
        place->names[i] = NULL;
    }
}

bool sqlite_place_check(const struct sqlite_place *place, struct buffer *error)
{
    for (int i = 0; place->path && i < PLACE_FILES; i++) {
        struct stat status;
        if (stat(place->names[i], &status) == 0 && status.st_ino == place->files[i].inode &&
            status.st_dev == place->files[i].device)
            continue;
        if (error && i == PLACE_DATABASE)
            buffer_printf(error,
                          "database '%s' was moved or deleted while in use: stop the engine, put "
                          "it back and start again",
                          place->path);
        else if (error)
            buffer_printf(error,
                          "database '%s': its file '%s' was deleted or replaced while in use: stop "
                          "all engines on it, put it back, or restore a backup, and start again",
                          place->path, place->names[i]);
        return false;
    }
    return true;
}

uint64_t sqlite_place_size(const struct sqlite_place *place, enum place_file file)
{
    struct stat status;
    bool there = place->path && stat(place->names[file], &status) == 0;
    return there ? (uint64_t)status.st_size : 0;
}

/* --- before a start -------------------------------------------------------------------------- */

static bool all_there(const char *path)
{
    for (int i = 0; i < PLACE_FILES; i++) {
        char *name = NULL;
        bool there = asprintf(&name, "%s%s", path, endings[i]) >= 0 && access(name, F_OK) == 0;
        free(name);
        if (!there)
            return false;
    }
    return true;
}

/* Takes the database for itself for a moment, which needs no log. SQLITE_BUSY when somebody else
 * has it open. */
static int try_alone(const char *path, struct buffer *error)
{
    struct sqlite_connection connection;
    int64_t ignored;
    if (!sqlite_connection_open_bare(&connection, path, error))
        return SQLITE_CANTOPEN;
    connection.patience = 0;
    int result = sqlite_run(&connection, "PRAGMA locking_mode = EXCLUSIVE");
    if (result == SQLITE_OK)
        result = sqlite_read_number(&connection, "SELECT count(*) FROM sqlite_schema", &ignored);
    sqlite_connection_close(&connection);
    return result & 0xFF;
}

bool sqlite_place_is_sound(const char *path, struct buffer *error)
{
    /* Others may be starting or stopping just now, and have it for themselves for a moment. */
    int64_t deadline = loop_clock() + SQLITE_OPEN_PATIENCE;
    while (!sqlite_path_is_memory(path) && access(path, F_OK) == 0 && !all_there(path)) {
        int result = try_alone(path, error);
        if (result == SQLITE_CANTOPEN)
            return false;
        if (result != SQLITE_BUSY)
            return true; /* whatever else is wrong will be said by who opens it */
        if (loop_clock() >= deadline) {
            buffer_printf(
                error,
                "database '%s': another engine runs on it, and its files beside it (-wal, "
                "-shm) were deleted: stop that engine and start again",
                path);
            return false;
        }
        usleep(5000);
    }
    return true;
}
