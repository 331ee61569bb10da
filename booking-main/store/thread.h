/* Threads of a store driver. */
#ifndef BOOKING_STORE_THREAD_H
#define BOOKING_STORE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* All zero is one that was not started. */
struct store_thread {
    pthread_t thread;
    bool runs;
};

/* Starts a thread that takes no signals: those are the loop's. Its name is for whoever looks at the
 * process from outside. 0 or an errno value. */
int store_thread_start(struct store_thread *thread, const char *name, void *(*run)(void *context),
                       void *context);

/* Waits for its end; fine for one that was not started. */
void store_thread_join(struct store_thread *thread);

#endif
