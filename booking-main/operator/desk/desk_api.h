/* The desk's API, docs/desk-api.md: what can be looked at and what can be done. */
#ifndef BOOKING_OPERATOR_DESK_DESK_API_H
#define BOOKING_OPERATOR_DESK_DESK_API_H

#include "lib/http/server.h"

struct engine;
struct desk_api;

/* What they need besides the engine, which is borrowed and has its store and loop. NULL when out of
 * memory or descriptors. */
struct desk_api *desk_api_new(struct engine *engine);

/* Answers what is still in flight; answers that are being streamed are to be cut off before. Both
 * are fine with NULL. */
void desk_api_stop(struct desk_api *api);
void desk_api_free(struct desk_api *api);

/* Handlers; their context is the engine. */
http_handler desk_api_bookings;  /* GET /api/bookings */
http_handler desk_api_booking;   /* GET /api/bookings/{id} */
http_handler desk_api_cars;      /* GET /api/cars */
http_handler desk_api_calendar;  /* GET /api/calendar */
http_handler desk_api_occupancy; /* GET /api/occupancy */
http_handler desk_api_day;       /* GET /api/day */

http_handler desk_api_cancel;     /* POST /api/bookings/{id}/cancel */
http_handler desk_api_change;     /* POST /api/bookings/{id}/change */
http_handler desk_api_returned;   /* POST /api/bookings/{id}/returned */
http_handler desk_api_block;      /* POST /api/blocks */
http_handler desk_api_unblock;    /* DELETE /api/blocks/{id} */
http_handler desk_api_turnaround; /* POST /api/turnaround */
http_handler desk_api_fleet;      /* POST /api/fleet */

#endif
