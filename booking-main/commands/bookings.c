/* booking-main bookings, export: lists of bookings. */
#include "commands/commands.h"

#include "commands/rows.h"
#include "commands/session.h"
#include "commands/when.h"
#include "store/desk/document.h"

#include <limits.h>
#include <string.h>

enum {
    ROWS = 50,         /* of a table that has no --limit */
    PIECE = 64 * 1024, /* bytes that are printed at once */
    PIECE_MAX = 2 * PIECE,
};

enum format { FORMAT_TABLE, FORMAT_CSV, FORMAT_JSON };

struct listing {
    struct session session;
    enum format format;
    unsigned limit; /* 0: all */
    unsigned count;
    bool more, good;
    struct table *table;
    struct buffer piece;
};

/* --- printing -------------------------------------------------------------------------------- */

static bool add_booking(void *context, const struct desk_booking *booking)
{
    struct listing *listing = context;
    if (listing->limit && listing->count == listing->limit) {
        listing->more = true;
        return false;
    }
    listing->count++;
    if (listing->format == FORMAT_TABLE && listing->count == 1)
        rows_print_zone(stdout);
    if (listing->format == FORMAT_TABLE)
        rows_add(listing->table, booking);
    else if (listing->format == FORMAT_CSV)
        desk_csv_booking(&listing->piece, booking);
    else
        desk_json_booking(&listing->piece, NULL, booking);
    if (listing->piece.size > PIECE)
        listing->good = session_print_piece(&listing->piece, listing->format == FORMAT_JSON);
    return listing->good;
}

static void begin(struct listing *listing)
{
    buffer_init(&listing->piece, PIECE_MAX);
    listing->good = true;
    if (listing->format == FORMAT_TABLE)
        listing->good = (listing->table = rows_new(stdout)) != NULL;
    else if (listing->format == FORMAT_CSV)
        desk_csv_bookings_heading(&listing->piece);
    else
        buffer_add_text(&listing->piece, "{\"bookings\":[");
}

/* What comes behind the last booking; `found` says whether there was no failure. */
static int end(struct listing *listing, bool found)
{
    bool good = listing->good;
    if (listing->format == FORMAT_TABLE && listing->table) {
        good = table_end(listing->table) && good;
        if (found && !listing->count)
            puts("No booking is so.");
        if (listing->more)
            printf("\nThere are more: --limit 0 shows all.\n");
    } else if (found) {
        if (listing->format == FORMAT_JSON)
            session_end_array(&listing->piece);
        good = session_print(&listing->piece) && good;
    }
    buffer_free(&listing->piece);
    return found ? session_printed(&listing->session, good) : session_failed(&listing->session);
}

static int list(struct listing *listing, const struct options *options, const char *database,
                const struct desk_filter *filter)
{
    struct session *session = &listing->session;
    int status = 1;
    if (session_open(session, options, database)) {
        begin(listing);
        /* A short list is one page, any other is read as it was at one moment. */
        bool page = listing->limit && listing->limit <= DESK_PAGE_MAX;
        bool found = listing->good &&
                     (page ? desk_find_bookings(session->desk, filter, NULL, listing->limit + 1,
                                                add_booking, listing, &session->error)
                           : desk_export_bookings(session->desk, filter, add_booking, listing,
                                                  &session->error));
        status = end(listing, found);
    }
    session_close(session);
    return status;
}

/* --- bookings -------------------------------------------------------------------------------- */

struct bookings_options {
    const char *database;
    const char *query, *reference, *car, *channel, *location, *category, *pickup, *end;
    unsigned state, limit;
    bool by_pickup, csv, json;
};

#define FIELD(name) offsetof(struct bookings_options, name)

static const struct option_entry bookings_entries[] = {
    SESSION_DATABASE(bookings_options),
    {"query", NULL, OPTION_TEXT, FIELD(query), "TEXT", NULL, "whose id, reference or car is this"},
    {"reference", NULL, OPTION_TEXT, FIELD(reference), "TEXT", NULL, "of this reference"},
    {"car", NULL, OPTION_TEXT, FIELD(car), "CAR", NULL, "of this car"},
    {"channel", NULL, OPTION_TEXT, FIELD(channel), "NAME", NULL, "of this partner"},
    {"location", NULL, OPTION_TEXT, FIELD(location), "CODE", NULL, "of this place"},
    {"category", NULL, OPTION_TEXT, FIELD(category), "ACRISS", NULL, "of this category"},
    {"state", NULL, OPTION_CHOICE, FIELD(state), "any|held|booked|cancelled|expired|blocked", "any",
     "in this state; any is any but blocked"},
    {"pickup", NULL, OPTION_TEXT, FIELD(pickup), "WHEN", NULL,
     "picked up on a day (2026-12-01, today, tomorrow, yesterday) or\n"
     "within a period (2026-12-01..2026-12-31); by pickup then"},
    {"return", NULL, OPTION_TEXT, FIELD(end), "WHEN", NULL, "to be returned then"},
    {"by-pickup", NULL, OPTION_FLAG, FIELD(by_pickup), NULL, NULL,
     "by pickup, not the newest first"},
    SESSION_LIMIT(bookings_options),
    {"csv", NULL, OPTION_FLAG, FIELD(csv), NULL, NULL, "as CSV"},
    SESSION_JSON(bookings_options),
};

