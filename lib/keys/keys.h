/* The keys that callers may have: `Authorization: Bearer KEY` (RFC 6750), or for people with a
 * browser Basic (RFC 7617) with any user name and the key as password.
 */
#ifndef LIB_KEYS_KEYS_H
#define LIB_KEYS_KEYS_H

#include "lib/base/buffer.h"

#include <stdbool.h>

enum {
    API_KEY_MAX = 256,     /* visible ASCII characters */
    API_KEY_NAME_MAX = 64, /* bytes of UTF-8 */
    API_KEYS_MAX = 1000,   /* in a file */
};

struct api_keys;

/* Reads a file of one key a line, with a name and a space before it or without; empty lines do not
 * count. Several keys may have one name. NULL, with a sentence added to `error`, when it cannot be
 * read, holds no key or one that is not valid. */
struct api_keys *api_keys_load(const char *path, struct buffer *error);
void api_keys_free(struct api_keys *keys);

/* The name of the key in the Authorization header field's value (NULL for none), or NULL when none
 * of the keys is in it. A key without a name is called "key N" after its line. Basic is understood
 * only where it is allowed. Takes the same time whichever key it is and however much of one is
 * right. The name is valid as long as the keys. */
const char *api_keys_accept(const struct api_keys *keys, const char *authorization, bool basic);

#endif
