/* How a call to the adapter ends. One list for all its layers: what reads the answer, what carries
 * the call on a connection, and what the engine is told.
 */
#ifndef BOOKING_ADAPTER_OUTCOME_H
#define BOOKING_ADAPTER_OUTCOME_H

enum adapter_outcome {
    ADAPTER_PENDING,     /* it has not ended */
    ADAPTER_ANSWERED,    /* with whatever status */
    ADAPTER_UNREACHABLE, /* no connection */
    ADAPTER_BROKE_OFF,   /* the connection closed before the answer was whole */
    ADAPTER_UNUSABLE,    /* too long, not HTTP, or with another X-Request-Id */
    ADAPTER_TIMED_OUT,
    ADAPTER_OVERLOADED, /* too many calls wait already */
    ADAPTER_OUTCOMES,
};

#endif
