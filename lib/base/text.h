/* Text that came from outside: what is in it, and how to show it. */
#ifndef LIB_BASE_TEXT_H
#define LIB_BASE_TEXT_H

#include "lib/base/buffer.h"

#include <stdbool.h>

/* Whether it is well-formed UTF-8 (RFC 3629). */
bool text_is_utf8(const char *text);

/* Whether UTF-8 text has a control character in it: below U+0020, or U+007F to U+009F. */
bool text_has_control(const char *text);

/* Whether UTF-8 text begins or ends with white space of any script, or a byte order mark. */
bool text_has_space_at_an_end(const char *text);

/* Adds the text in single quotes, for a message: control characters and what is not UTF-8 as \xNN,
 * so that they do nothing to a terminal, and dots where it is cut for its length. */
void text_add_quoted(struct buffer *out, const char *text);

/* How much of a URL may be shown: its scheme alone where there may be a password in it. */
size_t text_url_shown(const char *url);

#endif
