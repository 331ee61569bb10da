#include "partner/keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct api_keys {
    size_t count;
    char keys[API_KEYS_MAX][API_KEY_MAX + 1]; /* padded with NULs, for comparing in full */
};

static bool key_valid(const char *key)
{
    size_t size = strlen(key);
    for (size_t i = 0; i < size; i++)
        if (key[i] <= ' ' || key[i] > '~')
            return false;
    return size <= API_KEY_MAX;
}

/* Adds one line's key; NULL, or what is wrong with it. */
static const char *add_key(struct api_keys *keys, char *line, size_t size)
{
    while (size && (line[size - 1] == '\n' || line[size - 1] == '\r'))
        line[--size] = '\0';
    if (!size)
        return NULL;
    if (strlen(line) != size || !key_valid(line))
        return "a key is at most 256 visible ASCII characters, no spaces";
    if (keys->count == API_KEYS_MAX)
        return "more than 1000 keys";
    memcpy(keys->keys[keys->count++], line, size);
    return NULL;
}

/* What a spreadsheet or an editor put before the first key, said so that one can mend it; NULL for
 * nothing. */
static const char *foreign_start(const char *line, size_t size)
{
    if (size >= 3 && memcmp(line, "\xEF\xBB\xBF", 3) == 0)
        return "begins with a byte order mark; save the file as UTF-8 without BOM, or as plain "
               "text";
    if (size >= 2 && (memcmp(line, "\xFF\xFE", 2) == 0 || memcmp(line, "\xFE\xFF", 2) == 0))
        return "is UTF-16; save the file as UTF-8 without BOM, or as plain text";
    return NULL;
}

/* Adds the file's keys; false with a sentence added to `error`. */
static bool read_keys(struct api_keys *keys, FILE *file, const char *path, struct buffer *error)
{
    char *line = NULL;
    size_t room = 0;
    const char *problem = NULL;
    unsigned number = 0;
    for (ssize_t size; !problem && (size = getline(&line, &room, file)) >= 0;) {
        number++;
        problem = number == 1 ? foreign_start(line, (size_t)size) : NULL;
        if (!problem)
            problem = add_key(keys, line, (size_t)size);
    }
    free(line);
    if (problem) {
        buffer_printf(error, "%s:%u: %s", path, number, problem);
        return false;
    }
    if (ferror(file))
        buffer_printf(error, "%s: cannot be read", path);
    else if (!keys->count)
        buffer_printf(error, "%s: holds no key, so nobody could call; put one a line", path);
    else
        return true;
    return false;
}

struct api_keys *api_keys_load(const char *path, struct buffer *error)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        buffer_printf(error, "%s: %s", path, strerror(errno));
        return NULL;
    }
    struct api_keys *keys = calloc(1, sizeof *keys);
    if (!keys) {
        buffer_printf(error, "%s: out of memory", path);
    } else if (!read_keys(keys, file, path, error)) {
        free(keys);
        keys = NULL;
    }
    fclose(file);
    return keys;
}

void api_keys_free(struct api_keys *keys)
{
    free(keys);
}

bool api_keys_accept(const struct api_keys *keys, const char *authorization)
{
    static const char scheme[] = "Bearer ";
    if (!authorization || strncasecmp(authorization, scheme, sizeof scheme - 1) != 0)
        return false;
    const char *given = authorization + sizeof scheme - 1;
    size_t size = strlen(given);
    if (size == 0 || size > API_KEY_MAX)
        return false;
    char padded[API_KEY_MAX + 1] = "";
    memcpy(padded, given, size);
    bool accepted = false;
    for (size_t i = 0; i < keys->count; i++) {
        unsigned char difference = 0;
        for (size_t j = 0; j < sizeof padded; j++)
            difference |= (unsigned char)(padded[j] ^ keys->keys[i][j]);
        accepted |= difference == 0;
    }
    return accepted;
}
