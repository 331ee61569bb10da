#include "rental/car.h"

#include <string.h>

bool car_id_valid(const char *carid)
{
    size_t size = 0;
    while (carid[size] > ' ' && carid[size] <= '~')
        size++;
    return size >= 1 && size <= CAR_ID_MAX && !carid[size];
}

bool car_location_valid(const char *location)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t size = strlen(location);
    return size >= 1 && size <= CAR_LOCATION_MAX && strspn(location, allowed) == size;
}

bool car_category_valid(const char *category)
{
    size_t size = 0;
    while (category[size] >= 'A' && category[size] <= 'Z')
        size++;
    return size == CAR_CATEGORY_SIZE && !category[size];
}
