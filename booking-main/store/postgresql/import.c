/* Replacing the fleet.
 *
 * The new fleet goes into a temporary table, and the server compares. Only the cars that change are
 * locked, in the order of their numbers, as a group of bookings locks its cars (functions.h), so
 * neither ever waits for the other in a circle. Imports wait for each other at the row `fleet` of
 * meta. Orders for the cars that change wait from the moment they are locked until the commit: half
 * a second for 100,000, and all else is done before.
 */
#include "store/postgresql/import.h"

#include "lib/base/timestamp.h"
#include "store/import.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define PATIENCE (300 * LOOP_SECOND)

enum { COPY_PORTION = 256 * 1024 }; /* bytes */

struct import {
    struct pg_connection *connection;
    const struct fleet *fleet;
    struct store_import_report *report;
    struct buffer *error;
    int64_t deadline;
};

static bool import_failed(struct import *import, enum pg_failure failure)
{
    pg_describe(import->connection, failure, import->error);
    return false;
}

static bool import_run(struct import *import, const char *sql,
                       const struct pg_parameters *parameters, PGresult **result)
{
    enum pg_failure failure = pg_run(import->connection, import->deadline, sql, parameters, result);
    return failure == PG_OK || import_failed(import, failure);
}

/* --- the new fleet --------------------------------------------------------------------------- */

/* A text as COPY's text format has it. */
static void add_copy_text(struct buffer *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\\' || *text == '\t' || *text == '\n' || *text == '\r')
            buffer_add(out, "\\", 1);
        buffer_add(out, text, 1);
    }
}

/* -1 is none. */
static void add_copy_number(struct buffer *out, int64_t number)
{
    if (number >= 0)
        buffer_printf(out, "%" PRId64, number);
    else
        buffer_add_text(out, "\\N");
}

static void add_copy_car(struct buffer *out, const struct fleet_car *car)
{
    add_copy_text(out, car->carid);
    buffer_add(out, "\t", 1);
    add_copy_text(out, car->category);
    buffer_add(out, "\t", 1);
    add_copy_text(out, car->location);
    buffer_printf(out, "\t%" PRId64 "\t", car->day_price);
    add_copy_number(out, car->hour_price);
    buffer_add_text(out, "\t");
    add_copy_number(out, car->turnaround);
    buffer_add_text(out, "\n");
}

static bool copy_cars(struct import *import)
{
    struct buffer rows;
    buffer_init(&rows, 2 * COPY_PORTION);
    enum pg_failure failure = pg_copy_begin(
        import->connection, import->deadline,
        "COPY new_cars (carid, category, location, day_price, hour_price, turnaround) FROM STDIN");
    for (size_t i = 0; i < import->fleet->count && failure == PG_OK; i++) {
        add_copy_car(&rows, &import->fleet->cars[i]);
        if (rows.size < COPY_PORTION && i + 1 < import->fleet->count)
            continue;
        failure =
            rows.failed ? PG_MEMORY : pg_copy_add(import->connection, import->deadline, &rows);
        buffer_clear(&rows);
    }
    if (failure == PG_OK)
        failure = pg_copy_end(import->connection, import->deadline);
    buffer_free(&rows);
    return failure == PG_OK || import_failed(import, failure);
}

/* --- comparing ------------------------------------------------------------------------------- */

#define REPRICED(price) "2 * n." price " < c." price " OR n." price " > 2 * c." price

/* What becomes of each car that changes: 1 added, 2 changed, 3 withdrawn; `moved` says that it is
 * to stand elsewhere or be of another category, `repriced` what store_is_repriced() does. */
