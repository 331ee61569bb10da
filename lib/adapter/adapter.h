/* Everything an adapter is, but for its format.
 *
 * An adapter serves POST /formatCarInfo on loopback: it gets a car document and answers with the
 * same car in its partner's format. POST /formatCarList does the same with a list of them. A
 * partner's own source is a format function and a main() that hands it to adapter_main(). It holds
 * no state and calls nobody.
 */
#ifndef LIB_ADAPTER_ADAPTER_H
#define LIB_ADAPTER_ADAPTER_H

#include "lib/adapter/car_document.h"
#include "lib/base/buffer.h"
#include "lib/base/loop.h"
#include "lib/base/options.h"
#include "lib/log/log.h"

/* Writes the partner's JSON for the car, with lib/json/writer.h. The buffer remembers if memory
 * runs out. */
typedef void adapter_format(const struct car_document *car, struct buffer *out);

/* Runs the adapter called `name` until it is told to stop; returns main()'s exit status. */
int adapter_main(int argc, char **argv, const char *name, adapter_format *format);

/* --- a format that takes the document whole --------------------------------------------------- */

/* What every adapter is told on its command line. */
struct adapter_options {
    const char *bind;
    uint16_t port;
    unsigned log_level; /* enum log_level */
};

struct adapter_document {
    const char *json; /* as the engine sent it, ended by NUL; it was found to be valid: */
    bool is_list;     /* {"cars":[...]} with car documents in it, else a car document */
    size_t size;
    const char *request_id;
};

enum { ADAPTER_SERVE = -1 };

/* For a format that is not in C. It may have options, and a life of its own beside the requests. */
struct adapter_document_format {
    /* Before the adapter listens; ADAPTER_SERVE, or the exit status to end with. */
    int (*begin)(void *context, struct loop *loop, struct log *log);
    /* Writes the partner's JSON object, to which the kit adds what a booking's object does not say
     * (docs/partners.md). False, with a reason added to `error`, when there is none: the engine
     * gets a 500 and the log has the reason. */
    bool (*format)(void *context, const struct adapter_document *document, struct buffer *out,
                   struct buffer *error);
    /* After the last request, whatever begin() returned. */
    void (*end)(void *context);
    const struct option_entry *options;
    size_t option_count;
    void *context; /* what the options are offsets in; begins with a struct adapter_options */
};

/* As adapter_main(). */
int adapter_main_documents(int argc, char **argv, const char *name,
                           const struct adapter_document_format *format);

/* Writes an amount of the car document as a number in its shortest form. */
void adapter_amount(struct buffer *out, const char *member, int64_t amount);

#endif
