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

/* Nothing, or an object of nothing, with the white space that JSON allows (RFC 8259, section 2). */
static bool body_is_empty(const char *body, size_t size)
{
    static const char space[] = " \t\r\n";
    const char *at = body + strspn(body, space);
    if (*at == '{') {
        at += 1;
        at += strspn(at, space);
        if (*at++ != '}')
            return false;
        at += strspn(at, space);
    }
    return at == body + size;
}

bool strict_no_body(struct http_request *request)
{
    if (body_is_empty(request->body, request->body_size))
        return true;
    http_answer_problem(request, PROBLEM_INVALID_REQUEST, NULL, "Send no body with this.");
    return false;
}
