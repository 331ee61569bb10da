/* Replacing the fleet.
 *
 * Engines wait while an import holds the write lock, so it does as little as it can with it. First,
 * in a read transaction, the cars there are get compared with the new fleet; that gives a list of
 * changes. Then the write transaction makes just these. If another import came in between, which
 * the number `fleet` in meta tells, the list is worth nothing and made anew. When a large part of a
 * million cars changes, that still takes longer than an engine waits for a lock; so a large import
 * says beforehand, by `import` in meta, that it is worth waiting for.
 */
#include "store/sqlite/import.h"

#include "lib/base/timestamp.h"
#include "store/event.h"
#include "store/import.h"
#include "store/sqlite/events.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    ROUNDS = 5,    /* other imports to be overtaken by before giving up */
    LARGE = 20000, /* changes that take a tenth of a second or so */
    SECONDS = 15,  /* that a large one may take */
};

/* A car of the new fleet that is to be written, or one to withdraw. */
struct change {
    int64_t number;              /* 0: it is new */
    const struct fleet_car *car; /* NULL: withdraw it */
};

struct import {
    struct sqlite_connection *connection;
    const struct fleet *fleet;
    bool *found;            /* whether the database has it, in the order of the fleet's cars */
    struct change *changes; /* capacity grows */
    size_t change_count, change_capacity;
    int64_t fleet_number; /* what the changes are based on */
    bool had_cars;
    bool other_currency, had_currency;
    sqlite3_stmt *find_bookings;
    struct store_import_report report;
    struct buffer *error;
};

static bool fail_result(struct import *import, int result)
{
    sqlite_describe(import->connection, result, import->error);
    return false;
}

static bool fail_memory(struct import *import)
{
    return fail_result(import, SQLITE_NOMEM);
}

/* --- comparing ------------------------------------------------------------------------------- */

static int compare_carid(const void *key, const void *car)
{
    return strcmp(key, ((const struct fleet_car *)car)->carid);
}

static bool add_change(struct import *import, int64_t number, const struct fleet_car *car)
{
    if (import->change_count == import->change_capacity) {
        size_t capacity = import->change_capacity ? 2 * import->change_capacity : 1024;
        struct change *changes = realloc(import->changes, capacity * sizeof *changes);
        if (!changes)
            return fail_memory(import);
        import->changes = changes;
        import->change_capacity = capacity;
    }
    import->changes[import->change_count++] = (struct change){number, car};
    return true;
}

/* Adds the bookings and holds of the car that are not over. The first two conditions are what the
 * index bookings_active has. */
static bool add_bookings(struct import *import, int64_t car, struct store_import_bookings *bookings)
{
    struct query query = query_begin(import->connection, &import->find_bookings,
                                     "SELECT id FROM bookings WHERE car = ?1"
                                     " AND state IN (1, 2, 5) AND return_at + turnaround > ?2"
                                     " AND state <> 5 AND return_at > ?2"
                                     " ORDER BY return_at + turnaround");
    query_number(&query, car);
    query_number(&query, timestamp_now());
    int result;
    while ((result = query_step(&query)) == SQLITE_ROW) {
        if (bookings->count < STORE_IMPORT_NAMED)
            snprintf(bookings->first[bookings->count], sizeof bookings->first[0], "%s",
                     query_column_text(&query, 0));
        bookings->count++;
    }
    query_end(&query);
    return result == SQLITE_DONE || fail_result(import, result);
}

enum { NUMBER, CARID, CATEGORY, LOCATION, DAY_PRICE, HOUR_PRICE, OFFERED, TURNAROUND };

/* What becomes of a car that the database has. */
static bool compare_car(struct import *import, const struct query *row)
{
    int64_t number = sqlite3_column_int64(row->statement, NUMBER);
    bool offered = sqlite3_column_int(row->statement, OFFERED) != 0;
    const struct fleet *fleet = import->fleet;
    const struct fleet_car *car = bsearch(query_column_text(row, CARID), fleet->cars, fleet->count,
                                          sizeof fleet->cars[0], compare_carid);
    import->had_cars = true;
    import->report.fleet_before += offered;
    if (!car) {
        import->report.withdrawn += offered;
        return !offered || (add_bookings(import, number, &import->report.bookings_withdrawn) &&
                            add_change(import, number, NULL));
    }
    import->found[car - fleet->cars] = true;
    bool in_place = strcmp(query_column_text(row, CATEGORY), car->category) == 0 &&
                    strcmp(query_column_text(row, LOCATION), car->location) == 0;
    int64_t day_price = sqlite3_column_int64(row->statement, DAY_PRICE);
    int64_t hour_price = query_column_price(row, HOUR_PRICE);
    bool same = in_place && day_price == car->day_price && hour_price == car->hour_price &&
                query_column_price(row, TURNAROUND) == car->turnaround;
    import->report.repriced +=
        offered && (import->other_currency || store_is_repriced(day_price, car->day_price) ||
                    store_is_repriced(hour_price, car->hour_price));
    if (offered && same) {
        import->report.unchanged++;
        return true;
    }
    import->report.changed += offered;
    import->report.added += !offered; /* it is back */
    if (!in_place && !add_bookings(import, number, &import->report.bookings_moved))
        return false;
    return add_change(import, number, car);
}

