/* What the desk's port answers: its page, and the API of docs/desk-api.md. Inside operator/desk
 * only. */
#ifndef BOOKING_OPERATOR_DESK_DESK_API_H
#define BOOKING_OPERATOR_DESK_DESK_API_H

#include "lib/http/server.h"

/* The handlers of the port; their context is the engine. */
http_handler desk_page;          /* GET / and GET /NAME */
http_handler desk_status;        /* GET /api/status */
http_handler desk_api_bookings;  /* GET /api/bookings */
http_handler desk_api_booking;   /* GET /api/bookings/{id} */
http_handler desk_api_cars;      /* GET /api/cars */
http_handler desk_api_calendar;  /* GET /api/calendar */
http_handler desk_api_occupancy; /* GET /api/occupancy */
http_handler desk_api_day;       /* GET /api/day */
http_handler desk_api_webhooks;  /* GET /api/webhooks */

http_handler desk_api_cancel;     /* POST /api/bookings/{id}/cancel */
http_handler desk_api_change;     /* POST /api/bookings/{id}/change */
http_handler desk_api_returned;   /* POST /api/bookings/{id}/returned */
http_handler desk_api_block;      /* POST /api/blocks */
http_handler desk_api_unblock;    /* DELETE /api/blocks/{id} */
http_handler desk_api_turnaround; /* POST /api/turnaround */
http_handler desk_api_fleet;      /* POST /api/fleet */

http_handler desk_api_webhook_again; /* POST /api/webhooks/{id}/again */
http_handler desk_api_webhook_test;  /* POST /api/webhooks/test */

#endif
