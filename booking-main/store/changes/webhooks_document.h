/* Webhooks as JSON: the desk's API and the command line write the same. Failures are the buffer's.
 */
#ifndef BOOKING_STORE_CHANGES_WEBHOOKS_DOCUMENT_H
#define BOOKING_STORE_CHANGES_WEBHOOKS_DOCUMENT_H

#include "store/changes/webhooks.h"

/* Elements of an array. `stopped`: its receiver has said 410 to the engine that asks. */
void webhook_json_delivery(struct buffer *out, const struct webhook_delivery *delivery);
void webhook_json_summary(struct buffer *out, const struct webhook_summary *summary, bool stopped);

/* "waiting" or "given_up"; 0 for any other text. */
const char *webhook_state_name(enum webhook_state state);
enum webhook_state webhook_state_of(const char *name);

/* Reads a delivery's id as people write it; 0 when it is none. */
int64_t webhook_read_id(const char *text);

#endif
