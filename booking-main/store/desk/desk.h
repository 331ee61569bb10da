/* The operator's operations on the store: what the desk's page, its API and the command line do.
 *
 * Every call here blocks until the database has answered, so none belongs on the loop's thread; the
 * operator port hands them to a thread of its own. A handle has a connection of its own and belongs
 * to one thread at a time. Engines that run on the database follow each change as they follow each
 * other's: it is an event, written in the change's own transaction, by the rules that bookings
 * obey.
 *
 * Each change is kept in the booking's history: when, what, who and why. Nothing is ever cancelled
 * silently: what would collide with a booking is refused, and the bookings in the way are listed.
 *
 * Periods are minutes since 1970 (rental/period.h), all other times seconds since 1970.
 */
#ifndef BOOKING_STORE_DESK_DESK_H
#define BOOKING_STORE_DESK_DESK_H

#include "lib/base/buffer.h"
#include "rental/booking.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    DESK_ACTOR_MAX = 64,      /* bytes of UTF-8: the name that goes with an operator's key */
    DESK_REASON_MAX = 200,    /* bytes of UTF-8 */
    DESK_TEXT_MAX = 128,      /* bytes of what is searched for */
    DESK_PAGE_MAX = 200,      /* rows of a page */
    DESK_COLLISIONS_MAX = 20, /* that a refusal lists */
    DESK_DAYS_MAX = 92,       /* of a calendar */
    DESK_BLOCK_DAYS_MAX = 366,
    DESK_TURNAROUND_MAX = CAR_TURNAROUND_MAX,
    DESK_DAY_ROWS_MAX = 500, /* of each list of a day's overview; the counts are of all */
};

struct desk;

/* Opens a connection for the desk to the store's database; the store is borrowed and may be
 * running. NULL, with a sentence added to `error`, when it cannot. desk_close() takes NULL too. */
struct desk *desk_open(struct store *store, struct buffer *error);
void desk_close(struct desk *desk);

/* Ends what another thread is doing with this handle, and all that it would begin: these calls
 * fail, unless they are done already. May be called from any thread; all that is left to do with
 * the handle is to close it. */
void desk_cancel_call(struct desk *desk);

enum desk_result {
    DESK_OK,
    DESK_NOT_FOUND,   /* no such booking, or block */
    DESK_UNKNOWN_CAR, /* the fleet has no such car, or to move to: it was withdrawn */
    DESK_CHANGED,     /* it is not what was seen: somebody else changed it */
    DESK_WRONG_STATE, /* its state does not allow that: cancelled already, say */
    DESK_IN_THE_WAY,  /* other bookings, holds or blocks have the car */
    DESK_INVALID,     /* the period is not one; `error` says why */
    DESK_FAILED,      /* the database failed, with a sentence in `error`; nothing was changed */
};

/* A booking, hold or block as the desk sees it. */
struct desk_booking {
    struct booking
        booking; /* a block's state is BOOKING_BLOCKED, its channel and reference are "" */
    int64_t created_at;
    int64_t returned_at; /* when the car came back, 0: nobody has said so */
    int64_t version;     /* counts its changes, from 1 on: what `seen` is compared with */
    char
        reason[DESK_REASON_MAX + 1]; /* of a block, and of an operator's last change; "" for none */
};

/* --- finding --------------------------------------------------------------------------------- */

#define DESK_ANY_TIME INT32_MIN

enum desk_order { DESK_NEWEST_FIRST, DESK_BY_PICKUP }; /* and then by id, the same way */

/* What bookings are to be; a text that is "" asks for nothing. */
struct desk_filter {
    char q[DESK_TEXT_MAX + 1]; /* an id, a reference or a carid, exactly */
    char reference[BOOKING_REFERENCE_MAX + 1];
    char carid[CAR_ID_MAX + 1];
    char channel[BOOKING_CHANNEL_MAX + 1];
    char location[CAR_LOCATION_MAX + 1];
    char category[CAR_CATEGORY_SIZE + 1];
    enum booking_state state;       /* 0: any but blocks */
    int32_t pickup_from, pickup_to; /* pickup in [from, to); DESK_ANY_TIME for no limit */
    int32_t return_from, return_to;
    enum desk_order order;
};

/* The filter that asks for nothing. */
struct desk_filter desk_filter_any(void);

/* Where a page ends: the next begins behind it. */
struct desk_place {
    int64_t at; /* when it was made, or with DESK_BY_PICKUP its pickup */
    char id[BOOKING_ID_SIZE + 1];
};

/* Where a page that ends with this row ends. */
struct desk_place desk_place_of(const struct desk_filter *filter, const struct desk_booking *row);

/* Is told each row; returns false to stop. */
typedef bool desk_booking_reader(void *context, const struct desk_booking *booking);

/* Tells up to `limit` bookings behind `after` (NULL: from the start). False with a sentence in
 * `error` when the database fails. */
bool desk_find_bookings(struct desk *desk, const struct desk_filter *filter,
                        const struct desk_place *after, unsigned limit, desk_booking_reader *each,
                        void *context, struct buffer *error);

/* Tells all of them, however many, as they were at one moment, in bounded memory. */
bool desk_export_bookings(struct desk *desk, const struct desk_filter *filter,
                          desk_booking_reader *each, void *context, struct buffer *error);

