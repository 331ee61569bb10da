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

/* Adds the text as a terminal may have it: control characters, those that change the direction of
 * writing or cannot be seen, and what is not UTF-8 become U+FFFD. */
void text_add_shown(struct buffer *out, const char *text);

/* How many columns of a terminal the text takes. */
int text_width(const char *text);

/* How many bytes of the text fit into *width columns, which becomes how many they take. */
size_t text_fit(const char *text, int *width);

/* How much of a URL may be shown: its scheme alone where there may be a password in it. */
size_t text_url_shown(const char *url);

#endif
