/* A small HTTP/1.1 load generator for the bench: kept-alive connections on loopback, one epoll
 * loop.
 *
 *     load CONNECTIONS ADDRESS PORT PATH...
 *     load CONNECTIONS ADDRESS PORT 'POST PATH BODY'...
 *
 * opens the connections, then reads what to do from standard input, a line each, and answers every
 * line with one line of JSON; the connections stay open in between, so that whoever measures the
 * server can leave its start out and look at it while they are open.
 *
 *     time SECONDS         closed loop: every connection asks again as soon as it is answered
 *     count REQUESTS       the same, a number of times
 *     rate RATE SECONDS    open loop: requests leave at fixed times, RATE a second, on a connection
 *                          that is free
 *
 * In the open loop a latency runs from the time at which a request was meant to leave, so that a
 * server that stalls pays for all that had to wait meanwhile (no "coordinated omission").
 *
 * The requests are sent in turn. An answer must be a 200, or a 201 to a POST, with a body; any
 * other, or a connection that ends, ends the program with status 1. So does an answer that takes
 * longer than GRACE_SECONDS.
 */
#include "tests/bench/histogram.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 4096,
    REQUESTS_MAX = 10 * 1000 * 1000,
    SECONDS_MAX = 120,
    GRACE_SECONDS = 10,
    ANSWER_MAX = 32 * 1024, /* a list of a hundred cars has 13 */
    EVENTS_MAX = 256,
};

static const int64_t second = INT64_C(1000000000);

struct connection {
    int fd;
    int64_t since; /* when its request left, or was meant to */
    size_t received;
    struct connection *next_free;
    char answer[ANSWER_MAX];
};

struct request {
    char *text;
    size_t size;
};

/* One line of standard input. */
struct plan {
    int64_t requests;
    int64_t nanoseconds;
    double rate; /* 0 in the closed loop */
};

struct load {
    int epoll_fd;
    struct connection *connections;
    unsigned connection_count;
    struct request *requests;
    unsigned request_count, request_next;
    /* Connections without a request, the longest free first. */
    struct connection *free_first, **free_end;
    struct plan plan;
    int64_t start, last_answer;
    int64_t sent, answered;
    struct histogram latency;
};

__attribute__((format(printf, 1, 2), noreturn)) static void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)fputs("load: ", stderr);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * second + now.tv_nsec;
}

/* --- connections ------------------------------------------------------------------------------ */

static void set_free(struct load *load, struct connection *connection)
{
    connection->received = 0;
    connection->next_free = NULL;
    *load->free_end = connection;
    load->free_end = &connection->next_free;
}

static struct connection *take_free(struct load *load)
{
    struct connection *connection = load->free_first;
    load->free_first = connection->next_free;
    if (!load->free_first)
        load->free_end = &load->free_first;
    return connection;
}

static void connect_all(struct load *load, const struct sockaddr_in *address)
{
    const struct timeval patience = {.tv_sec = GRACE_SECONDS};
    const int on = 1;
    load->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    load->connections = calloc(load->connection_count, sizeof *load->connections);
    if (load->epoll_fd < 0 || !load->connections)
        die("%s", strerror(errno));
    load->free_end = &load->free_first;
    for (unsigned i = 0; i < load->connection_count; i++) {
        struct connection *connection = &load->connections[i];
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
        connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connection->fd < 0 ||
            setsockopt(connection->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0 ||
            setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
            connect(connection->fd, (const struct sockaddr *)address, sizeof *address) != 0 ||
            epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, connection->fd, &event) != 0)
            die("connection %u: %s", i + 1, strerror(errno));
        set_free(load, connection);
    }
}

/* --- one answer ------------------------------------------------------------------------------- */

/* The size of the whole answer, or 0 when there is more to read before it is known. */
static size_t answer_size(const char *answer, size_t received)
{
    static const char good[] = "HTTP/1.1 200 ", made[] = "HTTP/1.1 201 ";
    static const char field[] = "Content-Length:";
    const char *end = memmem(answer, received, "\r\n\r\n", 4);
    if (!end)
        return 0;
    if (strncmp(answer, good, sizeof good - 1) != 0 && strncmp(answer, made, sizeof made - 1) != 0)
        die("this is no 200: %.*s", (int)received, answer);
    for (const char *line = answer; line < end; line = strchr(line, '\n') + 1) {
        if (strncasecmp(line, field, sizeof field - 1) == 0) {
            unsigned long body = strtoul(line + sizeof field - 1, NULL, 10);
            if (body > 0 && body < ANSWER_MAX)
                return (size_t)(end + 4 - answer) + body;
        }
    }
    die("this has no body of a known size: %.*s", (int)received, answer);
}

