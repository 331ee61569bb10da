#include "store/outcome.h"

#include <stdlib.h>

void store_outcome_give(struct store_outcome *outcome, struct store_request *request)
{
    request->result = outcome->result;
    if (outcome->has_booking)
        request->booking = outcome->booking;
    if (outcome->has_answer)
        request->answer = outcome->answer;
    request->memory = outcome->memory;
    outcome->memory = NULL;
}

void store_outcome_drop(struct store_outcome *outcome)
{
    free(outcome->memory);
    outcome->memory = NULL;
}

bool store_request_reads_only(const struct store_request *request)
{
    return request->operation == STORE_SHOW || request->operation == STORE_RECALL;
}
