/* Threads of a store driver. */
#ifndef BOOKING_STORE_THREAD_H
#define BOOKING_STORE_THREAD_H

#include <pthread.h>

/* Starts a thread that takes no signals: those are the loop's. Its name is for whoever looks at the
 * process from outside. 0 or an errno value. */
int store_thread_start(pthread_t *thread, const char *name, void *(*run)(void *context),
                       void *context);

#endif
