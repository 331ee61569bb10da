/* Tables for people: aligned columns that fit the terminal.
 *
 * Rows are kept until there are some hundred, and printed then, so a table may be of any length.
 * The first of them decide how wide each column is, and which are left out: those that are empty,
 * and where there is no room for all, those that matter least. Texts are shown without control
 * characters, whatever is in them.
 */
#ifndef BOOKING_COMMANDS_TABLE_H
#define BOOKING_COMMANDS_TABLE_H

#include <stdbool.h>
#include <stdio.h>

enum { TABLE_COLUMNS_MAX = 12 };

struct column {
    const char *heading;
    int least; /* columns of the terminal that it may be cut down to; 0: it is never cut */
    int rank;  /* among those that are left out, the highest first; 0: it is always there */
    bool right_aligned;
};

struct table;

/* NULL when out of memory. `columns` are the caller's and stay. */
struct table *table_new(const struct column *columns, int count, FILE *out);

/* The next cell, from left to right; a row is as many as there are columns. */
void table_add(struct table *table, const char *text);

/* Prints what is left and frees the table. False when not all could be printed. */
bool table_end(struct table *table);

#endif
