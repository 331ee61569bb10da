/* A list of car documents, as an engine sends it for an answer with many cars: {"cars":[...]}. */
#ifndef LIB_ADAPTER_CAR_LIST_H
#define LIB_ADAPTER_CAR_LIST_H

#include "lib/adapter/car_document.h"

enum {
    CAR_LIST_MAX = 100, /* cars */
    CAR_LIST_MEMBER_SIZE = 48,
};

struct car_list {
    json_t *root; /* where the documents' texts are */
    size_t count; /* at least one */
    struct car_document cars[CAR_LIST_MAX];
};

/* As car_document_parse(); what is wrong is named like "cars[3].price", or "" when the whole is.
 * The caller ends it with car_list_free(), for which NULL is fine. */
struct car_list *car_list_parse(const char *json, size_t size, char member[CAR_LIST_MEMBER_SIZE],
                                struct buffer *error);
void car_list_free(struct car_list *list);

#endif
