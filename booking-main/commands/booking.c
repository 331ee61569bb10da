/* booking-main booking: one booking with its history. */
#include "commands/commands.h"

#include "commands/rows.h"
#include "commands/session.h"
#include "commands/when.h"
#include "lib/base/text.h"
#include "lib/json/writer.h"
#include "store/desk/document.h"

#include <string.h>

struct booking_options {
    const char *database;
    bool json;
};

static const struct option_entry entries[] = {
    SESSION_DATABASE(booking_options),
    SESSION_JSON(booking_options),
};

static const struct options options = {
    .program = "booking-main booking",
    .usage = "ID [OPTION]...",
    .summary = "Shows one booking, hold or block, and its history: when, what, who and why.",
    .entries = entries,
    .count = sizeof entries / sizeof entries[0],
};

static const struct column history_columns[] = {
    {"WHEN", 0, 0, false}, {"WHAT", 0, 0, false},    {"WHO", 8, 0, false},
    {"WHY", 10, 0, false}, {"CHANGE", 20, 0, false},
};

struct showing {
    bool json;
    struct desk_booking booking;
    struct buffer history; /* JSON, which comes behind the booking */
    struct table *table;
    bool begun; /* the booking was printed */
};

static void print_booking(struct showing *showing);

static bool add_entry(void *context, const struct desk_history_entry *entry)
{
    struct showing *showing = context;
    char at[WHEN_SIZE];
    if (showing->json) {
        desk_json_history(&showing->history, entry);
        return !showing->history.failed;
    }
    print_booking(showing);
    when_format_seconds(entry->at, at);
    table_add(showing->table, at);
    table_add(showing->table, entry->what);
    table_add(showing->table, entry->by == STORE_BY_EXPIRY ? "(ran out)" : entry->actor);
    table_add(showing->table, entry->reason);
    table_add(showing->table, entry->detail);
    return true;
}

/* A line, unless there is nothing to say. */
static void print_field(const char *name, const char *value)
{
    struct buffer shown;
    buffer_init(&shown, 8192);
    text_add_shown(&shown, value);
    if (shown.size)
        printf("%-11s %s\n", name, shown.data);
    buffer_free(&shown);
}

static void print_time(const char *name, int64_t seconds)
{
    char text[WHEN_SIZE] = "";
    if (seconds)
        when_format_seconds(seconds, text);
    print_field(name, text);
}

static void print_booking(struct showing *showing)
{
    const struct desk_booking *row = &showing->booking;
    const struct booking *booking = &row->booking;
    struct buffer text;
    if (showing->begun)
        return;
    showing->begun = true;
    buffer_init(&text, 256);
    rows_print_zone(stdout);
    print_field("id", booking->id);
    print_field("state", booking_state_name(booking->state));
    print_field("channel", booking->channel);
    print_field("reference", booking->reference);
    print_field("car", booking->carid);
    print_field("place", booking->location);
    print_field("category", booking->category);
    print_time("pickup", (int64_t)booking->period.pickup_at * 60);
    print_time("return", (int64_t)booking->period.return_at * 60);
    if (booking->turnaround) {
        buffer_printf(&text, "%d minutes", booking->turnaround);
        print_field("turnaround", text.data ? text.data : "");
        buffer_clear(&text);
    }
    if (*booking->channel) {
        rows_add_money(&text, booking->total, booking->currency);
        print_field("price", text.data ? text.data : "");
    }
    print_time("made", row->created_at);
    print_time(booking->state == BOOKING_HELD ? "held until" : "was held to",
               booking->state == BOOKING_BOOKED ? 0 : booking->expires_at);
    print_time("back since", row->returned_at);
    print_field("reason", row->reason);
    putchar('\n');
    buffer_free(&text);
}

static bool print_json(const struct desk_booking *booking, const struct buffer *history)
{
    struct buffer document;
    buffer_init(&document, history->size + 64 * 1024);
    json_begin(&document);
    desk_json_booking(&document, "booking", booking);
    json_open_array(&document, "history");
    buffer_add(&document, history->data, history->size);
    json_close_array(&document);
    json_end(&document);
    buffer_add_text(&document, "\n");
    bool good = session_print(&document);
    buffer_free(&document);
    return good;
}

static int show(struct session *session, const char *id, struct showing *showing)
{
    int status = 1;
    buffer_init(&showing->history, 8 * 1024 * 1024);
    showing->table =
        table_new(history_columns, sizeof history_columns / sizeof history_columns[0], stdout);
    enum desk_result result = showing->table ? desk_show(session->desk, id, &showing->booking,
                                                         add_entry, showing, &session->error)
                                             : DESK_FAILED;
    if (result == DESK_NOT_FOUND) {
        session_refuse(session, "there is none with the id '%s'", id);
    } else if (result != DESK_OK) {
        status = session_failed(session);
    } else if (showing->json) {
        status = session_printed(session, print_json(&showing->booking, &showing->history));
    } else {
        print_booking(showing);
    }
    bool good = showing->table && table_end(showing->table);
    if (result == DESK_OK && !showing->json)
        status = session_printed(session, good);
    buffer_free(&showing->history);
    return status;
}

int command_booking(int argc, char **argv)
{
    struct booking_options values = {0};
    struct session_words words;
    struct session session;
    int status = session_parse(&options, argc, argv, &values, 1, 1, &words);
    if (status >= 0)
        return status;
    status = 1;
    if (session_open(&session, &options, values.database)) {
        struct showing showing = {.json = values.json};
        status = show(&session, words.words[0], &showing);
    }
    session_close(&session);
    return status;
}
