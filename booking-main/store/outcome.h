/* What a request will get once its transaction is done. It is kept beside the request, which is not
 * touched before: the transaction may still fail. */
#ifndef BOOKING_STORE_OUTCOME_H
#define BOOKING_STORE_OUTCOME_H

#include "store/store.h"

struct store_outcome {
    enum store_result result;
    bool has_booking, has_answer;
    struct booking booking;
    struct store_answer answer;
    char *memory; /* of the answer's texts, the outcome's own; NULL for none */
};

/* Moves the outcome into its request, or frees it. */
void store_outcome_give(struct store_outcome *outcome, struct store_request *request);
void store_outcome_drop(struct store_outcome *outcome);

/* Whether the request changes nothing. */
bool store_request_reads_only(const struct store_request *request);

#endif
