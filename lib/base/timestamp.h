/* Points in time as RFC 3339 text and as minutes since 1970-01-01T00:00Z. */
#ifndef LIB_BASE_TIMESTAMP_H
#define LIB_BASE_TIMESTAMP_H

#include <stdint.h>

enum { TIMESTAMP_SIZE = sizeof "2026-12-01T10:00:00Z" };

/* Reads an RFC 3339 date-time with its offset. Seconds must be zero: times are whole minutes. A
 * space is taken for the plus sign of the offset, which it becomes in a query that was not escaped.
 * Returns NULL and sets *minutes, or returns what is wrong as the end of a sentence. */
const char *timestamp_parse(const char *text, int32_t *minutes);

/* The same, and *offset is how many minutes the clock on the wall was ahead of UTC. */
const char *timestamp_parse_local(const char *text, int32_t *minutes, int *offset);

/* Writes it in UTC. The year must be 1970 to 5000. */
void timestamp_format(int32_t minutes, char out[TIMESTAMP_SIZE]);
void timestamp_format_seconds(int64_t seconds, char out[TIMESTAMP_SIZE]);

/* The current time, rounded down; also in milliseconds since 1970. */
int32_t timestamp_now(void);
int64_t timestamp_now_milliseconds(void);

#endif
