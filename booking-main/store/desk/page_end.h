/* Where a page of bookings ended, as a text: a page's `next` is the following one's `after`. */
#ifndef BOOKING_STORE_DESK_PAGE_END_H
#define BOOKING_STORE_DESK_PAGE_END_H

#include "store/desk/desk.h"

struct desk_page_end {
    enum desk_order order;
    struct desk_place place;
};

enum { DESK_PAGE_END_SIZE = 48 };

void desk_page_end_write(const struct desk_page_end *end, char text[DESK_PAGE_END_SIZE]);

/* NULL, or what is wrong with the text, as the end of a sentence. */
const char *desk_page_end_read(const char *text, struct desk_page_end *end);

#endif
