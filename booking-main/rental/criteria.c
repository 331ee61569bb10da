#include "rental/criteria.h"

#include "lib/base/timestamp.h"
#include "rental/price.h"

#include <string.h>
#include <time.h>

enum { PICKUP_AT, RETURN_AT, LOCATION, CATEGORY, PARAMETERS };

static const char *const parameters[PARAMETERS] = {"pickup_at", "return_at", "location",
                                                   "category"};

static bool wrong(struct criteria_reading *reading, int parameter, const char *what)
{
    reading->parameter = parameters[parameter];
    buffer_printf(reading->error, "%s %s.", parameters[parameter], what);
    return false;
}

void criteria_begin(struct criteria_reading *reading, struct buffer *error)
{
    *reading = (struct criteria_reading){
        .known = "pickup_at, return_at, location and category",
        .error = error,
    };
}

static bool category_valid(const char *category)
{
    return strlen(category) == CAR_CATEGORY_SIZE &&
           strspn(category, "ABCDEFGHIJKLMNOPQRSTUVWXYZ*") == CAR_CATEGORY_SIZE;
}

bool criteria_category_matches(const char *pattern, const char *category)
{
    for (int i = 0; i < CAR_CATEGORY_SIZE; i++)
        if (pattern[i] != '*' && pattern[i] != category[i])
            return false;
    return true;
}

bool criteria_set(struct criteria_reading *reading, const char *name, const char *value)
{
    int parameter = 0;
    while (parameter < PARAMETERS && strcmp(name, parameters[parameter]) != 0)
        parameter++;
    if (!*name) {
        reading->parameter = name;
        buffer_add_text(reading->error,
                        "A parameter has no name: write name=value, with one '&' between two.");
        return false;
    }
    if (parameter == PARAMETERS) {
        reading->parameter = name;
        buffer_printf(reading->error, "'%.32s' is not known here; known are %s.", name,
                      reading->known);
        return false;
    }
    if (reading->seen[parameter])
        return wrong(reading, parameter, "is given twice");
    reading->seen[parameter] = true;
    if (!value)
        return wrong(reading, parameter, "has no value, or a NUL in it");

    struct criteria *criteria = &reading->criteria;
    const char *problem = NULL;
    if (parameter == PICKUP_AT) {
        problem =
            timestamp_parse_local(value, &criteria->period.pickup_at, &reading->offsets[PICKUP_AT]);
    } else if (parameter == RETURN_AT) {
        problem =
            timestamp_parse_local(value, &criteria->period.return_at, &reading->offsets[RETURN_AT]);
    } else if (parameter == LOCATION) {
        if (!car_location_valid(value))
            return wrong(reading, parameter, "must be 1 to 32 letters, digits, '.', '_' or '-'");
        memcpy(criteria->location, value, strlen(value) + 1);
    } else {
        if (!category_valid(value))
            return wrong(reading, parameter,
                         "must be an ACRISS code of four capital letters, '*' for any letter");
        memcpy(criteria->category, value, sizeof criteria->category);
    }
    return problem ? wrong(reading, parameter, problem) : true;
}

/* The same minute and day some years later; 29 February becomes 1 March. */
static int32_t years_later(int32_t minutes, int years)
{
    time_t seconds = (time_t)minutes * 60;
    struct tm utc;
    gmtime_r(&seconds, &utc);
    utc.tm_year += years;
    return (int32_t)(timegm(&utc) / 60);
}

bool criteria_end(struct criteria_reading *reading, int32_t now)
{
    struct period *period = &reading->criteria.period;
    if (!reading->seen[PICKUP_AT] && !reading->seen[RETURN_AT]) {
        period->pickup_at = now + 1;
        period->return_at = period->pickup_at + MINUTES_PER_DAY;
        reading->criteria.days = 1;
        return true;
    }
    if (!reading->seen[PICKUP_AT])
        return wrong(reading, PICKUP_AT, "is missing: give both times or neither");
    if (!reading->seen[RETURN_AT])
        return wrong(reading, RETURN_AT, "is missing: give both times or neither");
    if (period->return_at <= period->pickup_at)
        return wrong(reading, RETURN_AT, "must be later than pickup_at");
    int32_t days = price_days(*period, reading->offsets[PICKUP_AT], reading->offsets[RETURN_AT]);
    if (days > PERIOD_MAX_DAYS)
        return wrong(reading, RETURN_AT, "must be at most 90 days after pickup_at");
    if (period->pickup_at < now - PERIOD_MAX_PAST_DAYS * MINUTES_PER_DAY)
        return wrong(reading, PICKUP_AT, "must not be more than a day ago");
    if (period->return_at <= now)
        return wrong(reading, RETURN_AT, "must be ahead of now");
    if (period->return_at > years_later(now, PERIOD_MAX_AHEAD))
        return wrong(reading, RETURN_AT, "must be at most two years ahead");
    reading->criteria.days = days;
    return true;
}
