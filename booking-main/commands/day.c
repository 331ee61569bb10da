/* booking-main day: what goes out, what comes back, what is late, what was sold. */
#include "commands/commands.h"

#include "commands/rows.h"
#include "commands/session.h"
#include "commands/when.h"
#include "lib/base/money.h"
#include "lib/base/timestamp.h"
#include "lib/json/writer.h"
#include "store/desk/document.h"

#include <inttypes.h>
#include <stdio.h>

struct day_options {
    const char *database, *location;
    bool json;
};

static const struct option_entry entries[] = {
    SESSION_DATABASE(day_options),
    {"location", NULL, OPTION_TEXT, offsetof(struct day_options, location), "CODE", NULL,
     "of this place only"},
    SESSION_JSON(day_options),
};

static const struct options options = {
    .program = "booking-main day",
    .usage = "[DAY] [OPTION]...",
    .summary =
        "Shows a day, today without one: pickups and returns, cars that are not back in time,\n"
        "blocked cars, holds, and what each partner sold. Days are those of the zone that TZ\n"
        "names.",
    .entries = entries,
    .count = sizeof entries / sizeof entries[0],
};

static const struct {
    const char *name, *title;
} lists[DESK_DAY_LISTS] = {
    [DESK_PICKUPS] = {"pickups", "Pickups"},
    [DESK_RETURNS] = {"returns", "Returns"},
    [DESK_LATE] = {"late", "Late, not yet back"},
    [DESK_BLOCKS] = {"blocks", "Out of service"},
    [DESK_HOLDS] = {"holds", "Holds"},
};

static const struct column sales_columns[] = {
    {"CHANNEL", 8, 0, false}, {"BOOKINGS", 0, 0, true}, {"TOTAL", 0, 0, true}};

/* The lists come one after the other; each is kept until its count is known. */
struct day {
    struct session session;
    bool json, good;
    char currency[BOOKING_CURRENCY_SIZE + 1]; /* "" while there are no cars */
    struct table *rows, *sales;
    unsigned sold;
    struct buffer documents[DESK_DAY_LISTS], sales_documents;
    int64_t counts[DESK_DAY_LISTS];
};

static bool add_booking(void *context, enum desk_day_list list, const struct desk_booking *booking)
{
    struct day *day = context;
    if (day->json)
        desk_json_booking(&day->documents[list], NULL, booking);
    else if (day->rows || (day->rows = rows_new(stdout)))
        rows_add(day->rows, booking);
    return day->json || day->rows;
}

static bool end_list(void *context, enum desk_day_list list, int64_t count)
{
    struct day *day = context;
    day->counts[list] = count;
    if (day->json)
        return true;
    printf("%s: %" PRId64 "\n", lists[list].title, count);
    if (day->rows) {
        day->good = table_end(day->rows) && day->good;
        if (count > DESK_DAY_ROWS_MAX)
            printf("... and %" PRId64 " more\n", count - DESK_DAY_ROWS_MAX);
    }
    day->rows = NULL;
    putchar('\n');
    return day->good;
}

static bool add_sales(void *context, const struct desk_sales *sales)
{
    struct day *day = context;
    struct buffer total;
    char count[24];
    if (day->json) {
        json_open_object(&day->sales_documents, NULL);
        json_add_string(&day->sales_documents, "channel", sales->channel);
        json_add_integer(&day->sales_documents, "count", sales->count);
        if (*day->currency)
            json_add_money(&day->sales_documents, "total", sales->total,
                           money_exponent(day->currency));
        json_close_object(&day->sales_documents);
        return true;
    }
    if (!day->sales &&
        !(day->sales =
              table_new(sales_columns, sizeof sales_columns / sizeof sales_columns[0], stdout)))
        return false;
    buffer_init(&total, MONEY_TEXT_MAX + 8);
    if (*day->currency)
        rows_add_money(&total, sales->total, day->currency);
    snprintf(count, sizeof count, "%" PRId64, sales->count);
    table_add(day->sales, sales->channel);
    table_add(day->sales, count);
    table_add(day->sales, total.data ? total.data : "");
    buffer_free(&total);
    day->sold++;
    return true;
}

static bool take_currency(void *context, const struct desk_car *car)
{
    struct day *day = context;
    snprintf(day->currency, sizeof day->currency, "%s", car->currency);
    return false;
}

static void add_array(struct buffer *out, const char *name, const struct buffer *elements)
{
    json_open_array(out, name);
    buffer_add(out, elements->data, elements->size);
    json_close_array(out);
    out->failed |= elements->failed;
}

static bool print_json(const struct day *day, struct period period)
{
    char from[TIMESTAMP_SIZE], to[TIMESTAMP_SIZE];
    struct buffer out;
    timestamp_format(period.pickup_at, from);
    timestamp_format(period.return_at, to);
    buffer_init(&out, 16 * 1024 * 1024);
    json_begin(&out);
    json_add_string(&out, "from", from);
    json_add_string(&out, "to", to);
    for (int i = 0; i < DESK_DAY_LISTS; i++)
        add_array(&out, lists[i].name, &day->documents[i]);
    json_open_object(&out, "counts");
    for (int i = 0; i < DESK_DAY_LISTS; i++)
        json_add_integer(&out, lists[i].name, day->counts[i]);
    json_close_object(&out);
    add_array(&out, "sales", &day->sales_documents);
    json_add_string(&out, "currency", *day->currency ? day->currency : NULL);
    json_end(&out);
    buffer_add_text(&out, "\n");
    bool good = session_print(&out);
    buffer_free(&out);
    return good;
}

static int show(struct day *day, struct period period, const char *location)
{
    struct session *session = &day->session;
    const struct desk_day_reader reader = {day, add_booking, add_sales, end_list};
    const struct desk_car_filter any = {.withdrawn = true};
    for (int i = 0; i < DESK_DAY_LISTS; i++)
        buffer_init(&day->documents[i], 2 * 1024 * 1024);
    buffer_init(&day->sales_documents, 64 * 1024);
    day->good = true;
    if (!day->json)
        rows_print_zone(stdout);
    bool found =
        desk_find_cars(session->desk, &any, NULL, 1, take_currency, day, &session->error) &&
        desk_day(session->desk, period, location, session->now, &reader, &session->error);
    bool good = day->good;
    if (day->rows)
        good = table_end(day->rows) && good;
    if (found && day->json)
        good = print_json(day, period);
    else if (found)
        printf("Sold by %u %s\n", day->sold, day->sold == 1 ? "partner" : "partners");
    if (day->sales)
        good = table_end(day->sales) && good;
    for (int i = 0; i < DESK_DAY_LISTS; i++)
        buffer_free(&day->documents[i]);
    buffer_free(&day->sales_documents);
    return found ? session_printed(session, good) : session_failed(session);
}

int command_day(int argc, char **argv)
{
    struct day_options values = {0};
    struct session_words words;
    struct period period = {0};
    char location[CAR_LOCATION_MAX + 1] = "";
    int status = session_parse(&options, argc, argv, &values, 0, 1, &words);
    if (status >= 0)
        return status;
    const char *text = words.count ? words.words[0] : "today";
    const char *problem = when_read_day(text, &period.pickup_at, &period.return_at);
    if (problem)
        return session_usage(&options, "the day", text, problem);
    if (!session_text(&options, "--location", values.location, location, sizeof location))
        return 2;
    struct day day = {.json = values.json};
    status = 1;
    if (session_open(&day.session, &options, values.database))
        status = show(&day, period, location);
    session_close(&day.session);
    return status;
}
