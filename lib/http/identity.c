#include "lib/http/identity.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { SPAN_ID_AT = 36, FLAGS_AT = 53 }; /* in a traceparent */

void identity_random(void *data, size_t size)
{
    char *at = data;
    while (size) {
        ssize_t count = getrandom(at, size, 0);
        if (count < 0) {
            if (errno == EINTR)
                continue;
            abort(); /* no kernel since 3.17 answers otherwise */
        }
        at += count;
        size -= (size_t)count;
    }
}

/* `size` is at most that of the stock. */
static void take_random(struct identity_source *source, unsigned char *out, size_t size)
{
    if (source->left < size) {
        identity_random(source->bytes, sizeof source->bytes);
        source->left = sizeof source->bytes;
    }
    source->left -= size;
    memcpy(out, source->bytes + source->left, size);
}

static bool is_hex(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f')))
            return false;
    return true;
}

static bool all_zero(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (text[i] != '0')
            return false;
    return true;
}

/* Version 00 of the header, https://www.w3.org/TR/trace-context/#traceparent-header */
static bool traceparent_valid(const char *text)
{
    return strlen(text) == IDENTITY_TRACEPARENT_SIZE && memcmp(text, "00-", 3) == 0 &&
           is_hex(text + 3, 32) && !all_zero(text + 3, 32) && text[35] == '-' &&
           is_hex(text + 36, 16) && !all_zero(text + 36, 16) && text[52] == '-' &&
           is_hex(text + 53, 2);
}

static bool request_id_valid(const char *text)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/+=@-";
    size_t size = strlen(text);
    return size >= 1 && size <= IDENTITY_REQUEST_ID_MAX && strspn(text, allowed) == size;
}

static char *add_hex(char *out, const unsigned char *bytes, size_t count)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < count; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    return out;
}

static void make_uuid(char *out, unsigned char bytes[16])
{
    bytes[6] = (unsigned char)((bytes[6] & 0x0F) | 0x40); /* version 4 */
    bytes[8] = (unsigned char)((bytes[8] & 0x3F) | 0x80); /* variant 10 */
    static const int groups[] = {4, 2, 2, 2, 6};
    for (size_t i = 0, at = 0; i < 5; at += (size_t)groups[i], i++) {
        if (i)
            *out++ = '-';
        out = add_hex(out, bytes + at, (size_t)groups[i]);
    }
    *out = '\0';
}

static void make_traceparent(char *out, unsigned char bytes[24])
{
    bytes[0] |= 1; /* neither id may be all zero */
    bytes[16] |= 1;
    memcpy(out, "00-", 3);
    out = add_hex(out + 3, bytes, 16);
    *out++ = '-';
    out = add_hex(out, bytes + 16, 8);
    memcpy(out, "-00", sizeof "-00");
}

bool identity_set(struct identity_source *source, struct identity *identity, const char *request_id,
                  const char *traceparent)
{
    unsigned char random[40];
    bool keep_id = request_id && request_id_valid(request_id);
    bool keep_trace = traceparent && traceparent_valid(traceparent);
    if (!keep_id || !keep_trace)
        take_random(source, random, sizeof random);
    if (keep_id)
        memcpy(identity->request_id, request_id, strlen(request_id) + 1);
    else
        make_uuid(identity->request_id, random);
    if (keep_trace)
        memcpy(identity->traceparent, traceparent, sizeof identity->traceparent);
    else
        make_traceparent(identity->traceparent, random + 16);
    return keep_trace;
}

void identity_make_uuid(struct identity_source *source, char uuid[IDENTITY_UUID_SIZE + 1])
{
    unsigned char random[16];
    take_random(source, random, sizeof random);
    make_uuid(uuid, random);
}

/* The flags that are defined today: sampled (1), and random trace id (2) of the next version. */
static unsigned trace_flags(const char *traceparent)
{
    char last = traceparent[IDENTITY_TRACEPARENT_SIZE - 1];
    return (unsigned)(last <= '9' ? last - '0' : last - 'a' + 10) & 3;
}

bool identity_is_sampled(const char *traceparent)
{
    return trace_flags(traceparent) & 1;
}

void identity_add_span(struct identity_source *source, const char *from,
                       char to[IDENTITY_TRACEPARENT_SIZE + 1])
{
    unsigned char random[IDENTITY_SPAN_ID_SIZE / 2];
    take_random(source, random, sizeof random);
    random[0] |= 1; /* it may not be all zero */
    unsigned flags = trace_flags(from);
    memmove(to, from, SPAN_ID_AT);
    add_hex(to + SPAN_ID_AT, random, sizeof random);
    to[FLAGS_AT - 1] = '-';
    to[FLAGS_AT] = '0'; /* no other flag may be passed on by who has a span of his own */
    to[FLAGS_AT + 1] = (char)('0' + flags);
    to[IDENTITY_TRACEPARENT_SIZE] = '\0';
}

bool identity_join(struct identity_source *source, struct identity *identity, bool callers,
                   char parent[IDENTITY_SPAN_ID_SIZE + 1])
{
    char *traceparent = identity->traceparent;
    if (!callers) {
        parent[0] = '\0';
        traceparent[FLAGS_AT + 1] = '1';
        return true;
    }
    if (!identity_is_sampled(traceparent))
        return false;
    memcpy(parent, traceparent + SPAN_ID_AT, IDENTITY_SPAN_ID_SIZE);
    parent[IDENTITY_SPAN_ID_SIZE] = '\0';
    identity_add_span(source, traceparent, traceparent);
    return true;
}
