/* From a pointer to an embedded struct to the struct that embeds it. */
#ifndef LIB_BASE_CONTAINER_OF_H
#define LIB_BASE_CONTAINER_OF_H

#include <stddef.h>

#define container_of(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
