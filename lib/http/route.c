#include "lib/http/route.h"

#include <stdio.h>
#include <string.h>

/* Whether the path is the pattern's; copies what stands for {id} into `segment`. */
static bool path_matches(const char *pattern, const char *path, char *segment)
{
    static const char wildcard[] = "{id}";
    const char *brace = strchr(pattern, '{');
    size_t size = brace ? (size_t)(brace - pattern) : strlen(pattern);
    if (strncmp(pattern, path, size) != 0)
        return false;
    path += size;
    if (!brace)
        return !*path || strcmp(path, "/") == 0;
    size_t length = strcspn(path, "/");
    if (length == 0)
        return false;
    memcpy(segment, path, length);
    segment[length] = '\0';
    const char *rest = brace + sizeof wildcard - 1;
    size_t rest_size = strlen(rest);
    path += length;
    return strncmp(path, rest, rest_size) == 0 &&
           (!path[rest_size] || strcmp(path + rest_size, "/") == 0);
}

const struct http_route *http_route_find(const struct http_route *routes, size_t count,
                                         const char *method, const char *path, char *segment,
                                         char allow[HTTP_ALLOW_MAX + 1])
{
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
    size_t used = 0;
    allow[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        if (!path_matches(routes[i].path, path, segment))
            continue;
        if (strcmp(routes[i].method, wanted) == 0)
            return &routes[i];
        snprintf(allow + used, HTTP_ALLOW_MAX + 1 - used, "%s%s%s", used ? ", " : "",
                 routes[i].method, strcmp(routes[i].method, "GET") == 0 ? ", HEAD" : "");
        used = strlen(allow);
    }
    return NULL;
}

/* Whether an earlier route has the path of this one, for another method. */
static bool is_repeated(const struct http_route *routes, size_t route)
{
    for (size_t i = 0; i < route; i++)
        if (strcmp(routes[i].path, routes[route].path) == 0)
            return true;
    return false;
}

void http_route_add_paths(const struct http_route *routes, size_t count, struct buffer *out)
{
    for (size_t i = 0; i < count; i++)
        if (!is_repeated(routes, i))
            buffer_printf(out, "%s %s", i ? "," : "", routes[i].path);
    buffer_add(out, ".", 1);
}
