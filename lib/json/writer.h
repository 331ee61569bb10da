/* Writes JSON objects straight into a buffer.
 *
 * jansson reads all JSON here; it does not write it, because it has no number type for money: it
 * prints 19.99 as 19.989999999999998 before version 2.14.1.
 *
 * An object is json_begin(), members in the order they shall appear, json_end(). A member whose
 * value is NULL is left out. Failures are the buffer's (see buffer.h).
 *
 * A member may be an object or an array: it is opened, gets its own members, and is closed. The
 * members of an array have no name, so NULL stands for it.
 */
#ifndef LIB_JSON_WRITER_H
#define LIB_JSON_WRITER_H

#include "lib/base/buffer.h"

#include <stdbool.h>
#include <stdint.h>

void json_begin(struct buffer *out);
void json_end(struct buffer *out);

/* Whether the object that begins at `start` of the buffer, and need not have its end yet, has a
 * member of that name. It is valid JSON so far; a name with escapes in it is found as it is
 * written. */
bool json_has_member(const struct buffer *out, size_t start, const char *name);

/* Goes on with an object that is whole, as if json_end() had not been. */
void json_reopen(struct buffer *out);

void json_open_object(struct buffer *out, const char *name);
void json_close_object(struct buffer *out);
void json_open_array(struct buffer *out, const char *name);
void json_close_array(struct buffer *out);

/* `name` is written as it is; `value` is escaped, and what is not UTF-8 in it becomes U+FFFD. */
void json_add_string(struct buffer *out, const char *name, const char *value);
void json_add_integer(struct buffer *out, const char *name, int64_t value);
void json_add_boolean(struct buffer *out, const char *name, bool value);
void json_add_milliseconds(struct buffer *out, const char *name, int64_t nanoseconds);

/* An amount of `minor` units, 10^-exponent of the major one, as a number in major units in its
 * shortest decimal form: 5500 with exponent 2 is 55, 5550 is 55.5. */
void json_add_money(struct buffer *out, const char *name, int64_t minor, int exponent);

#endif
