#include "fleet/fleet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 512 * 1024 * 1024, FIRST_READ = 64 * 1024 };

/* Reads to the end into *text, which becomes the caller's also on failure. `expected` is how much
 * there may be, so that a file is read in one piece. */
static bool read_all(int fd, const char *name, size_t expected, char **text, size_t *size,
                     struct buffer *error)
{
    size_t capacity = 0;
    *size = 0;
    for (;;) {
        if (*size == capacity) {
            if (capacity > FILE_MAX) {
                buffer_printf(error, "%s: more than 512 MiB", name);
                return false;
            }
            capacity = capacity ? 2 * capacity : expected;
            capacity = capacity <= FILE_MAX ? capacity : (size_t)FILE_MAX + 1;
            char *larger = realloc(*text, capacity);
            if (!larger) {
                buffer_printf(error, "%s: out of memory", name);
                return false;
            }
            *text = larger;
        }
        ssize_t count = read(fd, *text + *size, capacity - *size);
        if (count == 0)
            return true;
        if (count < 0 && errno != EINTR) {
            buffer_printf(error, "%s: %s", name, strerror(errno));
            return false;
        }
        *size += count > 0 ? (size_t)count : 0;
    }
}

static struct fleet *read_fleet(int fd, const char *name, size_t expected, struct buffer *error)
{
    struct fleet *fleet = NULL;
    char *csv = NULL;
    size_t size;
    if (read_all(fd, name, expected, &csv, &size, error))
        fleet = fleet_parse(name, csv, size, error);
    free(csv);
    return fleet;
}

struct fleet *fleet_read(int fd, const char *name, struct buffer *error)
{
    return read_fleet(fd, name, FIRST_READ, error);
}

struct fleet *fleet_load(const char *path, struct buffer *error)
{
    struct fleet *fleet = NULL;
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) < 0)
        buffer_printf(error, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(status.st_mode) || status.st_size > FILE_MAX)
        buffer_printf(error, "%s: not a regular file of at most 512 MiB", path);
    else /* one byte more, to meet the end without growing */
        fleet = read_fleet(fd, path, (size_t)status.st_size + 1, error);
    if (fd >= 0)
        close(fd);
    return fleet;
}
