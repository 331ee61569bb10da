#include "fleet/csv.h"
#include "fleet/fleet.h"
#include "lib/base/money.h"
#include "lib/base/text.h"
#include "rental/price.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    CARS_MAX = 8 * 1000 * 1000,
    WARNINGS_MAX = 16 * 1024, /* bytes */
    FREE_CARS_SHOWN = 10,
};

enum column {
    CARID,
    CATEGORY,
    LOCATION,
    DAY_PRICE,
    HOUR_PRICE,
    CURRENCY,
    TURNAROUND,
    COLUMNS,
    REQUIRED = TURNAROUND, /* the columns before it */
};

static const char *const column_names[COLUMNS] = {
    "carid", "category", "location", "day_price", "hour_price", "currency", "turnaround"};

#define HEADING "carid,category,location,day_price,hour_price,currency"

struct reader {
    struct csv csv;
    struct fleet *fleet;
    size_t places[COLUMNS]; /* of the columns among a line's fields */
    bool has[COLUMNS];
    size_t heading_size;         /* fields in the heading */
    bool headed[CSV_FIELDS_MAX]; /* which of them have a name */
    size_t free_cars;            /* with a day_price of 0 */
};

/* --- the heading ------------------------------------------------------------------------------ */

/* Cuts off the white space around it. */
static void fleet_trim(struct csv_field *field)
{
    field->text += strspn(field->text, " \t");
    size_t size = strlen(field->text);
    while (size && strchr(" \t", field->text[size - 1]))
        size--;
    field->text[size] = '\0';
}

static enum column find_column(const char *name)
{
    enum column column = 0;
    while (column < COLUMNS && strcasecmp(column_names[column], name) != 0)
        column++;
    return column;
}

static bool read_heading(struct reader *reader)
{
    struct csv *csv = &reader->csv;
    struct buffer *warnings = &reader->fleet->warnings;
    if (csv_next(csv) != CSV_LINE) {
        if (!csv->error->size)
            buffer_printf(csv->error, "%s:1:1: the file is empty: the first line must be " HEADING,
                          csv->name);
        return false;
    }
    reader->heading_size = csv->field_count;
    for (size_t i = 0; i < csv->field_count; i++) {
        struct csv_field *field = &csv->fields[i];
        fleet_trim(field);
        reader->headed[i] = *field->text != '\0';
        enum column column = find_column(field->text);
        if (column < COLUMNS && reader->has[column])
            return csv_fail(csv, field, "heading", "stands there twice");
        if (column < COLUMNS) {
            reader->has[column] = true;
            reader->places[column] = i;
        } else if (*field->text) {
            buffer_printf(warnings, "%s:%u: column ", csv->name, field->line);
            text_add_quoted(warnings, field->text);
            buffer_add_text(warnings, " is not one of a fleet's and is not read\n");
        }
    }
    for (enum column column = 0; column < REQUIRED; column++)
        if (!reader->has[column]) {
            buffer_printf(
                csv->error,
                "%s:%u:1: heading has no '%s': the first line must name the columns " HEADING,
                csv->name, csv->fields[0].line, column_names[column]);
            return false;
        }
    return true;
}

/* --- cars ------------------------------------------------------------------------------------- */

static bool fail_column(const struct reader *reader, enum column column, const char *problem)
{
    return csv_fail(&reader->csv, &reader->csv.fields[reader->places[column]], column_names[column],
                    problem);
}

/* Whether the line has the fields that the heading announces. A field without a heading must be
 * blank, and none of our columns may be missing. */
static bool check_fields(struct reader *reader)
{
    struct csv *csv = &reader->csv;
    for (size_t i = 0; i < csv->field_count; i++)
        if ((i >= reader->heading_size || !reader->headed[i]) && !csv_is_blank(csv->fields[i].text))
            return csv_fail(csv, &csv->fields[i], "field",
                            csv->separator == ','
                                ? "has no heading above it; an amount with a decimal comma must be "
                                  "in quotation marks"
                                : "has no heading above it");
    for (enum column column = 0; column < COLUMNS; column++)
        if (reader->has[column] && reader->places[column] >= csv->field_count) {
            struct csv_field *last = &csv->fields[csv->field_count - 1];
            buffer_printf(csv->error,
                          "%s:%u:%u: %s is missing: the line has %zu fields, the heading %zu",
                          csv->name, last->line, last->column, column_names[column],
                          csv->field_count, reader->heading_size);
            return false;
        }
    return true;
}

