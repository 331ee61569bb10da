#include "lib/keys/key_file.h"

#include "lib/base/container_of.h"
#include "lib/base/file_watch.h"
#include "lib/keys/keys.h"

#include <stdlib.h>
#include <sys/stat.h>

struct key_file {
    struct api_keys *keys;
    struct log *log;
    struct file_watch watch;
};

/* Whoever may write the file can let himself in. */
static void warn_of_writers(const struct key_file *file)
{
    struct stat status;
    if (stat(file->watch.path, &status) == 0 && status.st_mode & (S_IWGRP | S_IWOTH))
        log_error(file->log, "others than its owner may write the key file: chmod go-w", "file",
                  file->watch.path, NULL);
}

static void read_again(struct key_file *file)
{
    struct buffer error;
    buffer_init(&error, 1024);
    struct api_keys *keys = api_keys_load(file->watch.path, &error);
    if (keys) {
        api_keys_free(file->keys);
        file->keys = keys;
        log_info(file->log, "keys read again", "file", file->watch.path, NULL);
        warn_of_writers(file);
    } else {
        log_error(file->log, "keys not read again, those in use stay", "error",
                  error.data ? error.data : "out of memory", NULL);
    }
    buffer_free(&error);
}

static void on_changed(struct file_watch *watch)
{
    read_again(container_of(watch, struct key_file, watch));
}

struct key_file *key_file_open(const char *path, struct loop *loop, struct log *log,
                               struct buffer *error)
{
    struct key_file *file = calloc(1, sizeof *file);
    if (!file) {
        buffer_printf(error, "%s: out of memory", path);
        return NULL;
    }
    file->log = log;
    file->watch.path = path;
    file->watch.changed = on_changed;
    file_watch_begin(&file->watch, loop);
    file->keys = api_keys_load(path, error);
    if (!file->keys) {
        key_file_free(file);
        return NULL;
    }
    warn_of_writers(file);
    return file;
}

void key_file_free(struct key_file *file)
{
    if (!file)
        return;
    file_watch_end(&file->watch);
    api_keys_free(file->keys);
    free(file);
}

void key_file_reread(struct key_file *file)
{
    file_watch_catch_up(&file->watch);
    read_again(file);
}

const char *key_file_accept(const struct key_file *file, const char *authorization, bool basic)
{
    return api_keys_accept(file->keys, authorization, basic);
}