static void on_readable(struct load *load, struct connection *connection)
{
    size_t room = ANSWER_MAX - 1 - connection->received;
    ssize_t count =
        recv(connection->fd, connection->answer + connection->received, room, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count <= 0)
        die("a connection ended: %s", count < 0 ? strerror(errno) : "closed or too long an answer");
    connection->received += (size_t)count;
    connection->answer[connection->received] = '\0';
    size_t size = answer_size(connection->answer, connection->received);
    if (size == 0 || connection->received < size)
        return;
    if (connection->received > size)
        die("more than one answer: %s", connection->answer);
    load->last_answer = now_ns();
    histogram_add(&load->latency, load->last_answer - connection->since);
    load->answered++;
    set_free(load, connection);
}

/* --- one plan --------------------------------------------------------------------------------- */

/* When the next request is to leave; INT64_MAX when there is none any more. */
static int64_t next_due(const struct load *load, int64_t now)
{
    const struct plan *plan = &load->plan;
    int64_t due = now;
    if (plan->rate > 0)
        due = load->start + (int64_t)((double)load->sent * (double)second / plan->rate);
    if (load->sent >= plan->requests || due - load->start >= plan->nanoseconds)
        return INT64_MAX;
    return due;
}

static void send_due(struct load *load, int64_t now)
{
    while (load->free_first) {
        int64_t due = next_due(load, now);
        if (due > now)
            return;
        struct connection *connection = take_free(load);
        const struct request *request = &load->requests[load->request_next];
        load->request_next = (load->request_next + 1) % load->request_count;
        connection->since = due;
        load->sent++;
        if (send(connection->fd, request->text, request->size, MSG_NOSIGNAL) !=
            (ssize_t)request->size)
            die("send: %s", strerror(errno));
    }
}

static void wait_and_read(struct load *load, int64_t until)
{
    struct epoll_event events[EVENTS_MAX];
    int64_t left = until - now_ns();
    if (left < 0)
        left = 0;
    /* epoll_wait's milliseconds would make bursts of a fixed rate. */
    const struct timespec timeout = {.tv_sec = left / second, .tv_nsec = left % second};
    int count = epoll_pwait2(load->epoll_fd, events, EVENTS_MAX, &timeout, NULL);
    if (count < 0 && errno != EINTR)
        die("epoll_pwait2: %s", strerror(errno));
    for (int i = 0; i < count; i++) {
        on_readable(load, events[i].data.ptr);
        send_due(load, load->last_answer);
    }
}

static void run(struct load *load, const struct plan *plan)
{
    load->plan = *plan;
    load->sent = load->answered = 0;
    memset(&load->latency, 0, sizeof load->latency);
    load->start = load->last_answer = now_ns();
    for (;;) {
        int64_t now = now_ns();
        send_due(load, now);
        int64_t due = next_due(load, now);
        if (due == INT64_MAX && load->answered == load->sent)
            return;
        int64_t patience = load->last_answer + GRACE_SECONDS * second;
        if (now > patience && load->answered < load->sent)
            die("%lld requests had no answer for %d s", (long long)(load->sent - load->answered),
                GRACE_SECONDS);
        /* Without a free connection only an answer can go on. */
        wait_and_read(load, load->free_first && due < patience ? due : patience);
    }
}

/* --- the command line ------------------------------------------------------------------------- */

