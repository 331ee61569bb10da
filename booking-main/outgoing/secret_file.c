#include "outgoing/secret_file.h"

#include "lib/base/container_of.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MAX = 4096 };

static bool load(const char *path, struct webhook_secrets *secrets, struct buffer *error)
{
    char text[FILE_MAX + 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text);
    int failure = errno;
    if (fd >= 0)
        close(fd);
    if (size < 0) {
        buffer_printf(error, "%s: %s", path, strerror(failure));
        return false;
    }
    if (size > FILE_MAX || memchr(text, '\0', (size_t)size)) {
        buffer_printf(error, "%s: is not a file of one or two secrets", path);
        return false;
    }
    text[size] = '\0';
    unsigned line;
    const char *fault = webhook_secrets_parse(text, secrets, &line);
    explicit_bzero(text, sizeof text);
    if (fault && line)
        buffer_printf(error, "%s: line %u %s", path, line, fault);
    else if (fault)
        buffer_printf(error, "%s: %s", path, fault);
    return !fault;
}

static void read_again(struct secret_file *file)
{
    struct buffer error;
    buffer_init(&error, 1024);
    if (load(file->watch.path, &file->secrets, &error)) {
        log_info(file->log, "webhook secrets read again", "file", file->watch.path, NULL);
        file->reread(file);
    } else {
        log_error(file->log, "webhook secrets not read again, those in use stay", "error",
                  error.data ? error.data : "out of memory", NULL);
    }
    buffer_free(&error);
}

static void on_changed(struct file_watch *watch)
{
    read_again(container_of(watch, struct secret_file, watch));
}

bool secret_file_open(struct secret_file *file, const char *path, struct loop *loop,
                      struct log *log, struct buffer *error)
{
    file->log = log;
    file->watch.path = path;
    file->watch.changed = on_changed;
    file_watch_begin(&file->watch, loop);
    return load(path, &file->secrets, error);
}

void secret_file_close(struct secret_file *file)
{
    file_watch_end(&file->watch);
    explicit_bzero(&file->secrets, sizeof file->secrets);
}

void secret_file_reread(struct secret_file *file)
{
    file_watch_catch_up(&file->watch);
    read_again(file);
}
