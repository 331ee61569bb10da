/* Who asks for changes, and who waits for the next: the engine's part of GET /changes. */
#ifndef BOOKING_PARTNER_CHANGES_H
#define BOOKING_PARTNER_CHANGES_H

#include "engine.h"

enum {
    CHANGES_LIMIT = 100, /* changes of an answer, where no other number is asked for */
    CHANGES_LIMIT_MAX = 500,
    CHANGES_WAIT_MAX = 60,     /* seconds */
    CHANGES_WAITING_MAX = 256, /* requests; more are answered at once */
    CHANGES_READ_AT_ONCE = 32, /* requests that one job answers */
};

/* Its threads are engine->lookups, which are to be stopped before partner_changes_stop(). NULL
 * when out of memory. All but the first are fine with NULL. */
struct partner_changes *partner_changes_new(struct engine *engine);

/* Has those look again who wait for what the event tells. */
void partner_changes_event(struct partner_changes *changes, const struct store_event *event);

/* Answers all that wait, and from now on everybody at once. */
void partner_changes_drain(struct partner_changes *changes);

/* Answers all that are left. */
void partner_changes_stop(struct partner_changes *changes);
void partner_changes_free(struct partner_changes *changes);

#endif
