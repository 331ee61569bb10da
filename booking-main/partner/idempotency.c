#include "partner/idempotency.h"

#include <string.h>

static const char header[] = "Idempotency-Key";

enum { REQUEST_MAX = 32 * 1024 }; /* more than the largest body, path and method */

static bool key_valid(const char *key)
{
    size_t size = strlen(key);
    for (size_t i = 0; i < size; i++)
        if (key[i] < '!' || key[i] > '~')
            return false;
    return size >= 1 && size <= STORE_KEY_MAX;
}

bool idempotency_begin(struct idempotency **list, struct idempotency *idempotency,
                       struct http_request *request)
{
    const char *key = http_field(request, header);
    if (!key)
        return true;
    if (!key_valid(key)) {
        http_answer_problem(request, PROBLEM_INVALID_REQUEST, header,
                            "Idempotency-Key must be 1 to 255 visible ASCII characters.");
        return false;
    }
    for (const struct idempotency *other = *list; other; other = other->next)
        if (strcmp(other->key, key) == 0) {
            http_answer_problem(request, PROBLEM_REQUEST_IN_PROGRESS, header,
                                "Wait for the first request with this key, then repeat it.");
            return false;
        }
    struct buffer *text = &idempotency->request;
    buffer_init(text, REQUEST_MAX);
    buffer_printf(
        text, "%s %.*s\n", request->method,
        (int)(strlen(request->path) - (request->path[strlen(request->path) - 1] == '/' ? 1 : 0)),
        request->path);
    buffer_add(text, request->body, request->body_size);
    if (text->failed) {
        buffer_free(text);
        http_answer_problem(request, PROBLEM_INTERNAL_ERROR, NULL, "Out of memory; try again.");
        return false;
    }
    memcpy(idempotency->key, key, strlen(key) + 1);
    idempotency->previous = NULL;
    idempotency->next = *list;
    if (*list)
        (*list)->previous = idempotency;
    *list = idempotency;
    return true;
}

void idempotency_end(struct idempotency **list, struct idempotency *idempotency)
{
    if (!idempotency_active(idempotency))
        return;
    if (idempotency->next)
        idempotency->next->previous = idempotency->previous;
    if (idempotency->previous)
        idempotency->previous->next = idempotency->next;
    else
        *list = idempotency->next;
    buffer_free(&idempotency->request);
    idempotency->key[0] = '\0';
}

bool idempotency_active(const struct idempotency *idempotency)
{
    return idempotency->key[0];
}

void idempotency_replay(struct http_request *request, const struct store_answer *answer)
{
    if (answer->other_request) {
        http_answer_problem(request, PROBLEM_KEY_REUSED, header,
                            "This key came with another request before; use a new key.");
        return;
    }
    if (answer->location)
        http_header(request, "Location", answer->location);
    buffer_clear(http_body(request)); /* what the adapter wrote for this request */
    buffer_add(http_body(request), answer->body, answer->body_size);
    http_answer(request, answer->status, answer->content_type);
}

void idempotency_fill(const struct idempotency *idempotency, struct store_answer *answer)
{
    answer->key = idempotency_active(idempotency) ? idempotency->key : NULL;
    answer->request = idempotency->request.data;
    answer->request_size = idempotency->request.size;
}