static const char *parse_price(char *text, int exponent, int64_t *price)
{
    char *separator = strpbrk(text, ".,");
    if (separator && strpbrk(separator + 1, ".,"))
        return "has two separators: write an amount such as 1234.50 or 1234,50";
    char written = separator ? *separator : '\0';
    if (separator)
        *separator = '.';
    const char *problem = money_parse(text, exponent, price);
    if (separator)
        *separator = written;
    if (problem)
        return problem;
    if (separator && strlen(separator + 1) == 3 && exponent != 3)
        return "may mean thousands: write an amount such as 1000 or 1.00";
    return *price > PRICE_MAX ? "is too large an amount" : NULL;
}

static bool read_price(const struct reader *reader, enum column column, int64_t *price)
{
    const struct csv_field *field = &reader->csv.fields[reader->places[column]];
    const char *problem = parse_price(field->text, reader->fleet->exponent, price);
    return problem ? fail_column(reader, column, problem) : true;
}

/* Of a car that has one of its own. */
static bool read_turnaround(const struct reader *reader, int32_t *turnaround)
{
    const char *text = reader->csv.fields[reader->places[TURNAROUND]].text;
    if (csv_is_blank(text))
        return true;
    size_t digits = strspn(text, "0123456789");
    long minutes = strtol(text, NULL, 10);
    if (text[digits] || digits > 9 || minutes > CAR_TURNAROUND_MAX)
        return fail_column(reader, TURNAROUND, "is not a whole number of minutes from 0 to 10080");
    *turnaround = (int32_t)minutes;
    return true;
}

static_assert(CAR_TURNAROUND_MAX == 10080, "as the sentence says");

static bool read_currency(const struct reader *reader, const char *currency)
{
    struct fleet *fleet = reader->fleet;
    if (fleet->count)
        return strcmp(fleet->currency, currency) == 0
                   ? true
                   : fail_column(reader, CURRENCY,
                                 "differs from the lines before: a fleet has one currency");
    if (!money_currency_in_use(currency))
        return fail_column(reader, CURRENCY,
                           "is not a code of ISO 4217 that is in use, such as EUR");
    fleet->exponent = money_exponent(currency);
    memcpy(fleet->currency, currency, sizeof fleet->currency);
    return true;
}

static void warn_of_free_car(struct reader *reader, const struct fleet_car *car)
{
    struct buffer *warnings = &reader->fleet->warnings;
    if (reader->free_cars++ >= FREE_CARS_SHOWN)
        return;
    const struct csv_field *field = &reader->csv.fields[reader->places[DAY_PRICE]];
    buffer_printf(warnings, "%s:%u: car ", reader->csv.name, field->line);
    text_add_quoted(warnings, car->carid);
    buffer_add_text(warnings, " costs nothing a day, so it is offered first\n");
}

static bool read_car(struct reader *reader)
{
    struct fleet *fleet = reader->fleet;
    const struct csv_field *fields = reader->csv.fields;
    if (!check_fields(reader))
        return false;
    struct fleet_car car = {.carid = fields[reader->places[CARID]].text,
                            .location = fields[reader->places[LOCATION]].text,
                            .hour_price = -1,
                            .turnaround = -1};
    const char *category = fields[reader->places[CATEGORY]].text;
    const char *problem = car_id_problem(car.carid);
    if (problem)
        return fail_column(reader, CARID,
                           text_is_utf8(car.carid) ? problem
                                                   : "is not UTF-8: save the file as 'CSV UTF-8'");
    if (!car_category_valid(category))
        return fail_column(reader, CATEGORY, "is not an ACRISS code of four capital letters");
    memcpy(car.category, category, sizeof car.category);
    if (!car_location_valid(car.location))
        return fail_column(reader, LOCATION, "must be 1 to 32 letters, digits, '.', '_' or '-'");
    if (!read_currency(reader, fields[reader->places[CURRENCY]].text) ||
        !read_price(reader, DAY_PRICE, &car.day_price))
        return false;
    if (*fields[reader->places[HOUR_PRICE]].text &&
        !read_price(reader, HOUR_PRICE, &car.hour_price))
        return false;
    if (reader->has[TURNAROUND] && !read_turnaround(reader, &car.turnaround))
        return false;
    if (car.day_price == 0)
        warn_of_free_car(reader, &car);
    fleet->cars[fleet->count++] = car;
    return true;
}

