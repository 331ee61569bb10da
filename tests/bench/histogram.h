/* A log-linear histogram of nanoseconds: every power of two in 128 steps, so that a percentile is
 * true to within a hundredth, from 1 ns to 36 minutes. */
#ifndef TESTS_BENCH_HISTOGRAM_H
#define TESTS_BENCH_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_STEPS = 128, HISTOGRAM_BUCKETS = 35 * HISTOGRAM_STEPS };

struct histogram {
    uint64_t count;
    int64_t most;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

/* Counts a value; one beyond the range counts as the longest. */
void histogram_add(struct histogram *histogram, int64_t value);

/* The value that the share (0 to 1) of all values does not exceed, 0 without any. */
int64_t histogram_percentile(const struct histogram *histogram, double share);

#endif
