/* The file of a webhook's secrets, followed while the service runs; signature.h reads what is in
 * it.
 *
 * It is read again when it changes and on SIGHUP. A file that is not valid then leaves the secrets
 * in use, and the log says why.
 */
#ifndef BOOKING_OUTGOING_SECRET_FILE_H
#define BOOKING_OUTGOING_SECRET_FILE_H

#include "lib/base/file_watch.h"
#include "lib/log/log.h"
#include "outgoing/signature.h"

struct secret_file {
    struct webhook_secrets secrets;
    void (*reread)(struct secret_file *file); /* after it was read again, and is valid */

    /* The module's own. */
    struct log *log;
    struct file_watch watch;
};

/* Reads the file and begins to follow it. The path and the log are borrowed. False, with a sentence
 * added to `error`, when it cannot be read or is not valid. */
bool secret_file_open(struct secret_file *file, const char *path, struct loop *loop,
                      struct log *log, struct buffer *error);

/* Also fine for one that was not opened. */
void secret_file_close(struct secret_file *file);

void secret_file_reread(struct secret_file *file);

#endif