static bool compare_cars(struct import *import)
{
    sqlite3_stmt *statement = NULL;
    struct query query = query_begin(import->connection, &statement,
                                     "SELECT number, carid, category, location, day_price,"
                                     " hour_price, offered, turnaround FROM cars");
    bool compared = true;
    int result;
    while ((result = query_step(&query)) == SQLITE_ROW && compared)
        compared = compare_car(import, &query);
    if (compared && result != SQLITE_DONE)
        compared = fail_result(import, result);
    sqlite3_finalize(statement);
    /* In this order the cars lie side by side in the index on carid too. */
    for (size_t i = 0; compared && i < import->fleet->count; i++)
        if (!import->found[i]) {
            import->report.added++;
            compared = add_change(import, 0, &import->fleet->cars[i]);
        }
    return compared;
}

static int read_currency(struct import *import)
{
    sqlite3_stmt *statement = NULL;
    struct query query = query_begin(import->connection, &statement,
                                     "SELECT value FROM meta WHERE name = 'currency'");
    int result = query_step(&query);
    if (result == SQLITE_ROW) {
        const char *currency = query_column_text(&query, 0);
        import->had_currency = *currency != '\0';
        import->other_currency = strcmp(currency, import->fleet->currency) != 0;
        result = SQLITE_OK;
    }
    sqlite3_finalize(statement);
    return result;
}

static int read_fleet_number(struct import *import, int64_t *number)
{
    return sqlite_read_number(import->connection, "SELECT value FROM meta WHERE name = 'fleet'",
                              number);
}

/* Lists what would change, reading only. */
static bool import_compare(struct import *import)
{
    import->report = (struct store_import_report){0};
    import->change_count = 0;
    import->had_cars = false;
    memset(import->found, 0, import->fleet->count * sizeof import->found[0]);
    int result = sqlite_run(import->connection, "BEGIN");
    if (result == SQLITE_OK)
        result = read_fleet_number(import, &import->fleet_number);
    if (result == SQLITE_OK)
        result = read_currency(import);
    bool compared = result == SQLITE_OK ? compare_cars(import) : fail_result(import, result);
    sqlite_rollback(import->connection);
    return compared;
}

/* --- changing -------------------------------------------------------------------------------- */

/* A booking that is not over is still to be paid, in the currency it was made in. */
static bool check_currency(struct import *import)
{
    if (!import->had_currency || !import->other_currency)
        return true;
    sqlite3_stmt *statement = NULL;
    struct query query = query_begin(import->connection, &statement,
                                     "SELECT 1 FROM bookings WHERE (state = 2 OR (state = 1 AND"
                                     " expires_at > ?)) AND return_at > ? LIMIT 1");
    query_number(&query, time(NULL));
    query_number(&query, timestamp_now());
    int result = query_step(&query);
    if (result == SQLITE_ROW)
        buffer_printf(import->error,
                      "database '%s': there are bookings in another currency than %s that are not "
                      "over: import a fleet in theirs, or start a new database",
                      import->connection->path, import->fleet->currency);
    else if (result != SQLITE_DONE)
        fail_result(import, result);
    sqlite3_finalize(statement);
    return result == SQLITE_DONE;
}

static int write_car(struct import *import, sqlite3_stmt **statements, const struct change *change)
{
    const struct fleet_car *car = change->car;
    struct query query;
    if (!car) {
        query = query_begin(import->connection, &statements[0],
                            "UPDATE cars SET offered = 0 WHERE number = ?");
        query_number(&query, change->number);
        return query_run(&query);
    }
    if (change->number)
        query = query_begin(import->connection, &statements[1],
                            "UPDATE cars SET category = ?, location = ?, day_price = ?,"
                            " hour_price = ?, turnaround = ?, offered = 1 WHERE number = ?");
    else
        query = query_begin(import->connection, &statements[2],
                            "INSERT INTO cars (category, location, day_price, hour_price,"
                            " turnaround, carid, offered) VALUES (?, ?, ?, ?, ?, ?, 1)");
    query_text(&query, car->category);
    query_text(&query, car->location);
    query_number(&query, car->day_price);
    query_price(&query, car->hour_price);
    query_price(&query, car->turnaround); /* -1 is none there too */
    if (change->number)
        query_number(&query, change->number);
    else
        query_text(&query, car->carid);
    return query_run(&query);
}

