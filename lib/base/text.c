#include "lib/base/text.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

enum { SHOWN_MAX = 160 }; /* bytes of a text in a message */

/* How many bytes the character that begins here has, and which it is; 0 when it is not UTF-8. The
 * ranges are those of RFC 3629, section 4: no overlong forms, no surrogates, none beyond U+10FFFF.
 */
static int read_character(const char *text, uint32_t *character)
{
    const unsigned char *bytes = (const unsigned char *)text;
    if (bytes[0] < 0x80) {
        *character = bytes[0];
        return 1;
    }
    int size = bytes[0] >= 0xF0 ? 4 : bytes[0] >= 0xE0 ? 3 : 2;
    if (bytes[0] < 0xC2 || bytes[0] > 0xF4)
        return 0;
    static const uint32_t least[] = {[2] = 0x80, [3] = 0x800, [4] = 0x10000};
    uint32_t value = bytes[0] & (0x7Fu >> size);
    for (int i = 1; i < size; i++) {
        if ((bytes[i] & 0xC0) != 0x80) /* the NUL at the end, too */
            return 0;
        value = value << 6 | (bytes[i] & 0x3Fu);
    }
    if (value < least[size] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
        return 0;
    *character = value;
    return size;
}

static bool is_control(uint32_t character)
{
    return character < 0x20 || (character >= 0x7F && character <= 0x9F);
}

/* Unicode's property White_Space, but for the control characters that have it. */
static bool is_space(uint32_t character)
{
    return character == 0x20 || character == 0xA0 || character == 0x1680 ||
           (character >= 0x2000 && character <= 0x200A) || character == 0x2028 ||
           character == 0x2029 || character == 0x202F || character == 0x205F ||
           character == 0x3000 || character == 0xFEFF;
}

bool text_is_utf8(const char *text)
{
    uint32_t character;
    for (int size; *text; text += size)
        if (!(size = read_character(text, &character)))
            return false;
    return true;
}

bool text_has_control(const char *text)
{
    uint32_t character;
    for (int size; *text && (size = read_character(text, &character)); text += size)
        if (is_control(character))
            return true;
    return false;
}

bool text_has_space_at_an_end(const char *text)
{
    uint32_t character = 0;
    bool first = false;
    for (const char *at = text; *at;) {
        int size = read_character(at, &character);
        if (!size)
            break;
        if (at == text)
            first = is_space(character);
        at += size;
    }
    return first || is_space(character);
}

void text_add_quoted(struct buffer *out, const char *text)
{
    buffer_add(out, "'", 1);
    for (const char *at = text; *at;) {
        uint32_t character;
        int size = read_character(at, &character);
        if (at + size - text > SHOWN_MAX) {
            buffer_add_text(out, "...");
            break;
        }
        if (size && !is_control(character)) {
            buffer_add(out, at, (size_t)size);
            at += size;
            continue;
        }
        for (int i = 0; i < (size ? size : 1); i++)
            buffer_printf(out, "\\x%02X", (unsigned char)*at++);
    }
    buffer_add(out, "'", 1);
}

/* Characters that turn the direction of writing round, or cannot be seen: what stands on the screen
 * would not be what is there. */
static bool is_format(uint32_t character)
{
    return (character >= 0x200B && character <= 0x200F) ||
           (character >= 0x2028 && character <= 0x202E) ||
           (character >= 0x2060 && character <= 0x206F) || character == 0x061C ||
           character == 0xFEFF;
}

void text_add_shown(struct buffer *out, const char *text)
{
    for (const char *at = text; *at;) {
        uint32_t character;
        int size = read_character(at, &character);
        if (size && !is_control(character) && !is_format(character))
            buffer_add(out, at, (size_t)size);
        else
            buffer_add_text(out, "\xEF\xBF\xBD");
        at += size ? size : 1;
    }
}

struct range {
    uint32_t first, last;
};

static bool is_in(const struct range *ranges, size_t count, uint32_t character)
{
    for (size_t i = 0; i < count; i++)
        if (character >= ranges[i].first && character <= ranges[i].last)
            return true;
    return false;
}

static int character_width(uint32_t character)
{
    /* Marks that stand on the character before them. */
    static const struct range none[] = {{0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD},
                                        {0x064B, 0x065F}, {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF},
                                        {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}};
    /* Unicode's East_Asian_Width W and F: Hangul, kana, ideographs, full-width forms, emoji. */
    static const struct range two[] = {{0x1100, 0x115F},   {0x2E80, 0x303E},  {0x3041, 0xA4CF},
                                       {0xA960, 0xA97F},   {0xAC00, 0xD7A3},  {0xF900, 0xFAFF},
                                       {0xFE30, 0xFE6F},   {0xFF01, 0xFF60},  {0xFFE0, 0xFFE6},
                                       {0x1F300, 0x1FAFF}, {0x20000, 0x3FFFD}};
    if (character < none[0].first)
        return 1;
    if (is_in(none, sizeof none / sizeof none[0], character))
        return 0;
    return is_in(two, sizeof two / sizeof two[0], character) ? 2 : 1;
}

size_t text_fit(const char *text, int *width)
{
    const char *at = text;
    int left = *width;
    while (*at) {
        uint32_t character = 0;
        int size = read_character(at, &character), wide = size ? character_width(character) : 1;
        if (wide > left)
            break;
        left -= wide;
        at += size ? size : 1;
    }
    *width -= left;
    return (size_t)(at - text);
}

int text_width(const char *text)
{
    int width = INT_MAX;
    (void)text_fit(text, &width);
    return width;
}

size_t text_url_shown(const char *url)
{
    return strpbrk(url, "@?=") ? strcspn(url, ":@?= ") : strlen(url);
}
