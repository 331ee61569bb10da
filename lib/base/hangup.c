#include "lib/base/hangup.h"

#include "lib/base/container_of.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct hangup {
    struct loop *loop;
    int signal_fd;
    struct loop_watch watch;
    void (*asked)(void *context);
    void *context;
};

static void on_hangup(struct loop_watch *watch, uint32_t events)
{
    (void)events;
    struct hangup *hangup = container_of(watch, struct hangup, watch);
    struct signalfd_siginfo info;
    if (read(hangup->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
        hangup->asked(hangup->context);
}

struct hangup *hangup_new(struct loop *loop, void (*asked)(void *context), void *context)
{
    struct hangup *hangup = calloc(1, sizeof *hangup);
    if (!hangup)
        return NULL;
    *hangup = (struct hangup){loop, -1, {on_hangup}, asked, context};
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
        goto failed;
    hangup->signal_fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    if (hangup->signal_fd < 0)
        goto failed;
    if (loop_watch(loop, hangup->signal_fd, EPOLLIN, &hangup->watch) == 0)
        return hangup;
    close(hangup->signal_fd);
failed:
    free(hangup);
    return NULL;
}

void hangup_free(struct hangup *hangup)
{
    if (!hangup)
        return;
    loop_unwatch(hangup->loop, hangup->signal_fd, &hangup->watch);
    close(hangup->signal_fd);
    free(hangup);
}
