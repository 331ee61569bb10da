/* Notices that a file was changed, or replaced by another one under its name.
 *
 * It looks at the file once a second. So it also sees a file swapped behind symbolic links, which
 * is how Kubernetes replaces a Secret's files. A change counts once the file has stayed as it is
 * for a second, so that a file that is being written is not read half way.
 */
#ifndef LIB_BASE_FILE_WATCH_H
#define LIB_BASE_FILE_WATCH_H

#include "lib/base/loop.h"

#include <sys/stat.h>
#include <time.h>

/* What tells one state of a file from another; all zero for a file that is not there. */
struct file_state {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified, changed;
};

/* The owner sets `path`, which is borrowed, and `changed`, and keeps it alive. */
struct file_watch {
    const char *path;
    void (*changed)(struct file_watch *watch); /* also for a file that went */

    /* The module's own. */
    struct loop *loop;
    struct loop_timer timer;
    struct file_state seen, told;
};

/* From now on; call it before the file is first read, so that no change is missed. */
void file_watch_begin(struct file_watch *watch, struct loop *loop);

/* To be called when the owner is about to read the file as it is now: he is told nothing of changes
 * before this. */
void file_watch_catch_up(struct file_watch *watch);

/* Also fine for one that was not begun. */
void file_watch_end(struct file_watch *watch);

#endif
