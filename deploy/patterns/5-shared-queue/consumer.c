/* Takes messages from a POSIX message queue and prints them. */

#include "queue.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static int usage(const char *problem)
{
    fprintf(stderr,
            "consumer: %s\n"
            "usage: consumer /QUEUE [COUNT]   ends after COUNT messages (default: never)\n",
            problem);
    return 2;
}

int main(int argc, char **argv)
{
    long count = 0;

    if (argc < 2)
        return usage("the name of the queue is missing");
    if (argc > 3)
        return usage("too many arguments");
    if (!queue_name_valid(argv[1]))
        return usage("a queue's name is a slash and up to 254 characters without another slash");
    if (argc == 3 && !queue_number(argv[2], LONG_MAX, &count))
        return usage("COUNT is a whole number from 1 on");

    queue_end_on_signal();
    setlinebuf(stdout);
    mqd_t queue = queue_open(argv[1], O_RDONLY);
    if (queue == (mqd_t)-1) {
        fprintf(stderr, "consumer: cannot open %s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    for (long taken = 0; count == 0 || taken < count; taken++) {
        char text[QUEUE_MESSAGE_SIZE];
        ssize_t length = mq_receive(queue, text, sizeof text, NULL);

        if (length < 0) {
            fprintf(stderr, "consumer: cannot receive: %s\n", strerror(errno));
            return 1;
        }
        printf("received %.*s\n", (int)length, text);
    }
    return 0;
}
