/* SIGHUP: the operator asks a service to open its logs again and to read its files anew.
 *
 * A service that has nothing to read anew takes the signal too: without that it would be killed.
 */
#ifndef LIB_BASE_SIGHUP_H
#define LIB_BASE_SIGHUP_H

#include "lib/base/loop.h"

struct sighup;

/* Takes SIGHUP over, before any thread is started, and has the loop call `asked` for it; several
 * signals that come at once are one. NULL with errno set on failure. */
struct sighup *sighup_new(struct loop *loop, void (*asked)(void *context), void *context);
void sighup_free(struct sighup *sighup);

#endif
