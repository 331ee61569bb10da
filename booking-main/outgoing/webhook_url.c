#include "outgoing/webhook_url.h"

#include "lib/base/text.h"
#include "outgoing/public_address.h"

#include <curl/curl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A copy without what libcurl may have put around an address: [ ], and a zone behind %. */
static char *bare_host(const char *host)
{
    char *bare = strdup(host[0] == '[' ? host + 1 : host);
    if (bare)
        bare[strcspn(bare, "]%")] = '\0';
    return bare;
}

/* inet_aton()'s spellings as well: octal, hexadecimal, fewer than four numbers. */
static const char *host_fault(const char *host)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char *bare = bare_host(host);
    bool is_public = bare;
    if (bare && getaddrinfo(bare, NULL, &hints, &found) == 0) {
        is_public = address_is_public(found->ai_addr);
        freeaddrinfo(found);
    }
    free(bare);
    return is_public ? NULL : "has an address that is not public: only --webhook-private allows it";
}

static bool has(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    bool found = curl_url_get(url, part, &text, 0) == CURLUE_OK;
    curl_free(text);
    return found;
}

static bool begins(const char *text, const char *start)
{
    size_t size = strlen(start);
    return strncasecmp(text, start, size) == 0 && text[size] != '/';
}

static const char *parsed_fault(CURLU *url, const char *text, bool allow_private)
{
    if (curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK)
        return "is not a URL";
    if (has(url, CURLUPART_USER) || has(url, CURLUPART_PASSWORD))
        return "must not have a user or a password in it";
    if (has(url, CURLUPART_FRAGMENT))
        return "must not have a fragment";
    char *host = NULL;
    if (curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK)
        return "has no host";
    const char *fault = allow_private ? NULL : host_fault(host);
    curl_free(host);
    return fault;
}

const char *webhook_url_fault(const char *url, bool allow_private)
{
    if (strlen(url) > WEBHOOK_URL_MAX)
        return "is too long";
    if (!text_is_utf8(url) || text_has_control(url))
        return "must not have control characters in it";
    if (!begins(url, "https://") && !(allow_private && begins(url, "http://")))
        return begins(url, "http://") ? "must be https: only --webhook-private allows http"
                                      : "must be a URL such as https://example.com/webhooks";
    CURLU *parsed = curl_url();
    const char *fault = parsed ? parsed_fault(parsed, url, allow_private) : "out of memory";
    curl_url_cleanup(parsed);
    return fault;
}
