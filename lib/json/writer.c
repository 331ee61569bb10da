#include "lib/json/writer.h"

#include "lib/base/money.h"

#include <string.h>

void json_begin(struct buffer *out)
{
    buffer_add(out, "{", 1);
}

/* Every member ends in a comma; the last one's becomes the closing brace. */
static void writer_close(struct buffer *out, char brace)
{
    if (out->failed)
        return;
    if (out->data[out->size - 1] == ',')
        out->data[out->size - 1] = brace;
    else
        buffer_add(out, &brace, 1);
}

void json_end(struct buffer *out)
{
    writer_close(out, '}');
}

void json_reopen(struct buffer *out)
{
    if (out->failed)
        return;
    if (out->data[out->size - 2] == '{')
        out->data[--out->size] = '\0';
    else
        out->data[out->size - 1] = ',';
}

/* Behind the string that begins at `at`. */
static const char *skip_string(const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++)
        if (*at == '\\')
            at++;
    return at < end ? at + 1 : end;
}

bool json_has_member(const struct buffer *out, size_t start, const char *name)
{
    if (out->failed)
        return false;
    size_t size = strlen(name);
    int depth = 0;
    const char *end = out->data + out->size;
    for (const char *at = out->data + start; at < end;) {
        if (*at != '"') {
            depth += (*at == '{' || *at == '[') - (*at == '}' || *at == ']');
            at++;
            continue;
        }
        const char *text = at + 1;
        at = skip_string(at, end);
        const char *behind = at;
        while (behind < end && strchr(" \t\r\n", *behind))
            behind++;
        if (depth == 1 && behind < end && *behind == ':' && (size_t)(at - 1 - text) == size &&
            memcmp(text, name, size) == 0)
            return true;
    }
    return false;
}

/* Length of the UTF-8 sequence at `at` (RFC 3629: no surrogates, no overlong forms), 0 if none. */
static size_t utf8_length(const unsigned char *at)
{
    unsigned char lead = at[0];
    unsigned char low = 0x80, high = 0xBF;
    size_t length;
    if (lead >= 0xC2 && lead <= 0xDF) {
        length = 2;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
        length = 3;
        if (lead == 0xE0)
            low = 0xA0;
        else if (lead == 0xED)
            high = 0x9F;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
        length = 4;
        if (lead == 0xF0)
            low = 0x90;
        else if (lead == 0xF4)
            high = 0x8F;
    } else {
        return 0;
    }
    if (at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if (at[i] < 0x80 || at[i] > 0xBF)
            return 0;
    return length;
}

static void add_escaped(struct buffer *out, const char *value)
{
    const unsigned char *at = (const unsigned char *)value;
    const unsigned char *plain = at; /* start of the run that needs no escape */
    for (;;) {
        unsigned char c = *at;
        if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
            at++;
            continue;
        }
        size_t length = c >= 0x80 ? utf8_length(at) : 0;
        if (length) {
            at += length;
            continue;
        }
        buffer_add(out, plain, (size_t)(at - plain));
        if (!c)
            return;
        if (c == '"' || c == '\\')
            buffer_add(out, (char[2]){'\\', (char)c}, 2);
        else if (c >= 0x80)
            buffer_add_text(out, "\\ufffd");
        else
            buffer_printf(out, "\\u%04x", c);
        plain = ++at;
    }
}

static void add_name(struct buffer *out, const char *name)
{
    if (!name) /* within an array */
        return;
    buffer_add(out, "\"", 1);
    buffer_add_text(out, name);
    buffer_add(out, "\":", 2);
}

void json_open_object(struct buffer *out, const char *name)
{
    add_name(out, name);
    buffer_add(out, "{", 1);
}

void json_close_object(struct buffer *out)
{
    writer_close(out, '}');
    buffer_add(out, ",", 1);
}

void json_open_array(struct buffer *out, const char *name)
{
    add_name(out, name);
    buffer_add(out, "[", 1);
}

void json_close_array(struct buffer *out)
{
    writer_close(out, ']');
    buffer_add(out, ",", 1);
}

void json_add_string(struct buffer *out, const char *name, const char *value)
{
    if (!value)
        return;
    add_name(out, name);
    buffer_add(out, "\"", 1);
    add_escaped(out, value);
    buffer_add(out, "\",", 2);
}

void json_add_integer(struct buffer *out, const char *name, int64_t value)
{
    add_name(out, name);
    buffer_add_number(out, value);
    buffer_add(out, ",", 1);
}

void json_add_boolean(struct buffer *out, const char *name, bool value)
{
    add_name(out, name);
    buffer_add_text(out, value ? "true," : "false,");
}

void json_add_milliseconds(struct buffer *out, const char *name, int64_t nanoseconds)
{
    /* Microseconds are money with three decimals. */
    json_add_money(out, name, nanoseconds / 1000, 3);
}

void json_add_money(struct buffer *out, const char *name, int64_t minor, int exponent)
{
    add_name(out, name);
    money_add(out, minor, exponent);
    buffer_add(out, ",", 1);
}
