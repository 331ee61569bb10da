/* How long "which is the cheapest free car?" takes, asked of the availability index and of SQLite.
 *
 *     bench_search [cars ...]        default: 1000 100000 1000000
 *
 * Every search is timed by itself, the reading of the clock included. "again" repeats one question;
 * "varied" asks for another minute of pickup and return each time; "cold" as well, after the
 * processor's caches have been filled with something else. SQLite answers the same questions, and
 * each answer is compared.
 */
#include "inventory/availability.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    LOCATIONS = 200,
    CATEGORIES = 24,
    AGAIN_SEARCHES = 2000,
    VARIED_SEARCHES = 10000,
    COLD_SEARCHES = 40,
    EVICT_BYTES = 64 << 20,
    SINCE = 20000 * MINUTES_PER_DAY,
    WHEN = SINCE + 400 * MINUTES_PER_DAY + 10 * 60, /* the pickup of the cases */
};

enum fleet { FLEET_EMPTY, FLEET_BOOKED, FLEET_RANDOM_DAY, FLEET_RETURNS_AT_18, FLEETS };

static const char *const fleet_names[FLEETS] = {
    [FLEET_EMPTY] = "empty",
    [FLEET_BOOKED] = "half booked over the period",
    [FLEET_RANDOM_DAY] = "half busy on a random day",
    [FLEET_RETURNS_AT_18] = "half back at 18:00",
};

struct timing {
    int64_t median;
    int64_t p99;
    int64_t most;
};

static uint64_t random_state = 1;

static uint32_t random_below(uint32_t bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state >> 32) * bound >> 32);
}

static int32_t random_minutes(int32_t bound)
{
    return (int32_t)random_below((uint32_t)bound);
}

static int64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void fail(const char *what)
{
    (void)fprintf(stderr, "bench_search: %s\n", what);
    exit(1);
}

static int compare_times(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;

    return (left > right) - (left < right);
}

static struct timing timing_of(int64_t *times, uint32_t count)
{
    qsort(times, count, sizeof(*times), compare_times);
    return (struct timing){.median = times[count / 2],
                           .p99 = times[count - 1 - count / 100],
                           .most = times[count - 1]};
}

/* Pushes everything else out of the caches. */
static void evict(void)
{
    static char *heap;
    static volatile char sink;
    char sum = 0;

    if (!heap) {
        heap = malloc(EVICT_BYTES);
        if (!heap)
            fail("out of memory");
        memset(heap, 1, EVICT_BYTES);
    }
    for (size_t i = 0; i < EVICT_BYTES; i += 64)
        sum = (char)(sum + heap[i]);
    sink = (char)(sink + sum);
}

static struct availability_car *make_cars(uint32_t count)
{
    struct availability_car *cars = calloc(count, sizeof(*cars));

    if (!cars)
        fail("out of memory");
    for (uint32_t i = 0; i < count; i++) {
        uint32_t category = random_below(CATEGORIES);

        cars[i].location = random_below(LOCATIONS);
        cars[i].category[0] = "CEFILMPS"[category % 8];
        cars[i].category[1] = "CDW"[category / 8];
        cars[i].category[2] = 'M';
        cars[i].category[3] = 'R';
        cars[i].offered = true;
    }
    return cars;
}

/* The period of car number `car` in the fleet, if it has one. */
static bool busy_period(enum fleet fleet, uint32_t car, uint32_t count, int32_t days,
                        struct period *period)
{
    int32_t day;

    if (car >= count / 2)
        return false;
    switch (fleet) {
    case FLEET_BOOKED:
        *period = (struct period){WHEN - 60, WHEN + days * MINUTES_PER_DAY + 60};
        return true;
    case FLEET_RANDOM_DAY:
        day = random_minutes(days);
        *period = (struct period){WHEN + day * MINUTES_PER_DAY, WHEN + (day + 1) * MINUTES_PER_DAY};
        return true;
    case FLEET_RETURNS_AT_18:
        *period = (struct period){WHEN - 3 * MINUTES_PER_DAY, WHEN + 8 * 60};
        return true;
    default:
        return false;
    }
}

