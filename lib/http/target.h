/* A request's target, as it stands in the request line (RFC 9112, section 3.2). Pure. */
#ifndef LIB_HTTP_TARGET_H
#define LIB_HTTP_TARGET_H

#include "lib/http/problem.h"

#include <stddef.h>

enum {
    HTTP_TARGET_MAX = 4096, /* bytes; more is answered 414 */
    HTTP_PARAMETERS_MAX = 64,
};

/* Copies the path of the target, `size` bytes that end in a NUL, into `path`, percent-decoded and
 * cut off where it does not fit. Of a target in absolute form (http://host/path) that is the part
 * behind the host. An encoded slash or NUL stays encoded: it is part of a segment, and no C string
 * ends there.
 *
 * Returns NULL, or a sentence on what is wrong, and then sets *problem. */
const char *target_read(const char *target, size_t size, char *path, size_t path_size,
                        enum problem *problem);

#endif
