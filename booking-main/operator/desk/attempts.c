#include "operator/desk/attempts.h"

#include "lib/base/loop.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>

#define FIRST_WAIT (LOOP_SECOND / 2)

/* Whoever has an IPv6 address has 2^64 of them, so these count as one. */
static void read_address(const char *text, unsigned char address[16])
{
    static const unsigned char mapped[12] = {[10] = 0xFF, 0xFF};
    memset(address, 0, 16);
    if (inet_pton(AF_INET, text, address + 12) == 1)
        memcpy(address, mapped, sizeof mapped);
    else if (inet_pton(AF_INET6, text, address) == 1)
        memset(address + 8, 0, 8);
}

static size_t find_address(const struct attempts *attempts, const unsigned char address[16])
{
    for (size_t i = 0; i < ATTEMPTS_ADDRESSES; i++)
        if (attempts->of[i].count && memcmp(attempts->of[i].address, address, 16) == 0)
            return i;
    return ATTEMPTS_ADDRESSES;
}

static size_t find_or_add(struct attempts *attempts, const unsigned char address[16])
{
    size_t place = find_address(attempts, address);
    if (place < ATTEMPTS_ADDRESSES)
        return place;
    place = 0;
    for (size_t i = 1; i < ATTEMPTS_ADDRESSES; i++)
        if (attempts->of[i].due < attempts->of[place].due)
            place = i;
    memcpy(attempts->of[place].address, address, 16);
    attempts->of[place].count = 0;
    attempts->of[place].due = 0;
    return place;
}

int64_t attempts_wait(const struct attempts *attempts, const char *address, int64_t now)
{
    unsigned char numeric[16];
    read_address(address, numeric);
    size_t place = find_address(attempts, numeric);
    if (place == ATTEMPTS_ADDRESSES)
        return 0;
    int64_t wait = attempts->of[place].due - now - ATTEMPTS_WAITING_MAX_SECONDS * LOOP_SECOND;
    return wait > 0 ? wait : 0;
}

int64_t attempts_failed(struct attempts *attempts, const char *address, int64_t now)
{
    unsigned char numeric[16];
    read_address(address, numeric);
    size_t place = find_or_add(attempts, numeric);
    int64_t *due = &attempts->of[place].due;
    unsigned *count = &attempts->of[place].count;
    if (now - *due > ATTEMPTS_FORGET_SECONDS * LOOP_SECOND)
        *count = 0;
    if (*due < now)
        *due = now;
    unsigned beyond = *count < ATTEMPTS_FREE ? 0 : *count - ATTEMPTS_FREE + 1;
    ++*count;
    int64_t wait = beyond ? FIRST_WAIT : 0;
    for (; beyond > 1 && wait < ATTEMPTS_WAIT_MAX_SECONDS * LOOP_SECOND; beyond--)
        wait *= 2;
    *due += wait;
    return *due;
}
