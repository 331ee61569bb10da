#include "lib/keys/callers.h"

#include "lib/base/metrics.h"
#include "lib/keys/keys.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NAMES_MAX = API_KEYS_MAX + 1,
    LABEL_SIZE = 2 * API_KEY_NAME_MAX + sizeof "caller=\"\"",
};
#define SECOND INT64_C(1000000000)

struct caller {
    char name[API_KEY_NAME_MAX + 1];
    uint64_t requests, refused;
    int64_t full_at; /* when its bucket is full: tokens are counted by the time they take */
    int64_t seen_at;
};

struct callers {
    unsigned limit;
    int64_t interval; /* in which a token comes */
    size_t count;
    struct caller callers[NAMES_MAX];
};

struct callers *callers_new(unsigned limit)
{
    struct callers *callers = calloc(1, sizeof *callers);
    if (!callers)
        return NULL;
    callers->limit = limit;
    callers->interval = limit ? SECOND / limit : 0;
    return callers;
}

void callers_free(struct callers *callers)
{
    free(callers);
}

/* Names come and go with the file of keys. When there is no room for one, it takes the place of the
 * caller that has been away for the longest. */
static struct caller *find(struct callers *callers, const char *name)
{
    struct caller *oldest = &callers->callers[0];
    for (size_t i = 0; i < callers->count; i++) {
        struct caller *caller = &callers->callers[i];
        if (strcmp(caller->name, name) == 0)
            return caller;
        if (caller->seen_at < oldest->seen_at)
            oldest = caller;
    }
    struct caller *place =
        callers->count < NAMES_MAX ? &callers->callers[callers->count++] : oldest;
    *place = (struct caller){.full_at = INT64_MIN};
    snprintf(place->name, sizeof place->name, "%s", name);
    return place;
}

/* Rounded up. */
static unsigned whole_seconds(int64_t duration)
{
    return (unsigned)((duration + SECOND - 1) / SECOND);
}

struct callers_verdict callers_count(struct callers *callers, const char *name, int64_t now)
{
    struct caller *caller = find(callers, name);
    caller->requests++;
    caller->seen_at = now;
    if (!callers->limit)
        return (struct callers_verdict){.granted = true};
    int64_t full_at = caller->full_at > now ? caller->full_at : now;
    bool granted = full_at + callers->interval - now <= SECOND;
    if (granted)
        caller->full_at = full_at += callers->interval;
    else
        caller->refused++;
    return (struct callers_verdict){
        .granted = granted,
        .remaining = (unsigned)((SECOND - (full_at - now)) / callers->interval),
        .wait = whole_seconds(full_at - now),
    };
}

/* A label's value has \, " and line feeds escaped; a name has no line feed. */
static void caller_label(const struct caller *caller, char out[LABEL_SIZE])
{
    char *at = out + sprintf(out, "caller=\"");
    for (const char *name = caller->name; *name; name++) {
        if (*name == '\\' || *name == '"')
            *at++ = '\\';
        *at++ = *name;
    }
    memcpy(at, "\"", 2);
}

static void counter(const struct callers *callers, bool refused, const char *name, const char *help,
                    struct buffer *out)
{
    char label[LABEL_SIZE];
    metrics_head(out, name, "counter", help);
    for (size_t i = 0; i < callers->count; i++) {
        const struct caller *caller = &callers->callers[i];
        caller_label(caller, label);
        metrics_sample(out, name, label, refused ? caller->refused : caller->requests);
    }
}

void callers_metrics(const struct callers *callers, struct buffer *out)
{
    counter(callers, false, "caller_requests_total",
            "Requests to the public port, by the name of their key.", out);
    counter(callers, true, "caller_limited_requests_total",
            "Of them, those that the limit refused.", out);
}
