/* Sends webhooks: one POST each, a few at a time, from the loop and within limits.
 *
 * What the receiver answers decides nothing but whether the webhook was taken and when to come
 * back. No redirect is followed and no proxy asked, and unless it is allowed, no connection is made
 * to an address that is not public (public_address.h), whatever name or spelling it hides behind.
 */
#ifndef BOOKING_OUTGOING_SENDER_H
#define BOOKING_OUTGOING_SENDER_H

#include "lib/base/buffer.h"
#include "lib/base/loop.h"
#include "outgoing/signature.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    SENDER_AT_ONCE = 4,
    SENDER_SECONDS = 15, /* for one, of which so many to connect: */
    SENDER_CONNECT_SECONDS = 5,
    SENDER_ANSWER_MAX =
        64 * 1024,      /* bytes that are read of an answer; only its beginning is kept */
    SENDER_ID_MAX = 64, /* of webhook-id */
    SENDER_ERROR_MAX = 200,
};

struct sender;

/* What became of one. */
struct sent {
    int64_t key;         /* the caller's */
    bool taken;          /* by an answer of 2xx, read to its end or its limit */
    int status;          /* of the answer, 0 for none */
    int64_t retry_after; /* seconds, as the answer asks; 0 when it does not */
    const char *error;   /* why not, in UTF-8 that may be shown as it is; "" when it was taken */
};

struct sender_config {
    struct loop *loop;
    const char *url; /* webhook_url.h finds no fault with it */
    bool allow_private;
    const struct webhook_secrets *secrets; /* as they are when one is sent */
    void *context;
    void (*sent)(void *context, const struct sent *sent); /* on the loop */
};

/* The url and the secrets are borrowed. NULL when out of memory or descriptors. */
struct sender *sender_new(const struct sender_config *config);

/* Those under way are cut off, and nobody is told of them. NULL is fine. */
void sender_free(struct sender *sender);

/* Sends one. False, with nothing sent, when SENDER_AT_ONCE are under way or memory ran out. */
bool sender_send(struct sender *sender, int64_t key, const char *id, const char *body);

unsigned sender_under_way(const struct sender *sender);

#endif
