/* Which route a request takes. Pure. */
#ifndef LIB_HTTP_ROUTE_H
#define LIB_HTTP_ROUTE_H

#include "lib/http/server.h"

enum { HTTP_ALLOW_MAX = 255 };

/* The route for the method at the path, whose {id} is copied into `segment`, which has as much room
 * as the path. NULL when there is none; then `allow` lists the methods that the path has, as the
 * Allow header field does (RFC 9110, section 10.2.1), and is "" when there is no such path. */
const struct http_route *http_route_find(const struct http_route *routes, size_t count,
                                         const char *method, const char *path, char *segment,
                                         char allow[HTTP_ALLOW_MAX + 1]);

/* Adds the routes' paths as the end of a sentence, each once: " /bookCar, /bookings/{id}." */
void http_route_add_paths(const struct http_route *routes, size_t count, struct buffer *out);

#endif
