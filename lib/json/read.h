/* Reads JSON with jansson, and tells a text that is wrong from memory that ran out.
 *
 * jansson itself does not: of 26 allocations that can fail for a short text, 21 leave no message,
 * and five say that a good text has a syntax error.
 */
#ifndef LIB_JSON_READ_H
#define LIB_JSON_READ_H

#include "lib/base/buffer.h"

#include <jansson.h>
#include <stdbool.h>

/* As json_loadb(); the caller ends it with json_decref(). On failure returns NULL, and either sets
 * *no_memory or fills *failure. For one thread at a time. */
json_t *json_read(const char *text, size_t size, size_t flags, json_error_t *failure,
                  bool *no_memory);

/* Reads a request's body, which must be an object in which no member comes twice. NULL with a
 * sentence added to `error`; when memory ran out, `error` has failed instead, since nothing is
 * wrong with the body. `failure` may be NULL. */
json_t *json_read_object(const char *text, size_t size, size_t flags, json_error_t *failure,
                         struct buffer *error);

/* Copies the name of the member that came twice, when that was the failure and there is room for
 * it; else leaves `name` alone. */
void json_read_repeated(const json_error_t *failure, char *name, size_t size);

#endif
