/* Where a webhook goes: what of its URL can be judged before anything is sent. */
#ifndef BOOKING_OUTGOING_WEBHOOK_URL_H
#define BOOKING_OUTGOING_WEBHOOK_URL_H

#include "lib/base/buffer.h"

#include <stdbool.h>

enum { WEBHOOK_URL_MAX = 2048 };

/* NULL, or what is wrong with it as the end of a sentence. It must be https, or with
 * `allow_private` http; with a host, and without user, password and fragment. A host that is an
 * address, however it is spelled, must be public (public_address.h) unless that is allowed. What a
 * name stands for is judged when connecting. */
const char *webhook_url_fault(const char *url, bool allow_private);

#endif
