#include "adapter-jq/filter.h"

#include "adapter-jq/confine.h"
#include "adapter-jq/refusal.h"
#include "adapter-jq/tokens.h"

#include <jq.h>
#include <stdlib.h>
#include <string.h>

struct filter {
    jq_state *jq;
    jq_state *each; /* runs it for each car of a list; NULL where it takes lists whole */
};

/* --- compiling -------------------------------------------------------------------------------- */

/* What libjq said of a program: its first sentence, and the line it meant. */
struct complaint {
    struct buffer *text;
    unsigned line;
    bool taken;
};

/* "jq: error: syntax error, unexpected '|' (Unix shell quoting issues?) at <top-level>, line 3:",
 * the line itself behind it; from 1.8 on also ", column 5:". */
static void take_complaint(void *context, jv message)
{
    struct complaint *complaint = context;
    jv formatted = jq_format_error(message);
    const char *text = jv_string_value(formatted);
    if (complaint->taken) {
        jv_free(formatted);
        return;
    }
    complaint->taken = true;
    static const char prefix[] = "jq: error: ", place[] = " at <top-level>, line ";
    if (strncmp(text, prefix, sizeof prefix - 1) == 0)
        text += sizeof prefix - 1;
    const char *at = strstr(text, place), *shell = strstr(text, " (Unix shell quoting issues?)");
    const char *end = at ? at : text + strcspn(text, "\n");
    if (at)
        complaint->line = (unsigned)strtoul(at + sizeof place - 1, NULL, 10);
    if (shell && shell < end)
        end = shell;
    buffer_add(complaint->text, text, (size_t)(end - text));
    jv_free(formatted);
}

/* NULL with the complaint; what it says stands in its buffer. */
static jq_state *compile(const char *program, struct complaint *complaint)
{
    jq_state *jq = jq_init();
    if (!jq) {
        complaint->text->failed = true;
        return NULL;
    }
    jq_set_nomem_handler(jq, confine_out_of_memory, NULL);
    jq_set_error_cb(jq, take_complaint, complaint);
    jq_set_attr(jq, jv_string("JQ_LIBRARY_PATH"), jv_array());
    if (!jq_compile(jq, program))
        jq_teardown(&jq); /* NULL from here on */
    else
        jq_set_error_cb(jq, NULL, NULL);
    return jq;
}

/* Says what libjq has against the program, and where: it is compiled again with each token on a
 * line of its own, since before 1.8 libjq knows lines alone. */
static void explain(const char *program, struct buffer *error)
{
    struct buffer spread, again;
    buffer_init(&spread, 2 * FILTER_SIZE_MAX);
    buffer_init(&again, 4096);
    struct complaint complaint = {.text = &again};
    refusal_spread(program, &spread);
    if (!spread.failed && spread.data) {
        jq_state *unexpected = compile(spread.data, &complaint);
        if (unexpected)
            jq_teardown(&unexpected);
    }
    unsigned line, column;
    refusal_place(program, complaint.line ? complaint.line : 1, &line, &column);
    buffer_printf(error, "line %u, column %u: %s", line, column,
                  again.size ? again.data : "libjq does not take it");
    buffer_free(&again);
    buffer_free(&spread);
}

/* A filter that knows what a list of cars is reads `.cars`, which a car document does not have. */
static bool takes_lists(const char *program)
{
    struct tokens tokens;
    tokens_begin(&tokens, program);
    for (struct token token = tokens_next(&tokens); token.kind != TOKEN_END;
         token = tokens_next(&tokens))
        if (token.kind == TOKEN_MEMBER && token_is(&token, ".cars"))
            return true;
    return false;
}

static jq_state *compile_each(const char *program)
{
    struct buffer wrapped;
    buffer_init(&wrapped, FILTER_SIZE_MAX + 256);
    buffer_printf(
        &wrapped,
        "{cars: [.cars[] | [%s\n] | if length == 1 and (.[0] | type) == \"object\" then .[0]"
        " else error(\"it does not make one object of each car of a list\") end]}",
        program);
    struct buffer said;
    buffer_init(&said, 4096);
    jq_state *jq =
        wrapped.failed ? NULL : compile(wrapped.data, &(struct complaint){.text = &said});
    buffer_free(&said);
    buffer_free(&wrapped);
    return jq;
}

