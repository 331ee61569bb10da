#include "adapter-jq/confine.h"

#include "lib/base/timestamp.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* Sanitizers reserve terabytes of addresses, and report a bad access themselves. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = true };
#else
enum { SANITIZED = false };
#endif

enum { SIGNAL_STACK = 64 * 1024 };

/* A signal's handler has no context of its own. */
static struct {
    const char *service;
    enum confine_voice voice;
    int fd;                                    /* standard error, for appending, as the log's own */
    const char *volatile kind, *volatile name; /* NULL while no filter is at work */
    time_t second;                             /* in which the filter was called, */
    char time[TIMESTAMP_SIZE]; /* as text: a handler must not take the clock's locks */
} now;

/* --- last words ------------------------------------------------------------------------------- */

/* Says why and ends the process. A signal may have come in the middle of malloc(), so it does
 * nothing that allocates. */
static _Noreturn void end_with(const char *why)
{
    const char *const log[] = {"{\"time\":\"",
                               now.time,
                               "\",\"level\":\"error\",\"service\":\"",
                               now.service,
                               "\",\"msg\":\"",
                               why,
                               "; the process ends\",\"",
                               now.kind,
                               "\":\"",
                               now.name,
                               "\"}\n"};
    const char *const text[] = {now.service, ": ", now.kind, " ", now.name, ": ", why, "\n"};
    const char *const *words = now.voice == CONFINE_LOG ? log : text;
    size_t count = now.voice == CONFINE_LOG ? sizeof log / sizeof *log : sizeof text / sizeof *text;
    struct iovec parts[sizeof log / sizeof *log];
    for (size_t i = 0; i < count; i++)
        parts[i] = (struct iovec){(void *)words[i], strlen(words[i])};
    ssize_t written = writev(now.fd, parts, (int)count);
    (void)written; /* there is nobody left to tell */
    _exit(1);
}

static void on_signal(int number)
{
    if (now.kind && number == SIGPROF)
        end_with("the filter did not end in its time");
    if (now.kind && number == SIGSEGV)
        end_with("the filter nests too deep");
    if (now.kind)
        end_with("the filter failed within libjq");
    if (number == SIGPROF)
        return;              /* it ended just then */
    signal(number, SIG_DFL); /* not the filter's doing */
    raise(number);
}

void confine_out_of_memory(void *unused)
{
    (void)unused;
    if (now.kind)
        end_with("the filter needs too much memory");
}

/* --- limits ----------------------------------------------------------------------------------- */

static bool take_signals(void)
{
    static char stack[SIGNAL_STACK]; /* a filter that recursed too deep has used up the other */
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    return sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL) == 0 &&
           sigaction(SIGPROF, &action, NULL) == 0 && sigaction(SIGABRT, &action, NULL) == 0 &&
           (SANITIZED || sigaction(SIGSEGV, &action, NULL) == 0);
}

static bool limit_memory(void)
{
    char line[128]; /* the first number is all that the process has mapped, in pages */
    FILE *file = fopen("/proc/self/statm", "re");
    bool known = file && fgets(line, sizeof line, file);
    if (file)
        fclose(file);
    struct rlimit limit;
    if (!known || getrlimit(RLIMIT_AS, &limit) < 0)
        return false;
    rlim_t wanted = (rlim_t)strtoul(line, NULL, 10) * (rlim_t)sysconf(_SC_PAGESIZE) +
                    ((rlim_t)CONFINE_MEBIBYTES << 20);
    if (limit.rlim_cur <= wanted)
        return true; /* somebody was stricter; RLIM_INFINITY is the largest value */
    limit.rlim_cur = wanted;
    return setrlimit(RLIMIT_AS, &limit) == 0;
}

bool confine_process(const char *service, enum confine_voice voice, struct buffer *error)
{
    now.service = service;
    now.voice = voice;
    now.fd = open("/proc/self/fd/2", O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC);
    if (now.fd < 0)
        now.fd = STDERR_FILENO; /* a socket */
    /* Without HOME libjq asks the system for the user's, and would read the .jq in it. */
    if (clearenv() != 0 || setenv("HOME", "/dev/null", 1) < 0 || !take_signals() ||
        (!SANITIZED && !limit_memory())) {
        buffer_printf(error, "The process cannot be confined: %s.", strerror(errno));
        return false;
    }
    return true;
}

void confine_enter(const char *kind, const char *name)
{
    time_t second = time(NULL);
    if (second != now.second) {
        now.second = second;
        timestamp_format_seconds(second, now.time);
    }
    now.name = name;
    now.kind = kind;
    setitimer(ITIMER_PROF, &(struct itimerval){.it_value.tv_sec = CONFINE_CPU_SECONDS}, NULL);
}

void confine_leave(void)
{
    setitimer(ITIMER_PROF, &(struct itimerval){0}, NULL);
    now.kind = NULL;
}
