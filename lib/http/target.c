#include "lib/http/target.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

static bool has_forbidden_byte(const char *text, size_t size)
{
    bool found = false;
    for (size_t i = 0; i < size; i++)
        found |= (unsigned char)text[i] <= ' ' || text[i] == 0x7F;
    return found;
}

/* Where the path begins in a target in absolute form; `target` itself in any other. NULL when there
 * is no host before it. */
static const char *skip_authority(const char *target)
{
    static const char *const schemes[] = {"http://", "https://"};
    if (*target == '/')
        return target;
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t size = strlen(schemes[i]);
        if (strncasecmp(target, schemes[i], size) != 0)
            continue;
        size_t host = strcspn(target + size, "/?#");
        return host ? target + size + host : NULL;
    }
    return target;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void decode(const char *text, size_t size, char *out, size_t out_size)
{
    size_t used = 0;
    if (size < out_size && !memchr(text, '%', size)) { /* as almost always */
        memcpy(out, text, size);
        used = size;
        size = 0;
    }
    for (size_t i = 0; i < size && used + 1 < out_size; i++) {
        char c = text[i];
        if (c == '%' && size - i > 2) {
            int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
            int decoded = high < 0 || low < 0 ? 0 : high * 16 + low;
            if (decoded && decoded != '/') {
                c = (char)decoded;
                i += 2;
            }
        }
        out[used++] = c;
    }
    out[used] = '\0';
}

const char *target_read(const char *target, size_t size, char *path, size_t path_size,
                        enum problem *problem)
{
    path[0] = '\0';
    *problem = PROBLEM_INVALID_REQUEST;
    if (size > HTTP_TARGET_MAX) {
        decode(target, path_size, path, path_size);
        *problem = PROBLEM_URI_TOO_LONG;
        return "Send at most 4096 bytes of path and query.";
    }
    const char *start = skip_authority(target);
    if (!start)
        return "The target names no host: send a path, such as /bookCar.";
    const char *end = target + size;
    const char *query = memchr(start, '?', (size_t)(end - start));
    const char *path_end = query ? query : end;
    if (path_end > start)
        decode(start, (size_t)(path_end - start), path, path_size);
    else
        memcpy(path, "/", sizeof "/");
    if (has_forbidden_byte(target, size))
        return "The target has a space or a control character in it: percent-encode it.";
    size_t parameters = 1;
    for (const char *at = path_end; at != end; at++)
        parameters += *at == '&';
    return parameters > HTTP_PARAMETERS_MAX ? "Send at most 64 parameters." : NULL;
}
