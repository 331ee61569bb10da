/* What keeps the tables from growing for ever: bookings that are over are moved to past_bookings,
 * and what was kept long enough is deleted. A small portion at a time, on one connection. Functions
 * return SQLITE_OK or the SQLite result code of what failed.
 */
#ifndef BOOKING_STORE_SQLITE_UPKEEP_H
#define BOOKING_STORE_SQLITE_UPKEEP_H

#include "store/sqlite/connection.h"
#include "store/upkeep.h"

struct sqlite_upkeep {
    struct sqlite_connection *connection;
    unsigned history_days;
    int64_t looked_at;            /* number of the last booking looked at */
    int64_t over[UPKEEP_PORTION]; /* numbers of bookings that were over */
    int over_count;
    sqlite3_stmt *look, *expire, *write_history, *move, *remove, *find_stale[3], *purge[3],
        *write_time;
};

/* What time it is: by the store's clock, and the earlier and the later of that and the wall's, in
 * seconds. */
struct sqlite_upkeep_time {
    int64_t now, earlier, later;
};

void sqlite_upkeep_init(struct sqlite_upkeep *upkeep, struct sqlite_connection *connection,
                        unsigned history_days);

/* Looks for bookings that are over, reading only. */
int sqlite_upkeep_look(struct sqlite_upkeep *upkeep, const struct sqlite_upkeep_time *time);

/* Moves those bookings, deletes a portion of what is stale, and writes the clock down when the one
 * that is kept is more than `behind` seconds behind. All of that is one transaction, which the
 * caller has begun. *more says whether there may be more to do at once. */
int sqlite_upkeep_do(struct sqlite_upkeep *upkeep, const struct sqlite_upkeep_time *time,
                     int64_t behind, bool *more);

#endif
