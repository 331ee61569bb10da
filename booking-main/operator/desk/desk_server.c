#include "operator/desk/desk_server.h"

#include "operator/desk/access.h"

const struct http_route desk_routes[] = {
    {"GET", "/", desk_page, .admit = desk_admit_page},
    {"GET", "/{id}", desk_page, .admit = desk_admit_page},
    {"GET", "/api/status", desk_status, .admit = desk_admit_api, .quiet = true},
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
