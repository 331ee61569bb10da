#include "operator/desk/access.h"

#include "engine.h"
#include "lib/base/container_of.h"
#include "lib/keys/key_file.h"
#include "operator/desk/attempts.h"
#include "operator/desk/desk_internal.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A request with a wrong key, until that may be said. */
struct refusal {
    struct http_request *request;
    int64_t due;
    struct refusal *next;
};

struct desk_access {
    struct loop *loop;
    struct key_file *keys; /* NULL: loopback */
    struct attempts attempts;
    struct refusal *waiting;
    struct loop_timer timer;
    bool draining;
};

/* --- where it comes from --------------------------------------------------------------------- */

static bool is_loopback(const char *address)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, address, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, address, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

/* Whether the Host field's value, whose form lib/http has checked, names loopback: without its
 * port, and without the brackets of an IPv6 address. */
static bool names_loopback(const char *host)
{
    bool bracket = *host == '[';
    host += bracket;
    char name[INET6_ADDRSTRLEN];
    size_t size = strcspn(host, bracket ? "]" : ":");
    if (size >= sizeof name)
        return false;
    memcpy(name, host, size);
    name[size] = '\0';
    return strcasecmp(name, "localhost") == 0 || is_loopback(name);
}

/* Whether a browser says that it is for a page of ours, or nobody says anything. */
static bool is_from_here(struct http_request *request)
{
    const char *site = http_field(request, "Sec-Fetch-Site");
    if (site && strcmp(site, "cross-site") == 0)
        return false;
    const char *origin = http_field(request, "Origin"), *host = http_field(request, "Host");
    if (!origin)
        return true;
    /* With TLS if a proxy in front has it. */
    const char *authority = strncmp(origin, "http://", 7) == 0    ? origin + 7
                            : strncmp(origin, "https://", 8) == 0 ? origin + 8
                                                                  : NULL;
    return authority && host && strcasecmp(authority, host) == 0;
}

static bool has_type(struct http_request *request, const char *type)
{
    const char *given = http_field(request, "Content-Type");
    size_t size = strlen(type);
    return given && strncasecmp(given, type, size) == 0 && strchr("; \t", given[size]);
}

static bool refuse(struct http_request *request, const char *field, const char *detail)
{
    http_answer_problem(request, PROBLEM_FORBIDDEN, field, detail);
    return false;
}

/* --- keys ------------------------------------------------------------------------------------ */

static void answer_unauthorized(struct http_request *request)
{
    /* The browser asks its user for it. */
    http_header(request, "WWW-Authenticate", "Basic realm=\"booking desk\", charset=\"UTF-8\"");
    http_answer_problem(request, PROBLEM_UNAUTHORIZED, "Authorization",
                        "Send an operator's key: 'Authorization: Bearer KEY', or Basic with any "
                        "user name and the key as password.");
}

/* Answers what is due by then, and comes back for the next. */
static void answer_due(struct desk_access *access, int64_t now)
{
    int64_t next = INT64_MAX;
    for (struct refusal **link = &access->waiting; *link;) {
        struct refusal *refusal = *link;
        if (refusal->due <= now) {
            *link = refusal->next;
            answer_unauthorized(refusal->request);
            free(refusal);
            continue;
        }
        if (refusal->due < next)
            next = refusal->due;
        link = &refusal->next;
    }
    if (access->waiting)
        loop_arm(access->loop, &access->timer, next);
    else
        loop_disarm(&access->timer);
}

static void on_due(struct loop_timer *timer)
{
    struct desk_access *access = container_of(timer, struct desk_access, timer);
    answer_due(access, loop_now(access->loop));
}

