/* The time of day as a test wants it. It begins at UNIT_NOW, in 1970, so that no period is over
 * that a test makes up; it goes on as real time does, and jumps when the test says so. Of programs
 * linked with --wrap=time. */
#ifndef TESTS_UNIT_BOOKING_MAIN_STORE_UNIT_TIME_H
#define TESTS_UNIT_BOOKING_MAIN_STORE_UNIT_TIME_H

#include "tests/unit/booking-main/store/store_unit.h"

#include <stdatomic.h>
#include <time.h>

static _Atomic int64_t unit_jumped; /* seconds */

/* Called once, the next time the committer's thread asks for the time. */
static void (*_Atomic unit_when_committer_asks)(void);

time_t __wrap_time(time_t *out);
time_t __wrap_time(time_t *out)
{
    static _Atomic int64_t begun;
    char name[16] = "";
    if (atomic_load(&unit_when_committer_asks) &&
        pthread_getname_np(pthread_self(), name, sizeof name) == 0 &&
        strcmp(name, "committer") == 0)
        atomic_exchange(&unit_when_committer_asks, NULL)();
    int64_t now = loop_clock() / LOOP_SECOND, none = 0;
    atomic_compare_exchange_strong(&begun, &none, now);
    time_t time = UNIT_NOW + (now - begun) + unit_jumped;
    if (out)
        *out = time;
    return time;
}

#endif
