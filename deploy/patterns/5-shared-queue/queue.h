#ifndef QUEUE_H
#define QUEUE_H

/*
 * What the producer and the consumer share: the shape of their queue and the reading of arguments.
 *
 * The queue lives in the kernel, in the IPC namespace that all containers of a pod share, and it
 * stays when one of them restarts. See mq_overview(7).
 */

#include <mqueue.h>
#include <stdbool.h>

enum {
    QUEUE_MESSAGES = 10,     /* at most so many wait; a default kernel allows no more (msg_max) */
    QUEUE_MESSAGE_SIZE = 64, /* in bytes */
};

/* Whether a queue can have this name: a slash, then 1 to 254 characters without another one. */
bool queue_name_valid(const char *name);

/* Reads a decimal number from 1 to most. False leaves *number untouched. */
bool queue_number(const char *text, long most, long *number);

/* Opens the queue O_WRONLY or O_RDONLY and makes it if it is not there, so that either program may
 * start first. (mqd_t)-1 with errno on failure. */
mqd_t queue_open(const char *name, int access);

/* SIGTERM and SIGINT end the program at once with exit code 0. The first process of a container
 * has to ask for that: without a handler the kernel does not deliver them to it. */
void queue_end_on_signal(void);

#endif
