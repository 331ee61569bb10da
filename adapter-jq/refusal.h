/* What a filter may not use, and where a mistake in it is. */
#ifndef ADAPTER_JQ_REFUSAL_H
#define ADAPTER_JQ_REFUSAL_H

#include "lib/base/buffer.h"

#include <stdbool.h>
#include <stddef.h>

/* Whether the program uses what reads or writes more than its input: adds which, with line and
 * column, to `error`. */
bool refusal_of_program(const char *program, size_t size, struct buffer *error);

/* The same program with each token on a line of its own, without its comments: libjq's line in it
 * is the token's number. */
void refusal_spread(const char *program, struct buffer *out);

/* The line and the column at which token number `number`, from 1, begins in the program; where
 * there are fewer, its end. */
void refusal_place(const char *program, unsigned number, unsigned *line, unsigned *column);

#endif
