/* Signatures of webhooks, by Standard Webhooks 1.0.0
 * (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
 */
#ifndef BOOKING_OUTGOING_SIGNATURE_H
#define BOOKING_OUTGOING_SIGNATURE_H

#include "lib/base/buffer.h"

#include <stdint.h>

enum {
    WEBHOOK_SECRET_MIN = 24, /* bytes, as the specification has it */
    WEBHOOK_SECRET_MAX = 64,
    WEBHOOK_SECRETS = 2, /* at a time: the new one and the old one, while a receiver changes */
};

struct webhook_secrets {
    unsigned count;
    struct {
        size_t size;
        unsigned char bytes[WEBHOOK_SECRET_MAX];
    } secrets[WEBHOOK_SECRETS];
};

/* Reads a text of one or two secrets, a line each: `whsec_` and base64. NULL, or what is wrong as
 * the end of a sentence that begins with the line's number, which is set: 0 for the whole file. */
const char *webhook_secrets_parse(const char *text, struct webhook_secrets *secrets,
                                  unsigned *line);

/* Adds the value of webhook-signature: one for each secret, with a space between them. `id` must
 * have no '.' in it. */
void webhook_sign(struct buffer *out, const struct webhook_secrets *secrets, const char *id,
                  int64_t timestamp, const char *body, size_t size);

#endif
