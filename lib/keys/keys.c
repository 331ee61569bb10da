#include "lib/keys/keys.h"

#include "lib/base/text.h"

#include <errno.h>
#include <nettle/base64.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { BASIC_MAX = 2 * API_KEY_MAX }; /* characters of base64: a key and a user's name */

struct named_key {
    char key[API_KEY_MAX + 1]; /* padded with NULs, for comparing in full */
    char name[API_KEY_NAME_MAX + 1];
};

struct api_keys {
    size_t count;
    struct named_key keys[API_KEYS_MAX];
};

static bool key_valid(const char *key)
{
    size_t size = strlen(key);
    for (size_t i = 0; i < size; i++)
        if (key[i] <= ' ' || key[i] > '~')
            return false;
    return size >= 1 && size <= API_KEY_MAX;
}

static bool name_valid(const char *name)
{
    size_t size = strlen(name);
    return size >= 1 && size <= API_KEY_NAME_MAX && text_is_utf8(name) && !text_has_control(name) &&
           !text_has_space_at_an_end(name);
}

/* Adds one line's key, with the name before the line's last space; NULL, or what is wrong. */
static const char *add_key(struct api_keys *keys, char *line, size_t size, unsigned number)
{
    while (size && (line[size - 1] == '\n' || line[size - 1] == '\r'))
        line[--size] = '\0';
    if (!size)
        return NULL;
    char *space = strrchr(line, ' ');
    const char *key = space ? space + 1 : line;
    if (strlen(line) != size || !key_valid(key))
        return "a line is a key of at most 256 visible ASCII characters, or a name, a space and a "
               "key";
    if (space) {
        *space = '\0';
        if (!name_valid(line))
            return "a name is 1 to 64 bytes of UTF-8 without control characters, with one space "
                   "between it and the key";
    }
    if (keys->count == API_KEYS_MAX)
        return "more than 1000 keys";
    struct named_key *added = &keys->keys[keys->count++];
    snprintf(added->key, sizeof added->key, "%s", key);
    if (space)
        snprintf(added->name, sizeof added->name, "%s", line);
    else
        snprintf(added->name, sizeof added->name, "key %u", number);
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
            problem = add_key(keys, line, (size_t)size, number);
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

/* What stands behind the scheme's name and a space, or NULL for another scheme. */
static const char *behind_scheme(const char *authorization, const char *scheme)
{
    size_t size = strlen(scheme);
    return strncasecmp(authorization, scheme, size) == 0 ? authorization + size : NULL;
}

/* Copies the key, padded with NULs; false where there cannot be one. */
static bool take_key(const char *key, size_t size, char padded[API_KEY_MAX + 1])
{
    if (size == 0 || size > API_KEY_MAX)
        return false;
    memset(padded, 0, API_KEY_MAX + 1);
    memcpy(padded, key, size);
    return true;
}

/* The key out of `user:key` in base64. A user's name has no colon (RFC 7617, section 2). */
static bool take_basic(const char *encoded, char padded[API_KEY_MAX + 1])
{
    char plain[BASE64_DECODE_LENGTH(BASIC_MAX)];
    size_t size = strlen(encoded), plain_size = sizeof plain;
    struct base64_decode_ctx context;
    base64_decode_init(&context);
    if (size > BASIC_MAX ||
        !base64_decode_update(&context, &plain_size, (uint8_t *)plain, size, encoded) ||
        !base64_decode_final(&context))
        return false;
    const char *colon = memchr(plain, ':', plain_size);
    return colon && take_key(colon + 1, (size_t)(plain + plain_size - colon - 1), padded);
}

const char *api_keys_accept(const struct api_keys *keys, const char *authorization, bool basic)
{
    if (!authorization)
        return NULL;
    char given[API_KEY_MAX + 1];
    const char *rest = behind_scheme(authorization, "Bearer ");
    if (rest) {
        if (!take_key(rest, strlen(rest), given))
            return NULL;
    } else {
        rest = basic ? behind_scheme(authorization, "Basic ") : NULL;
        if (!rest || !take_basic(rest, given))
            return NULL;
    }
    const char *name = NULL;
    for (size_t i = 0; i < keys->count; i++) {
        unsigned char difference = 0;
        for (size_t j = 0; j < sizeof given; j++)
            difference |= (unsigned char)(given[j] ^ keys->keys[i].key[j]);
        name = difference == 0 ? keys->keys[i].name : name;
    }
    return name;
}
