/* Metrics in the Prometheus text format, version 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/).
 *
 * There is no registry: a module keeps its own counters and writes them when it is asked to.
 */
#ifndef LIB_BASE_METRICS_H
#define LIB_BASE_METRICS_H

#include "lib/base/buffer.h"

#include <stdint.h>

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum { METRICS_BUCKETS = 14 };

/* Durations, counted in buckets from 0.1 ms to 2.5 s. All zero is an empty one. */
struct metrics_histogram {
    uint64_t counts[METRICS_BUCKETS + 1]; /* the last: above all bounds */
    int64_t sum;                          /* nanoseconds */
};

void metrics_observe(struct metrics_histogram *histogram, int64_t nanoseconds);

/* Sizes, counted in buckets of powers of two from 1 to 256. All zero is an empty one. */
enum { METRICS_SIZE_BUCKETS = 9 };
struct metrics_sizes {
    uint64_t counts[METRICS_SIZE_BUCKETS + 1];
    uint64_t sum;
};

void metrics_observe_size(struct metrics_sizes *sizes, uint64_t size);
void metrics_sizes(struct buffer *out, const char *name, const struct metrics_sizes *sizes);

/* The two lines that introduce a metric; `type` is counter, gauge or histogram. */
void metrics_head(struct buffer *out, const char *name, const char *type, const char *help);

/* One sample; `labels` is the inside of the braces, such as `code="200"`, or NULL. */
void metrics_sample(struct buffer *out, const char *name, const char *labels, uint64_t value);
void metrics_histogram(struct buffer *out, const char *name, const char *labels,
                       const struct metrics_histogram *histogram);

/* A metric with a single sample, head and all. */
void metrics_single(struct buffer *out, const char *name, const char *type, const char *help,
                    uint64_t value);

/* What the system knows of this process: memory, CPU time, descriptors, start; and its version. */
void metrics_process(struct buffer *out, const char *service, const char *version);

#endif
