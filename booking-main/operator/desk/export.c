#include "operator/desk/export.h"

#include "lib/base/container_of.h"
#include "lib/http/stream.h"
#include "operator/desk/call.h"
#include "store/desk/document.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { CHUNK = 4 * 1024 }; /* some thirty bookings, after which partners may go first */

/* --- whether CSV is asked for ----------------------------------------------------------------- */

/* Whether one element of Accept, up to its comma, is text/csv and not refused by a weight of 0. */
static bool element_is_csv(const char *at, const char *end)
{
    static const char type[] = "text/csv";
    at += strspn(at, " \t");
    if (strncasecmp(at, type, sizeof type - 1) != 0)
        return false;
    at += sizeof type - 1;
    at += strspn(at, " \t");
    if (at < end && *at != ';')
        return false; /* such as text/csv-schema */
    while (at < end && *at == ';') {
        at++;
        at += strspn(at, " \t");
        if (strncasecmp(at, "q=", 2) == 0)
            return strtod(at + 2, NULL) > 0;
        at += strcspn(at, ";,");
    }
    return true;
}

bool desk_wants_csv(struct http_request *request, bool format_given, bool format_is_csv)
{
    if (format_given)
        return format_is_csv;
    const char *at = http_field(request, "Accept");
    while (at && *at) {
        size_t size = strcspn(at, ",");
        if (element_is_csv(at, at + size))
            return true;
        at += size + (at[size] == ',');
    }
    return false;
}

/* --- the export ------------------------------------------------------------------------------- */

/* The answer begins when the job has its connection to the database: so one that has none is
 * answered with a problem, and a client that leaves is noticed from the first moment on. The loop
 * begins it, since only the loop may, and the job waits for that. */
struct export
{
    struct desk_call call;
    const char *file; /* its name for who saves it */
    void (*heading)(struct buffer * out);
    bool (*read)(struct export * export, struct desk * desk);
    struct desk_filter bookings;
    struct desk_car_filter cars;
    struct buffer chunk; /* the thread's */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* Under the lock: */
    struct http_stream *stream; /* the thread's, once it is there */
    bool answered;              /* on the loop */
    bool unwanted;              /* the rest */
};

static struct export *export_of(struct desk_job *job)
{
    return container_of(job, struct export, call.job);
}

/* On the loop: the client has left, or the server stops. */
static void on_left(void *context)
{
    struct export *export = context;
    desk_jobs_cancel(export->call.engine->desk->jobs, &export->call.job);
}

static void on_cancelled(struct desk_job *job)
{
    struct export *export = export_of(job);
    pthread_mutex_lock(&export->lock);
    export->unwanted = true;
    pthread_cond_signal(&export->changed);
    pthread_mutex_unlock(&export->lock);
}

/* On the loop. */
static void begin_answer(struct desk_job *job)
{
    struct export *export = export_of(job);
    struct http_request *request = export->call.request;
    char disposition[64];
    snprintf(disposition, sizeof disposition, "attachment; filename=\"%s\"", export->file);
    http_header(request, "Content-Disposition", disposition);
    struct http_stream *stream = http_answer_stream(
        request, 200, "text/csv; charset=utf-8; header=present", on_left, export);
    pthread_mutex_lock(&export->lock);
    export->answered = true;
    export->stream = stream;
    pthread_cond_signal(&export->changed);
    pthread_mutex_unlock(&export->lock);
}

/* On the thread: has the loop begin the answer; false when there is none to write. */
static bool await_answer(struct export *export)
{
    desk_jobs_call_loop(export->call.engine->desk->jobs, &export->call.job, begin_answer);
    pthread_mutex_lock(&export->lock);
    while (!export->answered && !export->unwanted)
        pthread_cond_wait(&export->changed, &export->lock);
    bool begun = export->stream;
    pthread_mutex_unlock(&export->lock);
    return begun;
}

static bool write_chunk(struct export *export)
{
    struct buffer *chunk = &export->chunk;
    bool written = !chunk->failed && http_stream_write(export->stream, chunk->data, chunk->size);
    buffer_clear(chunk);
    desk_job_give_way();
    return written;
}

static bool write_if_full(struct export *export)
{
    return export->chunk.size < CHUNK ? !export->chunk.failed : write_chunk(export);
}

static bool write_booking(void *context, const struct desk_booking *booking)
{
    struct export *export = context;
    desk_csv_booking(&export->chunk, booking);
    return write_if_full(export);
}

static bool read_bookings(struct export *export, struct desk *desk)
{
    return desk_export_bookings(desk, &export->bookings, write_booking, export,
                                &export->call.job.error);
}

static bool write_car(void *context, const struct desk_car *car)
{
    struct export *export = context;
    desk_csv_car(&export->chunk, car);
    return write_if_full(export);
}

static bool read_cars(struct export *export, struct desk *desk)
{
    return desk_find_cars(desk, &export->cars, NULL, 0, write_car, export, &export->call.job.error);
}

static enum desk_result run_export(struct desk_job *job, struct desk *desk)
{
    struct export *export = export_of(job);
    if (!await_answer(export))
        return DESK_FAILED;
    export->heading(&export->chunk);
    bool whole = export->read(export, desk) && write_chunk(export);
    http_stream_end(export->stream, whole);
    return desk_result_of(whole);
}

static void on_exported(struct desk_job *job)
{
    struct export *export = export_of(job);
    if (!export->answered)
        (void)desk_call_refuse(&export->call);
    else if (job->end == DESK_JOB_RAN && job->result == DESK_FAILED && job->error.size)
        log_error(export->call.engine->log, "an export broke off", "error", job->error.data, NULL);
    pthread_cond_destroy(&export->changed);
    pthread_mutex_destroy(&export->lock);
    buffer_free(&export->chunk);
    desk_call_free(&export->call);
}

static struct export *new_export(struct engine *engine, struct http_request *request)
{
    struct export *export = desk_call_new(sizeof *export, engine, request, run_export);
    if (!export)
        return NULL;
    export->call.job.done = on_exported;
    export->call.job.cancelled = on_cancelled;
    buffer_init(&export->chunk, 2 * CHUNK);
    export->call.job.background = true;
    pthread_mutex_init(&export->lock, NULL);
    pthread_cond_init(&export->changed, NULL);
    return export;
}

void desk_export_bookings_csv(struct engine *engine, struct http_request *request,
                              const struct desk_filter *filter)
{
    struct export *export = new_export(engine, request);
    if (!export)
        return;
    export->file = "bookings.csv";
    export->heading = desk_csv_bookings_heading;
    export->read = read_bookings;
    export->bookings = *filter;
    desk_call_start_long(&export->call);
}

void desk_export_cars_csv(struct engine *engine, struct http_request *request,
                          const struct desk_car_filter *filter)
{
    struct export *export = new_export(engine, request);
    if (!export)
        return;
    export->file = "fleet.csv";
    export->heading = desk_csv_cars_heading;
    export->read = read_cars;
    export->cars = *filter;
    desk_call_start_long(&export->call);
}
