/* booking-main cars: the fleet. */
#include "commands/commands.h"

#include "commands/session.h"
#include "commands/table.h"
#include "lib/base/money.h"
#include "store/desk/document.h"

#include <limits.h>
#include <stdio.h>

enum { ROWS = 50, PIECE = 64 * 1024 };

struct cars_options {
    const char *database, *query, *location, *category;
    unsigned limit;
    bool withdrawn, csv, json;
};

#define FIELD(name) offsetof(struct cars_options, name)

static const struct option_entry entries[] = {
    SESSION_DATABASE(cars_options),
    {"query", NULL, OPTION_TEXT, FIELD(query), "TEXT", NULL, "whose carid begins with this"},
    {"location", NULL, OPTION_TEXT, FIELD(location), "CODE", NULL, "that stand here"},
    {"category", NULL, OPTION_TEXT, FIELD(category), "ACRISS", NULL, "of this category"},
    {"withdrawn", NULL, OPTION_FLAG, FIELD(withdrawn), NULL, NULL,
     "those as well that are no longer offered"},
    SESSION_LIMIT(cars_options),
    {"csv", NULL, OPTION_FLAG, FIELD(csv), NULL, NULL, "as a fleet file, which import takes"},
    SESSION_JSON(cars_options),
};

static const struct options options = {
    .program = "booking-main cars",
    .usage = "[OPTION]...",
    .summary = "Lists the cars that are as all options say, by carid.",
    .entries = entries,
    .count = sizeof entries / sizeof entries[0],
};

static const struct column columns[] = {
    {"CAR", 9, 0, false},       {"PLACE", 5, 0, false},  {"CAT", 0, 0, false},
    {"A DAY", 0, 0, true},      {"AN HOUR", 0, 1, true}, {"", 0, 0, false},
    {"TURNAROUND", 0, 2, true}, {"STATE", 0, 0, false},
};

struct listing {
    const struct cars_options *values;
    unsigned limit, count;
    bool more, good;
    struct table *table; /* NULL for CSV and JSON */
    struct buffer piece;
};

static void add_row(struct table *table, const struct desk_car *car)
{
    struct buffer price;
    char turnaround[16] = "";
    int exponent = money_exponent(car->currency);
    buffer_init(&price, MONEY_TEXT_MAX);
    table_add(table, car->carid);
    table_add(table, car->location);
    table_add(table, car->category);
    money_add(&price, car->day_price, exponent);
    table_add(table, price.data ? price.data : "");
    buffer_clear(&price);
    if (car->hour_price >= 0)
        money_add(&price, car->hour_price, exponent);
    table_add(table, price.size ? price.data : "");
    table_add(table, car->currency);
    if (car->turnaround >= 0)
        snprintf(turnaround, sizeof turnaround, "%d", car->turnaround);
    table_add(table, turnaround);
    table_add(table, car->offered ? "" : "withdrawn");
    buffer_free(&price);
}

static bool add_car(void *context, const struct desk_car *car)
{
    struct listing *listing = context;
    if (listing->limit && listing->count == listing->limit) {
        listing->more = true;
        return false;
    }
    listing->count++;
    if (listing->table)
        add_row(listing->table, car);
    else if (listing->values->csv)
        desk_csv_car(&listing->piece, car);
    else
        desk_json_car(&listing->piece, car);
    if (listing->piece.size > PIECE)
        listing->good = session_print_piece(&listing->piece, listing->values->json);
    return listing->good;
}

static int list(struct session *session, struct listing *listing,
                const struct desk_car_filter *filter)
{
    const struct cars_options *values = listing->values;
    buffer_init(&listing->piece, 2 * PIECE);
    if (values->csv)
        desk_csv_cars_heading(&listing->piece);
    else if (values->json)
        buffer_add_text(&listing->piece, "{\"cars\":[");
    else
        listing->table = table_new(columns, sizeof columns / sizeof columns[0], stdout);
    listing->good = values->csv || values->json || listing->table;
    bool found = listing->good && desk_find_cars(session->desk, filter, NULL,
                                                 listing->limit ? listing->limit + 1 : 0, add_car,
                                                 listing, &session->error);
    if (values->json)
        session_end_array(&listing->piece);
    bool good = found && session_print(&listing->piece) && listing->good;
    if (listing->table) {
        good = table_end(listing->table) && good;
        if (found && !listing->count)
            puts("No car is so.");
        if (listing->more)
            printf("\nThere are more: --limit 0 shows all.\n");
    }
    buffer_free(&listing->piece);
    return found ? session_printed(session, good) : session_failed(session);
}

int command_cars(int argc, char **argv)
{
    struct cars_options values = {.limit = UINT_MAX};
    struct desk_car_filter filter = {0};
    struct session_words words;
    struct session session;
    int status = session_parse(&options, argc, argv, &values, 0, 0, &words);
    if (status >= 0)
        return status;
    if (values.csv && values.json)
        return session_usage(&options, "--csv", "--json", "cannot both be");
    if (values.csv && values.withdrawn)
        return session_usage(&options, "--withdrawn", "--csv",
                             "cannot be: a fleet file would offer those cars again");
    if (!session_text(&options, "--query", values.query, filter.q, sizeof filter.q) ||
        !session_text(&options, "--location", values.location, filter.location,
                      sizeof filter.location) ||
        !session_text(&options, "--category", values.category, filter.category,
                      sizeof filter.category))
        return 2;
    filter.withdrawn = values.withdrawn;
    bool table = !values.csv && !values.json;
    struct listing listing = {.values = &values};
    listing.limit = values.limit != UINT_MAX ? values.limit : table ? ROWS : 0;
    status = 1;
    if (session_open(&session, &options, values.database))
        status = list(&session, &listing, &filter);
    session_close(&session);
    return status;
}
