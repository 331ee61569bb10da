#include "fleet/fleet.h"

#include "lib/base/money.h"
#include "rental/price.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 512 * 1024 * 1024, CARS_MAX = 8 * 1000 * 1000 };

enum column { CARID, CATEGORY, LOCATION, DAY_PRICE, HOUR_PRICE, CURRENCY, COLUMNS };

static const char *const column_names[COLUMNS] = {"carid",     "category",   "location",
                                                  "day_price", "hour_price", "currency"};

/* A position in the CSV text. Fields are unquoted and ended with NUL in place. */
struct reader {
    const char *name;
    char *at;
    char *end; /* of the text, where there is a NUL */
    char *line_start;
    unsigned line;
    struct buffer *error;
};

struct field {
    char *text;
    unsigned line, column;
};

static bool fail(const struct reader *reader, unsigned line, unsigned column, const char *subject,
                 const char *what)
{
    buffer_printf(reader->error, "%s:%u:%u: %s %s", reader->name, line, column, subject, what);
    return false;
}

static bool fail_field(const struct reader *reader, const struct field *field, enum column column,
                       const char *what)
{
    char subject[128];
    snprintf(subject, sizeof subject, "%s '%.64s'", column_names[column], field->text);
    return fail(reader, field->line, field->column, subject, what);
}

/* Reads a field that opens with a quotation mark; leaves the position behind the closing one. */
static bool read_quoted(struct reader *reader, struct field *field)
{
    char *out = ++reader->at;
    field->text = out;
    for (;;) {
        if (reader->at == reader->end)
            return fail(reader, field->line, field->column, "quoted field", "is not closed");
        if (*reader->at == '"') {
            if (reader->at[1] != '"')
                break;
            reader->at++; /* two stand for one */
        } else if (*reader->at == '\n') {
            reader->line++;
            reader->line_start = reader->at + 1;
        }
        if (*reader->at == '\0')
            return fail(reader, field->line, field->column, "field", "has a NUL byte in it");
        *out++ = *reader->at++;
    }
    reader->at++;
    *out = '\0';
    return true;
}

enum separator { COMMA, LINE_END, BROKEN };

/* Reads one field and the separator behind it. */
static enum separator read_field(struct reader *reader, struct field *field)
{
    *field =
        (struct field){reader->at, reader->line, (unsigned)(reader->at - reader->line_start) + 1};
    if (*reader->at == '"') {
        if (!read_quoted(reader, field))
            return BROKEN;
    } else {
        while (reader->at != reader->end && *reader->at != ',' && *reader->at != '\n' &&
               !(*reader->at == '\r' && reader->at[1] == '\n')) {
            if (*reader->at == '\0') {
                fail(reader, field->line, field->column, "field", "has a NUL byte in it");
                return BROKEN;
            }
            reader->at++;
        }
    }
    char *end = reader->at;
    if (*reader->at == '\r' && reader->at[1] == '\n')
        reader->at++;
    bool comma = *reader->at == ',';
    if (!comma && *reader->at != '\n' && reader->at != reader->end) {
        fail(reader, field->line, field->column, "quoted field",
             "is followed by something other than a comma");
        return BROKEN;
    }
    if (reader->at != reader->end)
        reader->at++;
    if (!comma) {
        reader->line++;
        reader->line_start = reader->at;
    }
    *end = '\0';
    return comma ? COMMA : LINE_END;
}

/* Reads a line of exactly COLUMNS fields. */
static bool read_line(struct reader *reader, struct field fields[COLUMNS])
{
    for (int i = 0; i < COLUMNS; i++) {
        enum separator separator = read_field(reader, &fields[i]);
        if (separator == BROKEN)
            return false;
        bool last = i == COLUMNS - 1;
        if (separator == LINE_END && !last)
            return fail(reader, fields[i].line, fields[i].column, column_names[i + 1],
                        "is missing: a line has six fields, separated by commas");
        if (separator == COMMA && last)
            return fail(reader, fields[i].line, fields[i].column, "line",
                        "has more than six fields");
    }
    return true;
}

static bool check_heading(const struct reader *reader, const struct field fields[COLUMNS])
{
    for (int i = 0; i < COLUMNS; i++)
        if (strcmp(fields[i].text, column_names[i]) != 0) {
            char what[160];
            snprintf(what, sizeof what,
                     "must be '%s': the first line is "
                     "carid,category,location,day_price,hour_price,currency",
                     column_names[i]);
            return fail(reader, fields[i].line, fields[i].column, "heading", what);
        }
    return true;
}

static bool read_price(const struct reader *reader, const struct fleet *fleet,
                       const struct field *field, enum column column, int64_t *price)
{
    const char *problem = money_parse(field->text, fleet->exponent, price);
    if (!problem && *price > PRICE_MAX)
        problem = "is too large an amount";
    return problem ? fail_field(reader, field, column, problem) : true;
}

