#include "lib/http/head.h"

#include "lib/http/server.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LENGTH_DIGITS_MAX = 18 }; /* of a Content-Length that fits into 64 bits */

/* Fields of which a request has one at most; of two that differ, a proxy may have read the other.
 */
enum field {
    HOST,
    CONTENT_LENGTH,
    TRANSFER_ENCODING,
    CONTENT_ENCODING,
    CONTENT_TYPE,
    AUTHORIZATION,
    IDEMPOTENCY_KEY,
    SINGLE_FIELDS,
    X_REQUEST_ID = SINGLE_FIELDS, /* from here on the first counts */
    TRACEPARENT,
    FIELDS,
};

#define FIELD(name)                                                                                \
    {                                                                                              \
        name, sizeof(name) - 1                                                                     \
    }
static const struct {
    const char *name;
    size_t size;
} known[FIELDS] = {
    [HOST] = FIELD("Host"),
    [CONTENT_LENGTH] = FIELD("Content-Length"),
    [TRANSFER_ENCODING] = FIELD("Transfer-Encoding"),
    [CONTENT_ENCODING] = FIELD("Content-Encoding"),
    [CONTENT_TYPE] = FIELD("Content-Type"),
    [AUTHORIZATION] = FIELD("Authorization"),
    [IDEMPOTENCY_KEY] = FIELD("Idempotency-Key"),
    [X_REQUEST_ID] = FIELD("X-Request-Id"),
    [TRACEPARENT] = FIELD("traceparent"),
};

/* What is no token (RFC 9110, section 5.6.2), as a field's name must be. */
static const bool no_token[256] = {
    [0 ... 32] = true, ['"'] = true, ['('] = true,         [')'] = true,
    [','] = true,      ['/'] = true, [':' ... '@'] = true, ['[' ... ']'] = true,
    ['{'] = true,      ['}'] = true, [127 ... 255] = true,
};

/* What a field's value may not have in it (RFC 9110, section 5.5). */
static const bool is_control[256] = {
    [0 ... '\t' - 1] = true, ['\t' + 1 ... 31] = true, [127] = true};

struct reading {
    size_t size;
    const char *values[FIELDS];
    const char *end; /* the NUL that ends the text before */
    const char *fault;
    const char *field;
};

static const char nul_or_fold[] =
    "A header field has a NUL byte in it, or goes on in the next line.";

/* Whether one of the bytes is in the set. Without branches, since it sees every byte of a head. */
static bool has_byte_of(const char *text, size_t size, const bool set[256])
{
    bool found = false;
    for (size_t i = 0; i < size; i++)
        found |= set[(unsigned char)text[i]];
    return found;
}

/* Whether a line's end, and nothing else, stands between two texts. libmicrohttpd writes NULs over
 * the ends of lines and over colons, so a NUL that came with the request ends a text too early, and
 * the next one stands farther away. A folded line was put together somewhere else. From version 1.0
 * on, libmicrohttpd refuses both itself. */
static bool line_follows(const char *end, const char *next)
{
#if MHD_VERSION < 0x01000000
    return next == end + 1 || (next == end + 2 && !end[1]);
#else
    (void)end;
    (void)next;
    return true;
#endif
}

static bool value_follows(const char *end, const char *value)
{
#if MHD_VERSION < 0x01000000
    for (const char *at = end + 1; at != value; at++)
        if (*at != ' ' && *at != '\t')
            return false;
#else
    (void)end;
    (void)value;
#endif
    return true;
}

/* The field's place in the table; FIELDS when it is none of those that count here. */
static size_t find_known(const char *name, size_t size)
{
    size_t i = 0;
    while (i < FIELDS && (size != known[i].size || strncasecmp(name, known[i].name, size) != 0))
        i++;
    return i;
}

static enum MHD_Result head_read_field(void *context, enum MHD_ValueKind kind, const char *name,
                                       size_t name_size, const char *value, size_t value_size)
{
    (void)kind;
    struct reading *reading = context;
    if (!value)
        value = "";
    reading->size += name_size + value_size + 4; /* with ": " and the line's end */
    size_t place = find_known(name, name_size);
    bool again = place < FIELDS && reading->values[place];
    if (place < FIELDS && !again)
        reading->values[place] = value;
    if (reading->fault)
        return MHD_YES;
    if (!line_follows(reading->end, name) || !value_follows(name + name_size, value))
        reading->fault = nul_or_fold;
    else if (!name_size || has_byte_of(name, name_size, no_token))
        reading->fault = "A header field's name has a character that is not allowed in it.";
    else if (has_byte_of(value, value_size, is_control))
        reading->fault = "A header field has a control character in it.";
    else if (again && place < SINGLE_FIELDS)
        reading->fault = "A header field that may come once has come twice.";
    if (reading->fault)
        reading->field = place < FIELDS ? known[place].name : NULL;
    reading->end = value + value_size;
    return MHD_YES;
}

