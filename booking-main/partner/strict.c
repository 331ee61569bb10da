#include "partner/strict.h"

#include <string.h>

static bool take_first(void *context, const char *name, const char *value)
{
    (void)value;
    const char **first = context;
    *first = name;
    return false;
}

bool strict_no_query(struct http_request *request)
{
    const char *name = NULL;
    http_query(request, take_first, &name);
    if (!name)
        return true;
    http_answer_problem(request, PROBLEM_INVALID_REQUEST, name, "Send no query with this.");
    return false;
}

bool strict_no_body(struct http_request *request)
{
    static const char empty[] = "{}";
    size_t size = request->body_size;
    if (size == 0 || (size == strlen(empty) && memcmp(request->body, empty, size) == 0))
        return true;
    http_answer_problem(request, PROBLEM_INVALID_REQUEST, NULL, "Send no body with this.");
    return false;
}
