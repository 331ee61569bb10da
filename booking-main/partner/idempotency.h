/* Idempotency-Key: the same key gives the same answer, and nothing happens twice.
 *
 * The store keeps the answers, each in the transaction of what it answers. This module knows the
 * keys in flight: while one request is carried out, a second one with the same key is refused.
 */
#ifndef BOOKING_PARTNER_IDEMPOTENCY_H
#define BOOKING_PARTNER_IDEMPOTENCY_H

#include "lib/http/server.h"
#include "store/store.h"

/* The key of one request, embedded in what carries it out. All zero: no key. */
struct idempotency {
    char key[STORE_KEY_MAX + 1];
    struct buffer request; /* method, path and body: what must be the same under the same key */
    struct idempotency *next, *previous;
};

/* Reads the request's key and enters it into the list, which begins as NULL. False when the request
 * was answered instead: the key is not valid (400), or in flight (409). With no key nothing is
 * entered. */
bool idempotency_begin(struct idempotency **list, struct idempotency *idempotency,
                       struct http_request *request);

/* Takes it out of the list, if it is in it, and frees what it has. */
void idempotency_end(struct idempotency **list, struct idempotency *idempotency);

/* Whether there is a key. */
bool idempotency_active(const struct idempotency *idempotency);

/* Answers with what the store has for the key: the first answer again, or 422 when that was given
 * to another request. */
void idempotency_replay(struct http_request *request, const struct store_answer *answer);

/* Fills in the part of an answer that the store compares by. */
void idempotency_fill(const struct idempotency *idempotency, struct store_answer *answer);

#endif
