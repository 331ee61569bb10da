/* The keys a partner may call with: `Authorization: Bearer KEY` (RFC 6750). */
#ifndef BOOKING_PARTNER_KEYS_H
#define BOOKING_PARTNER_KEYS_H

#include "lib/base/buffer.h"

#include <stdbool.h>

enum {
    API_KEY_MAX = 256,   /* visible ASCII characters */
    API_KEYS_MAX = 1000, /* in a file */
};

struct api_keys;

/* Reads a file of one key a line; empty lines do not count. NULL, with a sentence added to `error`,
 * when it cannot be read, holds no key or one that is not valid. */
struct api_keys *api_keys_load(const char *path, struct buffer *error);
void api_keys_free(struct api_keys *keys);

/* Whether the Authorization header field's value, NULL for none, holds one of the keys. Takes the
 * same time whichever key it is and however much of one is right. */
bool api_keys_accept(const struct api_keys *keys, const char *authorization);

#endif
