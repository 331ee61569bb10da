/* Memory that runs out when a test says so. Of programs linked with --wrap=malloc. */
#ifndef TESTS_UNIT_MALLOC_UNIT_H
#define TESTS_UNIT_MALLOC_UNIT_H

#include "tests/unit/unit.h"

#include <limits.h>

/* Allocations fail from the one with this number on. */
static int allocations_left = INT_MAX;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
    return allocations_left-- > 0 ? __real_malloc(size) : NULL;
}

#endif
