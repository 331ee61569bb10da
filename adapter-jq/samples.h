/* Documents as engines send them, on which a filter is tried before it is used. */
#ifndef ADAPTER_JQ_SAMPLES_H
#define ADAPTER_JQ_SAMPLES_H

#include "adapter-jq/filter.h"

#include <stdio.h>

/* Tries the program on each sample. With `report`, it is told each sample and its answer. The
 * filter, or NULL when the program does not compile, or fails on a sample: then a line for each
 * thing that is wrong was added to `error`. */
struct filter *samples_try(const char *program, size_t size, FILE *report, struct buffer *error);

/* Reads a filter's file, `-` for standard input, into `program`. False with the reason added to
 * `error`. */
bool samples_read(const char *path, struct buffer *program, struct buffer *error);

/* --check: does both, and prints the samples with their answers, and on standard error what is
 * wrong. The program's exit status. */
int samples_check(const char *path);

#endif
