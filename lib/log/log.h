/* Structured logs: one JSON object a line.
 *
 * A service has two logs: the service log (standard error, a line for each thing an operator should
 * know) and the access log (standard output or a file, a line for each request). Lines are gathered
 * and written once for each round of the event loop, so that a busy service makes one write for
 * many requests. Nothing here blocks or fails a request: what cannot be written is counted and
 * dropped.
 */
#ifndef LIB_LOG_LOG_H
#define LIB_LOG_LOG_H

#include "lib/base/buffer.h"
#include "lib/base/loop.h"

#include <stdbool.h>
#include <stdint.h>

struct log;

/* Writes to a descriptor that the caller keeps open, through one of its own that does not block.
 * `service` names the writer in each line and is borrowed. NULL when out of memory. */
struct log *log_new(int fd, const char *service);

/* Opens `path` for appending, created with mode 0640. NULL with errno set on failure. */
struct log *log_open(const char *path, const char *service);

/* Goes on in the file that `path` names now, after the old one was renamed, say. If there is none
 * it is made, with mode 0640. Pending lines go into the old file, as far as it takes them. False,
 * with errno set and the log as it was, when the file cannot be opened. */
bool log_reopen(struct log *log, const char *path);

/* Writes what is pending, and closes the file if log_open() opened it. NULL is fine. */
void log_free(struct log *log);

/* A line, whatever the log's level: log_begin() writes time, level, service and message; the caller
 * adds members with json_writer.h to the buffer it returns; log_end() completes the line. */
struct buffer *log_begin(struct log *log, const char *level, const char *message);
void log_end(struct log *log);

/* Writes the pending lines. */
void log_flush(struct log *log);

/* Has the loop write them before each wait. The loop must have ended before log_free(). */
void log_flush_each_round(struct log *log, struct loop *loop);

/* Whole lines at once, flushed, if the log's level lets them through: name and value pairs of
 * strings, closed by NULL. A pair whose value is NULL is left out, so the list goes on behind it.
 */
__attribute__((sentinel)) void log_debug(struct log *log, const char *message, ...);
__attribute__((sentinel)) void log_info(struct log *log, const char *message, ...);
__attribute__((sentinel)) void log_error(struct log *log, const char *message, ...);

/* What of the service log is written: lines of this level and above. LOG_LEVELS is an option's
 * choices in the same order. */
enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_ERROR };
#define LOG_LEVELS "debug|info|error"

/* Without a call it is LOG_LEVEL_INFO. */
void log_set_level(struct log *log, enum log_level level);

/* Whether log_debug() writes: ask before putting a costly message together. */
bool log_is_debugging(const struct log *log);

/* Lines that could not be written since the start. */
uint64_t log_dropped(const struct log *log);

#endif
