/* SIGHUP: the operator asks a service to open its logs again and to read its files anew.
 *
 * A service that has nothing to read anew takes the signal too: without that it would be killed.
 */
#ifndef LIB_BASE_HANGUP_H
#define LIB_BASE_HANGUP_H

#include "lib/base/loop.h"

struct hangup;

/* Takes SIGHUP over, before any thread is started, and has the loop call `asked` for it; several
 * signals that come at once are one. NULL with errno set on failure. */
struct hangup *hangup_new(struct loop *loop, void (*asked)(void *context), void *context);
void hangup_free(struct hangup *hangup);

#endif
