#include "fleet/csv_writer.h"

#include "lib/base/money.h"

#include <string.h>

static void add_field(struct buffer *out, const char *before, const char *text)
{
    size_t size = strlen(text);
    bool plain = !strpbrk(text, ",\"\r\n") &&
                 !(size && (strchr(" \t", text[0]) || strchr(" \t", text[size - 1])));
    if (!plain)
        buffer_add(out, "\"", 1);
    buffer_add_text(out, before);
    for (const char *at = text; *at;) {
        size_t run = strcspn(at, "\"");
        buffer_add(out, at, run);
        at += run;
        if (*at) {
            buffer_add(out, "\"\"", 2); /* two stand for one */
            at++;
        }
    }
    buffer_add_text(out, plain ? "," : "\",");
}

void csv_add_text(struct buffer *out, const char *text)
{
    add_field(out, "", text);
}

void csv_add_free_text(struct buffer *out, const char *text)
{
    add_field(out, *text && strchr("=+-@\t\r", *text) ? "'" : "", text);
}

void csv_add_money(struct buffer *out, int64_t minor, int exponent)
{
    money_add(out, minor, exponent);
    buffer_add(out, ",", 1);
}

void csv_end_line(struct buffer *out)
{
    if (!out->failed)
        out->data[out->size - 1] = '\n'; /* in place of the last field's comma */
}