struct desk_history_entry {
    int64_t at;
    const char *what; /* "held", "booked", "confirmed", "cancelled", "expired", "changed",
                         "returned", "blocked" or "released" */
    enum store_by by;
    const char *actor;  /* the channel, or the operator's name; "" for an expiry */
    const char *reason; /* "" for none */
    const char *detail; /* what a change changed, in words: "return_at 2026-12-01T10:00Z -> ..." */
};

typedef bool desk_history_reader(void *context, const struct desk_history_entry *entry);

/* One booking or block of any channel with its history, oldest first. `booking` is filled before
 * the first call of `each`, which may be NULL. DESK_OK, DESK_NOT_FOUND or DESK_FAILED. */
enum desk_result desk_show(struct desk *desk, const char *id, struct desk_booking *booking,
                           desk_history_reader *each, void *context, struct buffer *error);

/* --- changing -------------------------------------------------------------------------------- */

/* Who does it, why, and when. */
struct desk_act {
    const char *actor;
    const char *reason;
    int64_t seen; /* the version that the person saw; 0: whatever it is */
    int64_t now;
};

/* What came of it: the booking as it is now, also after a refusal (but for DESK_NOT_FOUND), and
 * what is in the way. */
struct desk_outcome {
    struct desk_booking booking;
    unsigned collision_count; /* all of them, of which up to DESK_COLLISIONS_MAX are listed */
    struct desk_booking collisions[DESK_COLLISIONS_MAX];
};

/* Cancels a booking or hold of any channel, also after its pickup, but not once it is over. */
enum desk_result desk_cancel(struct desk *desk, const char *id, const struct desk_act *act,
                             struct desk_outcome *outcome, struct buffer *error);

/* Ends a booking early, extends it, moves it to another car; its price stays what was booked. */
struct desk_change {
    int32_t return_at; /* DESK_ANY_TIME: stays */
    const char *carid; /* NULL: stays */
};
enum desk_result desk_change(struct desk *desk, const char *id, const struct desk_change *change,
                             const struct desk_act *act, struct desk_outcome *outcome,
                             struct buffer *error);

/* The car is back: it is free from now on, turnaround included, and no late return any more. */
enum desk_result desk_returned(struct desk *desk, const char *id, const struct desk_act *act,
                               struct desk_outcome *outcome, struct buffer *error);

/* Takes a car out of service over a period, and gives it back. A block has an id as a booking has;
 * one that has begun is ended now, and one that has not is cancelled. */
enum desk_result desk_block(struct desk *desk, const char *carid, struct period period,
                            const struct desk_act *act, struct desk_outcome *outcome,
                            struct buffer *error);
enum desk_result desk_unblock(struct desk *desk, const char *id, const struct desk_act *act,
                              struct desk_outcome *outcome, struct buffer *error);

/* Minutes between a return and the next pickup, fleet-wide. A car's own, from the fleet file, goes
 * before it. Bookings made before stay as they are. */
bool desk_turnaround(struct desk *desk, int32_t *minutes, struct buffer *error);
bool desk_set_turnaround(struct desk *desk, int32_t minutes, struct buffer *error);

/* --- looking --------------------------------------------------------------------------------- */

struct desk_car {
    const char *carid, *location, *category, *currency;
    int64_t day_price, hour_price; /* hour_price -1 for none */
    int32_t turnaround;            /* -1: as fleet-wide */
    bool offered;
};

struct desk_car_filter {
    char q[CAR_ID_MAX + 1]; /* carids that begin with it */
    char location[CAR_LOCATION_MAX + 1];
    char category[CAR_CATEGORY_SIZE + 1];
    bool withdrawn; /* these as well */
};

typedef bool desk_car_reader(void *context, const struct desk_car *car);

/* Cars by carid behind `after` (NULL or "": from the start); a limit of 0 tells all of them as they
 * were at one moment. */
bool desk_find_cars(struct desk *desk, const struct desk_car_filter *filter, const char *after,
                    unsigned limit, desk_car_reader *each, void *context, struct buffer *error);

/* The bars of a page of cars: first each car with car(), then its bookings, holds and blocks that
 * overlap the period with bar(), by pickup. */
bool desk_calendar(struct desk *desk, const struct desk_car_filter *filter, const char *after,
                   unsigned limit, struct period period, desk_car_reader *car,
                   desk_booking_reader *bar, void *context, struct buffer *error);

/* A day's overview, or that of any period of up to 31 days. */
enum desk_day_list {
    DESK_PICKUPS, /* booked, picked up within the period */
    DESK_RETURNS, /* booked, to be returned within it */
    DESK_LATE,    /* to be returned before `now`, and nobody has said that the car is back */
    DESK_BLOCKS,  /* overlap the period */
    DESK_HOLDS,   /* held at `now` */
    DESK_DAY_LISTS,
};
struct desk_sales { /* made within the period and not cancelled or expired */
    const char *channel;
    int64_t count, total; /* minor units */
};
struct desk_day_reader {
    void *context;
    bool (*booking)(void *context, enum desk_day_list list, const struct desk_booking *booking);
    bool (*sales)(void *context, const struct desk_sales *sales);
    bool (*count)(void *context, enum desk_day_list list, int64_t count);
};
bool desk_day(struct desk *desk, struct period period, const char *location, int64_t now,
              const struct desk_day_reader *reader, struct buffer *error);

#endif