static struct period ask_period(int32_t days)
{
    return (struct period){
        .pickup_at = WHEN + random_minutes(60),
        .return_at = WHEN + days * MINUTES_PER_DAY - random_minutes(60),
    };
}

static struct timing time_searches(const struct availability *index,
                                   struct availability_query query, int32_t days, uint32_t count,
                                   bool varied, bool cold)
{
    static int64_t times[VARIED_SEARCHES];
    static volatile uint32_t sink;

    query.period = ask_period(days);
    for (uint32_t i = 0; i < count; i++) {
        int64_t start;

        if (varied)
            query.period = ask_period(days);
        if (cold)
            evict();
        start = now_ns();
        sink = sink ^ availability_find(index, &query);
        times[i] = now_ns() - start;
    }
    return timing_of(times, count);
}

/* ---- SQLite ---- */

enum { FIND_WAYS = 3 };

struct database {
    sqlite3 *handle;
    sqlite3_stmt *add_car;
    sqlite3_stmt *add_busy;
    sqlite3_stmt *find[FIND_WAYS];
};

/* One look into the index of periods for each car, in two forms (a car's periods are disjoint, so
 * the last that starts before the return decides), or all cars that are busy at the time first. The
 * quickest is reported. */
static const char *const find_sql[FIND_WAYS] = {
    "SELECT car FROM cars WHERE NOT EXISTS (SELECT 1 FROM busy b WHERE b.car = cars.car AND "
    "b.pickup_at < ?2 AND b.return_at > ?1) ORDER BY car LIMIT 1",
    "SELECT car FROM cars WHERE coalesce((SELECT b.return_at FROM busy b WHERE b.car = cars.car "
    "AND b.pickup_at < ?2 ORDER BY b.pickup_at DESC LIMIT 1), 0) <= ?1 ORDER BY car LIMIT 1",
    "SELECT car FROM cars WHERE car NOT IN (SELECT b.car FROM busy b WHERE b.pickup_at < ?2 AND "
    "b.pickup_at > ?1 - 129600 AND b.return_at > ?1) ORDER BY car LIMIT 1",
};

