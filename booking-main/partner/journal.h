/* What the logs and the trace tell of a partner's request.
 *
 * Two readers: the access log, whose line names the car, the booking and its state, so that a
 * partner's complaint finds its request; and, at --log-level debug, the service log, which explains
 * the request step by step, each line with the request's id. At other levels a step costs one
 * comparison.
 */
#ifndef BOOKING_PARTNER_JOURNAL_H
#define BOOKING_PARTNER_JOURNAL_H

#include "engine.h"
#include "partner/order.h"

/* --- members of the access log's line; once each, before the request is answered ---------------
 */

/* A booking as it now is, or as far as it got. Any may be NULL. */
void journal_note(struct http_request *request, const char *carid, const char *booking_id,
                  const char *state);

/* The criteria for which no car was found. */
void journal_note_criteria(struct http_request *request, const struct criteria *criteria);

/* The answer was given before, and is given again for its key. */
void journal_note_replay(struct http_request *request, const struct store_answer *answer);

/* --- steps, in the order in which a request takes them -----------------------------------------
 */

/* `order` is NULL for an offer. */
void journal_asked(const struct engine *engine, const struct http_request *request,
                   const struct criteria *criteria, const struct booking_order *order);

/* `booking_id` is NULL for an offer, for which nothing is claimed; `round` counts from 1. */
void journal_chose(const struct engine *engine, const struct http_request *request,
                   const struct catalog_car *car, const struct criteria *criteria,
                   const char *booking_id, unsigned round);

void journal_called(const struct engine *engine, const struct http_request *request,
                    const struct adapter_call *call);

/* The store has carried it out, or says why not. */
void journal_stored(const struct engine *engine, const struct http_request *request,
                    const struct store_request *stored);

void journal_refused(const struct engine *engine, const struct http_request *request,
                     enum problem problem, const char *detail);

#endif
