/* Writes the car document that an adapter gets: see docs/http-api.md. */
#ifndef BOOKING_PARTNER_DOCUMENT_H
#define BOOKING_PARTNER_DOCUMENT_H

#include "inventory/catalog.h"
#include "rental/period.h"
#include "store/store.h"

/* A car on offer for a period. */
void booking_document_offer(struct buffer *out, const struct catalog *catalog,
                            const struct catalog_car *car, struct period period);

/* A booking, as it was booked, saying that its state is `state`. */
void booking_document_booking(struct buffer *out, const struct booking *booking,
                              enum booking_state state);

#endif
