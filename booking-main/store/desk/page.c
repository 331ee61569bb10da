#include "store/desk/page.h"

#include "lib/json/writer.h"

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

struct adding {
    const struct desk_page *page;
    struct buffer *body;
    struct desk_page_end end;
    unsigned count;
    bool more;
};

static bool add_booking(void *context, const struct desk_booking *booking)
{
    struct adding *adding = context;
    if (adding->count == adding->page->limit) {
        adding->more = true;
        return false;
    }
    adding->count++;
    adding->end.place = desk_place_of(&adding->page->filter, booking);
    adding->page->add(adding->body, booking);
    return true;
}

bool desk_page_add(struct desk *desk, const struct desk_page *page, struct buffer *body,
                   struct buffer *error)
{
    struct adding adding = {.page = page, .body = body, .end.order = page->filter.order};
    json_begin(body);
    json_open_array(body, "bookings");
    bool found = desk_find_bookings(desk, &page->filter, page->behind ? &page->after.place : NULL,
                                    page->limit + 1, add_booking, &adding, error);
    json_close_array(body);
    if (adding.more) {
        char next[DESK_PAGE_END_SIZE];
        desk_page_end_write(&adding.end, next);
        json_add_string(body, "next", next);
    }
    json_end(body);
    return found;
}
