/* Where the database's files are. A database is three files: FILE itself, FILE-wal, the log with
 * what was committed last, and FILE-shm, by which engines know of each other. SQLite goes on with
 * a file that was deleted or replaced while it is open, and all that it commits is lost.
 */
#ifndef BOOKING_STORE_SQLITE_PLACE_H
#define BOOKING_STORE_SQLITE_PLACE_H

#include "store/sqlite/connection.h"

#include <sys/types.h>

enum place_file { PLACE_DATABASE, PLACE_LOG, PLACE_SHARED, PLACE_FILES };

struct sqlite_place {
    const char *path; /* borrowed; NULL for a database in memory, which has no files */
    char *names[PLACE_FILES];
    struct {
        dev_t device;
        ino_t inode;
    } files[PLACE_FILES];
};

/* Notes which files they are; a connection is open on them. False when out of memory. */
bool sqlite_place_note(struct sqlite_place *place, const char *path);
void sqlite_place_free(struct sqlite_place *place);

/* Whether they are still where they were. Adds a sentence to `error`, unless NULL, if not. */
bool sqlite_place_check(const struct sqlite_place *place, struct buffer *error);

/* Bytes of a file, 0 when it is not there. */
uint64_t sqlite_place_size(const struct sqlite_place *place, enum place_file file);

/* To be called before the first connection is opened. False, with a sentence added to `error`, when
 * another engine runs on the database and the log was deleted. What that engine knows cannot be
 * seen from here, so its cars would be sold again. */
bool sqlite_place_is_sound(const char *path, struct buffer *error);

#endif
