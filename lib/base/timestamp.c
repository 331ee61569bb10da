#include "lib/base/timestamp.h"

#include <stdbool.h>
#include <time.h>

enum { YEAR_MIN = 1970, YEAR_MAX = 5000 };

/* Reads exactly `count` digits and moves on; -1 when there are not as many. */
static int read_digits(const char **at, int count)
{
    int number = 0;
    for (int i = 0; i < count; i++) {
        char c = (*at)[i];
        if (c < '0' || c > '9')
            return -1;
        number = number * 10 + (c - '0');
    }
    *at += count;
    return number;
}

static bool read_separator(const char **at, char separator)
{
    if (**at != separator)
        return false;
    (*at)++;
    return true;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

/* Reads "Z" or "+01:00"; false when it is neither. */
static bool read_offset(const char **at, int *minutes)
{
    if (**at == 'Z' || **at == 'z') {
        (*at)++;
        *minutes = 0;
        return true;
    }
    int sign = **at == '-' ? -1 : 1;
    if (**at != '+' && **at != '-' && **at != ' ')
        return false;
    (*at)++;
    int hour = read_digits(at, 2);
    if (hour < 0 || hour > 23 || !read_separator(at, ':'))
        return false;
    int minute = read_digits(at, 2);
    if (minute < 0 || minute > 59)
        return false;
    *minutes = sign * (hour * 60 + minute);
    return true;
}

const char *timestamp_parse_local(const char *text, int32_t *minutes, int *offset)
{
    static const char malformed[] =
        "is not an RFC 3339 time with an offset, such as 2026-12-01T10:00:00Z";
    const char *at = text;
    int year = read_digits(&at, 4);
    if (year < 0 || !read_separator(&at, '-'))
        return malformed;
    int month = read_digits(&at, 2);
    if (month < 0 || !read_separator(&at, '-'))
        return malformed;
    int day = read_digits(&at, 2);
    if (day < 0 || (*at != 'T' && *at != 't'))
        return malformed;
    at++;
    int hour = read_digits(&at, 2);
    if (hour < 0 || !read_separator(&at, ':'))
        return malformed;
    int minute = read_digits(&at, 2);
    if (minute < 0 || !read_separator(&at, ':'))
        return malformed;
    int second = read_digits(&at, 2);
    if (second < 0)
        return malformed;
    bool fraction = false; /* other than zero */
    if (read_separator(&at, '.')) {
        if (*at < '0' || *at > '9')
            return malformed;
        for (; *at >= '0' && *at <= '9'; at++)
            fraction = fraction || *at != '0';
    }
    int ahead;
    if (!read_offset(&at, &ahead) || *at)
        return malformed;
    if (year < YEAR_MIN || year > YEAR_MAX)
        return "must be in a year from 1970 to 5000";
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
        return "is not a date that exists";
    if (hour == 24 && minute == 0)
        return "has the hour 24: write 00:00 of the next day";
    if (hour > 23 || minute > 59 || second > 60) /* there are leap seconds */
        return "is not a time that exists: hours go to 23, minutes and seconds to 59";
    if (second || fraction)
        return "must be a whole minute: write 00 for the seconds";

    struct tm utc = {.tm_year = year - 1900,
                     .tm_mon = month - 1,
                     .tm_mday = day,
                     .tm_hour = hour,
                     .tm_min = minute};
    *minutes = (int32_t)(timegm(&utc) / 60) - ahead;
    *offset = ahead;
    return NULL;
}

const char *timestamp_parse(const char *text, int32_t *minutes)
{
    int offset;
    return timestamp_parse_local(text, minutes, &offset);
}

void timestamp_format(int32_t minutes, char out[TIMESTAMP_SIZE])
{
    timestamp_format_seconds((int64_t)minutes * 60, out);
}

void timestamp_format_seconds(int64_t seconds, char out[TIMESTAMP_SIZE])
{
    time_t time = (time_t)seconds;
    struct tm utc;
    gmtime_r(&time, &utc);
    strftime(out, TIMESTAMP_SIZE, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

int32_t timestamp_now(void)
{
    return (int32_t)(time(NULL) / 60);
}

int64_t timestamp_now_milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
