#include "store/sqlite/backup.h"

#include "store/sqlite/connection.h"
#include "store/sqlite/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CACHE_KIB = 2048 };

/* A copy that is being written has this behind its name. */
static const char unfinished[] = ".part";

static bool sync_path(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool synced = fsync(fd) == 0;
    close(fd);
    return synced;
}

/* Gives the finished copy its name, on disk. link() refuses to replace what is there, rename()
 * would not. */
static bool finish(const char *part, const char *copy)
{
    char directory[PATH_MAX];
    snprintf(directory, sizeof directory, "%s", copy);
    return sync_path(part, O_RDONLY) && link(part, copy) == 0 && unlink(part) == 0 &&
           sync_path(dirname(directory), O_RDONLY | O_DIRECTORY);
}

bool sqlite_backup(const char *path, const char *copy, struct buffer *error)
{
    bool done = false;
    struct sqlite_connection connection = {0};
    sqlite3_stmt *statement = NULL;
    char part[PATH_MAX];
    int64_t id = 0;
    if ((size_t)snprintf(part, sizeof part, "%s%s", copy, unfinished) >= sizeof part) {
        buffer_printf(error, "%s: too long a name", copy);
        return false;
    }
    if (access(path, F_OK) < 0) {
        buffer_printf(error, "%s: %s", path, strerror(errno));
        return false;
    }
    if (access(copy, F_OK) == 0) {
        buffer_printf(error, "%s: exists already; name a new file", copy);
        return false;
    }
    /* Makes it empty, or says why not better than SQLite would; one of a backup that was cut off is
     * overwritten. */
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        buffer_printf(error, "%s: %s", copy, strerror(errno));
        return false;
    }
    close(fd);
    if (!sqlite_connection_open(&connection, path, CACHE_KIB, error))
        goto out;
    int result = sqlite_read_number(&connection, "PRAGMA application_id", &id);
    if (result != SQLITE_OK) {
        sqlite_describe(&connection, result, error);
        goto out;
    }
    if (id != SQLITE_SCHEMA_APPLICATION_ID) {
        buffer_printf(error, "%s: not a database of the booking services", path);
        goto out;
    }
    /* Reads in one transaction, so the copy is of one moment. */
    struct query query = query_begin(&connection, &statement, "VACUUM INTO ?");
    query_text(&query, part);
    result = query_run(&query);
    if (result != SQLITE_OK) {
        sqlite_describe(&connection, result, error);
        goto out;
    }
    done = finish(part, copy);
    if (!done)
        buffer_printf(error, "%s: %s", copy, strerror(errno));
out:
    if (!done)
        (void)unlink(part);
    sqlite3_finalize(statement);
    sqlite_connection_close(&connection);
    return done;
}