struct filter *filter_new(const char *program, size_t size, struct buffer *error)
{
    if (size > FILTER_SIZE_MAX) {
        buffer_printf(error, "it has more than %d bytes", FILTER_SIZE_MAX);
        return NULL;
    }
    if (refusal_of_program(program, size, error))
        return NULL;
    struct buffer said;
    buffer_init(&said, 4096);
    jq_state *jq = compile(program, &(struct complaint){.text = &said});
    buffer_free(&said);
    if (!jq) {
        explain(program, error);
        return NULL;
    }
    struct filter *filter = calloc(1, sizeof *filter);
    if (!filter) {
        jq_teardown(&jq);
        error->failed = true;
        return NULL;
    }
    filter->jq = jq;
    if (takes_lists(program))
        return filter;
    filter->each = compile_each(program);
    if (filter->each)
        return filter;
    buffer_add_text(error, "it cannot be put into brackets, to be run for each car of a list");
    filter_free(filter);
    return NULL;
}

void filter_free(struct filter *filter)
{
    if (!filter)
        return;
    jq_teardown(&filter->jq);
    if (filter->each)
        jq_teardown(&filter->each);
    free(filter);
}

/* --- running ---------------------------------------------------------------------------------- */

/* jq writes U+0000 as \u0000, which the engine's partners are not sent. */
static bool has_nul(const char *json, size_t size)
{
    static const char nul[] = "\\u0000";
    const char *at = json, *end = json + size;
    while ((at = memmem(at, (size_t)(end - at), nul, sizeof nul - 1))) {
        const char *first = at;
        while (first > json && first[-1] == '\\')
            first--;
        if ((at - first) % 2 == 0) /* else it is a backslash and the letters behind it */
            return true;
        at++;
    }
    return false;
}

/* Frees the value. */
static bool add_result(jv value, struct buffer *out, struct buffer *error)
{
    if (jv_get_kind(value) != JV_KIND_OBJECT) {
        buffer_printf(error, "the filter makes no object but this: %s",
                      jv_kind_name(jv_get_kind(value)));
        jv_free(value);
        return false;
    }
    jv text = jv_dump_string(jv_object_delete(value, jv_string("booking_id")), 0);
    size_t size = (size_t)jv_string_length_bytes(jv_copy(text));
    const char *wrong = NULL;
    if (size > FILTER_RESULT_MAX)
        wrong = "the filter makes more than 64 KiB";
    else if (has_nul(jv_string_value(text), size))
        wrong = "the filter makes a text with U+0000 in it";
    if (wrong)
        buffer_add_text(error, wrong);
    else
        buffer_add(out, jv_string_value(text), size);
    jv_free(text);
    return !wrong;
}

/* Frees the value, in which a run ended that yielded no more. True when it ended well. */
static bool ended_well(jq_state *jq, jv last, struct buffer *error)
{
    if (!jv_invalid_has_msg(jv_copy(last))) {
        jv_free(last);
        if (!jq_halted(jq))
            return true;
        buffer_add_text(error, "the filter halts");
        return false;
    }
    jv message = jv_invalid_get_msg(last);
    if (jv_get_kind(message) != JV_KIND_STRING)
        message = jv_dump_string(message, 0);
    buffer_printf(error, "the filter fails: %.400s", jv_string_value(message));
    jv_free(message);
    return false;
}

bool filter_run(struct filter *filter, bool is_list, const char *document, size_t size,
                struct buffer *out, struct buffer *error)
{
    jq_state *jq = is_list && filter->each ? filter->each : filter->jq;
    jv input = jv_parse_sized(document, (int)size);
    if (!jv_is_valid(input))
        return ended_well(jq, input, error);
    jq_start(jq, input, 0);
    jv value = jq_next(jq);
    bool made = false;
    if (!jv_is_valid(value)) {
        if (ended_well(jq, value, error))
            buffer_add_text(error, "the filter makes nothing of it");
    } else {
        jv more = jq_next(jq);
        if (jv_is_valid(more)) {
            buffer_add_text(error, "the filter makes more than one value");
            jv_free(more);
            jv_free(value);
        } else if (ended_well(jq, more, error)) {
            made = add_result(value, out, error);
        } else {
            jv_free(value);
        }
    }
    jq_start(jq, jv_null(), 0); /* what the run still holds goes now, not with the next */
    return made;
}
