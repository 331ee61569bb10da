/* A copy of the database while engines run on it. */
#ifndef BOOKING_STORE_SQLITE_BACKUP_H
#define BOOKING_STORE_SQLITE_BACKUP_H

#include "lib/base/buffer.h"

#include <stdbool.h>

/* Writes one consistent state of the database at `path` to the new file `copy`, which is whole and
 * on disk when it appears. Takes no lock that a writer would wait for. False, with a sentence added
 * to `error` and no `copy`, when it cannot: there is no such database, or `copy` exists already. */
bool sqlite_backup(const char *path, const char *copy, struct buffer *error);

#endif
