#include "adapter-jq/reload.h"

#include "adapter-jq/confine.h"
#include "adapter-jq/samples.h"
#include "lib/base/container_of.h"
#include "lib/base/file_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SAID_MAX = 16 * 1024 };

struct reload {
    const char *path;
    struct loop *loop;
    struct log *log;
    struct filter *filter;
    struct file_watch file;
    bool changed_again; /* while a trial is under way */

    /* The trial. */
    pid_t child; /* 0 for none */
    int said_fd; /* its standard error */
    struct loop_watch watch;
    struct buffer program, said;
};

static void begin_trial(struct reload *reload);

static void refuse(struct reload *reload, const char *why)
{
    log_error(reload->log, "the changed filter is refused, and the old one goes on", "file",
              reload->path, "error", why, NULL);
}

/* --- the trial -------------------------------------------------------------------------------- */

/* It has passed: compiles it here. */
static void take(struct reload *reload)
{
    struct buffer error;
    buffer_init(&error, SAID_MAX);
    confine_enter("file", "the changed filter");
    struct filter *filter = filter_new(reload->program.data, reload->program.size, &error);
    confine_leave();
    if (filter) {
        filter_free(reload->filter);
        reload->filter = filter;
        log_info(reload->log, "the changed filter is in use", "file", reload->path, NULL);
    } else {
        refuse(reload, error.size ? error.data : "out of memory");
    }
    buffer_free(&error);
}

static void end_trial(struct reload *reload)
{
    int status = 0;
    loop_unwatch(reload->loop, reload->said_fd, &reload->watch);
    close(reload->said_fd);
    while (waitpid(reload->child, &status, 0) < 0 && errno == EINTR)
        ;
    reload->child = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        take(reload);
    else
        refuse(reload, reload->said.size ? reload->said.data : "its trial was killed");
    if (reload->changed_again)
        begin_trial(reload);
}

/* The trial closes its standard error by ending. */
static void on_said(struct loop_watch *watch, uint32_t events)
{
    (void)events;
    struct reload *reload = container_of(watch, struct reload, watch);
    char part[4096];
    ssize_t got = read(reload->said_fd, part, sizeof part);
    if (got > 0)
        buffer_add(&reload->said, part, (size_t)got);
    else if (got == 0 || (errno != EAGAIN && errno != EINTR))
        end_trial(reload);
}

/* Starts this program again, to check what is in `program_fd`. 0 or an error number. */
static int spawn(int program_fd, int said_fd, pid_t *child)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigemptyset(&none);
    int failure = posix_spawn_file_actions_init(&actions);
    if (failure)
        return failure;
    failure = posix_spawnattr_init(&attributes);
    if (!failure) {
        char *arguments[] = {(char[]){"adapter-jq"}, (char[]){"--check"}, (char[]){"-"}, NULL};
        if ((failure = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK)) == 0 &&
            (failure = posix_spawnattr_setsigmask(&attributes, &none)) == 0 &&
            (failure = posix_spawn_file_actions_adddup2(&actions, program_fd, STDIN_FILENO)) == 0 &&
            (failure = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null",
                                                        O_WRONLY, 0)) == 0 &&
            (failure = posix_spawn_file_actions_adddup2(&actions, said_fd, STDERR_FILENO)) == 0)
            failure = posix_spawn(child, "/proc/self/exe", &actions, &attributes, arguments,
                                  (char *[]){NULL});
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return failure;
}

/* The program as a file that nobody changes any more, for the trial to read; -1 with errno. */
static int program_file(const struct buffer *program)
{
    int fd = memfd_create("filter", MFD_CLOEXEC);
    if (fd < 0)
        return -1;
    for (size_t done = 0; done < program->size;) {
        ssize_t written = write(fd, program->data + done, program->size - done);
        if (written < 0) {
            close(fd);
            return -1;
        }
        done += (size_t)written;
    }
    lseek(fd, 0, SEEK_SET);
    return fd;
}

/* 0 or an error number. */
static int start_trial(struct reload *reload)
{
    int pipe_fds[2], program_fd = program_file(&reload->program);
    if (program_fd < 0)
        return errno;
    if (pipe2(pipe_fds, O_CLOEXEC) < 0) {
        int failure = errno;
        close(program_fd);
        return failure;
    }
    pid_t child = 0;
    int failure = spawn(program_fd, pipe_fds[1], &child);
    close(program_fd);
    close(pipe_fds[1]);
    if (!failure) {
        fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK);
        reload->watch.ready = on_said;
        failure = -loop_watch(reload->loop, pipe_fds[0], EPOLLIN, &reload->watch);
    }
    if (!failure) {
        reload->child = child;
        reload->said_fd = pipe_fds[0];
        return 0;
    }
    close(pipe_fds[0]);
    if (child > 0) {
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    return failure;
}

static void begin_trial(struct reload *reload)
{
    reload->changed_again = false;
    buffer_clear(&reload->program);
    buffer_clear(&reload->said);
    if (!samples_read(reload->path, &reload->program, &reload->said)) {
        refuse(reload, reload->said.data);
        return;
    }
    int failure = start_trial(reload);
    if (failure)
        refuse(reload, strerror(failure));
}

static void on_changed(struct file_watch *file)
{
    struct reload *reload = container_of(file, struct reload, file);
    if (reload->child)
        reload->changed_again = true;
    else
        begin_trial(reload);
}

/* --- the life of it --------------------------------------------------------------------------- */

struct reload *reload_new(const char *path, struct loop *loop, struct log *log)
{
    struct reload *reload = calloc(1, sizeof *reload);
    if (!reload) {
        log_error(log, "cannot start", "error", "out of memory", NULL);
        return NULL;
    }
    *reload = (struct reload){.path = path, .loop = loop, .log = log};
    reload->file = (struct file_watch){.path = path, .changed = on_changed};
    buffer_init(&reload->program, FILTER_SIZE_MAX);
    buffer_init(&reload->said, SAID_MAX);
    file_watch_begin(&reload->file, loop);
    if (samples_read(path, &reload->program, &reload->said))
        reload->filter =
            samples_try(reload->program.data, reload->program.size, NULL, &reload->said);
    if (reload->filter)
        return reload;
    log_error(log, "the filter cannot be used", "file", path, "error",
              reload->said.size ? reload->said.data : "out of memory", NULL);
    reload_free(reload);
    return NULL;
}

struct filter *reload_filter(const struct reload *reload)
{
    return reload->filter;
}

void reload_free(struct reload *reload)
{
    if (!reload)
        return;
    file_watch_end(&reload->file);
    if (reload->child) {
        loop_unwatch(reload->loop, reload->said_fd, &reload->watch);
        close(reload->said_fd);
        kill(reload->child, SIGKILL);
        waitpid(reload->child, NULL, 0);
    }
    filter_free(reload->filter);
    buffer_free(&reload->program);
    buffer_free(&reload->said);
    free(reload);
}
