#include "lib/adapter/car_list.h"

#include "lib/json/read.h"

#include <stdio.h>
#include <stdlib.h>

static bool take_cars(struct car_list *list, char *member, struct buffer *error)
{
    const json_t *cars = json_object_get(list->root, "cars");
    list->count = json_array_size(cars);
    if (list->count < 1 || list->count > CAR_LIST_MAX) {
        snprintf(member, CAR_LIST_MEMBER_SIZE, "cars");
        buffer_printf(error, "cars must be an array of 1 to %d car documents.", CAR_LIST_MAX);
        return false;
    }
    for (size_t i = 0; i < list->count; i++) {
        const char *wrong;
        const json_t *car = json_array_get(cars, i);
        if (json_is_object(car) && car_document_take(car, &list->cars[i], &wrong, error))
            continue;
        if (json_is_object(car)) {
            snprintf(member, CAR_LIST_MEMBER_SIZE, "cars[%zu].%s", i, wrong);
        } else {
            snprintf(member, CAR_LIST_MEMBER_SIZE, "cars[%zu]", i);
            buffer_add_text(error, "Each of cars must be a JSON object.");
        }
        return false;
    }
    return true;
}

struct car_list *car_list_parse(const char *json, size_t size, char member[CAR_LIST_MEMBER_SIZE],
                                struct buffer *error)
{
    member[0] = '\0';
    json_t *root = json_read_object(json, size, 0, NULL, error);
    if (!root)
        return NULL;
    struct car_list *list = calloc(1, sizeof *list);
    if (!list) {
        error->failed = true;
        json_decref(root);
        return NULL;
    }
    list->root = root;
    if (take_cars(list, member, error))
        return list;
    car_list_free(list);
    return NULL;
}

void car_list_free(struct car_list *list)
{
    if (!list)
        return;
    json_decref(list->root);
    free(list);
}