/* Whether the last line's end and an empty line are all that is left of the head. */
static bool head_ends(struct MHD_Connection *connection, const char *method, const char *end)
{
#if MHD_VERSION < 0x01000000
    const char *head_end =
        method +
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)->header_size;
    ptrdiff_t left = head_end - end;
    return left >= 2 && left <= 4 && !memcmp(end, "\0\0\0", (size_t)left);
#else
    (void)connection;
    (void)method;
    (void)end;
    return true;
#endif
}

/* uri-host [ ":" port ], RFC 9112, section 3.2; empty where the target names no host. */
static bool host_valid(const char *host)
{
    static const char name[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "-._~%!$&'()*+;=";
    size_t size;
    if (*host == '[') {
        size = 1 + strspn(host + 1, "0123456789abcdefABCDEF:.v");
        if (host[size] != ']')
            return false;
        size++;
    } else {
        size = strspn(host, name);
    }
    if (host[size] == ':')
        size += 1 + strspn(host + size + 1, "0123456789");
    return !host[size + strspn(host + size, " \t")];
}

static void head_set_fault(struct head *head, enum problem problem, const char *field,
                           const char *sentence)
{
    head->problem = problem;
    head->field = field;
    head->fault = sentence;
}

/* How the body is framed, RFC 9112, section 6.3. */
static void judge_framing(const char *length, const char *coding, bool http_1_0, struct head *head)
{
    if (coding) {
        const char *field = known[TRANSFER_ENCODING].name;
        head->chunked = strcasecmp(coding, "chunked") == 0;
        if (length)
            head_set_fault(head, PROBLEM_INVALID_REQUEST, field,
                           "Send Content-Length or Transfer-Encoding, not both.");
        else if (http_1_0)
            head_set_fault(head, PROBLEM_INVALID_REQUEST, field,
                           "HTTP/1.0 has no Transfer-Encoding: send Content-Length.");
        else if (!head->chunked)
            head_set_fault(head, PROBLEM_NOT_IMPLEMENTED, field,
                           "Of transfer codings this service knows chunked alone.");
    } else if (length) {
        const char *field = known[CONTENT_LENGTH].name;
        size_t digits = strspn(length, "0123456789");
        if (!digits || length[digits])
            head_set_fault(head, PROBLEM_INVALID_REQUEST, field,
                           "Content-Length must be a number.");
        else if (digits > LENGTH_DIGITS_MAX)
            head_set_fault(head, PROBLEM_BODY_TOO_LARGE, field,
                           "Content-Length is larger than any body this service takes.");
        else
            head->content_length = strtoull(length, NULL, 10);
    }
}

static void head_judge(const struct reading *reading, const char *version, struct head *head)
{
    bool http_1_0 = strcmp(version, "HTTP/1.0") == 0;
    const char *host = reading->values[HOST], *encoding = reading->values[CONTENT_ENCODING];
    if (reading->fault)
        head_set_fault(head, PROBLEM_INVALID_REQUEST, reading->field, reading->fault);
    else if (!host && !http_1_0)
        head_set_fault(head, PROBLEM_INVALID_REQUEST, known[HOST].name,
                       "HTTP/1.1 needs a Host header field.");
    else if (host && !host_valid(host))
        head_set_fault(head, PROBLEM_INVALID_REQUEST, known[HOST].name,
                       "Host must be a name or an address, with a port or without.");
    else
        judge_framing(reading->values[CONTENT_LENGTH], reading->values[TRANSFER_ENCODING], http_1_0,
                      head);
    if (head->fault)
        return;
    if (reading->size > HTTP_HEADERS_MAX)
        head_set_fault(head, PROBLEM_HEADERS_TOO_LARGE, NULL,
                       "Send at most 8192 bytes of header fields.");
    else if (encoding && *encoding && strcasecmp(encoding, "identity") != 0)
        head_set_fault(head, PROBLEM_UNSUPPORTED_ENCODING, known[CONTENT_ENCODING].name,
                       "Send the body as it is, without a Content-Encoding.");
}

void head_read(struct MHD_Connection *connection, const char *method, const char *version,
               struct head *head)
{
    struct reading reading = {.end = version + strlen(version)};
    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, head_read_field, &reading);
    if (!reading.fault && method && !head_ends(connection, method, reading.end))
        reading.fault = nul_or_fold;
    *head = (struct head){
        .request_id = reading.values[X_REQUEST_ID],
        .traceparent = reading.values[TRACEPARENT],
        .authorization = reading.values[AUTHORIZATION],
    };
    head_judge(&reading, version, head);
}
