/* What the query of a request for offers asks for, and how it is refused. */
#ifndef BOOKING_PARTNER_ASKED_H
#define BOOKING_PARTNER_ASKED_H

#include "engine.h"
#include "rental/criteria.h"

/* Reads the query, and looks whether the engine can say anything now and knows the place. With
 * `limit`, which has its default already, the query may have one up to `most`, and needs both
 * times. False when the request was answered. */
bool asked_read(struct engine *engine, struct http_request *request, struct criteria *criteria,
                unsigned *limit, unsigned most);

/* Answers that no car is free. */
void asked_refuse_no_car(const struct engine *engine, struct http_request *request,
                         const struct criteria *criteria);

#endif
