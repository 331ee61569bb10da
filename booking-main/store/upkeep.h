/* Upkeep, whatever the database: how long a booking that is over stays among the others, and how
 * much is done at a time. How long things are kept is in store.h. */
#ifndef BOOKING_STORE_UPKEEP_H
#define BOOKING_STORE_UPKEEP_H

enum {
    UPKEEP_PORTION = 256,     /* rows of a kind that one transaction moves or deletes */
    UPKEEP_LOOK_AT = 20000,   /* bookings to look through for those that are over */
    UPKEEP_GRACE_HOURS = 48,  /* after its return, a booking may yet be extended or looked for */
    UPKEEP_TIME_SECONDS = 600 /* how far the clock that is kept may be behind */
};

#endif