static int write_cars(struct import *import)
{
    sqlite3_stmt *statements[3] = {0};
    int result = SQLITE_OK;
    for (size_t i = 0; i < import->change_count && result == SQLITE_OK; i++)
        result = write_car(import, statements, &import->changes[i]);
    for (int i = 0; i < 3; i++)
        (void)sqlite3_finalize(statements[i]);
    return result;
}

static int write_rest(struct import *import)
{
    sqlite3_stmt *currency = NULL;
    struct query query = query_begin(import->connection, &currency,
                                     "UPDATE meta SET value = ? WHERE name = 'currency'");
    query_text(&query, import->fleet->currency);
    int result = query_run(&query);
    if (result == SQLITE_OK)
        result = sqlite_run(import->connection,
                            "UPDATE meta SET value = value + 1 WHERE name = 'fleet'");
    sqlite3_finalize(currency);
    struct sqlite_events events;
    struct store_event replaced = store_event_fleet();
    sqlite_events_init(&events, import->connection);
    if (result == SQLITE_OK)
        result = sqlite_event_add(&events, &replaced);
    sqlite3_finalize(events.insert);
    return result;
}

/* Has the engines wait until then at most. So if this import dies, the waiting ends by itself. */
static int import_announce(struct import *import, int64_t until)
{
    sqlite3_stmt *statement = NULL;
    struct query query = query_begin(import->connection, &statement,
                                     "UPDATE meta SET value = ? WHERE name = 'import'");
    query_number(&query, until);
    int result = query_run(&query);
    sqlite3_finalize(statement);
    return result;
}

enum written { WRITTEN, OVERTAKEN, FAILED };

static enum written write_changes(struct import *import)
{
    int64_t fleet_number = 0;
    int result = SQLITE_OK;
    bool large = import->change_count >= LARGE;
    if (large)
        result = import_announce(import, time(NULL) + SECONDS);
    if (result == SQLITE_OK)
        result = sqlite_run(import->connection, "BEGIN IMMEDIATE");
    if (result == SQLITE_OK)
        result = read_fleet_number(import, &fleet_number);
    if (result != SQLITE_OK)
        goto failed;
    if (fleet_number != import->fleet_number) {
        sqlite_rollback(import->connection);
        return OVERTAKEN;
    }
    if (!check_currency(import)) {
        sqlite_rollback(import->connection);
        return FAILED;
    }
    result = write_cars(import);
    if (result == SQLITE_OK)
        result = write_rest(import);
    if (result == SQLITE_OK && large)
        result = import_announce(import, 0);
    if (result == SQLITE_OK)
        result = sqlite_run(import->connection, "COMMIT");
    if (result == SQLITE_OK)
        return WRITTEN;
failed:
    fail_result(import, result);
    sqlite_rollback(import->connection);
    return FAILED;
}

static bool import_replace(struct import *import, const struct store_import_options *options)
{
    int64_t has_cars = 0;
    if (options->only_if_empty) { /* each start asks, and need not read a million cars for it */
        int result =
            sqlite_read_number(import->connection, "SELECT EXISTS (SELECT 1 FROM cars)", &has_cars);
        if (result != SQLITE_OK)
            return fail_result(import, result);
    }
    if (has_cars) {
        import->report = (struct store_import_report){0};
        return true;
    }
    for (int round = 0; round < ROUNDS; round++) {
        if (!import_compare(import))
            return false;
        if (options->only_if_empty && import->had_cars) {
            import->report = (struct store_import_report){0};
            return true;
        }
        store_import_judge(&import->report);
        if (!store_import_writes(&import->report, options))
            return check_currency(import);
        if (!import->change_count && !import->other_currency)
            return true;
        enum written written = write_changes(import);
        if (written != OVERTAKEN)
            return written == WRITTEN;
    }
    buffer_printf(import->error, "database '%s': other imports are under way: try again later",
                  import->connection->path);
    return false;
}

bool sqlite_import_fleet(struct sqlite_connection *connection, const struct fleet *fleet,
                         const struct store_import_options *options,
                         struct store_import_report *report, struct buffer *error)
{
    struct import import = {.connection = connection, .fleet = fleet, .error = error};
    for (size_t i = 1; i < fleet->count; i++) /* what a fleet promises */
        assert(strcmp(fleet->cars[i - 1].carid, fleet->cars[i].carid) < 0);
    import.found = calloc(fleet->count + 1, sizeof *import.found);
    bool replaced = import.found ? import_replace(&import, options) : fail_memory(&import);
    if (replaced)
        *report = import.report;
    sqlite3_finalize(import.find_bookings);
    free(import.found);
    free(import.changes);
    return replaced;
}
