#include "store/thread.h"

#include <signal.h>

int store_thread_start(struct store_thread *thread, const char *name, void *(*run)(void *context),
                       void *context)
{
    sigset_t all, before;
    sigfillset(&all);
    int failure = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (failure)
        return failure;
    failure = pthread_create(&thread->thread, NULL, run, context);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL); /* fails only for a bad argument */
    thread->runs = failure == 0;
    if (thread->runs)
        (void)pthread_setname_np(thread->thread, name);
    return failure;
}

void store_thread_join(struct store_thread *thread)
{
    if (thread->runs)
        pthread_join(thread->thread, NULL);
    thread->runs = false;
}
