/* The adapter for partners whose format is a jq filter: a file, so that a partner, or a change of
 * its format, needs no C and no image. */
#include "adapter-jq/confine.h"
#include "adapter-jq/reload.h"
#include "adapter-jq/samples.h"
#include "lib/adapter/adapter.h"

static const char name[] = "adapter-jq";

struct jq_adapter {
    struct adapter_options options; /* the kit's; first */
    const char *filter;
    const char *check;
    struct reload *reload;
};

static const struct option_entry option_table[] = {
    {"filter", "ADAPTER_FILTER", OPTION_TEXT, offsetof(struct jq_adapter, filter), "FILE", NULL,
     "the partner's format: a jq filter from a car document to the\n"
     "partner's object; read again when it changes"},
    {"check", NULL, OPTION_TEXT, offsetof(struct jq_adapter, check), "FILE", NULL,
     "print sample documents with what this filter makes of them, and\n"
     "exit; status 1 when something is wrong. - is standard input"},
};

static int jq_begin(void *context, struct loop *loop, struct log *log)
{
    struct jq_adapter *jq = context;
    if (jq->check)
        return samples_check(jq->check);
    if (!jq->filter) {
        log_error(log, "cannot start", "error", "--filter FILE says what the partner's format is",
                  NULL);
        return 2;
    }
    struct buffer error;
    buffer_init(&error, 256);
    if (confine_process(name, CONFINE_LOG, &error))
        jq->reload = reload_new(jq->filter, loop, log);
    else
        log_error(log, "cannot start", "error", error.data, NULL);
    buffer_free(&error);
    return jq->reload ? ADAPTER_SERVE : 1;
}

static bool jq_format(void *context, const struct adapter_document *document, struct buffer *out,
                      struct buffer *error)
{
    const struct jq_adapter *jq = context;
    confine_enter("request_id", document->request_id);
    bool made = filter_run(reload_filter(jq->reload), document->is_list, document->json,
                           document->size, out, error);
    confine_leave();
    return made;
}

static void jq_end(void *context)
{
    struct jq_adapter *jq = context;
    reload_free(jq->reload);
    jq->reload = NULL;
}

int main(int argc, char **argv)
{
    struct jq_adapter jq = {0};
    return adapter_main_documents(argc, argv, name,
                                  &(struct adapter_document_format){
                                      .begin = jq_begin,
                                      .format = jq_format,
                                      .end = jq_end,
                                      .options = option_table,
                                      .option_count = sizeof option_table / sizeof *option_table,
                                      .context = &jq,
                                  });
}
