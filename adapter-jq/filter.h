/* A partner's format: a jq filter, from its text to the answer for a document.
 *
 * A filter gets what its document says and nothing else: whatever in jq reads or writes more than
 * its input is refused when the filter is loaded.
 */
#ifndef ADAPTER_JQ_FILTER_H
#define ADAPTER_JQ_FILTER_H

#include "lib/base/buffer.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    FILTER_SIZE_MAX = 256 * 1024,
    FILTER_RESULT_MAX = 64 * 1024, /* what an engine takes */
};

struct filter;

/* Compiles it. NULL with the reason added to `error`, with line and column. Between
 * confine_enter() and confine_leave(), as the next. */
struct filter *filter_new(const char *program, size_t size, struct buffer *error);

/* NULL is fine. */
void filter_free(struct filter *filter);

/* Adds to `out` the object that the filter makes of the document, which must be the only thing it
 * makes. A list of cars it gets whole if it reads `.cars`; else it is run for each of them, and its
 * values are put into {"cars":[...]}. Without its member booking_id, which is the kit's to add.
 * False with the reason added to `error`; `out` is as it was then. */
bool filter_run(struct filter *filter, bool is_list, const char *document, size_t size,
                struct buffer *out, struct buffer *error);

#endif
