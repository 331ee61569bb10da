/* The car document: what the engine tells an adapter, as JSON.
 *
 * Prices are exact amounts of 10^-4 of the currency's major unit (MONEY_FINEST_EXPONENT), whatever
 * the currency, because an adapter may be told a currency by a name that has no ISO 4217 exponent.
 */
#ifndef LIB_ADAPTER_CAR_DOCUMENT_H
#define LIB_ADAPTER_CAR_DOCUMENT_H

#include "lib/base/buffer.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CAR_TEXT_MAX = 128 }; /* bytes of any text in the document */

/* Where something is not known, a text is NULL and an amount -1. Adapters pick what they need. */
struct car_document {
    const char *carid;    /* never NULL */
    int64_t price;        /* of the whole period, never -1 */
    const char *currency; /* ISO 4217, or a name to be taken as it is; never NULL */
    const char *status;   /* available, booked, held, cancelled or expired; never NULL */
    int64_t day_price;
    int64_t hourly_price;
    const char *pickup_at; /* RFC 3339 */
    const char *return_at;
    const char *location;
    const char *category; /* ACRISS */
    const char *booking_id;
    const char *reference;  /* the partner's own, of a booking */
    const char *expires_at; /* of a hold */
};

struct car_document_owner; /* keeps the parsed texts */

/* Reads and checks a document; members it does not know are ignored. On failure returns NULL, sets
 * *member to the one that is missing or wrong (NULL: it is not a JSON object) and adds a sentence
 * to `error`; when memory ran out, `error` has failed instead. The texts of *document live until
 * car_document_free(), for which NULL is fine. */
struct car_document_owner *car_document_parse(const char *json, size_t size,
                                              struct car_document *document, const char **member,
                                              struct buffer *error);
void car_document_free(struct car_document_owner *owner);

/* The same of an object that is read already, in which the texts of *document are. */
bool car_document_take(const json_t *object, struct car_document *document, const char **member,
                       struct buffer *error);

#endif
