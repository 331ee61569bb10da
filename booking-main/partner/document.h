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

/* A booking, as it was booked, saying that its state is `state`. */
void booking_document_booking(struct buffer *out, const struct booking *booking,
                              enum booking_state state);

#endif