static double cpu_seconds(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void print_result(const struct load *load, double cpu)
{
    double seconds = (double)(load->last_answer - load->start) / (double)second;
    double requests = (double)(load->answered > 0 ? load->answered : 1);
    const struct histogram *latency = &load->latency;
    (void)printf("{\"requests\":%lld,\"seconds\":%.6f,\"rate\":%.1f,\"p50_us\":%.1f,"
                 "\"p99_us\":%.1f,\"max_us\":%.1f,\"load_cpu_us\":%.2f}\n",
                 (long long)load->answered, seconds, seconds > 0 ? requests / seconds : 0,
                 (double)histogram_percentile(latency, 0.5) / 1e3,
                 (double)histogram_percentile(latency, 0.99) / 1e3, (double)latency->most / 1e3,
                 cpu * 1e6 / requests);
    (void)fflush(stdout);
}

static bool take_word(const char **rest, const char *word)
{
    size_t size = strlen(word);
    bool there = strncmp(*rest, word, size) == 0;
    if (there)
        *rest += size;
    return there;
}

/* A number within bounds; false for any other text. */
static bool take_number(const char **rest, double least, double most, double *number)
{
    char *end;
    double value = strtod(*rest, &end);
    if (end == *rest || !(value >= least && value <= most))
        return false;
    *rest = end;
    *number = value;
    return true;
}

static bool plan_read(struct plan *plan, const char *line)
{
    double rate = 0;
    double seconds = SECONDS_MAX;
    double requests = REQUESTS_MAX;
    bool good = false;
    if (take_word(&line, "time "))
        good = take_number(&line, 0, SECONDS_MAX, &seconds);
    else if (take_word(&line, "count "))
        good = take_number(&line, 1, REQUESTS_MAX, &requests);
    else if (take_word(&line, "rate "))
        good = take_number(&line, 1, REQUESTS_MAX, &rate) &&
               take_number(&line, 0, SECONDS_MAX, &seconds);
    if (!good || strcmp(line, "\n") != 0)
        return false;
    plan->rate = rate;
    plan->requests = (int64_t)requests;
    plan->nanoseconds = (int64_t)(seconds * (double)second);
    return true;
}

/* What is sent for an argument; its size, or -1 when memory ran out. */
static int make_request(char **text, const char *host, const char *argument)
{
    static const char post[] = "POST ";
    const char *body = strchr(argument, '{');
    if (strncmp(argument, post, sizeof post - 1) != 0 || !body)
        return asprintf(text, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", argument, host);
    return asprintf(text, "%.*sHTTP/1.1\r\nHost: %s\r\nContent-Length: %zu\r\n\r\n%s",
                    (int)(body - argument), argument, host, strlen(body), body);
}

static void make_requests(struct load *load, const char *host, char **paths, unsigned count)
{
    load->request_count = count;
    load->requests = calloc(count, sizeof *load->requests);
    if (!load->requests)
        die("%s", strerror(errno));
    for (unsigned i = 0; i < count; i++) {
        int size = make_request(&load->requests[i].text, host, paths[i]);
        if (size < 0)
            die("%s", strerror(errno));
        load->requests[i].size = (size_t)size;
    }
}

static void release(struct load *load)
{
    for (unsigned i = 0; i < load->request_count; i++)
        free(load->requests[i].text);
    free(load->requests);
    free(load->connections);
}

int main(int argc, char **argv)
{
    struct load load = {0};
    struct sockaddr_in address = {.sin_family = AF_INET};
    if (argc < 5 || inet_pton(AF_INET, argv[2], &address.sin_addr) != 1)
        die("usage: load CONNECTIONS ADDRESS PORT PATH...");
    if (ntohl(address.sin_addr.s_addr) >> 24 != IN_LOOPBACKNET)
        die("%s is not a loopback address", argv[2]);
    load.connection_count = (unsigned)strtoul(argv[1], NULL, 10);
    if (load.connection_count < 1 || load.connection_count > CONNECTIONS_MAX)
        die("1 to %d connections", CONNECTIONS_MAX);
    address.sin_port = htons((uint16_t)strtoul(argv[3], NULL, 10));

    make_requests(&load, argv[2], argv + 4, (unsigned)argc - 4);
    connect_all(&load, &address);
    /* The default lets a timer be 50 us late, as much as a whole request takes. */
    (void)prctl(PR_SET_TIMERSLACK, 1);
    char line[128];
    while (fgets(line, sizeof line, stdin)) {
        struct plan plan;
        if (!plan_read(&plan, line))
            die("not time SECONDS, count REQUESTS or rate RATE SECONDS within bounds: %s", line);
        double cpu = cpu_seconds();
        run(&load, &plan);
        print_result(&load, cpu_seconds() - cpu);
    }
    release(&load);
    return 0;
}