/* A key was wrong: says so, later where that is due. */
static void refuse_key(struct desk_access *access, struct http_request *request)
{
    int64_t now = loop_now(access->loop);
    int64_t due = attempts_failed(&access->attempts, request->client, now);
    bool later = due > now && !request->body_due && !access->draining;
    struct refusal *refusal = later ? malloc(sizeof *refusal) : NULL;
    if (!refusal) {
        answer_unauthorized(request);
        return;
    }
    *refusal = (struct refusal){request, due, access->waiting};
    access->waiting = refusal;
    answer_due(access, now);
}

static bool has_key(struct desk_access *access, struct http_request *request)
{
    if (!request->authorization) {
        answer_unauthorized(request);
        return false;
    }
    int64_t wait = attempts_wait(&access->attempts, request->client, loop_now(access->loop));
    if (wait) {
        char seconds[24];
        snprintf(seconds, sizeof seconds, "%lld", (long long)(wait / LOOP_SECOND) + 1);
        http_header(request, "Retry-After", seconds);
        http_answer_problem(request, PROBLEM_TOO_MANY_ATTEMPTS, "Authorization",
                            "Your address sent too many wrong keys; wait, and send the right one.");
        return false;
    }
    const char *name = key_file_accept(access->keys, request->authorization, true);
    if (name)
        http_set_caller(request, name);
    else
        refuse_key(access, request);
    return name;
}

static bool may_call(struct desk_access *access, struct http_request *request)
{
    if (access->keys)
        return has_key(access, request);
    const char *host = http_field(request, "Host");
    return (host && names_loopback(host)) ||
           refuse(request, "Host", "Without --operator-keys, call it localhost or 127.0.0.1.");
}

/* --- what routes ask ------------------------------------------------------------------------- */

bool desk_admit_page(void *context, struct http_request *request)
{
    const struct engine *engine = context;
    http_header(request, "Cache-Control", "no-cache");
    return may_call(engine->desk->access, request);
}

static bool admit_api(const struct engine *engine, struct http_request *request, const char *type)
{
    http_header(request, "Cache-Control", "no-store");
    if (!is_from_here(request))
        return refuse(request, "Origin", "Call the API from the desk's own page.");
    if (!may_call(engine->desk->access, request))
        return false;
    bool reads = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
    /* Pages of other sites can have a form sent, but none of these types. */
    bool bare = strcmp(request->method, "DELETE") == 0 && !request->body_size;
    if (reads || bare || has_type(request, type))
        return true;
    char detail[64];
    snprintf(detail, sizeof detail, "Send it as %s.", type);
    return refuse(request, "Content-Type", detail);
}

bool desk_admit_api(void *context, struct http_request *request)
{
    return admit_api(context, request, "application/json");
}

bool desk_admit_fleet(void *context, struct http_request *request)
{
    return admit_api(context, request, "text/csv");
}

/* --- its life -------------------------------------------------------------------------------- */

struct desk_access *desk_access_new(struct loop *loop, struct log *log, const char *bind,
                                    const char *keys, struct buffer *error)
{
    if (!keys && !is_loopback(bind)) {
        buffer_printf(error,
                      "--desk-bind '%s': without --operator-keys everybody there could change "
                      "bookings; name a file of keys, or a loopback address",
                      bind);
        return NULL;
    }
    struct desk_access *access = calloc(1, sizeof *access);
    if (!access) {
        buffer_add_text(error, "out of memory");
        return NULL;
    }
    access->loop = loop;
    access->timer.expired = on_due;
    if (keys && !(access->keys = key_file_open(keys, loop, log, error))) {
        free(access);
        return NULL;
    }
    return access;
}

void desk_access_drain(struct desk_access *access)
{
    if (!access)
        return;
    access->draining = true;
    answer_due(access, INT64_MAX);
}

void desk_access_free(struct desk_access *access)
{
    if (!access)
        return;
    desk_access_drain(access);
    loop_remove_timer(access->loop, &access->timer);
    key_file_free(access->keys);
    free(access);
}

void desk_access_reread(struct desk_access *access)
{
    if (access && access->keys)
        key_file_reread(access->keys);
}
