/* The public port: what a partner can ask for. */
#ifndef BOOKING_PARTNER_PARTNER_H
#define BOOKING_PARTNER_PARTNER_H

#include "lib/http/route.h"

/* The routes; their context is the engine. */
extern const struct http_route partner_routes[];
extern const size_t partner_route_count;

/* Their handlers. */
http_handler offer_car;       /* GET /bookCar */
http_handler offer_list;      /* GET /offers */
http_handler book_car;        /* POST /bookCar */
http_handler booking_show;    /* GET /bookings/{id} */
http_handler booking_list;    /* GET /bookings */
http_handler booking_confirm; /* POST /bookings/{id}/confirm */
http_handler booking_cancel;  /* DELETE /bookings/{id} */
http_handler changes_list;    /* GET /changes */

#endif
