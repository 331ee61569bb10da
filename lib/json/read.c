#include "lib/json/read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* jansson's functions for memory take no context. */
static bool ran_out;

static void *allocate(size_t size)
{
    void *memory = malloc(size);
    if (!memory)
        ran_out = true;
    return memory;
}

json_t *json_read(const char *text, size_t size, size_t flags, json_error_t *failure,
                  bool *no_memory)
{
    json_set_alloc_funcs(allocate, free);
    ran_out = false;
    json_t *root = json_loadb(text, size, flags, failure);
    *no_memory = !root && ran_out;
    return root;
}

json_t *json_read_object(const char *text, size_t size, size_t flags, json_error_t *failure,
                         struct buffer *error)
{
    json_error_t own;
    bool no_memory;
    if (!failure)
        failure = &own;
    json_t *root = json_read(text, size, flags | JSON_REJECT_DUPLICATES, failure, &no_memory);
    if (json_is_object(root)) /* false for none */
        return root;
    if (root)
        buffer_add_text(error, "The body must be a JSON object.");
    else if (no_memory)
        error->failed = true;
    else if (json_error_code(failure) == json_error_numeric_overflow)
        buffer_printf(error, "The body has a number that is too large: line %d, column %d.",
                      failure->line, failure->column);
    else
        buffer_printf(error, "The body must be a JSON object: line %d, column %d: %s.",
                      failure->line, failure->column, failure->text);
    json_decref(root);
    return NULL;
}

void json_read_repeated(const json_error_t *failure, char *name, size_t size)
{
    /* jansson names it in its text only: duplicate object key near '"carid"'. */
    bool repeated = json_error_code(failure) == json_error_duplicate_key;
    const char *start = repeated ? strchr(failure->text, '"') : NULL;
    const char *end = start ? strchr(start + 1, '"') : NULL;
    if (end && (size_t)(end - start) <= size)
        snprintf(name, size, "%.*s", (int)(end - start - 1), start + 1);
}
