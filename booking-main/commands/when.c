#include "commands/when.h"

#include "lib/base/timestamp.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char malformed[] =
    "is not a day such as 2026-12-01, a time such as '2026-12-01 10:00' "
    "or one with an offset such as 2026-12-01T10:00:00+01:00";

/* --- the zone -------------------------------------------------------------------------------- */

/* Where there is no file for a name, the C library takes it for UTC under that name, which is no
 * time that anybody means. A zone written out ("CET-1CEST") has its offset in it. */
const char *when_zone_problem(void)
{
    const char *name = getenv("TZ");
    char path[256];
    tzset();
    if (!name || !*name || *name == ':' || strpbrk(name, "0123456789") ||
        strcmp(name, "UTC") == 0 || strcmp(name, "GMT") == 0)
        return NULL;
    bool taken_for_utc = !timezone && !daylight && strncmp(name, tzname[0], strlen(tzname[0])) == 0;
    snprintf(path, sizeof path, "%s/%s", getenv("TZDIR") ? getenv("TZDIR") : "/usr/share/zoneinfo",
             name);
    return taken_for_utc && access(path, R_OK) != 0
               ? "names a zone that this machine does not know; unset it, or say TZ=UTC"
               : NULL;
}

void when_add_zone(struct buffer *out)
{
    const char *name = getenv("TZ");
    time_t now = time(NULL);
    struct tm local;
    char offset[8];
    localtime_r(&now, &local);
    buffer_add_text(out, name && *name && *name != ':' ? name : local.tm_zone);
    strftime(offset, sizeof offset, "%z", &local);
    if (local.tm_gmtoff)
        buffer_printf(out, " (now UTC%.3s:%s)", offset, offset + 3);
}

/* --- reading --------------------------------------------------------------------------------- */

/* A day: from its midnight to the next. A time: both are the same. */
struct span {
    int32_t from, to;
};

static bool same_clock(const struct tm *one, const struct tm *other)
{
    return one->tm_min == other->tm_min && one->tm_hour == other->tm_hour &&
           one->tm_mday == other->tm_mday;
}

/* The moments at which the clock on the wall shows what a clock in UTC shows at `wall`, the earlier
 * first; how many: two in the night in which it is put back, none where it is put forward. */
static int moments_of(int32_t wall, int32_t moments[2])
{
    time_t seconds = (time_t)wall * 60;
    struct tm shown;
    int count = 0;
    gmtime_r(&seconds, &shown);
    for (int summer = 1; summer >= 0; summer--) {
        struct tm local = shown;
        local.tm_isdst = summer;
        int32_t moment = (int32_t)(mktime(&local) / 60);
        if (same_clock(&local, &shown) && (!count || moments[0] != moment))
            moments[count++] = moment;
    }
    return count;
}

/* The first minute of the day. Where the clock is put forward at midnight, that is later. */
static int32_t midnight(int32_t wall)
{
    int32_t moments[2] = {wall};
    for (int hour = 0; hour < 3 && !moments_of(wall + hour * 60, moments); hour++)
        ;
    return moments[0];
}

static struct span day_of(int32_t wall)
{
    return (struct span){midnight(wall), midnight(wall + 24 * 60)};
}

static int32_t wall_of_today(void)
{
    time_t now = time(NULL);
    struct tm local;
    localtime_r(&now, &local);
    local.tm_hour = local.tm_min = local.tm_sec = 0;
    return (int32_t)(timegm(&local) / 60);
}

static const char *read_span(const char *text, struct span *span)
{
    static const char *const days[] = {"yesterday", "today", "tomorrow"};
    static const char pattern[] = "0000-00-00T00:00:00Z";
    char full[sizeof pattern];
    size_t size = strlen(text);
    int32_t minute = 0;
    for (int i = 0; i < 3; i++) {
        if (strcmp(text, days[i]) == 0) {
            *span = day_of(wall_of_today() + (i - 1) * 24 * 60);
            return NULL;
        }
    }
    if (strcmp(text, "now") == 0) {
        *span = (struct span){timestamp_now(), timestamp_now()};
        return NULL;
    }
    if (size != 10 && size != 16) {
        if (size < sizeof pattern - 1 || strchr("Tt", text[10]) == NULL)
            return malformed;
        const char *problem = timestamp_parse(text, &minute);
        if (!problem)
            *span = (struct span){minute, minute};
        return problem;
    }
    memcpy(full, pattern, sizeof full);
    memcpy(full, text, size);
    if (size == 16 && full[10] == ' ')
        full[10] = 'T';
    for (size_t i = 0; i < size; i++) /* the same shape, or the offset would be the text's own */
        if ((full[i] >= '0' && full[i] <= '9') != (pattern[i] == '0'))
            return malformed;
    const char *problem = timestamp_parse(full, &minute);
    if (problem)
        return problem;
    if (size == 10) {
        *span = day_of(minute);
        return NULL;
    }
    int32_t moments[2] = {0};
    int count = moments_of(minute, moments);
    if (count != 1)
        return count ? "comes twice in that night: write it with its offset"
                     : "does not exist: the clock is put forward over it";
    *span = (struct span){moments[0], moments[0]};
    return NULL;
}

const char *when_read_from(const char *text, int32_t *minute)
{
    struct span span;
    const char *problem = read_span(text, &span);
    if (!problem)
        *minute = span.from;
    return problem;
}

const char *when_read_to(const char *text, int32_t *minute)
{
    struct span span;
    const char *problem = read_span(text, &span);
    if (!problem)
        *minute = span.to;
    return problem;
}

const char *when_read_time(const char *text, int32_t *minute)
{
    struct span span;
    const char *problem = read_span(text, &span);
    if (!problem && span.from != span.to)
        problem = "is a day: say at what time, such as '2026-12-01 10:00'";
    if (!problem)
        *minute = span.from;
    return problem;
}

const char *when_read_day(const char *text, int32_t *from, int32_t *to)
{
    struct span span;
    const char *problem = read_span(text, &span);
    if (!problem && span.from == span.to)
        problem = "is a time: name a day, such as 2026-12-01 or today";
    if (!problem) {
        *from = span.from;
        *to = span.to;
    }
    return problem;
}

const char *when_read_range(const char *text, int32_t *from, int32_t *to)
{
    const char *dots = strstr(text, "..");
    struct span first, last;
    const char *problem;
    if (!dots) {
        problem = read_span(text, &first);
        if (problem)
            return problem;
        *from = first.from;
        *to = first.to > first.from ? first.to : first.from + 1;
        return NULL;
    }
    char before[64];
    snprintf(before, sizeof before, "%.*s", (int)(dots - text), text);
    if (dots - text >= (int)sizeof before || (!*before && !dots[2]))
        return malformed;
    if (*before && (problem = read_span(before, &first)))
        return problem;
    if (dots[2] && (problem = read_span(dots + 2, &last)))
        return problem;
    if (*before && dots[2] && last.to <= first.from)
        return "ends before it begins";
    if (*before)
        *from = first.from;
    if (dots[2])
        *to = last.to;
    return NULL;
}

/* --- writing --------------------------------------------------------------------------------- */

void when_format_seconds(int64_t seconds, char out[WHEN_SIZE])
{
    time_t at = (time_t)seconds;
    struct tm local;
    localtime_r(&at, &local);
    strftime(out, WHEN_SIZE, "%Y-%m-%d %H:%M", &local);
}

void when_format(int32_t minute, char out[WHEN_SIZE])
{
    when_format_seconds((int64_t)minute * 60, out);
}
