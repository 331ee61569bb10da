/* Occupancy: counted in portions, from the index. */
#include "tests/unit/booking-main/store/store_unit.h"

#include "inventory/occupancy.h"

enum { CARS = 20000, DAY = MINUTES_PER_DAY, MONDAY = 100000 * MINUTES_PER_DAY };

static struct unit_engine engine;
static struct log *log_to_nowhere;
static struct inventory *inventory;

/* Even cars at NCE, odd ones at PAR; the last ones of another category. */
static void import_cars(void)
{
    struct buffer lines;
    buffer_init(&lines, 1 << 30);
    for (unsigned i = 0; i < CARS; i++)
        buffer_printf(&lines, "car-%05u,%s,%s,55.00,,EUR\n", i, i < CARS - 10 ? "ECMR" : "CDMR",
                      i % 2 ? "PAR" : "NCE");
    unit_import(&engine, lines.data);
    buffer_free(&lines);
}

static int begin(void **state)
{
    (void)state;
    struct buffer error;
    buffer_init(&error, 4096);
    unit_engine_start(&engine, "sqlite::memory:");
    import_cars();
    log_to_nowhere = log_new(-1, "test");
    inventory = inventory_new(engine.store, engine.loop, log_to_nowhere, NULL, NULL, &error);
    assert_non_null(inventory);
    buffer_free(&error);
    return 0;
}

static int end(void **state)
{
    (void)state;
    inventory_free(inventory);
    unit_engine_stop(&engine);
    log_free(log_to_nowhere);
    return 0;
}

static void take(const char *carid, int32_t from, int32_t to)
{
    static int64_t number;
    uint32_t position = catalog_by_carid(inventory_catalog(inventory), carid);
    struct store_event event = {
        .number = inventory_last_event(inventory) + 1,
        .kind = EVENT_TAKEN,
        .car = catalog_car(inventory_catalog(inventory), position)->number,
        .period = {from, to},
    };
    snprintf(event.booking_id, sizeof event.booking_id, "%022d", (int)++number);
    inventory_apply(inventory, &event);
}

static char told[1024];

static bool tell(void *context, const struct occupancy_group *group)
{
    unsigned days = *(unsigned *)context;
    size_t size = strlen(told);
    snprintf(told + size, sizeof told - size, "%s %s %u:", group->location, group->category,
             group->total);
    for (unsigned i = 0; i < days; i++) {
        size = strlen(told);
        snprintf(told + size, sizeof told - size, " %u", group->busy[i]);
    }
    strcat(told, "\n");
    return true;
}

static const char *count(const char *location, unsigned days, int *steps)
{
    struct occupancy *occupancy = occupancy_new(location, MONDAY, days);
    enum occupancy_state state;
    *steps = 0;
    do
        state = occupancy_step(occupancy, inventory);
    while (++*steps && state == OCCUPANCY_MORE);
    assert_int_equal(state, OCCUPANCY_DONE);
    *told = '\0';
    assert_true(occupancy_tell(occupancy, tell, &days));
    occupancy_free(occupancy);
    return told;
}

static void each_day_of_each_group_is_counted(void **state)
{
    (void)state;
    int steps;
    take("car-00000", MONDAY + 2 * DAY - 10, MONDAY + 2 * DAY); /* up to midnight */
    take("car-00000", MONDAY + 2 * DAY, MONDAY + 2 * DAY + 5);
    take("car-00000", MONDAY + 2 * DAY + 10, MONDAY + 2 * DAY + 15); /* twice on a day */
    take("car-00002", MONDAY - DAY, MONDAY + 1);                     /* from before */
    take("car-00004", MONDAY + 2 * DAY + 100, MONDAY + 90 * DAY);    /* to behind */
    take("car-00006", MONDAY - 2 * DAY, MONDAY);                     /* before */
    take("car-00008", MONDAY + 3 * DAY, MONDAY + 4 * DAY);           /* behind */
    take("car-19999", MONDAY, MONDAY + 3 * DAY);
    assert_string_equal(count("", 3, &steps), "NCE CDMR 5: 0 0 0\nNCE ECMR 9995: 1 1 2\n"
                                              "PAR CDMR 5: 1 1 1\nPAR ECMR 9995: 0 0 0\n");
    assert_int_equal(steps, 3);
    assert_string_equal(count("PAR", 1, &steps), "PAR CDMR 5: 1\nPAR ECMR 9995: 0\n");
    assert_string_equal(count("nowhere", 1, &steps), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_day_of_each_group_is_counted, begin, end),
    };
    return cmocka_run_group_tests_name("inventory: occupancy", tests, NULL, NULL);
}
