#include "operator/desk/desk_server.h"

#include "operator/desk/access.h"
#include "operator/desk/desk_api.h"

const struct http_route desk_routes[] = {
    {"GET", "/", desk_page, .admit = desk_admit_page},
    {"GET", "/{id}", desk_page, .admit = desk_admit_page},
    {"GET", "/api/status", desk_status, .admit = desk_admit_api, .quiet = true},
    {"GET", "/api/bookings", desk_api_bookings, .admit = desk_admit_api},
    {"GET", "/api/bookings/{id}", desk_api_booking, .admit = desk_admit_api},
    {"GET", "/api/cars", desk_api_cars, .admit = desk_admit_api},
    {"GET", "/api/calendar", desk_api_calendar, .admit = desk_admit_api},
    {"GET", "/api/occupancy", desk_api_occupancy, .admit = desk_admit_api},
    {"GET", "/api/day", desk_api_day, .admit = desk_admit_api},
    {"POST", "/api/bookings/{id}/cancel", desk_api_cancel, .admit = desk_admit_api},
    {"POST", "/api/bookings/{id}/change", desk_api_change, .admit = desk_admit_api},
    {"POST", "/api/bookings/{id}/returned", desk_api_returned, .admit = desk_admit_api},
    {"POST", "/api/blocks", desk_api_block, .admit = desk_admit_api},
    {"DELETE", "/api/blocks/{id}", desk_api_unblock, .admit = desk_admit_api},
    {"POST", "/api/turnaround", desk_api_turnaround, .admit = desk_admit_api},
    {"POST", "/api/fleet", desk_api_fleet, .admit = desk_admit_fleet, .body_limit = DESK_FLEET_MAX},
};
const size_t desk_route_count = sizeof desk_routes / sizeof desk_routes[0];

/* The page runs nothing and asks nothing but what this port serves, and no other page shows it. */
const struct http_field_line desk_fields[] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
     "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
};
const size_t desk_field_count = sizeof desk_fields / sizeof desk_fields[0];
