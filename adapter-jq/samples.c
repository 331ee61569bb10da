#include "adapter-jq/samples.h"

#include "adapter-jq/confine.h"
#include "lib/json/read.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { REASONS_MAX = 16 * 1024 };

static const struct {
    const char *name, *document;
} samples[] = {
    {"offer", "{\"carid\":\"1-XXX-333\",\"price\":165,\"currency\":\"EUR\",\"status\":"
              "\"available\",\"day_price\":55,\"hourly_price\":10,\"pickup_at\":"
              "\"2026-12-01T10:00:00+01:00\",\"return_at\":\"2026-12-04T10:00:00+01:00\","
              "\"location\":\"NCE\",\"category\":\"ECMR\"}"},
    {"booking", "{\"carid\":\"1-XXX-333\",\"price\":520.99,\"currency\":\"EUR\",\"status\":"
                "\"booked\",\"day_price\":55.5,\"hourly_price\":10,\"pickup_at\":"
                "\"2026-12-01T10:00:00Z\",\"return_at\":\"2026-12-10T18:30:00Z\",\"location\":"
                "\"CDG\",\"category\":\"IDAR\",\"booking_id\":\"7h3k9m2p4q6r8t0v\"}"},
    {"hold", "{\"carid\":\"2-YYY-444\",\"price\":55,\"currency\":\"EUR\",\"status\":\"held\","
             "\"day_price\":55,\"hourly_price\":10,\"pickup_at\":\"2026-12-01T10:00:00Z\","
             "\"return_at\":\"2026-12-02T10:00:00Z\",\"location\":\"NCE\",\"category\":\"ECMR\","
             "\"booking_id\":\"7h3k9m2p4q6r8t0w\",\"expires_at\":\"2026-11-30T12:00:00Z\"}"},
    {"cancelled", "{\"carid\":\"T\303\234-AB 12\",\"price\":0,\"currency\":\"EUR\",\"status\":"
                  "\"cancelled\",\"pickup_at\":\"2026-12-01T10:00:00Z\",\"return_at\":"
                  "\"2026-12-02T10:00:00Z\",\"location\":\"place/9\",\"category\":\"XXXX\","
                  "\"booking_id\":\"7h3k9m2p4q6r8t0x\"}"},
    {"unusual-currency", "{\"carid\":\"1-XXX-333\",\"price\":1234.567,\"currency\":\"KWD\","
                         "\"status\":\"available\",\"day_price\":1234.567,\"hourly_price\":0.5,"
                         "\"pickup_at\":\"2026-12-01T10:00:00+03:00\",\"return_at\":"
                         "\"2026-12-02T10:00:00+03:00\",\"location\":\"KWI\",\"category\":"
                         "\"ECMR\"}"},
    {"required-members-only",
     "{\"carid\":\"1-XXX-333\",\"price\":55,\"currency\":\"euro\",\"status\":\"available\"}"},
    {"list",
     "{\"cars\":[{\"carid\":\"1-XXX-333\",\"price\":165,\"currency\":\"EUR\",\"status\":"
     "\"available\",\"day_price\":55,\"hourly_price\":10,\"pickup_at\":"
     "\"2026-12-01T10:00:00+01:00\",\"return_at\":\"2026-12-04T10:00:00+01:00\",\"location\":"
     "\"NCE\",\"category\":\"ECMR\"},{\"carid\":\"2-YYY-444\",\"price\":520.99,\"currency\":"
     "\"EUR\",\"status\":\"available\",\"day_price\":173.66,\"pickup_at\":"
     "\"2026-12-01T10:00:00+01:00\",\"return_at\":\"2026-12-04T10:00:00+01:00\",\"location\":"
     "\"NCE\",\"category\":\"IDAR\"}]}"},
};

/* Whether the filter answers this sample with what an engine takes. */
static bool try_sample(struct filter *filter, size_t i, FILE *report, struct buffer *error)
{
    struct buffer answer, why;
    buffer_init(&answer, FILTER_RESULT_MAX);
    buffer_init(&why, REASONS_MAX);
    bool is_list = strcmp(samples[i].name, "list") == 0;
    confine_enter("sample", samples[i].name);
    bool good = filter_run(filter, is_list, samples[i].document, strlen(samples[i].document),
                           &answer, &why);
    confine_leave();
    if (good) {
        /* libjq writes what jansson does not read: a nesting of thousands. */
        json_t *read = json_read_object(answer.data, answer.size, 0, NULL, &why);
        good = read != NULL;
        json_decref(read);
    }
    if (report)
        fprintf(report, "%s\n  %s\n  %s\n", samples[i].name, samples[i].document,
                good ? answer.data : "(no answer)");
    if (!good)
        buffer_printf(error, "sample %s: %s\n", samples[i].name,
                      why.size ? why.data : "out of memory");
    buffer_free(&why);
    buffer_free(&answer);
    return good;
}

struct filter *samples_try(const char *program, size_t size, FILE *report, struct buffer *error)
{
    confine_enter("sample", "none, while it is compiled");
    struct filter *filter = filter_new(program, size, error);
    confine_leave();
    if (!filter) {
        buffer_add(error, "\n", 1);
        return NULL;
    }
    bool good = true;
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
        good = try_sample(filter, i, report, error) && good;
    if (good)
        return filter;
    filter_free(filter);
    return NULL;
}

bool samples_read(const char *path, struct buffer *program, struct buffer *error)
{
    bool own = strcmp(path, "-") != 0;
    int fd = own ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
    ssize_t got = fd < 0 ? -1 : 1;
    char part[4096];
    while (got > 0 && !program->failed) {
        got = read(fd, part, sizeof part);
        if (got > 0)
            buffer_add(program, part, (size_t)got);
    }
    if (got < 0)
        buffer_printf(error, "cannot be read: %s\n", strerror(errno));
    else if (program->failed)
        buffer_printf(error, "has more than %d bytes\n", FILTER_SIZE_MAX);
    else if (!program->size)
        buffer_add_text(error, "is empty\n");
    if (own && fd >= 0)
        close(fd);
    return !error->size;
}

int samples_check(const char *path)
{
    struct buffer program, error;
    buffer_init(&program, FILTER_SIZE_MAX);
    buffer_init(&error, REASONS_MAX);
    struct filter *filter = NULL;
    if (confine_process("adapter-jq", CONFINE_TEXT, &error) && samples_read(path, &program, &error))
        filter = samples_try(program.data, program.size, stdout, &error);
    if (!filter)
        fprintf(stderr, "%s", error.failed || !error.data ? "out of memory\n" : error.data);
    int status = filter ? 0 : 1;
    filter_free(filter);
    buffer_free(&error);
    buffer_free(&program);
    return status;
}
