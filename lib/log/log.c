#include "lib/log/log.h"

#include "lib/base/container_of.h"
#include "lib/json/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* While the reader is behind. */
#define RETRY_INTERVAL (50 * LOOP_MILLISECOND)

enum {
    PENDING_MAX = 256 * 1024, /* between two flushes */
    FLUSH_AT = 64 * 1024,
};

struct log {
    int fd;
    enum log_level level;
    bool torn; /* the last line was not written to its end */
    const char *service;
    struct buffer pending;
    size_t line_start;
    uint64_t dropped;
    struct loop_task flush;
    time_t second; /* what `timestamp` says up to its milliseconds */
    char timestamp[32];
};

/* A descriptor for the same file that does not block. It is opened anew, because O_NONBLOCK belongs
 * to what is open, and standard output's is shared with other programs: the shell's terminal, say.
 * Where that cannot be had (a socket, a pipe of another user) a pipe of our own is changed itself.
 */
static int open_unblocked(int fd)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int own = open(path, O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC);
    if (own >= 0)
        return own;
    struct stat status;
    own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (own >= 0 && fstat(fd, &status) == 0 && !S_ISREG(status.st_mode) && !isatty(fd))
        (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    return own;
}

struct log *log_new(int fd, const char *service)
{
    struct log *log = calloc(1, sizeof *log);
    if (!log)
        return NULL;
    log->fd = open_unblocked(fd);
    if (log->fd < 0) {
        free(log);
        return NULL;
    }
    log->level = LOG_LEVEL_INFO;
    log->service = service;
    log->second = -1;
    buffer_init(&log->pending, PENDING_MAX);
    return log;
}

struct log *log_open(const char *path, const char *service)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (fd < 0)
        return NULL;
    struct log *log = log_new(fd, service);
    close(fd); /* the log has its own */
    return log;
}

bool log_reopen(struct log *log, const char *path)
{
    /* Not waiting for the reader of a named pipe, either: the loop calls this. */
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0640);
    if (fd < 0)
        return false;
    log_flush(log);
    close(log->fd);
    log->fd = fd;
    log->torn = false;
    return true;
}

void log_free(struct log *log)
{
    if (!log)
        return;
    log_flush(log);
    close(log->fd);
    buffer_free(&log->pending);
    free(log);
}

static void add_timestamp(struct log *log)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (now.tv_sec != log->second) {
        struct tm utc;
        gmtime_r(&now.tv_sec, &utc);
        strftime(log->timestamp, sizeof log->timestamp, "%Y-%m-%dT%H:%M:%S.000Z", &utc);
        log->second = now.tv_sec;
    }
    long milliseconds = now.tv_nsec / 1000000;
    char *digits = log->timestamp + strlen("2000-01-01T00:00:00.");
    digits[0] = (char)('0' + milliseconds / 100);
    digits[1] = (char)('0' + milliseconds / 10 % 10);
    digits[2] = (char)('0' + milliseconds % 10);
    json_add_string(&log->pending, "time", log->timestamp);
}

struct buffer *log_begin(struct log *log, const char *level, const char *message)
{
    if (log->pending.size > FLUSH_AT)
        log_flush(log);
    log->line_start = log->pending.size;
    json_begin(&log->pending);
    add_timestamp(log);
    json_add_string(&log->pending, "level", level);
    json_add_string(&log->pending, "service", log->service);
    json_add_string(&log->pending, "msg", message);
    return &log->pending;
}

void log_end(struct log *log)
{
    json_end(&log->pending);
    buffer_add(&log->pending, "\n", 1);
    if (!log->pending.failed)
        return;
    /* Out of memory, or too much waits to be written: drop this line and keep the whole ones before
     * it. */
    log->dropped++;
    log->pending.failed = false;
    log->pending.size = log->line_start;
}

static uint64_t count_lines(const char *data, size_t size)
{
    uint64_t lines = 0;
    for (const char *end = data + size; (data = memchr(data, '\n', (size_t)(end - data))); data++)
        lines++;
    return lines;
}

void log_flush(struct log *log)
{
    struct buffer *pending = &log->pending;
    size_t written = 0;
    if (log->torn && pending->size && write(log->fd, "\n", 1) == 1)
        log->torn = false;
    while (written < pending->size) {
        ssize_t count = write(log->fd, pending->data + written, pending->size - written);
        if (count >= 0) {
            written += (size_t)count;
            continue;
        }
        if (errno == EINTR)
            continue;
        if (errno == EAGAIN) { /* the reader is behind: keep the rest */
            memmove(pending->data, pending->data + written, pending->size - written);
            pending->size -= written;
            return;
        }
        log->dropped += count_lines(pending->data + written, pending->size - written);
        log->torn = log->torn || (written && pending->data[written - 1] != '\n');
        break;
    }
    buffer_clear(pending);
}

static int64_t flush_pending(struct loop_task *task)
{
    struct log *log = container_of(task, struct log, flush);
    if (log->pending.size)
        log_flush(log);
    return log->pending.size ? RETRY_INTERVAL : -1;
}

void log_flush_each_round(struct log *log, struct loop *loop)
{
    log->flush.run = flush_pending;
    loop_add_task(loop, &log->flush);
}

void log_set_level(struct log *log, enum log_level level)
{
    log->level = level;
}

bool log_is_debugging(const struct log *log)
{
    return log->level == LOG_LEVEL_DEBUG;
}

static void log_pairs(struct log *log, enum log_level level, const char *message, va_list pairs)
{
    static const char *const names[] = {"debug", "info", "error"};
    if (level < log->level)
        return;
    struct buffer *line = log_begin(log, names[level], message);
    const char *name;
    while ((name = va_arg(pairs, const char *)))
        json_add_string(line, name, va_arg(pairs, const char *));
    log_end(log);
    log_flush(log);
}

void log_debug(struct log *log, const char *message, ...)
{
    va_list pairs;
    va_start(pairs, message);
    log_pairs(log, LOG_LEVEL_DEBUG, message, pairs);
    va_end(pairs);
}

void log_info(struct log *log, const char *message, ...)
{
    va_list pairs;
    va_start(pairs, message);
    log_pairs(log, LOG_LEVEL_INFO, message, pairs);
    va_end(pairs);
}

void log_error(struct log *log, const char *message, ...)
{
    va_list pairs;
    va_start(pairs, message);
    log_pairs(log, LOG_LEVEL_ERROR, message, pairs);
    va_end(pairs);
}

uint64_t log_dropped(const struct log *log)
{
    return log->dropped;
}