static bool read_cars(struct reader *reader)
{
    struct csv *csv = &reader->csv;
    if (!read_heading(reader))
        return false;
    enum csv_step step;
    while ((step = csv_next(csv)) == CSV_LINE)
        if (!read_car(reader))
            return false;
    if (step == CSV_END && !reader->fleet->count)
        buffer_printf(csv->error, "%s:%u:1: fleet has no cars", csv->name, csv->line);
    if (reader->free_cars > FREE_CARS_SHOWN)
        buffer_printf(&reader->fleet->warnings, "%s: %zu more cars cost nothing a day\n", csv->name,
                      reader->free_cars - FREE_CARS_SHOWN);
    return step == CSV_END && reader->fleet->count;
}

static int by_carid(const void *left, const void *right)
{
    return strcmp(((const struct fleet_car *)left)->carid,
                  ((const struct fleet_car *)right)->carid);
}

/* The line that a text of the fleet stands in, from 1. It is looked up in what was read, since the
 * fleet's own copy has lost its line ends. */
static size_t line_of(const struct fleet *fleet, const char *csv, const char *text)
{
    return csv_count_lines(csv, csv + (text - fleet->text)) + 1;
}

static bool check_unique(const struct reader *reader, const char *csv)
{
    const struct fleet *fleet = reader->fleet;
    qsort(fleet->cars, fleet->count, sizeof fleet->cars[0], by_carid);
    for (size_t i = 1; i < fleet->count; i++) {
        const char *first = fleet->cars[i - 1].carid, *second = fleet->cars[i].carid;
        if (strcmp(first, second) != 0)
            continue;
        if (first > second) {
            const char *swapped = first;
            first = second;
            second = swapped;
        }
        buffer_printf(reader->csv.error, "%s:%zu:1: carid ", reader->csv.name,
                      line_of(fleet, csv, second));
        text_add_quoted(reader->csv.error, second);
        buffer_printf(reader->csv.error, " stands in line %zu already", line_of(fleet, csv, first));
        return false;
    }
    return true;
}

struct fleet *fleet_parse(const char *name, const char *csv, size_t size, struct buffer *error)
{
    struct reader *reader = NULL;
    size_t lines = csv_count_lines(csv, csv + size) + 1;
    if (lines > CARS_MAX) {
        buffer_printf(error, "%s: more than %d lines", name, CARS_MAX);
        return NULL;
    }
    struct fleet *fleet = calloc(1, sizeof *fleet);
    if (!fleet)
        goto out_of_memory;
    buffer_init(&fleet->warnings, WARNINGS_MAX);
    fleet->text = malloc(size + 1);
    fleet->cars = calloc(lines, sizeof fleet->cars[0]);
    reader = calloc(1, sizeof *reader);
    if (!fleet->text || !fleet->cars || !reader)
        goto out_of_memory;
    if (size)
        memcpy(fleet->text, csv, size);
    fleet->text[size] = '\0';
    reader->fleet = fleet;
    if (!csv_begin(&reader->csv, name, fleet->text, size, error) || !read_cars(reader) ||
        !check_unique(reader, csv)) {
        fleet_free(fleet);
        fleet = NULL;
    }
    free(reader);
    return fleet;

out_of_memory:
    buffer_printf(error, "%s: out of memory", name);
    free(reader);
    fleet_free(fleet);
    return NULL;
}

void fleet_free(struct fleet *fleet)
{
    if (!fleet)
        return;
    buffer_free(&fleet->warnings);
    free(fleet->cars);
    free(fleet->text);
    free(fleet);
}
