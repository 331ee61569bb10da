#include "lib/base/metrics.h"

#include "lib/base/loop.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Upper bounds in nanoseconds, and as the label says them in seconds. */
static const struct {
    int64_t nanoseconds;
    const char *seconds;
} bounds[METRICS_BUCKETS] = {
    {100000, "0.0001"},  {250000, "0.00025"}, {500000, "0.0005"},  {1000000, "0.001"},
    {2500000, "0.0025"}, {5000000, "0.005"},  {10000000, "0.01"},  {25000000, "0.025"},
    {50000000, "0.05"},  {100000000, "0.1"},  {250000000, "0.25"}, {500000000, "0.5"},
    {1000000000, "1"},   {2500000000, "2.5"},
};

void metrics_observe(struct metrics_histogram *histogram, int64_t nanoseconds)
{
    int i = 0;
    while (i < METRICS_BUCKETS && nanoseconds > bounds[i].nanoseconds)
        i++;
    histogram->counts[i]++;
    histogram->sum += nanoseconds;
}

void metrics_head(struct buffer *out, const char *name, const char *type, const char *help)
{
    buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metrics_sample(struct buffer *out, const char *name, const char *labels, uint64_t value)
{
    if (labels && *labels)
        buffer_printf(out, "%s{%s} %llu\n", name, labels, (unsigned long long)value);
    else
        buffer_printf(out, "%s %llu\n", name, (unsigned long long)value);
}

void metrics_histogram(struct buffer *out, const char *name, const char *labels,
                       const struct metrics_histogram *histogram)
{
    const char *comma = labels && *labels ? "," : "";
    if (!labels)
        labels = "";
    uint64_t count = 0;
    for (int i = 0; i <= METRICS_BUCKETS; i++) {
        count += histogram->counts[i];
        buffer_printf(out, "%s_bucket{%s%sle=\"%s\"} %llu\n", name, labels, comma,
                      i < METRICS_BUCKETS ? bounds[i].seconds : "+Inf", (unsigned long long)count);
    }
    const char *open = *labels ? "{" : "", *close = *labels ? "}" : "";
    buffer_printf(out, "%s_sum%s%s%s %.9f\n", name, open, labels, close,
                  (double)histogram->sum / (double)LOOP_SECOND);
    buffer_printf(out, "%s_count%s%s%s %llu\n", name, open, labels, close,
                  (unsigned long long)count);
}

void metrics_observe_size(struct metrics_sizes *sizes, uint64_t size)
{
    int i = 0;
    while (i < METRICS_SIZE_BUCKETS && size > UINT64_C(1) << i)
        i++;
    sizes->counts[i]++;
    sizes->sum += size;
}

void metrics_sizes(struct buffer *out, const char *name, const struct metrics_sizes *sizes)
{
    unsigned long long count = 0;
    for (int i = 0; i < METRICS_SIZE_BUCKETS; i++) {
        count += sizes->counts[i];
        buffer_printf(out, "%s_bucket{le=\"%d\"} %llu\n", name, 1 << i, count);
    }
    count += sizes->counts[METRICS_SIZE_BUCKETS];
    buffer_printf(out, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %llu\n%s_count %llu\n", name, count,
                  name, (unsigned long long)sizes->sum, name, count);
}

void metrics_single(struct buffer *out, const char *name, const char *type, const char *help,
                    uint64_t value)
{
    metrics_head(out, name, type, help);
    metrics_sample(out, name, NULL, value);
}

/* Resident bytes, from the second field of /proc/self/statm; 0 when it cannot be read. */
static uint64_t resident_bytes(void)
{
    char line[128] = "";
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return 0;
    const char *second = fgets(line, sizeof line, file) ? strchr(line, ' ') : NULL;
    uint64_t pages = second ? strtoull(second, NULL, 10) : 0;
    fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t open_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    if (!directory)
        return 0;
    uint64_t count = 0;
    for (struct dirent *entry; (entry = readdir(directory));)
        count += entry->d_name[0] != '.';
    closedir(directory);
    return count - 1; /* the one this reading opened */
}

/* When this process started, in seconds since 1970: field 22 of /proc/self/stat counts from boot.
 * Reckoned once, for two clocks are rounded here, and one of them can be set. */
static uint64_t start_time(void)
{
    static uint64_t known;
    if (known)
        return known;
    char line[1024] = "";
    FILE *file = fopen("/proc/self/stat", "re");
    if (!file)
        return 0;
    const char *at = fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
    fclose(file);
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    if (!at)
        return 0;
    struct timespec now, since_boot;
    clock_gettime(CLOCK_REALTIME, &now);
    clock_gettime(CLOCK_BOOTTIME, &since_boot);
    uint64_t age =
        (uint64_t)since_boot.tv_sec - strtoull(at, NULL, 10) / (uint64_t)sysconf(_SC_CLK_TCK);
    known = (uint64_t)now.tv_sec - age;
    return known;
}

void metrics_process(struct buffer *out, const char *service, const char *version)
{
    struct timespec cpu;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    metrics_head(out, "process_cpu_seconds_total", "counter", "User and system CPU time spent.");
    buffer_printf(out, "process_cpu_seconds_total %.6f\n",
                  (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9);
    metrics_single(out, "process_resident_memory_bytes", "gauge", "Resident memory size.",
                   resident_bytes());
    metrics_single(out, "process_open_fds", "gauge", "Open file descriptors.", open_descriptors());
    metrics_single(out, "process_start_time_seconds", "gauge", "Start, in seconds since 1970.",
                   start_time());
    metrics_head(out, "booking_build_info", "gauge", "1; the version is in the label.");
    buffer_printf(out, "booking_build_info{service=\"%s\",version=\"%s\"} 1\n", service, version);
}
