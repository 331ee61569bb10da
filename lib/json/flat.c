#include "lib/json/flat.h"

#include <string.h>

struct json_flat json_flat_begin(const char *text, size_t size)
{
    return (struct json_flat){.at = text, .end = text + size};
}

/* The next character that is not white space, '\0' at the end. */
static char next_character(struct json_flat *flat)
{
    while (flat->at < flat->end &&
           (*flat->at == ' ' || *flat->at == '\n' || *flat->at == '\r' || *flat->at == '\t'))
        flat->at++;
    return flat->at < flat->end ? *flat->at : '\0';
}

/* Text up to the closing quote. ASCII alone: whether other bytes are UTF-8 is not looked at here.
 */
static bool read_string(struct json_flat *flat, const char **text, size_t *size)
{
    if (next_character(flat) != '"')
        return false;
    const char *start = ++flat->at;
    while (flat->at < flat->end && (unsigned char)(*flat->at - ' ') < 0x80 - ' ' &&
           *flat->at != '"' && *flat->at != '\\')
        flat->at++;
    if (flat->at == flat->end || *flat->at != '"')
        return false;
    *text = start;
    *size = (size_t)(flat->at++ - start);
    return true;
}

static size_t skip_digits(struct json_flat *flat)
{
    const char *start = flat->at;
    while (flat->at < flat->end && *flat->at >= '0' && *flat->at <= '9')
        flat->at++;
    return (size_t)(flat->at - start);
}

/* Digits that a double holds exactly, with a point or without: 55, 55.25. */
static bool read_number(struct json_flat *flat)
{
    const char *start = flat->at;
    size_t digits = skip_digits(flat);
    if (digits == 0 || (digits > 1 && *start == '0'))
        return false;
    if (flat->at < flat->end && *flat->at == '.') {
        flat->at++;
        size_t decimals = skip_digits(flat);
        if (decimals == 0)
            return false;
        digits += decimals;
    }
    return digits <= 15;
}

static bool read_word(struct json_flat *flat, const char *word)
{
    size_t size = strlen(word);
    if ((size_t)(flat->end - flat->at) < size || memcmp(flat->at, word, size) != 0)
        return false;
    flat->at += size;
    return true;
}

static bool read_value(struct json_flat *flat, struct json_flat_member *member)
{
    char first = next_character(flat);
    if (first == '"') {
        member->type = JSON_FLAT_STRING;
        return read_string(flat, &member->value, &member->value_size);
    }
    member->value = flat->at;
    member->type = first >= '0' && first <= '9' ? JSON_FLAT_NUMBER : JSON_FLAT_OTHER;
    if (member->type == JSON_FLAT_NUMBER
            ? !read_number(flat)
            : !read_word(flat, "null") && !read_word(flat, "true") && !read_word(flat, "false"))
        return false;
    member->value_size = (size_t)(flat->at - member->value);
    return true;
}

enum json_flat_step json_flat_next(struct json_flat *flat, struct json_flat_member *member)
{
    char next = next_character(flat);
    if (next == '}' && flat->begun) {
        flat->at++;
        return next_character(flat) == '\0' && flat->at == flat->end ? JSON_FLAT_END
                                                                     : JSON_FLAT_UNKNOWN;
    }
    if (next != (flat->begun ? ',' : '{'))
        return JSON_FLAT_UNKNOWN;
    flat->at++;
    flat->begun = true;
    if (!read_string(flat, &member->name, &member->name_size) || next_character(flat) != ':')
        return JSON_FLAT_UNKNOWN;
    flat->at++;
    return read_value(flat, member) ? JSON_FLAT_MEMBER : JSON_FLAT_UNKNOWN;
}

bool json_flat_valid(const char *text, size_t size)
{
    struct json_flat flat = json_flat_begin(text, size);
    struct json_flat_member member;
    enum json_flat_step step;
    do
        step = json_flat_next(&flat, &member);
    while (step == JSON_FLAT_MEMBER);
    return step == JSON_FLAT_END;
}
