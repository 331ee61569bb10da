/* Wrong keys, and how an address that tries many of them is slowed down. Pure: time is the
 * caller's.
 *
 * The first few are told at once, as one mistypes. After that each has to wait for the ones before
 * it, and longer each time. An address whose attempts already wait for long is not heard for a
 * while, right keys included: or one could try many at once and look which is answered first.
 */
#ifndef BOOKING_OPERATOR_DESK_ATTEMPTS_H
#define BOOKING_OPERATOR_DESK_ATTEMPTS_H

#include <stdint.h>

enum {
    ATTEMPTS_ADDRESSES = 256, /* that are remembered; the one that waits least is forgotten first */
    ATTEMPTS_FREE = 3,
    ATTEMPTS_WAIT_MAX_SECONDS = 8,     /* for one */
    ATTEMPTS_WAITING_MAX_SECONDS = 30, /* for those of an address together */
    ATTEMPTS_FORGET_SECONDS = 600,     /* after the last */
};

/* All zero is empty. */
struct attempts {
    struct {
        unsigned char address[16]; /* IPv6, or IPv4 mapped; of IPv6 the network only */
        unsigned count;
        int64_t due; /* when the last one is told */
    } of[ATTEMPTS_ADDRESSES];
};

/* Nanoseconds until a key from the address, as text, is looked at again; 0: it is. */
int64_t attempts_wait(const struct attempts *attempts, const char *address, int64_t now);

/* A key was wrong. Returns the time at which that may be said. */
int64_t attempts_failed(struct attempts *attempts, const char *address, int64_t now);

#endif
