/* Reads the shape of JSON that engine and adapters send each other: one object of strings without
 * escapes, plain decimal numbers, true, false and null.
 *
 * A quick way beside jansson, not instead of it: whatever is not surely of this shape, errors
 * included, is for jansson to judge. At 32 connections it saves a fifth of the CPU time of GET
 * /bookCar, adapter and engine together (docs/performance.md, "What the libraries cost").
 */
#ifndef LIB_JSON_FLAT_H
#define LIB_JSON_FLAT_H

#include <stdbool.h>
#include <stddef.h>

enum json_flat_type { JSON_FLAT_STRING, JSON_FLAT_NUMBER, JSON_FLAT_OTHER };

/* A member. Its texts are parts of what is read, so no NUL ends them; a string is without its
 * quotes. */
struct json_flat_member {
    const char *name, *value;
    size_t name_size, value_size;
    enum json_flat_type type;
};

struct json_flat {
    const char *at, *end;
    bool begun;
};

enum json_flat_step {
    JSON_FLAT_MEMBER,
    JSON_FLAT_END,     /* of the object, and of the text but for white space */
    JSON_FLAT_UNKNOWN, /* ask jansson */
};

/* Begins to read `size` bytes, which are borrowed and need not end in NUL. Then json_flat_next()
 * gives a member at a time; `member` counts only when it returns JSON_FLAT_MEMBER. */
struct json_flat json_flat_begin(const char *text, size_t size);
enum json_flat_step json_flat_next(struct json_flat *flat, struct json_flat_member *member);

/* Whether all of the text is surely valid JSON of this shape. */
bool json_flat_valid(const char *text, size_t size);

#endif
