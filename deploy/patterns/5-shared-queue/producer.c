/* Puts numbered messages on a POSIX message queue, one every so many seconds. */

#include "queue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int usage(const char *problem)
{
    fprintf(stderr,
            "producer: %s\n"
            "usage: producer /QUEUE [SECONDS]   a message every SECONDS (1 to 3600, default 1)\n",
            problem);
    return 2;
}

int main(int argc, char **argv)
{
    long seconds = 1;

    if (argc < 2)
        return usage("the name of the queue is missing");
    if (argc > 3)
        return usage("too many arguments");
    if (!queue_name_valid(argv[1]))
        return usage("a queue's name is a slash and up to 254 characters without another slash");
    if (argc == 3 && !queue_number(argv[2], 3600, &seconds))
        return usage("SECONDS is a whole number from 1 to 3600");

    queue_end_on_signal();
    setlinebuf(stdout);
    mqd_t queue = queue_open(argv[1], O_WRONLY);
    if (queue == (mqd_t)-1) {
        fprintf(stderr, "producer: cannot open %s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    for (unsigned long number = 1;; number++) {
        char text[QUEUE_MESSAGE_SIZE];
        struct mq_attr now;
        int length = snprintf(text, sizeof text, "message %lu", number);

        /* A full queue makes mq_send wait: a slow consumer slows its producer down. */
        if (mq_send(queue, text, (size_t)length, 0) != 0 || mq_getattr(queue, &now) != 0) {
            fprintf(stderr, "producer: cannot send: %s\n", strerror(errno));
            return 1;
        }
        printf("sent %s, %ld waiting\n", text, now.mq_curmsgs);
        sleep((unsigned)seconds);
    }
}
