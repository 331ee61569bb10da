/* Writes flat JSON objects straight into a buffer.
 *
 * jansson reads all JSON here; it does not write it, because it has no number type for money: it
 * prints 19.99 as 19.989999999999998 before version 2.14.1.
 *
 * An object is json_begin(), members in the order they shall appear, json_end(). A member whose
 * value is NULL is left out. Failures are the buffer's (see buffer.h).
 */
#ifndef LIB_JSON_WRITER_H
#define LIB_JSON_WRITER_H

#include "lib/base/buffer.h"

#include <stdint.h>

void json_begin(struct buffer *out);
void json_end(struct buffer *out);

/* `name` is written as it is; `value` is escaped, and what is not UTF-8 in it becomes U+FFFD. */
void json_add_string(struct buffer *out, const char *name, const char *value);
void json_add_integer(struct buffer *out, const char *name, int64_t value);
void json_add_milliseconds(struct buffer *out, const char *name, int64_t nanoseconds);

/* An amount of `minor` units, 10^-exponent of the major one, as a number in major units in its
 * shortest decimal form: 5500 with exponent 2 is 55, 5550 is 55.5. */
void json_add_money(struct buffer *out, const char *name, int64_t minor, int exponent);

#endif
