#include "adapter-jq/refusal.h"

#include "adapter-jq/tokens.h"
#include "lib/base/text.h"

#include <string.h>

enum { NAMED_MAX = 24 }; /* bytes of a token that a message shows */

/* Of libjq 1.6 to 1.8. The process has no environment and no input for them to read either; being
 * refused tells a filter's author at once. */
static const char *const refused_words[] = {
    "env",           "input",   "inputs",     "input_filename",  "input_line_number",
    "import",        "include", "module",     "modulemeta",      "debug",
    "stderr",        "halt",    "halt_error", "get_search_list", "get_prog_origin",
    "get_jq_origin",
};
static const char *const refused_variables[] = {"ENV", "__prog_args"};

static bool is_one_of(const struct token *token, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (token_is(token, list[i]))
            return true;
    return false;
}

/* What is wrong with the token, as the end of a sentence; NULL for nothing. */
static const char *wrong_with(const struct token *token)
{
    switch (token->kind) {
    case TOKEN_WORD:
        return is_one_of(token, refused_words, sizeof refused_words / sizeof *refused_words)
                   ? "a filter may use nothing but its input"
                   : NULL;
    case TOKEN_VARIABLE:
        return is_one_of(token, refused_variables,
                         sizeof refused_variables / sizeof *refused_variables)
                   ? "a filter may use nothing but its input"
                   : NULL;
    case TOKEN_TEXT_WITHOUT_END: /* for which libjq has a leak, and a poor message */
        return "this text has no end";
    case TOKEN_COMMENT_GOES_ON:
        return "a comment must not end in a backslash: versions of jq differ in what it means";
    case TOKEN_TOO_DEEP:
        return "brackets are nested too deep";
    default:
        return NULL;
    }
}

bool refusal_of_program(const char *program, size_t size, struct buffer *error)
{
    if (strlen(program) != size || !text_is_utf8(program)) {
        buffer_add_text(error, "it is not text in UTF-8");
        return true;
    }
    struct tokens tokens;
    tokens_begin(&tokens, program);
    for (;;) {
        struct token token = tokens_next(&tokens);
        if (token.kind == TOKEN_END && memchr(tokens.closing, '"', tokens.depth)) {
            buffer_printf(error, "line %u, column %u: a text that begins before has no end",
                          token.line, token.column);
            return true;
        }
        if (token.kind == TOKEN_END)
            return false;
        const char *wrong = wrong_with(&token);
        if (!wrong)
            continue;
        const char *dots = token.size > NAMED_MAX ? "..." : "";
        int shown = (int)(token.size > NAMED_MAX ? NAMED_MAX : token.size);
        bool variable = token.kind == TOKEN_VARIABLE; /* its $ is a token before it */
        buffer_printf(error, "line %u, column %u: %s%.*s%s: %s", token.line,
                      token.column - variable, variable ? "$" : "", shown, token.start, dots,
                      wrong);
        return true;
    }
}

void refusal_spread(const char *program, struct buffer *out)
{
    struct tokens tokens;
    tokens_begin(&tokens, program);
    for (struct token token; (token = tokens_next(&tokens)).kind != TOKEN_END;) {
        /* A text keeps its length, but a line in it would count. */
        size_t from = out->size;
        buffer_add(out, token.start, token.size);
        for (; !out->failed && from < out->size; from++)
            if (out->data[from] == '\n')
                out->data[from] = ' ';
        buffer_add(out, "\n", 1);
    }
}

void refusal_place(const char *program, unsigned number, unsigned *line, unsigned *column)
{
    struct tokens tokens;
    tokens_begin(&tokens, program);
    struct token token = tokens_next(&tokens);
    for (unsigned i = 1; i < number && token.kind != TOKEN_END; i++)
        token = tokens_next(&tokens);
    *line = token.line;
    *column = token.column;
}
