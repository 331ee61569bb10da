#include "store/desk/page_end.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void desk_page_end_write(const struct desk_page_end *end, char text[DESK_PAGE_END_SIZE])
{
    snprintf(text, DESK_PAGE_END_SIZE, "%c%lld.%s", end->order == DESK_BY_PICKUP ? 'p' : 'n',
             (long long)end->place.at, end->place.id);
}

const char *desk_page_end_read(const char *text, struct desk_page_end *end)
{
    static const char unknown[] = "is not the 'next' of a page";
    char digits[20];
    const char *point = strchr(text, '.');
    if ((*text != 'n' && *text != 'p') || !point || point - text < 2 ||
        (size_t)(point - text) >= sizeof digits)
        return unknown;
    snprintf(digits, sizeof digits, "%.*s", (int)(point - text - 1), text + 1);
    if (!booking_id_valid(point + 1) || strspn(digits, "0123456789") != strlen(digits))
        return unknown;
    end->place.at = strtoll(digits, NULL, 10);
    if (*text == 'p' && end->place.at > INT32_MAX)
        return unknown;
    end->order = *text == 'p' ? DESK_BY_PICKUP : DESK_NEWEST_FIRST;
    memcpy(end->place.id, point + 1, sizeof end->place.id);
    return NULL;
}
