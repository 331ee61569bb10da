#include "outgoing/retry.h"

enum { MINUTE = 60, HOUR = 60 * MINUTE };

int64_t retry_pause(unsigned failed, int64_t asked, uint32_t random)
{
    static const int64_t pauses[RETRY_TRIES - 1] = {
        5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR,
    };
    if (failed >= RETRY_TRIES)
        return -1;
    int64_t pause = pauses[failed ? failed - 1 : 0];
    pause += (int64_t)(((double)random / UINT32_MAX - 0.5) * (double)pause / 5);
    if (asked > RETRY_AFTER_MAX)
        asked = RETRY_AFTER_MAX;
    return asked > pause ? asked : pause;
}
