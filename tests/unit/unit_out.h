/* The buffer that a test of a writer writes to: empty before each test, freed behind it. */
#ifndef TESTS_UNIT_UNIT_OUT_H
#define TESTS_UNIT_UNIT_OUT_H

#include "lib/base/buffer.h"
#include "tests/unit/unit.h"

static struct buffer out;

static inline int begin(void **state)
{
    (void)state;
    buffer_init(&out, 100000);
    return 0;
}

static inline int end(void **state)
{
    (void)state;
    buffer_free(&out);
    return 0;
}

#endif
