#include "lib/http/problem.h"

#include "lib/json/writer.h"

static const struct {
    unsigned status;
    const char *type;
    const char *title;
} problems[PROBLEM_COUNT] = {
#define PROBLEM_ROW(symbol, status, name, title) {status, "urn:problem-type:" name, title},
    PROBLEM_LIST(PROBLEM_ROW)
#undef PROBLEM_ROW
};

unsigned problem_status(enum problem problem)
{
    return problems[problem].status;
}

const char *problem_name(enum problem problem)
{
    return problems[problem].type + sizeof "urn:problem-type:" - 1;
}

void problem_write(struct buffer *out, enum problem problem, const char *parameter,
                   const char *detail, const struct buffer *more)
{
    json_begin(out);
    json_add_string(out, "type", problems[problem].type);
    json_add_string(out, "title", problems[problem].title);
    json_add_integer(out, "status", problems[problem].status);
    json_add_string(out, "detail", detail);
    json_add_string(out, "parameter", parameter);
    if (more && more->size)
        buffer_add(out, more->data, more->size);
    json_end(out);
}
