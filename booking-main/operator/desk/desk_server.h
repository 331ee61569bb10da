/* The desk's port: the operator's page and its API (docs/desk-api.md). */
#ifndef BOOKING_OPERATOR_DESK_DESK_SERVER_H
#define BOOKING_OPERATOR_DESK_DESK_SERVER_H

#include "lib/http/server.h"

enum { DESK_FLEET_MAX = 64 * 1024 * 1024 }; /* bytes of a fleet file */

/* The routes; their context is the engine. A read asks desk_admit_page() or desk_admit_api(), a
 * write desk_admit_api() or desk_admit_fleet(). */
extern const struct http_route desk_routes[];
extern const size_t desk_route_count;

/* Header fields of every answer of the port. */
extern const struct http_field_line desk_fields[];
extern const size_t desk_field_count;

/* Their handlers; those of the API's that ask the database are in desk_api.h. */
http_handler desk_page;   /* GET / and GET /NAME */
http_handler desk_status; /* GET /api/status */

#endif
