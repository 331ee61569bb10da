#include "outgoing/signature.h"

#include <nettle/base64.h>
#include <nettle/hmac.h>
#include <stdio.h>
#include <string.h>

static const char prefix[] = "whsec_";

/* One secret; NULL or what is wrong. */
static const char *parse_secret(const char *text, size_t size, struct webhook_secrets *secrets)
{
    enum { ENCODED_MAX = BASE64_ENCODE_RAW_LENGTH(WEBHOOK_SECRET_MAX) };
    unsigned char bytes[BASE64_DECODE_LENGTH(ENCODED_MAX)];
    struct base64_decode_ctx context;
    size_t decoded = sizeof bytes;
    if (size < sizeof prefix - 1 || memcmp(text, prefix, sizeof prefix - 1) != 0)
        return "must be whsec_ and a secret in base64";
    text += sizeof prefix - 1;
    size -= sizeof prefix - 1;
    if (size > ENCODED_MAX)
        return "is longer than 64 bytes";
    base64_decode_init(&context);
    if (!base64_decode_update(&context, &decoded, bytes, size, text) ||
        !base64_decode_final(&context))
        return "is not base64 behind whsec_";
    if (decoded < WEBHOOK_SECRET_MIN)
        return "is shorter than 24 bytes";
    if (decoded > WEBHOOK_SECRET_MAX)
        return "is longer than 64 bytes";
    if (secrets->count == WEBHOOK_SECRETS)
        return "is a third secret: two may be in use at a time";
    secrets->secrets[secrets->count].size = decoded;
    memcpy(secrets->secrets[secrets->count].bytes, bytes, decoded);
    secrets->count++;
    return NULL;
}

const char *webhook_secrets_parse(const char *text, struct webhook_secrets *secrets, unsigned *line)
{
    struct webhook_secrets read = {0};
    *line = 0;
    for (unsigned number = 1; *text; number++) {
        size_t whole = strcspn(text, "\n"), size = whole;
        while (size && strchr(" \t\r", text[size - 1]))
            size--;
        const char *fault = size ? parse_secret(text, size, &read) : NULL;
        if (fault) {
            *line = number;
            return fault;
        }
        text += whole + (text[whole] == '\n');
    }
    if (!read.count)
        return "holds no secret";
    *secrets = read;
    return NULL;
}

void webhook_sign(struct buffer *out, const struct webhook_secrets *secrets, const char *id,
                  int64_t timestamp, const char *body, size_t size)
{
    char time[32];
    int time_size = snprintf(time, sizeof time, ".%lld.", (long long)timestamp);
    for (unsigned i = 0; i < secrets->count; i++) {
        struct hmac_sha256_ctx context;
        unsigned char digest[SHA256_DIGEST_SIZE];
        char text[BASE64_ENCODE_RAW_LENGTH(SHA256_DIGEST_SIZE)];
        hmac_sha256_set_key(&context, secrets->secrets[i].size, secrets->secrets[i].bytes);
        hmac_sha256_update(&context, strlen(id), (const unsigned char *)id);
        hmac_sha256_update(&context, (size_t)time_size, (const unsigned char *)time);
        hmac_sha256_update(&context, size, (const unsigned char *)body);
        hmac_sha256_digest(&context, sizeof digest, digest);
        base64_encode_raw(text, sizeof digest, digest);
        buffer_add_text(out, i ? " v1," : "v1,");
        buffer_add(out, text, sizeof text);
    }
}
