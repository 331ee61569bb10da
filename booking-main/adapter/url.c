#include "adapter/url.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* Whether a part of the URL is what it must be; NULL: it must not be there. */
static bool part_is(CURLU *url, CURLUPart part, const char *expected)
{
    char *text = NULL;
    if (curl_url_get(url, part, &text, 0) != CURLUE_OK)
        return !expected;
    bool same = expected && strcmp(text, expected) == 0;
    curl_free(text);
    return same;
}

CURLU *adapter_url_parse(const char *text, struct buffer *error)
{
    static const char start[] = "http://"; /* libcurl would put up with one slash, or three */
    CURLU *url = curl_url();
    if (url && strlen(text) <= ADAPTER_URL_MAX && strncasecmp(text, start, sizeof start - 1) == 0 &&
        text[sizeof start - 1] != '/' && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
        part_is(url, CURLUPART_SCHEME, "http") && part_is(url, CURLUPART_PATH, "/") &&
        part_is(url, CURLUPART_QUERY, NULL) && part_is(url, CURLUPART_FRAGMENT, NULL) &&
        part_is(url, CURLUPART_USER, NULL) && part_is(url, CURLUPART_PASSWORD, NULL))
        return url;
    curl_url_cleanup(url);
    buffer_add_text(error, "must be a URL such as http://127.0.0.1:9096");
    return NULL;
}
