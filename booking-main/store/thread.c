#include "store/thread.h"

#include <signal.h>

int store_thread_start(pthread_t *thread, const char *name, void *(*run)(void *context),
                       void *context)
{
    sigset_t all, before;
    sigfillset(&all);
    int failure = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (failure)
        return failure;
    failure = pthread_create(thread, NULL, run, context);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL); /* fails only for a bad argument */
    if (failure == 0)
        (void)pthread_setname_np(*thread, name);
    return failure;
}
