/* Reads CSV (RFC 4180) as spreadsheets write it.
 *
 * Between the fields stand commas, semicolons or tabs, whichever the first line has most of (or as
 * a first line "sep=;" says, which some spreadsheets want). Lines end with LF, CRLF or CR. A byte
 * order mark may come first. Files that a spreadsheet writes under this name but are none (UTF-16,
 * HTML, its own formats) are named for what they are.
 */
#ifndef BOOKING_FLEET_CSV_H
#define BOOKING_FLEET_CSV_H

#include "lib/base/buffer.h"

#include <stdbool.h>
#include <stddef.h>

enum { CSV_FIELDS_MAX = 256 };

struct csv_field {
    char *text; /* unquoted */
    bool quoted;
    unsigned line, column; /* where it begins, from 1 */
};

/* A position in the text. Fields are unquoted and ended with NUL in place. */
struct csv {
    const char *name;
    char separator;
    char *at;
    char *end; /* of the text, where there is a NUL */
    char *line_start;
    unsigned line;
    struct buffer *error;
    struct csv_field fields[CSV_FIELDS_MAX]; /* of the line that was read last */
    size_t field_count;
};

enum csv_step { CSV_LINE, CSV_END, CSV_FAILED };

/* Begins to read `size` bytes, behind which there is a NUL. The text is borrowed, changed in place,
 * and holds the fields; `name` is for messages. False, with a sentence added to `error`, when this
 * is no CSV. */
bool csv_begin(struct csv *csv, const char *name, char *text, size_t size, struct buffer *error);

/* Reads the next line that has something in it; lines of nothing but separators and blanks are
 * passed over. Failed with a sentence added to `error`. */
enum csv_step csv_next(struct csv *csv);

/* Adds name:line:column:, the field as `what`, its text, and what is wrong with it. Returns false.
 */
bool csv_fail(const struct csv *csv, const struct csv_field *field, const char *what,
              const char *problem);

/* Whether there is nothing in it but blanks. */
bool csv_is_blank(const char *text);

/* How many lines end before that position. */
size_t csv_count_lines(const char *text, const char *end);

#endif
