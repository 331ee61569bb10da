#include "store/clock.h"

#include "lib/base/loop.h"

void store_clock_start(struct store_clock *clock, int64_t now, int64_t monotonic)
{
    *clock = (struct store_clock){now, monotonic};
}

int64_t store_clock_move(struct store_clock *clock, int64_t monotonic, int64_t wall)
{
    int64_t seconds = (monotonic - clock->monotonic) / LOOP_SECOND; /* the rest counts next time */
    clock->monotonic += seconds * LOOP_SECOND;
    clock->now += seconds;
    int64_t behind = wall - clock->now;
    if (behind > 0)
        clock->now += behind < seconds ? behind : seconds;
    return clock->now;
}
