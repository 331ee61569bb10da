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

#include <stdint.h>

struct log;

/* Writes to a descriptor that the caller keeps open, through one of its own that does not block.
 * `service` names the writer in each line and is borrowed. NULL when out of memory. */
struct log *log_new(int fd, const char *service);

/* Opens `path` for appending, created with mode 0640. NULL with errno set on failure. */
struct log *log_open(const char *path, const char *service);

/* Writes what is pending, closes the file if log_open() opened it. */
void log_free(struct log *log);

/* A line: log_begin() writes time, level, service and message; the caller adds members with
 * json_writer.h to the buffer it returns; log_end() completes the line. */
struct buffer *log_begin(struct log *log, const char *level, const char *message);
void log_end(struct log *log);

/* Writes the pending lines. */
void log_flush(struct log *log);

/* Has the loop write them before each wait. The loop must have ended before log_free(). */
void log_flush_each_round(struct log *log, struct loop *loop);

/* Whole lines at once, flushed: name and value pairs of strings, closed by NULL. A pair whose value
 * is NULL is left out, so the list goes on behind it. */
__attribute__((sentinel)) void log_info(struct log *log, const char *message, ...);
__attribute__((sentinel)) void log_error(struct log *log, const char *message, ...);

/* Lines that could not be written since the start. */
uint64_t log_dropped(const struct log *log);

#endif
