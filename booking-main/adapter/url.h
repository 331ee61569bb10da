/* The adapter's address: http://HOST[:PORT], without a path, for either transport. */
#ifndef BOOKING_ADAPTER_URL_H
#define BOOKING_ADAPTER_URL_H

#include "lib/base/buffer.h"

#include <curl/curl.h>

enum { ADAPTER_URL_MAX = 255 };

/* The caller ends it with curl_url_cleanup(). NULL, with a reason added to `error`, when the text
 * is not like that. */
CURLU *adapter_url_parse(const char *text, struct buffer *error);

#endif
