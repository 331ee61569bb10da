#include "lib/base/drain.h"

#include "lib/base/container_of.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* How often the service is asked whether it is idle, while finishing. */
enum { CHECK_MILLISECONDS = 20 };

struct drain {
    struct drain_config config;
    enum { RUNNING, DRAINING, FINISHING } phase;
    int signal_fd;
    struct loop_watch watch;
    struct loop_timer timer;
    int64_t limit_at;
    int64_t busy_at; /* when it was last found not to be idle */
};

static void finish(struct drain *drain)
{
    struct loop *loop = drain->config.loop;
    drain->phase = FINISHING;
    drain->busy_at = loop_now(loop);
    drain->limit_at = loop_now(loop) + drain->config.limit_seconds * LOOP_SECOND;
    drain->config.finishing(drain->config.context);
    loop_arm(loop, &drain->timer, loop_now(loop));
}

static void on_timer(struct loop_timer *timer)
{
    struct drain *drain = container_of(timer, struct drain, timer);
    struct loop *loop = drain->config.loop;
    if (drain->phase == DRAINING) {
        finish(drain);
        return;
    }
    int64_t now = loop_now(loop);
    if (!drain->config.idle(drain->config.context))
        drain->busy_at = now;
    if (now - drain->busy_at >= drain->config.quiet_milliseconds * LOOP_MILLISECOND ||
        now >= drain->limit_at)
        loop_stop(loop);
    else
        loop_arm(loop, timer, now + CHECK_MILLISECONDS * LOOP_MILLISECOND);
}

static void on_signal(struct loop_watch *watch, uint32_t events)
{
    (void)events;
    struct drain *drain = container_of(watch, struct drain, watch);
    struct loop *loop = drain->config.loop;
    struct signalfd_siginfo info;
    while (read(drain->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (drain->phase == FINISHING)
            continue;
        bool first = drain->phase == RUNNING;
        if (first) {
            drain->phase = DRAINING;
            drain->config.draining(drain->config.context);
        }
        if (first && info.ssi_signo == SIGTERM && drain->config.delay_seconds)
            loop_arm(loop, &drain->timer,
                     loop_now(loop) + drain->config.delay_seconds * LOOP_SECOND);
        else
            finish(drain);
    }
}

struct drain *drain_new(const struct drain_config *config)
{
    struct drain *drain = calloc(1, sizeof *drain);
    if (!drain)
        return NULL;
    drain->config = *config;
    drain->timer.expired = on_timer;
    drain->watch.ready = on_signal;

    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
        goto failed;
    (void)signal(SIGPIPE, SIG_IGN);
    drain->signal_fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    if (drain->signal_fd < 0)
        goto failed;
    if (loop_watch(config->loop, drain->signal_fd, EPOLLIN, &drain->watch) < 0)
        goto failed_fd;
    return drain;

failed_fd:
    close(drain->signal_fd);
failed:
    free(drain);
    return NULL;
}

void drain_free(struct drain *drain)
{
    if (!drain)
        return;
    loop_remove_timer(drain->config.loop, &drain->timer);
    loop_unwatch(drain->config.loop, drain->signal_fd, &drain->watch);
    close(drain->signal_fd);
    free(drain);
}

bool drain_is_asked_for(const struct drain *drain)
{
    struct pollfd signal = {.fd = drain->signal_fd, .events = POLLIN};
    return poll(&signal, 1, 0) == 1;
}

bool drain_started(const struct drain *drain)
{
    return drain->phase != RUNNING;
}
