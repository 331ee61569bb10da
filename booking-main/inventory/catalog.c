#include "inventory/catalog.h"

#include "lib/base/money.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

struct location {
    uint32_t id;
    char name[CAR_LOCATION_MAX + 1];
};

struct catalog {
    char currency[4];
    int exponent;
    struct catalog_car *cars;
    uint32_t count, room;
    struct buffer texts; /* all carids and locations, each ended by NUL */
    void *locations;     /* tree of struct location, by name */
    uint32_t *names;     /* the text of each location, by id */
    uint32_t location_count, name_room;
    uint32_t *by_carid;  /* positions in the order of their carids */
    uint32_t *by_number; /* position of each number, up to the largest */
    uint32_t number_limit;
    char categories[CATALOG_CATEGORIES_MAX][CAR_CATEGORY_SIZE];
    size_t category_count;
};

struct catalog *catalog_new(const char *currency, size_t cars)
{
    if (cars >= CATALOG_NONE)
        return NULL;
    struct catalog *catalog = calloc(1, sizeof *catalog);
    if (!catalog)
        return NULL;
    buffer_init(&catalog->texts, UINT32_MAX);
    memcpy(catalog->currency, currency, strnlen(currency, 3));
    catalog->exponent = money_exponent(catalog->currency);
    if (catalog->exponent < 0)
        catalog->exponent = 2; /* an empty database has no currency yet */
    catalog->room = (uint32_t)cars;
    catalog->cars = malloc((cars + 1) * sizeof catalog->cars[0]);
    if (!catalog->cars) {
        catalog_free(catalog);
        return NULL;
    }
    return catalog;
}

void catalog_free(struct catalog *catalog)
{
    if (!catalog)
        return;
    tdestroy(catalog->locations, free);
    free(catalog->names);
    free(catalog->by_number);
    free(catalog->by_carid);
    free(catalog->cars);
    buffer_free(&catalog->texts);
    free(catalog);
}

/* Offset of a copy of the text. */
static uint32_t add_text(struct catalog *catalog, const char *text)
{
    size_t offset = catalog->texts.size;
    buffer_add(&catalog->texts, text, strlen(text) + 1);
    return (uint32_t)offset;
}

static int by_name(const void *left, const void *right)
{
    return strcmp(((const struct location *)left)->name, ((const struct location *)right)->name);
}

/* The location's number; CATALOG_NONE when out of memory. */
static uint32_t add_location(struct catalog *catalog, const char *name)
{
    struct location *location = calloc(1, sizeof *location);
    if (!location)
        return CATALOG_NONE;
    memcpy(location->name, name, strnlen(name, CAR_LOCATION_MAX));
    struct location **found = tsearch(location, &catalog->locations, by_name);
    if (!found || *found != location) {
        free(location);
        return found ? (*found)->id : CATALOG_NONE;
    }
    if (catalog->location_count == catalog->name_room) {
        uint32_t room = catalog->name_room ? 2 * catalog->name_room : 64;
        uint32_t *names = realloc(catalog->names, room * sizeof names[0]);
        if (!names)
            return CATALOG_NONE; /* the tree owns the location */
        catalog->names = names;
        catalog->name_room = room;
    }
    location->id = catalog->location_count;
    catalog->names[catalog->location_count++] = add_text(catalog, name);
    return location->id;
}

bool catalog_add(struct catalog *catalog, const struct store_car *car)
{
    if (catalog->count == catalog->room || car->number < 0 || car->number >= CATALOG_NONE)
        return false;
    struct catalog_car *added = &catalog->cars[catalog->count];
    *added = (struct catalog_car){
        .day_price = car->day_price,
        .hour_price = car->hour_price,
        .number = (uint32_t)car->number,
        .carid = add_text(catalog, car->carid),
        .location = catalog_find_location(catalog, car->location),
        .offered = car->offered,
        .turnaround = (uint16_t)car->turnaround,
    };
    memcpy(added->category, car->category, sizeof added->category);
    if (added->location == CATALOG_NONE)
        added->location = add_location(catalog, car->location);
    if (added->location == CATALOG_NONE || catalog->texts.failed)
        return false;
    if (added->number >= catalog->number_limit)
        catalog->number_limit = added->number + 1;
    catalog->count++;
    return true;
}

static int in_order(const void *left, const void *right, void *context)
{
    const struct catalog_car *a = left, *b = right;
    const struct catalog *catalog = context;
    if (a->day_price != b->day_price)
        return a->day_price < b->day_price ? -1 : 1;
    return strcmp(catalog_carid(catalog, a), catalog_carid(catalog, b));
}

