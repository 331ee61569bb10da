/* A server of lib/http whose loop runs on a thread of its own, for tests that are its clients:
 * plain sockets that block. */
#ifndef TESTS_UNIT_LIB_HTTP_SERVER_UNIT_H
#define TESTS_UNIT_LIB_HTTP_SERVER_UNIT_H

#include "lib/http/listen.h"
#include "lib/http/server.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_SECONDS = 60 };

static struct loop *loop;
static struct log *log_file;
static int log_fd;
static pthread_t loop_thread;

struct running {
    struct http_server *server;
    uint16_t port;
};

/* Where it listens, its loop and its log are set here. */
static struct running start_server(struct http_server_config config)
{
    struct buffer error;
    buffer_init(&error, 500);
    struct running running = {0};
    config.loop = loop;
    config.listen_fd = listen_tcp("127.0.0.1", 0, "--port", &error); /* the kernel chooses */
    assert_true(config.listen_fd >= 0);
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    assert_int_equal(getsockname(config.listen_fd, (struct sockaddr *)&address, &size), 0);
    running.port = ntohs(address.sin_port);
    config.server = "unit";
    config.access_log = log_file;
    config.connection_limit = 100;
    running.server = http_server_new(&config);
    assert_non_null(running.server);
    buffer_free(&error);
    return running;
}

/* The loop's thread does this one thing for a test. */
static struct {
    int fd;
    struct loop_watch watch;
    void (*work)(void);
    sem_t done;
} asked;

static void on_asked(struct loop_watch *watch, uint32_t events)
{
    (void)watch;
    (void)events;
    uint64_t count;
    assert_int_equal(read(asked.fd, &count, sizeof count), sizeof count);
    asked.work();
    sem_post(&asked.done);
}

static void on_loop(void (*work)(void))
{
    asked.work = work;
    assert_int_equal(write(asked.fd, &(uint64_t){1}, sizeof(uint64_t)), sizeof(uint64_t));
    while (sem_wait(&asked.done) < 0)
        ;
}

static void *run_loop(void *context)
{
    (void)context;
    assert_int_equal(loop_run(loop), 0);
    return NULL;
}

static void stop_loop(void)
{
    loop_stop(loop);
}

/* What a test has to do before it starts its servers, and when it has. */
static void begin_loop(void)
{
    sem_init(&asked.done, 0, 0);
    log_fd = memfd_create("log", MFD_CLOEXEC);
    log_file = log_new(log_fd, "unit");
    loop = loop_new();
    asked.fd = eventfd(0, EFD_CLOEXEC);
    asked.watch.ready = on_asked;
    loop_watch(loop, asked.fd, EPOLLIN, &asked.watch);
}

static int start_loop(void)
{
    log_flush_each_round(log_file, loop);
    return pthread_create(&loop_thread, NULL, run_loop, NULL);
}

/* Before the servers are freed, and after. */
static void end_loop(void)
{
    on_loop(stop_loop);
    pthread_join(loop_thread, NULL);
}

static void free_loop(void)
{
    loop_unwatch(loop, asked.fd, &asked.watch);
    close(asked.fd);
    loop_free(loop);
    log_free(log_file);
    close(log_fd);
}

__attribute__((unused)) static void await(sem_t *semaphore, const char *what)
{
    struct timespec limit;
    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += PATIENCE_SECONDS;
    while (sem_timedwait(semaphore, &limit) < 0)
        if (errno != EINTR)
            fail_msg("%s did not happen", what);
}

static int connect_to(const struct running *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(server->port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

#endif