static const struct options bookings_table = {
    .program = "booking-main bookings",
    .usage = "[OPTION]...",
    .summary = "Lists the bookings of all partners that are as all options say, newest first.\n"
               "Times are in the zone that TZ names. A table has the columns that fit.",
    .entries = bookings_entries,
    .count = sizeof bookings_entries / sizeof bookings_entries[0],
};

static bool read_range(const struct options *options, const char *flag, const char *text,
                       int32_t *from, int32_t *to)
{
    const char *problem = text ? when_read_range(text, from, to) : NULL;
    if (problem)
        (void)session_usage(options, flag, text, problem);
    return !problem;
}

static bool read_filter(const struct bookings_options *values, struct desk_filter *filter)
{
    const struct options *options = &bookings_table;
    filter->state = (enum booking_state)values->state;
    filter->order = values->by_pickup || values->pickup ? DESK_BY_PICKUP : DESK_NEWEST_FIRST;
    return session_text(options, "--query", values->query, filter->q, sizeof filter->q) &&
           session_text(options, "--reference", values->reference, filter->reference,
                        sizeof filter->reference) &&
           session_text(options, "--car", values->car, filter->carid, sizeof filter->carid) &&
           session_text(options, "--channel", values->channel, filter->channel,
                        sizeof filter->channel) &&
           session_text(options, "--location", values->location, filter->location,
                        sizeof filter->location) &&
           session_text(options, "--category", values->category, filter->category,
                        sizeof filter->category) &&
           read_range(options, "--pickup", values->pickup, &filter->pickup_from,
                      &filter->pickup_to) &&
           read_range(options, "--return", values->end, &filter->return_from, &filter->return_to);
}

int command_bookings(int argc, char **argv)
{
    struct bookings_options values = {.limit = UINT_MAX};
    struct session_words words;
    int status = session_parse(&bookings_table, argc, argv, &values, 0, 0, &words);
    if (status >= 0)
        return status;
    if (values.csv && values.json)
        return session_usage(&bookings_table, "--csv", "--json", "cannot both be");
    struct listing listing = {
        .format = values.csv    ? FORMAT_CSV
                  : values.json ? FORMAT_JSON
                                : FORMAT_TABLE,
    };
    if (values.limit != UINT_MAX)
        listing.limit = values.limit;
    else if (listing.format == FORMAT_TABLE)
        listing.limit = ROWS;
    struct desk_filter filter = desk_filter_any();
    return read_filter(&values, &filter) ? list(&listing, &bookings_table, values.database, &filter)
                                         : 2;
}

/* --- export ---------------------------------------------------------------------------------- */

struct export_options {
    const char *database, *from, *to, *channel;
};

static const struct option_entry export_entries[] = {
    SESSION_DATABASE(export_options),
    {"from", NULL, OPTION_TEXT, offsetof(struct export_options, from), "WHEN", NULL,
     "picked up from this day or time on: 2026-12-01"},
    {"to", NULL, OPTION_TEXT, offsetof(struct export_options, to), "WHEN", NULL,
     "picked up until this day, it included, or before this time:\n2026-12-31"},
    {"channel", NULL, OPTION_TEXT, offsetof(struct export_options, channel), "NAME", NULL,
     "of this partner only"},
};

static const struct options export_table = {
    .program = "booking-main export",
    .usage = "--from WHEN --to WHEN [OPTION]...",
    .summary =
        "Writes all bookings whose pickup is within a period as CSV, by pickup, as they are\n"
        "at one moment, while engines run. Times in it are UTC; those that are given without\n"
        "an offset are in the zone that TZ names.",
    .entries = export_entries,
    .count = sizeof export_entries / sizeof export_entries[0],
};

int command_export(int argc, char **argv)
{
    struct export_options values = {0};
    struct session_words words;
    struct listing listing = {.format = FORMAT_CSV};
    struct desk_filter filter = desk_filter_any();
    int status = session_parse(&export_table, argc, argv, &values, 0, 0, &words);
    if (status >= 0)
        return status;
    status = session_period(&export_table, values.from, values.to, &filter.pickup_from,
                            &filter.pickup_to);
    if (status >= 0)
        return status;
    if (!session_text(&export_table, "--channel", values.channel, filter.channel,
                      sizeof filter.channel))
        return 2;
    filter.order = DESK_BY_PICKUP;
    return list(&listing, &export_table, values.database, &filter);
}
