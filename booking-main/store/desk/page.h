/* A page of bookings in JSON. Where it ended is a text: a page's `next` is the following one's
 * `after`. */
#ifndef BOOKING_STORE_DESK_PAGE_H
#define BOOKING_STORE_DESK_PAGE_H

#include "store/desk/desk.h"

struct desk_page_end {
    enum desk_order order;
    struct desk_place place;
};

enum { DESK_PAGE_END_SIZE = 48 };

void desk_page_end_write(const struct desk_page_end *end, char text[DESK_PAGE_END_SIZE]);

/* NULL, or what is wrong with the text, as the end of a sentence. */
const char *desk_page_end_read(const char *text, struct desk_page_end *end);

struct desk_page {
    struct desk_filter filter;
    struct desk_page_end after;
    bool behind; /* there is an `after` */
    unsigned limit;
    void (*add)(struct buffer *body, const struct desk_booking *booking); /* as a JSON value */
};

/* Adds {"bookings":[...],"next":"..."}, with `next` where there are more. False when the database
 * failed, with a sentence in `error`. */
bool desk_page_add(struct desk *desk, const struct desk_page *page, struct buffer *body,
                   struct buffer *error);

#endif
