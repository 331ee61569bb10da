/* Writes the car document that an adapter gets: see docs/http-api.md. If memory runs out, the
 * buffer has failed. */
#ifndef BOOKING_PARTNER_DOCUMENT_H
#define BOOKING_PARTNER_DOCUMENT_H

#include "inventory/catalog.h"
#include "rental/criteria.h"
#include "store/store.h"

/* A car on offer for the criteria's period. */
void booking_document_offer(struct buffer *out, const struct catalog *catalog,
                            const struct catalog_car *car, const struct criteria *criteria);

/* A list of such cars. */
void booking_document_offers(struct buffer *out, const struct catalog *catalog,
                             const uint32_t *positions, size_t count,
                             const struct criteria *criteria);

/* A booking, as it was booked, saying that its state is `state`. */
void booking_document_booking(struct buffer *out, const struct booking *booking,
                              enum booking_state state);

/* An element of a list, in the contract's names. */
void booking_document_listed(struct buffer *out, const struct booking *booking, int64_t created_at);

#endif
