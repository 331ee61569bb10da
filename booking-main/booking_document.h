/* Writes the car document that an adapter gets: see docs/http-api.md. */
#ifndef BOOKING_BOOKING_DOCUMENT_H
#define BOOKING_BOOKING_DOCUMENT_H

#include "catalog.h"
#include "period.h"
#include "store.h"

/* A car on offer for a period. */
void booking_document_offer(struct buffer *out, const struct catalog *catalog,
                            const struct catalog_car *car, struct period period);

/* A booking, at the price it was booked, saying that its state is `state`. */
void booking_document_booking(struct buffer *out, const struct catalog *catalog,
                              const struct booking *booking, enum booking_state state);

#endif
