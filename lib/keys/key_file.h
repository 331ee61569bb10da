/* A file of keys, followed while the service runs; keys.h reads it and compares.
 *
 * It is read again when it changes and on SIGHUP. A file that cannot be read then, or that holds no
 * key or one that is not valid, leaves the keys in use, and the log says why.
 */
#ifndef LIB_KEYS_KEY_FILE_H
#define LIB_KEYS_KEY_FILE_H

#include "lib/base/buffer.h"
#include "lib/base/loop.h"
#include "lib/log/log.h"

#include <stdbool.h>

struct key_file;

/* Reads the file and begins to follow it. The path and the log are borrowed; the log is also told
 * of a file that others than its owner may write. NULL, with a sentence added to `error`, when it
 * cannot be read or is not valid. */
struct key_file *key_file_open(const char *path, struct loop *loop, struct log *log,
                               struct buffer *error);
void key_file_free(struct key_file *file);

/* Reads it again. */
void key_file_reread(struct key_file *file);

/* As api_keys_accept(). The name is valid until the loop runs on, and with it the next reading. */
const char *key_file_accept(const struct key_file *file, const char *authorization, bool basic);

#endif
