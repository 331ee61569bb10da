#include "lib/base/file_watch.h"

#include "lib/base/container_of.h"

enum { LOOK_MILLISECONDS = 1000 };

static struct file_state look(const char *path)
{
    struct stat status;
    if (stat(path, &status) < 0)
        return (struct file_state){0};
    return (struct file_state){status.st_dev, status.st_ino, status.st_size, status.st_mtim,
                               status.st_ctim};
}

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same(const struct file_state *a, const struct file_state *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           same_time(a->modified, b->modified) && same_time(a->changed, b->changed);
}

static void on_timer(struct loop_timer *timer)
{
    struct file_watch *watch = container_of(timer, struct file_watch, timer);
    loop_arm(watch->loop, timer, loop_now(watch->loop) + LOOK_MILLISECONDS * LOOP_MILLISECOND);
    struct file_state now = look(watch->path);
    bool stays = same(&now, &watch->seen);
    watch->seen = now;
    if (!stays || same(&now, &watch->told))
        return;
    watch->told = now;
    watch->changed(watch);
}

void file_watch_begin(struct file_watch *watch, struct loop *loop)
{
    watch->loop = loop;
    watch->timer.expired = on_timer;
    file_watch_catch_up(watch);
    loop_arm(loop, &watch->timer, loop_now(loop) + LOOK_MILLISECONDS * LOOP_MILLISECOND);
}

void file_watch_catch_up(struct file_watch *watch)
{
    watch->seen = watch->told = look(watch->path);
}

void file_watch_end(struct file_watch *watch)
{
    if (watch->loop)
        loop_remove_timer(watch->loop, &watch->timer);
}
