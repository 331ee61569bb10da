/* A wall clock that a test moves: preloaded into a service, it stands before the C library's own.
 *
 * The file that TEST_CLOCK names holds one 64-bit word, see clock.py: twice the nanoseconds to add
 * to the real time, or, with the lowest bit set, twice the moment at which the clock stands still.
 * One word, so that it is never seen half written. CLOCK_MONOTONIC stays what it is: what a service
 * waits for by that goes on. The real time is asked of the kernel, since the C library's functions
 * are hidden by these, and a sanitizer has its own in between.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)

static const volatile int64_t *word;

__attribute__((constructor)) static void map_word(void)
{
    const char *path = getenv("TEST_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *mapped = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *word, PROT_READ, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED) {
        fputs("the test's clock: TEST_CLOCK names no file that can be mapped\n", stderr);
        _exit(127);
    }
    close(fd);
    word = mapped;
}

static int64_t wall_clock(void)
{
    int64_t value = word ? *word : 0;
    if (value & 1)
        return value / 2;
    struct timespec real;
    syscall(SYS_clock_gettime, CLOCK_REALTIME, &real);
    return real.tv_sec * SECOND + real.tv_nsec + value / 2;
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)
        return (int)syscall(SYS_clock_gettime, clock, time);
    int64_t now = wall_clock();
    *time = (struct timespec){.tv_sec = now / SECOND, .tv_nsec = now % SECOND};
    return 0;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
    (void)zone;
    int64_t now = wall_clock();
    *time = (struct timeval){.tv_sec = now / SECOND, .tv_usec = now % SECOND / 1000};
    return 0;
}

time_t time(time_t *time)
{
    time_t now = wall_clock() / SECOND;
    if (time)
        *time = now;
    return now;
}