static void run_sql(struct database *database, const char *sql)
{
    if (sqlite3_exec(database->handle, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail(sqlite3_errmsg(database->handle));
}

static sqlite3_stmt *prepare(struct database *database, const char *sql)
{
    sqlite3_stmt *statement;

    if (sqlite3_prepare_v2(database->handle, sql, -1, &statement, NULL) != SQLITE_OK)
        fail(sqlite3_errmsg(database->handle));
    return statement;
}

static int step(sqlite3_stmt *statement, int64_t first, int64_t second, int64_t third)
{
    int code;

    (void)sqlite3_reset(statement);
    (void)sqlite3_bind_int64(statement, 1, first);
    (void)sqlite3_bind_int64(statement, 2, second);
    (void)sqlite3_bind_int64(statement, 3, third); /* where there is one */
    code = sqlite3_step(statement);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        fail(sqlite3_errmsg(sqlite3_db_handle(statement)));
    return code;
}

static void open_database(struct database *database, uint32_t count)
{
    if (sqlite3_open(":memory:", &database->handle) != SQLITE_OK)
        fail("cannot open the database");
    run_sql(database, "CREATE TABLE cars(car INTEGER PRIMARY KEY);"
                      "CREATE TABLE busy(car INTEGER, pickup_at INTEGER, return_at INTEGER, "
                      "PRIMARY KEY(car, pickup_at, return_at)) WITHOUT ROWID;"
                      "CREATE INDEX busy_by_time ON busy(pickup_at, return_at, car);"
                      "BEGIN");
    database->add_car = prepare(database, "INSERT INTO cars VALUES(?1)");
    database->add_busy = prepare(database, "INSERT INTO busy VALUES(?1, ?2, ?3)");
    for (int i = 0; i < FIND_WAYS; i++)
        database->find[i] = prepare(database, find_sql[i]);
    for (uint32_t i = 0; i < count; i++)
        (void)step(database->add_car, i, 0, 0);
    (void)sqlite3_reset(database->add_car);
    run_sql(database, "COMMIT");
}

static void close_database(struct database *database)
{
    (void)sqlite3_finalize(database->add_car);
    (void)sqlite3_finalize(database->add_busy);
    for (int i = 0; i < FIND_WAYS; i++)
        (void)sqlite3_finalize(database->find[i]);
    (void)sqlite3_close(database->handle);
}

static int64_t time_sqlite(struct database *database, const struct availability *index,
                           int32_t days)
{
    int64_t best = INT64_MAX;

    for (int i = 0; i < FIND_WAYS; i++) {
        int64_t times[101];
        uint32_t count = 0;
        int64_t total = 0;

        while (count < 101 && (count < 2 || total < 100000000)) {
            struct availability_query query = {ask_period(days), AVAILABILITY_ANYWHERE, NULL};
            int64_t start = now_ns();
            int code = step(database->find[i], query.period.pickup_at, query.period.return_at, 0);
            int64_t found = sqlite3_column_int64(database->find[i], 0);

            times[count] = now_ns() - start;
            total += times[count++];
            if (code != SQLITE_ROW || found != availability_find(index, &query))
                fail("SQLite and the index do not agree");
            (void)sqlite3_reset(database->find[i]);
        }
        qsort(times, count, sizeof(*times), compare_times);
        if (times[count / 2] < best)
            best = times[count / 2];
    }
    return best;
}

/* ---- The tables ---- */

static void print_us(int64_t ns)
{
    printf(" %9.*f", ns < 1000000 ? 2 : 0, (double)ns / 1000);
}

static void bench_size(uint32_t count)
{
    static const int32_t periods[] = {1, 3, 14, 90};
    struct availability_query query = {.location = AVAILABILITY_ANYWHERE};
    struct availability_car *cars = make_cars(count);
    struct database database;
    int64_t of_cases[16];
    uint32_t cases = 0;
    int64_t worst = 0;

    open_database(&database, count);
    for (int fleet = 0; fleet < FLEETS; fleet++) {
        for (size_t i = 0; i < sizeof(periods) / sizeof(*periods); i++) {
            int32_t days = periods[i];
            struct availability *index;
            struct timing again;
            struct timing varied;
            struct timing cold;

            if (availability_new(cars, count, SINCE, &index) < 0)
                fail("out of memory");
            run_sql(&database, "DELETE FROM busy; BEGIN");
            for (uint32_t car = 0; car < count; car++) {
                struct period period;

                if (!busy_period((enum fleet)fleet, car, count, days, &period))
                    continue;
                if (availability_occupy(index, car, period) < 0)
                    fail("cannot occupy");
                (void)step(database.add_busy, car, period.pickup_at, period.return_at);
            }
            (void)sqlite3_reset(database.add_busy);
            run_sql(&database, "COMMIT");
            availability_settle(index);

            again = time_searches(index, query, days, AGAIN_SEARCHES, false, false);
            varied = time_searches(index, query, days, VARIED_SEARCHES, true, false);
            cold = time_searches(index, query, days, COLD_SEARCHES, true, true);
            printf("%8u  %-28s %3d", count, fleet_names[fleet], days);
            print_us(again.median);
            print_us(varied.median);
            print_us(varied.p99);
            print_us(cold.median);
            print_us(cold.most);
            print_us(time_sqlite(&database, index, days));
            printf("\n");
            (void)fflush(stdout);
            if (days <= 14)
                of_cases[cases++] = varied.median;
            if (cold.median > worst)
                worst = cold.median;
            if (varied.p99 > worst)
                worst = varied.p99;
            availability_free(index);
        }
    }
    close_database(&database);
    free(cars);
    printf("%8u  1 to 14 days: median %.2f us; highest p99 or cold median: %.2f us\n\n", count,
           (double)timing_of(of_cases, cases).median / 1000, (double)worst / 1000);
}

static void print_since(const char *what, int64_t start)
{
    printf("  %-58s %9.2f ms\n", what, (double)(now_ns() - start) / 1e6);
}

static void print_searches(const char *what, const struct availability *index, int32_t days,
                           struct availability_query query)
{
    struct timing varied = time_searches(index, query, days, VARIED_SEARCHES, true, false);
    struct timing cold = time_searches(index, query, days, COLD_SEARCHES, true, true);

    printf("  %-58s", what);
    print_us(varied.median);
    print_us(varied.p99);
    print_us(cold.median);
    print_us(cold.most);
    printf("\n");
}

/* Rentals of 1 to 14 days at random over two years, then what a working engine does with such a
 * fleet. */
static void bench_lively(uint32_t count, uint32_t rentals)
{
    enum { CHANGES = 20000 };
    static int64_t occupy_times[CHANGES];
    static int64_t release_times[CHANGES];
    struct availability_car *cars = make_cars(count);
    struct availability *index;
    struct availability_stats stats;
    struct timing occupy;
    struct timing release;
    int64_t advances[60];
    int64_t start = now_ns();
    uint32_t done = 0;

    printf("%u cars, %u rentals of 1 to 14 days over two years\n", count, rentals);
    if (availability_new(cars, count, SINCE, &index) < 0)
        fail("out of memory");
    print_since("make", start);
    start = now_ns();
    while (done < rentals) {
        int32_t pickup = SINCE + random_minutes(730 * MINUTES_PER_DAY);
        struct period period = {pickup, pickup + 60 * (24 + random_minutes(13 * 24))};

        done += availability_occupy(index, random_below(count), period) == 0;
    }
    print_since("load", start);
    start = now_ns();
    availability_settle(index);
    print_since("settle", start);
    stats = availability_stats(index);
    printf("  %-58s %9.2f MiB\n", "memory", (double)stats.bytes / (1 << 20));

    for (uint32_t i = 0; i < CHANGES; i++) {
        struct availability_query query = {ask_period(1 + random_minutes(14)),
                                           random_below(LOCATIONS), NULL};
        uint32_t car;

        query.period.pickup_at += random_minutes(200 * MINUTES_PER_DAY);
        query.period.return_at =
            query.period.pickup_at + (1 + random_minutes(14)) * MINUTES_PER_DAY;
        do {
            car = i % 2 ? availability_find(index, &query) : random_below(count);
            if (i % 2 && car == AVAILABILITY_NONE)
                query.location = AVAILABILITY_ANYWHERE;
            start = now_ns();
        } while (availability_occupy(index, car, query.period) < 0);
        occupy_times[i] = now_ns() - start;
        start = now_ns();
        if (i % 4 < 2 && availability_release(index, car, query.period) < 0)
            fail("cannot release");
        release_times[i] = i % 4 < 2 ? now_ns() - start : release_times[i & ~3U];
    }
    occupy = timing_of(occupy_times, CHANGES);
    release = timing_of(release_times, CHANGES);
    printf("  %-58s %9.2f us, p99 %.2f, most %.2f\n", "occupy", (double)occupy.median / 1000,
           (double)occupy.p99 / 1000, (double)occupy_times[CHANGES - 1] / 1000);
    printf("  %-58s %9.2f us, p99 %.2f, most %.2f\n", "release", (double)release.median / 1000,
           (double)release.p99 / 1000, (double)release_times[CHANGES - 1] / 1000);

    printf("  %-58s %9s %9s %9s %9s us\n", "search, 7 days", "varied", "p99", "cold", "most");
    print_searches("anywhere, any category", index, 7,
                   (struct availability_query){.location = AVAILABILITY_ANYWHERE});
    print_searches(
        "anywhere, ECMR", index, 7,
        (struct availability_query){.location = AVAILABILITY_ANYWHERE, .category = "ECMR"});
    print_searches(
        "anywhere, *D**", index, 7,
        (struct availability_query){.location = AVAILABILITY_ANYWHERE, .category = "*D**"});
    print_searches("one location", index, 7, (struct availability_query){.location = 7});
    print_searches("one location, ECMR", index, 7,
                   (struct availability_query){.location = 7, .category = "ECMR"});
    print_searches("one location, **M*", index, 7,
                   (struct availability_query){.location = 7, .category = "**M*"});

    for (int32_t i = 0; i < 60; i++) {
        start = now_ns();
        availability_advance(index, SINCE + (i + 1) * MINUTES_PER_DAY);
        advances[i] = now_ns() - start;
    }
    qsort(advances, 60, sizeof(*advances), compare_times);
    printf("  %-58s %9.2f us, most %.2f\n", "advance by a day", (double)advances[30] / 1000,
           (double)advances[59] / 1000);
    start = now_ns();
    availability_free(index);
    print_since("free", start);
    printf("\n");
    free(cars);
}

/* The worst fleet for the index: each car is free for 30 days only, no two for the same, and a
 * question that each of them fails by a minute. Does not happen. */
static void bench_ladder(uint32_t count)
{
    static int64_t times[2000];
    struct availability_car *cars = make_cars(count);
    struct availability *index;
    struct timing timing;
    int32_t first = SINCE + 10 * MINUTES_PER_DAY;
    int32_t days = 30 * MINUTES_PER_DAY;
    int64_t start;

    printf("%u cars, each free for 30 days only, from one minute later than the one before\n",
           count);
    if (availability_new(cars, count, SINCE, &index) < 0)
        fail("out of memory");
    for (uint32_t i = 0; i < count; i++) {
        int32_t from = first + (int32_t)i;

        if (availability_occupy(index, i, (struct period){SINCE, from}) < 0 ||
            availability_occupy(index, i, (struct period){from + days, INT32_MAX - 1}) < 0)
            fail("cannot occupy");
    }
    start = now_ns();
    availability_settle(index);
    print_since("settle", start);
    printf("  %-58s %9.2f MiB\n", "memory", (double)availability_stats(index).bytes / (1 << 20));
    for (uint32_t i = 0; i < 2000; i++) {
        int32_t from = first + random_minutes((int32_t)count);
        struct availability_query query = {{from, from + days + 1}, AVAILABILITY_ANYWHERE, NULL};

        start = now_ns();
        if (availability_find(index, &query) != AVAILABILITY_NONE)
            fail("found a car that is not free");
        times[i] = now_ns() - start;
    }
    timing = timing_of(times, 2000);
    printf("  %-58s %9.2f us, p99 %.2f\n", "search for 30 days and a minute, in vain",
           (double)timing.median / 1000, (double)timing.p99 / 1000);
    for (uint32_t i = 0; i < 2000; i++) {
        uint32_t car = random_below(count);
        int32_t from = first + (int32_t)car;

        start = now_ns();
        if (availability_release(index, car, (struct period){SINCE, from}) < 0 ||
            availability_occupy(index, car, (struct period){SINCE, from}) < 0)
            fail("cannot release and occupy");
        times[i] = now_ns() - start;
    }
    timing = timing_of(times, 2000);
    printf("  %-58s %9.2f us, p99 %.2f\n\n", "release and occupy", (double)timing.median / 1000,
           (double)timing.p99 / 1000);
    availability_free(index);
    free(cars);
}

int main(int argc, char **argv)
{
    static const uint32_t all[] = {1000, 100000, 1000000};
    uint32_t sizes[8];
    uint32_t count = 0;

    for (int i = 1; i < argc && count < 8; i++)
        sizes[count++] = (uint32_t)strtoul(argv[i], NULL, 10);
    if (argc == 1)
        for (; count < sizeof(all) / sizeof(*all); count++)
            sizes[count] = all[count];
    for (uint32_t i = 0; i < count; i++)
        if (sizes[i] < 2 || sizes[i] > 10000000)
            fail("usage: bench_search [cars ...], 2 to 10000000 each");

    printf("Search time in microseconds, any location and category\n");
    printf("%8s  %-28s %3s %9s %9s %9s %9s %9s %9s\n", "cars", "fleet", "days", "again", "varied",
           "p99", "cold", "most", "SQLite");
    for (uint32_t i = 0; i < count; i++)
        bench_size(sizes[i]);
    for (uint32_t i = 0; i < count; i++) {
        bench_lively(sizes[i], sizes[i]);
        if (sizes[i] <= 100000)
            bench_lively(sizes[i], 20 * sizes[i]);
        bench_ladder(sizes[i]);
    }
    return 0;
}