static int by_carid(const void *left, const void *right, void *context)
{
    const struct catalog *catalog = context;
    const struct catalog_car *a = &catalog->cars[*(const uint32_t *)left];
    const struct catalog_car *b = &catalog->cars[*(const uint32_t *)right];
    return strcmp(catalog_carid(catalog, a), catalog_carid(catalog, b));
}

/* Where a category is in a table of so many places, or could be put. A place is one more than a
 * category's number, 0 for none. */
static size_t category_place(const struct catalog *catalog, const uint16_t *table, size_t places,
                             const char *category)
{
    uint32_t hash;
    memcpy(&hash, category, sizeof hash);
    size_t place = (hash * UINT32_C(2654435761)) % places;
    while (table[place] &&
           memcmp(catalog->categories[table[place] - 1], category, CAR_CATEGORY_SIZE) != 0)
        place = (place + 1) % places;
    return place;
}

static void collect_categories(struct catalog *catalog)
{
    uint16_t table[4 * CATALOG_CATEGORIES_MAX] = {0};
    for (uint32_t i = 0; i < catalog->count; i++) {
        const struct catalog_car *car = &catalog->cars[i];
        if (!car->offered)
            continue;
        size_t place =
            category_place(catalog, table, sizeof table / sizeof table[0], car->category);
        if (table[place] || catalog->category_count == CATALOG_CATEGORIES_MAX)
            continue;
        memcpy(catalog->categories[catalog->category_count++], car->category, CAR_CATEGORY_SIZE);
        table[place] = (uint16_t)catalog->category_count;
    }
}

bool catalog_finish(struct catalog *catalog)
{
    size_t count = catalog->count, limit = catalog->number_limit;
    catalog->by_carid = malloc((count + 1) * sizeof catalog->by_carid[0]);
    catalog->by_number = malloc((limit + 1) * sizeof catalog->by_number[0]);
    if (!catalog->by_carid || !catalog->by_number)
        return false;
    qsort_r(catalog->cars, count, sizeof catalog->cars[0], in_order, catalog);
    collect_categories(catalog);
    memset(catalog->by_number, 0xFF, (limit + 1) * sizeof catalog->by_number[0]); /* NONE */
    for (uint32_t i = 0; i < count; i++) {
        catalog->by_carid[i] = i;
        catalog->by_number[catalog->cars[i].number] = i;
    }
    qsort_r(catalog->by_carid, count, sizeof catalog->by_carid[0], by_carid, catalog);
    return true;
}

uint32_t catalog_count(const struct catalog *catalog)
{
    return catalog->count;
}

const struct catalog_car *catalog_car(const struct catalog *catalog, uint32_t position)
{
    return &catalog->cars[position];
}

const char *catalog_carid(const struct catalog *catalog, const struct catalog_car *car)
{
    return catalog->texts.data + car->carid;
}

const char *catalog_location(const struct catalog *catalog, const struct catalog_car *car)
{
    return catalog->texts.data + catalog->names[car->location];
}

size_t catalog_category_count(const struct catalog *catalog)
{
    return catalog->category_count;
}

const char *catalog_category(const struct catalog *catalog, size_t i)
{
    return catalog->categories[i];
}

const char *catalog_currency(const struct catalog *catalog)
{
    return catalog->currency;
}

int catalog_exponent(const struct catalog *catalog)
{
    return catalog->exponent;
}

uint32_t catalog_by_number(const struct catalog *catalog, int64_t number)
{
    if (number < 0 || number >= catalog->number_limit)
        return CATALOG_NONE;
    return catalog->by_number[number];
}

uint32_t catalog_by_carid(const struct catalog *catalog, const char *carid)
{
    uint32_t low = 0, high = catalog->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        uint32_t position = catalog->by_carid[middle];
        int order = strcmp(carid, catalog_carid(catalog, &catalog->cars[position]));
        if (order == 0)
            return position;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return CATALOG_NONE;
}

uint32_t catalog_find_location(const struct catalog *catalog, const char *location)
{
    struct location wanted = {0};
    if (strlen(location) > CAR_LOCATION_MAX)
        return CATALOG_NONE;
    memcpy(wanted.name, location, strlen(location));
    struct location **found = tfind(&wanted, &catalog->locations, by_name);
    return found ? (*found)->id : CATALOG_NONE;
}
