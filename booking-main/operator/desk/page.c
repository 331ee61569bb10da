/* The page's files, which are part of the binary. */
#include "operator/desk/desk_api.h"

#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>

#define PAGE_FOLDER "booking-main/operator/desk/page/"

/* Each file: a symbol, its name, its type. */
#define PAGE_FILES(X)                                                                              \
    X(actions_js, "actions.js", JS)                                                                \
    X(api_js, "api.js", JS)                                                                        \
    X(bars_js, "bars.js", JS)                                                                      \
    X(booking_js, "booking.js", JS)                                                                \
    X(bookings_js, "bookings.js", JS)                                                              \
    X(calendar_js, "calendar.js", JS)                                                              \
    X(desk_css, "desk.css", CSS)                                                                   \
    X(desk_js, "desk.js", JS)                                                                      \
    X(dialog_js, "dialog.js", JS)                                                                  \
    X(dom_js, "dom.js", JS)                                                                        \
    X(favicon_svg, "favicon.svg", SVG)                                                             \
    X(fleet_js, "fleet.js", JS)                                                                    \
    X(grid_js, "grid.js", JS)                                                                      \
    X(heat_js, "heat.js", JS)                                                                      \
    X(import_js, "import.js", JS)                                                                  \
    X(index_html, "index.html", HTML)                                                              \
    X(notice_js, "notice.js", JS)                                                                  \
    X(route_js, "route.js", JS)                                                                    \
    X(time_js, "time.js", JS)                                                                      \
    X(today_js, "today.js", JS)                                                                    \
    X(webhooks_js, "webhooks.js", JS)                                                              \
    X(words_js, "words.js", JS)

#define HTML "text/html; charset=utf-8"
#define CSS  "text/css; charset=utf-8"
#define JS   "text/javascript; charset=utf-8"
#define SVG  "image/svg+xml"

/* The assembler reads the file as it is, from the repository's root. The Makefile knows that this
 * source depends on all of them. */
#define EMBED(symbol, name, type)                                                                  \
    extern const char page_##symbol[], page_##symbol##_end[];                                      \
    __asm__(".pushsection .rodata\n"                                                               \
            ".globl page_" #symbol ", page_" #symbol "_end\n"                                      \
            ".hidden page_" #symbol ", page_" #symbol "_end\n"                                     \
            "page_" #symbol ": .incbin \"" PAGE_FOLDER name "\"\n"                                 \
            "page_" #symbol "_end: .byte 0\n"                                                      \
            ".popsection");
PAGE_FILES(EMBED)
#undef EMBED

struct page_file {
    const char *name, *type, *data, *end;
};

static const struct page_file files[] = {
#define PAGE_ROW(symbol, name, type) {name, type, page_##symbol, page_##symbol##_end},
    PAGE_FILES(PAGE_ROW)
#undef PAGE_ROW
};

static const struct page_file *find_file(const char *name)
{
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (strcmp(files[i].name, name) == 0)
            return &files[i];
    return NULL;
}

enum { ETAG_SIZE = sizeof "\"0123456789abcdef\"" };

/* From the content, so that what a new version did not change is not fetched again. */
static void make_etag(const struct page_file *file, char etag[ETAG_SIZE])
{
    struct sha256_ctx context;
    uint8_t digest[8];
    sha256_init(&context);
    sha256_update(&context, (size_t)(file->end - file->data), (const uint8_t *)file->data);
    sha256_digest(&context, sizeof digest, digest);
    char *at = etag;
    *at++ = '"';
    for (size_t i = 0; i < sizeof digest; i++)
        at += sprintf(at, "%02x", digest[i]);
    memcpy(at, "\"", 2);
}

void desk_page(void *context, struct http_request *request)
{
    (void)context;
    const struct page_file *file = find_file(*request->segment ? request->segment : "index.html");
    if (!file) {
        http_answer_problem(request, PROBLEM_NOT_FOUND, NULL,
                            "The desk's page is at /, its API below /api/.");
        return;
    }
    char etag[ETAG_SIZE];
    make_etag(file, etag);
    http_header(request, "ETag", etag);
    const char *known = http_field(request, "If-None-Match");
    if (known && strstr(known, etag)) {
        http_answer(request, 304, file->type);
        return;
    }
    buffer_add(http_body(request), file->data, (size_t)(file->end - file->data));
    http_answer(request, 200, file->type);
}
