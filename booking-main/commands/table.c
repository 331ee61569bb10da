#include "commands/table.h"

#include "lib/base/buffer.h"
#include "lib/base/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    PORTION = 500,               /* rows */
    CELLS_MAX = 4 * 1024 * 1024, /* bytes of a portion's cells */
    GAP = 2,                     /* columns between two cells */
    WIDTH = 100,                 /* of what is no terminal */
    WIDTH_LEAST = 20,
    WIDTH_MOST = 10000,
};

struct table {
    const struct column *columns;
    int count;
    FILE *out;
    struct buffer cells; /* of the rows that are not printed yet, each with its NUL */
    int cell_count;
    int widths[TABLE_COLUMNS_MAX]; /* 0: left out. Known once the first portion is printed */
    bool begun;
    bool failed;
};

/* COLUMNS goes before what the terminal says, so that a script can have it as it likes. */
static int width_of(FILE *out)
{
    const char *text = getenv("COLUMNS");
    long columns = text ? strtol(text, NULL, 10) : 0;
    struct winsize size;
    if (columns >= WIDTH_LEAST && columns <= WIDTH_MOST)
        return (int)columns;
    if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col >= WIDTH_LEAST)
        return size.ws_col;
    return WIDTH;
}

struct table *table_new(const struct column *columns, int count, FILE *out)
{
    struct table *table = calloc(1, sizeof *table);
    if (!table)
        return NULL;
    table->columns = columns;
    table->count = count;
    table->out = out;
    buffer_init(&table->cells, CELLS_MAX);
    return table;
}

/* --- how wide each column is ----------------------------------------------------------------- */

/* How wide they all are; with `cut`, once all are cut as far as they may be. */
static int width_of_all(const struct table *table, bool cut)
{
    int all = -GAP;
    for (int i = 0; i < table->count; i++) {
        int least = table->columns[i].least, width = table->widths[i];
        if (width)
            all += GAP + (cut && least && least < width ? least : width);
    }
    return all;
}

/* Leaves out the column that matters least; false when all that are left must be there. */
static bool leave_one_out(struct table *table)
{
    int worst = -1;
    for (int i = 0; i < table->count; i++)
        if (table->widths[i] && table->columns[i].rank &&
            (worst < 0 || table->columns[i].rank > table->columns[worst].rank))
            worst = i;
    if (worst >= 0)
        table->widths[worst] = 0;
    return worst >= 0;
}

/* Takes a column from the widest that may be cut; false when there is none. */
static bool cut_one(struct table *table)
{
    int widest = -1;
    for (int i = 0; i < table->count; i++)
        if (table->columns[i].least && table->widths[i] > table->columns[i].least &&
            (widest < 0 || table->widths[i] > table->widths[widest]))
            widest = i;
    if (widest >= 0)
        table->widths[widest]--;
    return widest >= 0;
}

static void decide_widths(struct table *table)
{
    const char *cell = table->cells.data;
    int room = width_of(table->out);
    for (int i = 0; i < table->cell_count; i++, cell += strlen(cell) + 1) {
        int *width = &table->widths[i % table->count], needed = text_width(cell);
        *width = needed > *width ? needed : *width;
    }
    for (int i = 0; i < table->count; i++) {
        int heading = text_width(table->columns[i].heading);
        if (table->widths[i] && table->widths[i] < heading)
            table->widths[i] = heading;
    }
    while (width_of_all(table, true) > room && leave_one_out(table))
        ;
    while (width_of_all(table, false) > room && cut_one(table))
        ;
}

/* --- printing -------------------------------------------------------------------------------- */

/* A cell in its width, cut with an ellipsis where it may be; `last` needs no blanks behind it. */
static void print_cell(const struct table *table, int column, const char *text, bool last)
{
    static const char ellipsis[] = "\xE2\x80\xA6";
    int width = table->widths[column], taken = text_width(text);
    size_t size = strlen(text);
    bool cut = taken > width && table->columns[column].least;
    if (cut) {
        taken = width - 1;
        size = text_fit(text, &taken);
        taken++;
    }
    int blanks = taken < width ? width - taken : 0;
    if (table->columns[column].right_aligned)
        fprintf(table->out, "%*s", blanks, "");
    fwrite(text, 1, size, table->out);
    if (cut)
        fputs(ellipsis, table->out);
    if (!last)
        fprintf(table->out, "%*s", (table->columns[column].right_aligned ? 0 : blanks) + GAP, "");
}

static void print_row(const struct table *table, const char *const *cells)
{
    int last = table->count - 1;
    while (last > 0 && (!table->widths[last] || !*cells[last]))
        last--;
    for (int i = 0; i <= last; i++)
        if (table->widths[i])
            print_cell(table, i, cells[i], i == last);
    fputc('\n', table->out);
}

static void print_portion(struct table *table)
{
    const char *cells[TABLE_COLUMNS_MAX], *cell = table->cells.data;
    if (table->cells.failed || table->failed) {
        table->failed = true;
        return;
    }
    for (int i = 0; i < TABLE_COLUMNS_MAX; i++)
        cells[i] = i < table->count ? table->columns[i].heading : "";
    if (!table->begun && table->cell_count) {
        decide_widths(table);
        print_row(table, cells);
        table->begun = true;
    }
    for (int i = 0; i < table->cell_count; i++, cell += strlen(cell) + 1) {
        cells[i % table->count] = cell;
        if ((i + 1) % table->count == 0)
            print_row(table, cells);
    }
    table->failed = ferror(table->out);
    buffer_clear(&table->cells);
    table->cell_count = 0;
}

void table_add(struct table *table, const char *text)
{
    text_add_shown(&table->cells, text);
    buffer_add(&table->cells, "", 1);
    if (++table->cell_count == PORTION * table->count)
        print_portion(table);
}

bool table_end(struct table *table)
{
    print_portion(table);
    bool printed = !table->failed && fflush(table->out) == 0;
    buffer_free(&table->cells);
    free(table);
    return printed;
}