static bool read_car(const struct reader *reader, struct fleet *fleet,
                     const struct field fields[COLUMNS])
{
    struct fleet_car car = {.carid = fields[CARID].text, .location = fields[LOCATION].text};
    if (!car_id_valid(car.carid))
        return fail_field(reader, &fields[CARID], CARID, "must be 1 to 64 visible characters");
    if (!car_category_valid(fields[CATEGORY].text))
        return fail_field(reader, &fields[CATEGORY], CATEGORY,
                          "is not an ACRISS code of four capital letters");
    memcpy(car.category, fields[CATEGORY].text, sizeof car.category);
    if (!car_location_valid(car.location))
        return fail_field(reader, &fields[LOCATION], LOCATION,
                          "must be 1 to 32 letters, digits, '.', '_' or '-'");
    const char *currency = fields[CURRENCY].text;
    if (!fleet->count) {
        fleet->exponent = money_exponent(currency);
        if (fleet->exponent < 0)
            return fail_field(reader, &fields[CURRENCY], CURRENCY,
                              "is not an ISO 4217 code such as EUR");
        memcpy(fleet->currency, currency, sizeof fleet->currency);
    } else if (strcmp(fleet->currency, currency) != 0) {
        return fail_field(reader, &fields[CURRENCY], CURRENCY,
                          "differs from the lines before: a fleet has one currency");
    }
    if (!read_price(reader, fleet, &fields[DAY_PRICE], DAY_PRICE, &car.day_price))
        return false;
    car.hour_price = -1;
    if (fields[HOUR_PRICE].text[0] &&
        !read_price(reader, fleet, &fields[HOUR_PRICE], HOUR_PRICE, &car.hour_price))
        return false;
    fleet->cars[fleet->count++] = car;
    return true;
}

static int by_carid(const void *left, const void *right)
{
    return strcmp(((const struct fleet_car *)left)->carid,
                  ((const struct fleet_car *)right)->carid);
}

static unsigned line_of(const char *text, const char *position)
{
    unsigned line = 1;
    for (; text < position; text++)
        line += *text == '\n';
    return line;
}

static bool check_unique(const struct reader *reader, const struct fleet *fleet, const char *csv)
{
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
        char subject[96], what[64];
        snprintf(subject, sizeof subject, "carid '%.64s'", second);
        snprintf(what, sizeof what, "stands in line %u already",
                 line_of(csv, csv + (first - fleet->text)));
        return fail(reader, line_of(csv, csv + (second - fleet->text)), 1, subject, what);
    }
    return true;
}

static size_t count_lines(const char *csv, size_t size)
{
    size_t lines = 1;
    for (const char *at = csv; (at = memchr(at, '\n', size - (size_t)(at - csv))); at++)
        lines++;
    return lines;
}

static bool read_cars(struct reader *reader, struct fleet *fleet)
{
    struct field fields[COLUMNS];
    if (!read_line(reader, fields) || !check_heading(reader, fields))
        return false;
    while (reader->at != reader->end) {
        if (*reader->at == '\n' || (*reader->at == '\r' && reader->at[1] == '\n')) {
            struct field empty;
            (void)read_field(reader, &empty); /* an empty line, often the last */
            continue;
        }
        if (!read_line(reader, fields) || !read_car(reader, fleet, fields))
            return false;
    }
    return fleet->count ? true : fail(reader, reader->line, 1, "fleet", "has no cars");
}

struct fleet *fleet_parse(const char *name, const char *csv, size_t size, struct buffer *error)
{
    static const char byte_order_mark[] = "\xEF\xBB\xBF"; /* some spreadsheets write one */
    if (size >= 3 && memcmp(csv, byte_order_mark, 3) == 0) {
        csv += 3;
        size -= 3;
    }
    size_t lines = count_lines(csv, size);
    if (lines > CARS_MAX) {
        buffer_printf(error, "%s: more than %d lines", name, CARS_MAX);
        return NULL;
    }
    struct fleet *fleet = calloc(1, sizeof *fleet);
    if (!fleet)
        goto out_of_memory;
    fleet->text = malloc(size + 1);
    fleet->cars = calloc(lines, sizeof fleet->cars[0]);
    if (!fleet->text || !fleet->cars)
        goto out_of_memory;
    memcpy(fleet->text, csv, size);
    fleet->text[size] = '\0';
    struct reader reader = {
        .name = name,
        .at = fleet->text,
        .end = fleet->text + size,
        .line_start = fleet->text,
        .line = 1,
        .error = error,
    };
    if (!read_cars(&reader, fleet) || !check_unique(&reader, fleet, csv)) {
        fleet_free(fleet);
        return NULL;
    }
    return fleet;

out_of_memory:
    buffer_printf(error, "%s: out of memory", name);
    fleet_free(fleet);
    return NULL;
}

struct fleet *fleet_load(const char *path, struct buffer *error)
{
    struct fleet *fleet = NULL;
    char *csv = NULL;
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) < 0) {
        buffer_printf(error, "%s: %s", path, strerror(errno));
        goto out;
    }
    if (!S_ISREG(status.st_mode) || status.st_size > FILE_MAX) {
        buffer_printf(error, "%s: not a regular file of at most 512 MiB", path);
        goto out;
    }
    size_t size = (size_t)status.st_size, received = 0;
    csv = malloc(size + 1);
    if (!csv) {
        buffer_printf(error, "%s: out of memory", path);
        goto out;
    }
    while (received < size) {
        ssize_t count = read(fd, csv + received, size - received);
        if (count < 0 && errno != EINTR) {
            buffer_printf(error, "%s: %s", path, strerror(errno));
            goto out;
        }
        if (count == 0)
            break; /* it shrank meanwhile */
        received += count > 0 ? (size_t)count : 0;
    }
    fleet = fleet_parse(path, csv, received, error);
out:
    free(csv);
    if (fd >= 0)
        close(fd);
    return fleet;
}

void fleet_free(struct fleet *fleet)
{
    if (!fleet)
        return;
    free(fleet->cars);
    free(fleet->text);
    free(fleet);
}
