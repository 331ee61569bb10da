/* Points in time as people write them.
 *
 * A time is RFC 3339 with an offset, or without one in the zone that TZ names (UTC where there is
 * none): "2026-12-01 10:00". "now" is a time as well. A day, "2026-12-01", "yesterday", "today" or
 * "tomorrow", is all of it: where a period ends with a day, that day is within.
 *
 * Minutes are those of rental/period.h. Functions that read return NULL, or what is wrong as the
 * end of a sentence, and then leave the result alone.
 */
#ifndef BOOKING_COMMANDS_WHEN_H
#define BOOKING_COMMANDS_WHEN_H

#include "lib/base/buffer.h"

#include <stdint.h>

enum { WHEN_SIZE = sizeof "2026-12-01 10:00" };

/* NULL, or why the zone that TZ names cannot be had. To be asked before all else. */
const char *when_zone_problem(void);

/* The zone, for a heading: "Europe/Berlin (now UTC+01:00)", "UTC". */
void when_add_zone(struct buffer *out);

/* Where a period begins; where it ends: behind a day, but at a time. */
const char *when_read_from(const char *text, int32_t *minute);
const char *when_read_to(const char *text, int32_t *minute);

/* A time of day; a day alone is not enough. */
const char *when_read_time(const char *text, int32_t *minute);

/* A day: its midnight, and the next. */
const char *when_read_day(const char *text, int32_t *from, int32_t *to);

/* A day, a time, or FROM..TO, of which one may be missing and then leaves its minute alone. */
const char *when_read_range(const char *text, int32_t *from, int32_t *to);

/* Writes the minute, or the second's minute, in the zone. */
void when_format(int32_t minute, char out[WHEN_SIZE]);
void when_format_seconds(int64_t seconds, char out[WHEN_SIZE]);

#endif
