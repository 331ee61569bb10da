/* Webhooks: tells a partner of the changes of its bookings that it did not make itself.
 *
 * What is to be told, and which engine of a channel tells it, is in the store
 * (store/changes/webhooks.h). A thread visits it once a second, and sooner while there is something
 * to send; the loop sends. So a receiver that is slow or gone costs those who buy nothing, and
 * whatever crashes, each change is delivered at least once, and those of a booking in their order.
 *
 * A receiver that answers 410 is sent nothing more, until the secrets are read again or another
 * engine begins.
 */
#ifndef BOOKING_OUTGOING_WEBHOOKS_H
#define BOOKING_OUTGOING_WEBHOOKS_H

#include "lib/base/buffer.h"
#include "lib/base/loop.h"
#include "lib/log/log.h"
#include "store/store.h"

#include <stdbool.h>

enum { WEBHOOKS_FINISH = 2 /* seconds for those under way when the engine stops */ };

struct webhooks;

struct webhooks_config {
    struct loop *loop;
    struct log *log;
    const char *channel;
    const char *url;         /* NULL or "" for no webhook */
    const char *secret_file; /* the same */
    bool allow_private;      /* addresses that are not public, and http */
};

/* Sets *webhooks, which is NULL where none is configured. The texts are borrowed. False, with a
 * sentence added to `error`, when what is configured cannot be, or memory ran out. */
bool webhooks_new(const struct webhooks_config *config, struct webhooks **webhooks,
                  struct buffer *error);

/* All of these are fine with NULL. */

/* Begins; the store is borrowed. False with a sentence added to `error`. */
bool webhooks_start(struct webhooks *webhooks, struct store *store, struct buffer *error);

/* Reads the secrets again. */
void webhooks_reread(struct webhooks *webhooks);

/* For an engine that stops: begins nothing more, and gives the lease back when what is under way
 * has ended. True when that is done, or has failed; ask again until then. */
bool webhooks_finished(struct webhooks *webhooks);

/* Before the store is closed. */
void webhooks_stop(struct webhooks *webhooks);
void webhooks_free(struct webhooks *webhooks);

/* Whether the receiver has said 410 to this engine. */
bool webhooks_is_stopped(const struct webhooks *webhooks);

void webhooks_metrics(const struct webhooks *webhooks, struct buffer *out);

#endif
