/* A request to the desk while a job runs for it, from its handler to its answer. Inside
 * operator/desk only.
 *
 * A handler reads the request, makes a call, fills in what its job needs, and starts it. The job
 * writes the answer's body, on a thread; the call answers with that, or with the problem that the
 * result is.
 */
#ifndef BOOKING_OPERATOR_DESK_CALL_H
#define BOOKING_OPERATOR_DESK_CALL_H

#include "engine.h"
#include "operator/desk/desk_internal.h"

enum { DESK_ANSWER_MAX = 4 * 1024 * 1024 };

/* The first member of a handler's own struct, which is freed with it. */
struct desk_call {
    struct desk_job job;
    struct engine *engine;
    struct http_request *request;
    struct buffer body; /* the answer, or with a refusal the further members of its problem */
    bool changes;       /* something: after a failure it may have been done all the same */
    unsigned status;    /* of the answer when all is well: 200, unless it says another */
    char location[64];  /* header field of that answer, "" for none */
};

/* Makes a call of `size` bytes, all zero behind the call itself. NULL when out of memory, which was
 * answered. */
void *desk_call_new(size_t size, struct engine *engine, struct http_request *request,
                    enum desk_result (*run)(struct desk_job *job, struct desk *desk));

/* Hands the call's job in; it is answered, and freed, whatever comes of that. */
void desk_call_start(struct desk_call *call);
void desk_call_start_long(struct desk_call *call);

/* Answers with the problem that the end of the job, or its result, is; false when it is none. */
bool desk_call_refuse(struct desk_call *call);

/* Answers with the body. */
void desk_call_answer(struct desk_call *call);
void desk_call_free(struct desk_call *call);

/* Adds a time, in minutes since 1970. */
void desk_add_minute(struct buffer *out, const char *name, int32_t minute);

/* The result of an operation that can only work or fail. */
static inline enum desk_result desk_result_of(bool worked)
{
    return worked ? DESK_OK : DESK_FAILED;
}

/* The id in the path; NULL when it could be none, which was answered. */
const char *desk_call_id(struct http_request *request);

#endif
