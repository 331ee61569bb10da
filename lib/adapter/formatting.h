/* The requests that an adapter is for: a car or a list of cars, in the partner's format. Inside
 * lib/adapter only.
 */
#ifndef LIB_ADAPTER_FORMATTING_H
#define LIB_ADAPTER_FORMATTING_H

#include "lib/adapter/adapter.h"
#include "lib/http/server.h"

/* The context of the handlers. */
struct adapter {
    const char *name;
    adapter_format *format;                         /* or, */
    const struct adapter_document_format *document; /* where that is NULL, this */
    struct http_server *server;
    struct log *log;
    const struct log *access_log;
};

http_handler format_car_info; /* POST /formatCarInfo */
http_handler format_car_list; /* POST /formatCarList */

#endif
