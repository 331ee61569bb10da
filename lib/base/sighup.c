#include "lib/base/sighup.h"

#include "lib/base/container_of.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct sighup {
    struct loop *loop;
    int signal_fd;
    struct loop_watch watch;
    void (*asked)(void *context);
    void *context;
};

static void on_sighup(struct loop_watch *watch, uint32_t events)
{
    (void)events;
    struct sighup *sighup = container_of(watch, struct sighup, watch);
    struct signalfd_siginfo info;
    if (read(sighup->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
        sighup->asked(sighup->context);
}

struct sighup *sighup_new(struct loop *loop, void (*asked)(void *context), void *context)
{
    struct sighup *sighup = calloc(1, sizeof *sighup);
    if (!sighup)
        return NULL;
    *sighup = (struct sighup){loop, -1, {on_sighup}, asked, context};
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
        goto failed;
    sighup->signal_fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    if (sighup->signal_fd < 0)
        goto failed;
    if (loop_watch(loop, sighup->signal_fd, EPOLLIN, &sighup->watch) == 0)
        return sighup;
    close(sighup->signal_fd);
failed:
    free(sighup);
    return NULL;
}

void sighup_free(struct sighup *sighup)
{
    if (!sighup)
        return;
    loop_unwatch(sighup->loop, sighup->signal_fd, &sighup->watch);
    close(sighup->signal_fd);
    free(sighup);
}
