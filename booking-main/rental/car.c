#include "rental/car.h"

#include "lib/base/text.h"

#include <string.h>

const char *car_id_problem(const char *carid)
{
    size_t size = strlen(carid);
    if (size < 1 || size > CAR_ID_MAX)
        return "must have 1 to 64 bytes";
    if (!text_is_utf8(carid))
        return "is not UTF-8";
    if (text_has_control(carid))
        return "has a control character in it";
    if (text_has_space_at_an_end(carid))
        return "has white space at its beginning or end";
    return NULL;
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
