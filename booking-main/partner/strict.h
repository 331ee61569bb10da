/* Refuses what a request brings along and its handler does not look at. */
#ifndef BOOKING_PARTNER_STRICT_H
#define BOOKING_PARTNER_STRICT_H

#include "lib/http/server.h"

/* False when there is a query, which was answered with 400: criteria that are passed over would
 * book a car somewhere else. */
bool strict_no_query(struct http_request *request);

/* False when there is a body other than {}, which was answered with 400. */
bool strict_no_body(struct http_request *request);

#endif