static const char compare[] =
    "CREATE TEMPORARY TABLE changes ON COMMIT DROP AS"
    " SELECT c.number, n.carid, CASE WHEN n.carid IS NULL THEN 3 WHEN c.number IS NULL"
    " OR c.offered = 0 THEN 1 ELSE 2 END AS kind,"
    " c.number IS NOT NULL AND n.carid IS NOT NULL AND"
    " (c.category <> n.category OR c.location <> n.location) AS moved,"
    " c.offered <> 0 AND coalesce(" REPRICED("day_price") " OR " REPRICED(
        "hour_price") ", false)"
                      " AS repriced"
                      " FROM cars c FULL JOIN new_cars n ON n.carid = c.carid"
                      " WHERE (n.carid IS NULL AND c.offered <> 0) OR c.number IS NULL OR (n.carid "
                      "IS NOT NULL AND"
                      " (c.offered = 0 OR c.category <> n.category OR c.location <> n.location OR"
                      " c.day_price <> n.day_price OR c.hour_price IS DISTINCT FROM n.hour_price"
                      " OR c.turnaround IS DISTINCT FROM n.turnaround))";

static bool count_changes(struct import *import)
{
    PGresult *row;
    if (!import_run(import,
                    "SELECT count(*) FILTER (WHERE kind = 1), count(*) FILTER (WHERE kind = 2),"
                    " count(*) FILTER (WHERE kind = 3), (SELECT count(*) FROM new_cars) -"
                    " count(*) FILTER (WHERE kind <> 3), count(*) FILTER (WHERE repriced),"
                    " (SELECT count(*) FROM cars WHERE offered <> 0) FROM changes",
                    NULL, &row))
        return false;
    import->report->added = (size_t)pg_number(row, 0, 0);
    import->report->changed = (size_t)pg_number(row, 0, 1);
    import->report->withdrawn = (size_t)pg_number(row, 0, 2);
    import->report->unchanged = (size_t)pg_number(row, 0, 3);
    import->report->repriced = (size_t)pg_number(row, 0, 4);
    import->report->fleet_before = (size_t)pg_number(row, 0, 5);
    PQclear(row);
    return true;
}

/* The bookings and holds that are not over of the cars that `which` names. */
static bool find_bookings(struct import *import, const char *sql,
                          struct store_import_bookings *bookings)
{
    PGresult *rows;
    struct pg_parameters parameters = {0};
    pg_add_number(&parameters, timestamp_now());
    if (!import_run(import, sql, &parameters, &rows))
        return false;
    bookings->count = (size_t)PQntuples(rows);
    for (int i = 0; i < PQntuples(rows) && i < STORE_IMPORT_NAMED; i++)
        pg_copy_text(rows, i, 0, bookings->first[i], sizeof bookings->first[0]);
    PQclear(rows);
    return true;
}

#define FIND_BOOKINGS(which)                                                                       \
    "SELECT b.id FROM bookings b JOIN changes c ON c.number = b.car WHERE " which                  \
    " AND b.state IN (1, 2) AND b.return_at > $1 ORDER BY c.number, b.return_at"

/* A booking that is not over is still to be paid, in the currency it was made in. *other says
 * whether the fleet's is another than the database's. */
static bool check_currency(struct import *import, bool *other)
{
    PGresult *row;
    struct pg_parameters parameters = {0};
    pg_add_text(&parameters, import->fleet->currency);
    pg_add_number(&parameters, time(NULL));
    pg_add_number(&parameters, timestamp_now());
    if (!import_run(import,
                    "SELECT (m.value <> $1)::int, (m.value <> $1 AND m.value <> '' AND EXISTS"
                    " (SELECT 1 FROM bookings WHERE (state = 2 OR (state = 1 AND expires_at > $2))"
                    " AND return_at > $3))::int FROM meta m WHERE m.name = 'currency'",
                    &parameters, &row))
        return false;
    *other = pg_number(row, 0, 0) == 1;
    bool forbidden = pg_number(row, 0, 1) == 1;
    PQclear(row);
    if (forbidden)
        buffer_printf(
            import->error,
            "%s: there are bookings in another currency than %s that are not over: import "
            "a fleet in theirs, or start a new database",
            import->connection->name, import->fleet->currency);
    return !forbidden;
}

/* --- changing -------------------------------------------------------------------------------- */

