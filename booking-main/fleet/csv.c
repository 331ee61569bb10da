#include "fleet/csv.h"

#include "lib/base/text.h"

#include <string.h>

static bool fail_at(const struct csv *csv, unsigned line, unsigned column, const char *problem)
{
    buffer_printf(csv->error, "%s:%u:%u: %s", csv->name, line, column, problem);
    return false;
}

bool csv_fail(const struct csv *csv, const struct csv_field *field, const char *what,
              const char *problem)
{
    buffer_printf(csv->error, "%s:%u:%u: %s ", csv->name, field->line, field->column, what);
    text_add_quoted(csv->error, field->text);
    buffer_printf(csv->error, " %s", problem);
    return false;
}

bool csv_is_blank(const char *text)
{
    return strspn(text, " \t") == strlen(text);
}

/* --- what kind of file it is ------------------------------------------------------------------ */

/* How many bytes the end of a line has here, 0 when there is none: LF, CRLF, CR. */
static size_t line_end(const char *at)
{
    return *at == '\n' ? 1 : *at == '\r' ? 1 + (size_t)(at[1] == '\n') : 0;
}

static bool begins_with(const char *text, size_t size, const char *magic, size_t magic_size)
{
    return size >= magic_size && memcmp(text, magic, magic_size) == 0;
}

/* What the file is instead of CSV in UTF-8, or NULL. */
static const char *other_kind(const char *text, size_t size)
{
    if (begins_with(text, size, "\xFF\xFE", 2) || begins_with(text, size, "\xFE\xFF", 2) ||
        (size >= 2 && !text[0] != !text[1]))
        return "the file is UTF-16 text: save it as 'CSV UTF-8'";
    if (begins_with(text, size, "PK\x03\x04", 4) || begins_with(text, size, "\xD0\xCF\x11\xE0", 4))
        return "the file is a spreadsheet's own format (xlsx, xls or ods): open it there and save "
               "it "
               "as 'CSV UTF-8'";
    size_t blanks = strspn(text, " \t\r\n");
    if (text[blanks] == '<')
        return "the file is a web page (HTML) or XML: open it in a spreadsheet and save it as 'CSV "
               "UTF-8'; if it was downloaded, see whether it is a login page";
    return NULL;
}

/* Reads a first line such as "sep=;". */
static bool read_separator_line(struct csv *csv)
{
    static const char mark[] = "sep=";
    size_t size = sizeof mark - 1;
    char *at = csv->at;
    if (strncmp(at, mark, size) != 0 || !at[size] || !strchr(",;\t", at[size]) ||
        !line_end(at + size + 1))
        return false;
    csv->separator = at[size];
    csv->at = at + size + 1 + line_end(at + size + 1);
    csv->line = 2;
    return true;
}

/* Which separator the first line has most of, outside of quotes. */
static char find_separator(const char *at)
{
    static const char separators[] = {',', ';', '\t'};
    size_t counts[sizeof separators] = {0}, best = 0;
    bool quoted = false;
    for (; *at && (quoted || !line_end(at)); at++) {
        quoted ^= *at == '"';
        for (size_t i = 0; i < sizeof separators && !quoted; i++)
            counts[i] += *at == separators[i];
    }
    for (size_t i = 1; i < sizeof separators; i++)
        if (counts[i] > counts[best])
            best = i;
    return separators[best];
}

bool csv_begin(struct csv *csv, const char *name, char *text, size_t size, struct buffer *error)
{
    static const char byte_order_mark[] = "\xEF\xBB\xBF";
    csv->name = name;
    csv->error = error;
    csv->at = text;
    csv->end = text + size;
    csv->line = 1;
    csv->field_count = 0;
    if (begins_with(text, size, byte_order_mark, 3))
        csv->at += 3;
    const char *other = other_kind(csv->at, (size_t)(csv->end - csv->at));
    if (other)
        return fail_at(csv, 1, 1, other);
    if (!read_separator_line(csv))
        csv->separator = find_separator(csv->at);
    csv->line_start = csv->at;
    return true;
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool fail_nul(const struct csv *csv, const struct csv_field *field)
{
    return fail_at(csv, field->line, field->column, "field has a NUL byte in it");
}

/* Reads a field that opens with a quotation mark; leaves the position behind the closing one. */
static bool read_quoted(struct csv *csv, struct csv_field *field)
{
    char *out = ++csv->at;
    field->text = out;
    field->quoted = true;
    for (;;) {
        if (csv->at == csv->end)
            return fail_at(csv, field->line, field->column, "quoted field is not closed");
        if (*csv->at == '\0')
            return fail_nul(csv, field);
        if (*csv->at == '"') {
            if (csv->at[1] != '"')
                break;
            csv->at++; /* two stand for one */
        } else if (*csv->at == '\n' || (*csv->at == '\r' && csv->at[1] != '\n')) {
            csv->line++;
            csv->line_start = csv->at + 1;
        }
        *out++ = *csv->at++;
    }
    csv->at++;
    *out = '\0';
    return true;
}

enum field_end { SEPARATED, LAST, BROKEN };

/* Reads one field and the separator or line end behind it. */
static enum field_end read_field(struct csv *csv, struct csv_field *field)
{
    *field =
        (struct csv_field){csv->at, false, csv->line, (unsigned)(csv->at - csv->line_start) + 1};
    if (*csv->at == '"') {
        if (!read_quoted(csv, field))
            return BROKEN;
    } else {
        while (*csv->at && *csv->at != csv->separator && !line_end(csv->at))
            csv->at++;
        if (!*csv->at && csv->at != csv->end) {
            fail_nul(csv, field);
            return BROKEN;
        }
    }
    char *end = csv->at;
    bool separated = csv->at != csv->end && *csv->at == csv->separator;
    size_t size = separated ? 1 : line_end(csv->at);
    if (!size && csv->at != csv->end) {
        fail_at(csv, field->line, field->column,
                "quoted field is followed by something other than a separator");
        return BROKEN;
    }
    csv->at += size;
    *end = '\0';
    if (separated)
        return SEPARATED;
    csv->line++;
    csv->line_start = csv->at;
    return LAST;
}

enum csv_step csv_next(struct csv *csv)
{
    while (csv->at != csv->end) {
        bool blank = true;
        enum field_end end = SEPARATED;
        for (csv->field_count = 0; end == SEPARATED;) {
            struct csv_field *field = &csv->fields[csv->field_count];
            if (csv->field_count == CSV_FIELDS_MAX) {
                fail_at(csv, csv->line, 1, "line has more than 256 fields");
                return CSV_FAILED;
            }
            end = read_field(csv, field);
            if (end == BROKEN)
                return CSV_FAILED;
            blank = blank && csv_is_blank(field->text);
            csv->field_count++;
        }
        if (!blank)
            return CSV_LINE;
    }
    return CSV_END;
}

size_t csv_count_lines(const char *text, const char *end)
{
    size_t lines = 0;
    for (const char *at = text; at < end; at++)
        lines += *at == '\n' || (*at == '\r' && (at + 1 == end || at[1] != '\n'));
    return lines;
}
