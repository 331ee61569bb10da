/* Writes CSV (RFC 4180) that csv.h, and any spreadsheet, reads: commas, quotation marks where a
 * text needs them, lines that end with LF.
 *
 * A line is a field after the other, then csv_end_line(). Failures are the buffer's (see buffer.h).
 */
#ifndef BOOKING_FLEET_CSV_WRITER_H
#define BOOKING_FLEET_CSV_WRITER_H

#include "lib/base/buffer.h"

#include <stdint.h>

void csv_add_text(struct buffer *out, const char *text);

/* A text that anybody may have written, such as a partner's reference. A spreadsheet takes a cell
 * that begins with =, +, -, @, a tab or CR for a formula and carries it out, so an apostrophe is
 * put before it (https://owasp.org/www-community/attacks/CSV_Injection). */
void csv_add_free_text(struct buffer *out, const char *text);

/* An amount in major units, see money_add(). */
void csv_add_money(struct buffer *out, int64_t minor, int exponent);

void csv_end_line(struct buffer *out);

#endif