static bool write_changes(struct import *import)
{
    static const char *const statements[] = {
        "SELECT count(*) FROM (SELECT 1 FROM cars WHERE number IN (SELECT number FROM changes)"
        " ORDER BY number FOR NO KEY UPDATE) locked",
        "UPDATE cars c SET offered = 0 FROM changes h WHERE h.number = c.number AND h.kind = 3",
        "UPDATE cars c SET category = n.category, location = n.location, day_price = n.day_price,"
        " hour_price = n.hour_price, turnaround = n.turnaround, offered = 1 FROM changes h JOIN "
        "new_cars n"
        " ON n.carid = h.carid WHERE h.number = c.number AND h.kind <> 3",
        "INSERT INTO cars (carid, category, location, day_price, hour_price, turnaround, offered)"
        " SELECT n.carid, n.category, n.location, n.day_price, n.hour_price, n.turnaround, 1"
        " FROM new_cars n"
        " JOIN changes h ON h.carid = n.carid WHERE h.number IS NULL ORDER BY n.place",
        "UPDATE meta SET value = (value::bigint + 1)::text WHERE name = 'fleet'",
    };
    for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++)
        if (!import_run(import, statements[i], NULL, NULL))
            return false;
    struct pg_parameters currency = {0}, at = {0};
    pg_add_text(&currency, import->fleet->currency);
    pg_add_number(&at, timestamp_now_milliseconds());
    return import_run(import, "UPDATE meta SET value = $1 WHERE name = 'currency'", &currency,
                      NULL) &&
           import_run(import,
                      "WITH n AS (UPDATE event_counter SET last = last + 1 RETURNING last)"
                      " INSERT INTO events SELECT last, 3, 0, 0, 0, 0, '', $1::bigint FROM n",
                      &at, NULL);
}

static bool has_cars(struct import *import, bool *has)
{
    PGresult *row;
    if (!import_run(import, "SELECT EXISTS (SELECT 1 FROM cars)::int", NULL, &row))
        return false;
    *has = pg_number(row, 0, 0) == 1;
    PQclear(row);
    return true;
}

/* In an open transaction, which the caller commits if *write is set, and else undoes. */
static bool import_replace(struct import *import, const struct store_import_options *options,
                           bool *write)
{
    bool has = false, other = false;
    if (!import_run(import, "SELECT value FROM meta WHERE name = 'fleet' FOR UPDATE", NULL, NULL) ||
        !has_cars(import, &has))
        return false;
    if (options->only_if_empty && has)
        return true;
    if (!import_run(import,
                    "CREATE TEMPORARY TABLE new_cars (place bigint GENERATED ALWAYS AS IDENTITY,"
                    " carid text, category text, location text, day_price bigint,"
                    " hour_price bigint, turnaround integer) ON COMMIT DROP",
                    NULL, NULL) ||
        !copy_cars(import) || !import_run(import, compare, NULL, NULL) || !count_changes(import) ||
        !find_bookings(import, FIND_BOOKINGS("c.moved"), &import->report->bookings_moved) ||
        !find_bookings(import, FIND_BOOKINGS("c.kind = 3"), &import->report->bookings_withdrawn) ||
        !check_currency(import, &other))
        return false;
    struct store_import_report *report = import->report;
    if (other) /* all that stay */
        report->repriced = report->fleet_before - report->withdrawn;
    store_import_judge(report);
    *write = store_import_writes(report, options) &&
             (other || report->added || report->changed || report->withdrawn);
    /* Where it knows nothing of a table, the server plans for a small one. */
    return !*write ||
           (import_run(import, "ANALYZE new_cars, changes", NULL, NULL) && write_changes(import));
}

bool pg_import_fleet(struct pg_connection *connection, const struct fleet *fleet,
                     const struct store_import_options *options, struct store_import_report *report,
                     struct buffer *error)
{
    struct store_import_report made = {0};
    struct import import = {connection, fleet, &made, error, loop_clock() + PATIENCE};
    bool write = false, has = false;
    if (options->only_if_empty &&
        !has_cars(&import, &has)) /* each start asks, and waits for no import */
        return false;
    if (has) {
        *report = made;
        return true;
    }
    bool replaced = import_run(&import, "BEGIN", NULL, NULL) &&
                    import_replace(&import, options, &write) &&
                    (!write || import_run(&import, "COMMIT", NULL, NULL));
    pg_rollback(connection, loop_clock() + PATIENCE);
    if (replaced)
        *report = made;
    return replaced;
}
