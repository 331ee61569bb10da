/* Durable bookings a second of engines on one database: the store's part of each, without HTTP.
 *
 *     bench_engines fleet URL
 *     bench_engines clients URL ENGINES CLIENTS WARM SECONDS
 *     bench_engines rate URL ENGINES RATE WARM SECONDS
 *
 * The first makes the tables and the fleet. The second has CLIENTS of each engine book again as
 * soon as they are answered; with none the engines only follow each other's events. The third makes
 * RATE bookings a second, the engines in turn. After WARM seconds of that both print "begins" and
 * count; at the end they print a line of JSON. Times in it are in microseconds.
 */
#include "tests/bench/store_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct store_load_result result;

static void say_that_it_begins(void)
{
    (void)puts("begins");
    (void)fflush(stdout);
}

static double microseconds(const struct histogram *histogram, double share)
{
    return (double)histogram_percentile(histogram, share) / 1e3;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "fleet") == 0) {
        store_load_fleet(argv[2]);
        return 0;
    }
    bool rate = argc == 7 && strcmp(argv[1], "rate") == 0;
    if (!rate && (argc != 7 || strcmp(argv[1], "clients") != 0))
        store_load_die("usage", "see the top of bench_engines.c");
    const struct store_load load = {
        .url = argv[2],
        .engines = (int)strtol(argv[3], NULL, 10),
        .clients = rate ? 0 : (int)strtol(argv[4], NULL, 10),
        .rate = rate ? strtod(argv[4], NULL) : 0,
        .warm_seconds = strtod(argv[5], NULL),
        .seconds = strtod(argv[6], NULL),
        .begins = say_that_it_begins,
    };
    store_load_run(&load, &result);
    (void)printf("{\"bookings\": %lld, \"groups\": %lld, \"seconds\": %.6f, \"answered_p50\": %.1f,"
                 " \"answered_p99\": %.1f, \"seen_p50\": %.1f, \"seen_p99\": %.1f}\n",
                 (long long)result.bookings, (long long)result.groups, result.seconds,
                 microseconds(&result.answered, 0.5), microseconds(&result.answered, 0.99),
                 microseconds(&result.seen, 0.5), microseconds(&result.seen, 0.99));
    return 0;
}
