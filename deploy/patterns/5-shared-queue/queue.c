#include "queue.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool queue_name_valid(const char *name)
{
    return name[0] == '/' && name[1] && !strchr(name + 1, '/') && strlen(name + 1) < NAME_MAX;
}

bool queue_number(const char *text, long most, long *number)
{
    char *end;

    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno || *end || value < 1 || value > most)
        return false;
    *number = value;
    return true;
}

mqd_t queue_open(const char *name, int access)
{
    struct mq_attr shape = {.mq_maxmsg = QUEUE_MESSAGES, .mq_msgsize = QUEUE_MESSAGE_SIZE};

    return mq_open(name, access | O_CREAT, 0600, &shape);
}

static void end(int signal)
{
    (void)signal;
    _exit(0);
}

void queue_end_on_signal(void)
{
    struct sigaction action = {.sa_handler = end};

    /* Neither call can fail with these arguments. */
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
}
