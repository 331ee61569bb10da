/* The webhooks' part of the store: what a partner is yet to be told, and who tells it.
 *
 * Each channel with a webhook has a row: the number of the event up to which its changes were
 * collected, and a lease, by which one engine at a time sends for it. Collecting turns the changes
 * that the partner did not make itself into deliveries, and moves that number on in the same
 * transaction, so each becomes a delivery once, whatever crashes. A delivery is kept until it was
 * delivered, or given up, and then for WEBHOOK_GIVEN_UP_DAYS.
 *
 * What an engine does here it does as the owner of the lease, and every call looks whether it still
 * is. So one that slept for a minute and lost the lease changes nothing any more. Leases end by the
 * database's clock; the times of deliveries are the caller's (`now`), in seconds since 1970.
 *
 * All calls block until the database has answered, and take a handle of store/desk/desk.h. On
 * SQLite a call that writes waits for the disk beside those who book, so what became of many
 * deliveries is written by one. What they return: DESK_OK; DESK_CHANGED when `owner` has not, or no
 * longer, the lease; DESK_NOT_FOUND; DESK_FAILED with a sentence in `error`. With anything but
 * DESK_OK nothing was changed.
 */
#ifndef BOOKING_STORE_CHANGES_WEBHOOKS_H
#define BOOKING_STORE_CHANGES_WEBHOOKS_H

#include "store/desk/desk.h"

enum {
    WEBHOOK_OWNER_MAX = 64,     /* bytes of the name by which an engine has a lease */
    WEBHOOK_LEASE_MAX = 60,     /* seconds */
    WEBHOOK_COLLECT_MAX = 200,  /* deliveries that one call makes */
    WEBHOOK_SETTLE_MAX = 200,   /* deliveries that one call is told of */
    WEBHOOK_ERROR_MAX = 200,    /* bytes of why a delivery failed */
    WEBHOOK_BODY_MAX = 4096,    /* bytes */
    WEBHOOK_TYPE_MAX = 31,      /* bytes of "booking.cancelled" and so on */
    WEBHOOK_GIVEN_UP_DAYS = 30, /* that what was given up may be sent again */
};

/* --- the lease ------------------------------------------------------------------------------- */

/* Takes the channel's lease for so many seconds from now, or has it for longer if `owner` has it
 * already. DESK_OK when it is the owner's now, DESK_CHANGED when it is another's. The first ever
 * makes the channel's row, which begins at the present. */
enum desk_result webhook_lease(struct desk *desk, const char *channel, const char *owner,
                               unsigned seconds, struct buffer *error);

/* Gives it back, so that another need not wait for its end; harmless when it is not the owner's. */
enum desk_result webhook_release(struct desk *desk, const char *channel, const char *owner,
                                 struct buffer *error);

/* --- deliveries ------------------------------------------------------------------------------ */

enum webhook_state { WEBHOOK_WAITING = 1, WEBHOOK_GIVEN_UP };

/* The texts are valid during the call only. */
struct webhook_delivery {
    int64_t id;     /* never used again; ascending in the order of the changes */
    int64_t number; /* of the change; 0: it is a test */
    const char *channel;
    const char *message;    /* random, the same on every try: webhook-id is made of it */
    const char *type;       /* "booking.cancelled"; "webhook.test" */
    const char *booking_id; /* "" for a test */
    const char *body;       /* JSON; "" in webhook_list() */
    enum webhook_state state;
    unsigned attempts;      /* that failed */
    int64_t next_at;        /* not to be sent before */
    int64_t tried_at;       /* when it failed last, 0: never */
    int last_status;        /* of that answer, 0: there was none */
    const char *last_error; /* why it failed, "" for no reason */
    int64_t created_at;
};

/* Is told each; returns false to stop. */
typedef bool webhook_reader(void *context, const struct webhook_delivery *delivery);

struct webhook_collected {
    unsigned made;  /* deliveries */
    bool caught_up; /* there is nothing more to collect now */
    bool missed;    /* events had been deleted before they were collected: the webhook was off for
                       longer than they are kept. It goes on with what there is */
};

/* Makes deliveries of the changes behind those that were collected before, WEBHOOK_COLLECT_MAX at
 * most. It writes only when there is something to write. */
enum desk_result webhook_collect(struct desk *desk, const char *channel, const char *owner,
                                 int64_t now, struct webhook_collected *collected,
                                 struct buffer *error);

/* Tells the deliveries that may be sent now, those that wait for longest first: of each booking the
 * oldest alone, so that its changes arrive in their order, and any test. One that is being sent is
 * told as well. */
enum desk_result webhook_due(struct desk *desk, const char *channel, int64_t now, unsigned limit,
                             webhook_reader *each, void *context, struct buffer *error);

/* What became of a try. */
struct webhook_outcome {
    int64_t id;
    enum { WEBHOOK_DELIVERED, WEBHOOK_FAILED, WEBHOOK_ENDED } kind; /* ended: given up */
    int64_t next_at;                                                /* with WEBHOOK_FAILED */
    int status;                                                     /* 0: no answer */
    char error[WEBHOOK_ERROR_MAX + 1];
};

/* Writes down what became of up to WEBHOOK_SETTLE_MAX tries, in one transaction. An id that is not
 * there is passed over. */
enum desk_result webhook_settle(struct desk *desk, const char *channel, const char *owner,
                                const struct webhook_outcome *outcomes, unsigned count, int64_t now,
                                struct buffer *error);

/* --- the operator's -------------------------------------------------------------------------- */

/* Has a delivery sent again, now and as if for the first time, whether it waits or was given up; id
 * 0: all that the channel has given up. DESK_NOT_FOUND when there is none. `channel` "" is any. */
enum desk_result webhook_again(struct desk *desk, const char *channel, int64_t id, int64_t now,
                               struct buffer *error);

/* Makes a delivery that is a test. DESK_NOT_FOUND when the channel has no webhook. */
enum desk_result webhook_test(struct desk *desk, const char *channel, int64_t now, int64_t *id,
                              struct buffer *error);

/* Tells deliveries behind the id `after`, in its order; channel "" and state 0 for any. */
enum desk_result webhook_list(struct desk *desk, const char *channel, enum webhook_state state,
                              int64_t after, unsigned limit, webhook_reader *each, void *context,
                              struct buffer *error);

/* How many of a channel's deliveries wait, and how many were given up: from the index alone. */
enum desk_result webhook_count(struct desk *desk, const char *channel, int64_t *waiting,
                               int64_t *given_up, struct buffer *error);

/* A channel's webhook; the texts are valid during the call only. */
struct webhook_summary {
    const char *channel;
    const char *owner;     /* of the lease; "" for none */
    int64_t uncollected;   /* events of any channel behind those that were looked through */
    int64_t waiting;       /* deliveries */
    int64_t given_up;      /* deliveries */
    int64_t waiting_since; /* when the oldest that waits was made; 0: none waits */
};

/* Tells each channel with a webhook, by name; channel "" for all. */
enum desk_result webhook_summaries(struct desk *desk, const char *channel,
                                   bool (*each)(void *context,
                                                const struct webhook_summary *summary),
                                   void *context, struct buffer *error);

#endif
