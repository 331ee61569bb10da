/* --healthcheck: asks the running process whether it is healthy.
 *
 * For exec probes in images without a shell: a bare socket, no library to load, a few milliseconds.
 */
#ifndef LIB_HTTP_HEALTHCHECK_H
#define LIB_HTTP_HEALTHCHECK_H

#include <stdint.h>

/* GET /healthz there; 0 when the answer is 200 and comes within a second, else 1. Says on standard
 * error why not. Usable as an exit status. */
int healthcheck(const char *program, const char *address, uint16_t port);

#endif
