/* Bookings for the benches of the store, and any number of engines that make them: the store's part
 * of each, with its threads and connections, without HTTP. All of them are in one process and on
 * one loop.
 */
#ifndef TESTS_BENCH_STORE_LOAD_H
#define TESTS_BENCH_STORE_LOAD_H

#include "store/store.h"
#include "tests/bench/histogram.h"

enum { STORE_LOAD_CARS = 20000 };

struct store_load {
    const char *url; /* of a database with store_load_fleet() in it */
    int engines;
    int clients; /* of each engine; they book again as soon as they are answered */
    double rate; /* or bookings a second at fixed times, of all engines together; 0 for clients */
    double warm_seconds; /* of load that is not counted, after every engine has booked once */
    double seconds;
    void (*begins)(void); /* called when the counting begins; or NULL */
};

struct store_load_result {
    int64_t bookings, groups; /* a group is a transaction */
    double seconds;
    struct histogram answered; /* how long a booking took */
    struct histogram seen;     /* from its answer until another engine had its event */
};

/* Prints why and ends the program. */
__attribute__((noreturn)) void store_load_die(const char *what, const char *why);

/* A booking that nothing is in the way of: a random id and car, a day later each time; and a key.
 */
void store_load_booking(struct booking *booking, char key[STORE_KEY_MAX + 1]);

/* What is kept for the key, of the size of a real one. */
struct store_answer store_load_answer(const char *key);

/* Opens the database and has it sell STORE_LOAD_CARS cars, from number 1 on. */
void store_load_fleet(const char *url);

/* Every booking must succeed, or the program ends. */
void store_load_run(const struct store_load *load, struct store_load_result *result);

#endif
