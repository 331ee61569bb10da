/* A digest stands for a text that is too long to keep: two texts with the same digest are taken for
 * the same. */
#ifndef BOOKING_STORE_DIGEST_H
#define BOOKING_STORE_DIGEST_H

#include <stddef.h>

enum { STORE_DIGEST_SIZE = 32 }; /* SHA-256 (FIPS 180-4) */

/* The digest of `size` bytes; cannot fail. */
void store_digest(const void *data, size_t size, unsigned char digest[STORE_DIGEST_SIZE]);

#endif
