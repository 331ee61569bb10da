#include "store/digest.h"

#include <nettle/sha2.h>

_Static_assert(STORE_DIGEST_SIZE == SHA256_DIGEST_SIZE, "a digest's size");

void store_digest(const void *data, size_t size, unsigned char digest[STORE_DIGEST_SIZE])
{
    struct sha256_ctx context;
    sha256_init(&context);
    sha256_update(&context, size, data);
    sha256_digest(&context, STORE_DIGEST_SIZE, digest);
}
