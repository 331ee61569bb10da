#include "tests/bench/histogram.h"

#include <math.h>

/* A value keeps its 8 leading bits: the lower 128 buckets hold a value each, then each power of two
 * has its 128. */
void histogram_add(struct histogram *histogram, int64_t value)
{
    uint64_t bits = value < 0 ? 0 : (uint64_t)value;
    unsigned shift = 0;
    if (bits >= HISTOGRAM_STEPS)
        shift = 63 - 7 - (unsigned)__builtin_clzll(bits);
    uint64_t bucket = shift * HISTOGRAM_STEPS + (bits >> shift);
    if (bucket >= HISTOGRAM_BUCKETS)
        bucket = HISTOGRAM_BUCKETS - 1;
    histogram->buckets[bucket]++;
    histogram->count++;
    if (value > histogram->most)
        histogram->most = value;
}

static int64_t bucket_end(unsigned bucket)
{
    unsigned shift = bucket < 2 * HISTOGRAM_STEPS ? 0 : bucket / HISTOGRAM_STEPS - 1;
    return (int64_t)((uint64_t)(bucket - shift * HISTOGRAM_STEPS + 1) << shift) - 1;
}

int64_t histogram_percentile(const struct histogram *histogram, double share)
{
    uint64_t wanted = (uint64_t)ceil(share * (double)histogram->count);
    uint64_t seen = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen > 0 && seen >= wanted) {
            int64_t end = bucket_end(i);
            return end < histogram->most ? end : histogram->most;
        }
    }
    return histogram->most;
}
