/* A growable byte buffer with a mandatory limit, in the manner of curl's dynbuf.
 *
 * Failure is sticky: once an addition would pass the limit, or memory runs out, the buffer is
 * marked failed and further additions do nothing, so that a writer checks once, at its end.
 */
#ifndef LIB_BASE_BUFFER_H
#define LIB_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct buffer {
    char *data;      /* always NUL-terminated once something was added; NULL before */
    size_t size;     /* bytes held, without the NUL */
    size_t capacity; /* bytes allocated; never more than the limit and the NUL */
    size_t limit;    /* most bytes it may ever hold */
    bool failed;
};

/* Empty, holding at most `limit` bytes; allocates nothing yet. */
void buffer_init(struct buffer *buffer, size_t limit);

/* Releases the memory; the buffer may be initialised again. */
void buffer_free(struct buffer *buffer);

/* Empties the buffer and forgets a failure; keeps the memory for the next use. */
void buffer_clear(struct buffer *buffer);

/* Makes room for `size` more bytes; false, and failed, when that cannot be had. */
bool buffer_reserve(struct buffer *buffer, size_t size);

/* Inline, since a JSON document is some hundred small additions: half the instructions. */
static inline void buffer_add(struct buffer *buffer, const void *data, size_t size)
{
    bool fits = size < buffer->capacity - buffer->size && !buffer->failed;
    if (!fits && !buffer_reserve(buffer, size))
        return;
    if (size)
        memcpy(buffer->data + buffer->size, data, size);
    buffer->size += size;
    buffer->data[buffer->size] = '\0';
}

void buffer_add_text(struct buffer *buffer, const char *text);
void buffer_add_number(struct buffer *buffer, long long number);
__attribute__((format(printf, 2, 3))) void buffer_printf(struct buffer *buffer, const char *format,
                                                         ...);

#endif
