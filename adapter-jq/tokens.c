#include "adapter-jq/tokens.h"

#include <ctype.h>
#include <string.h>

void tokens_begin(struct tokens *tokens, const char *program)
{
    *tokens = (struct tokens){.at = program, .line = 1, .line_start = program};
}

bool token_is(const struct token *token, const char *text)
{
    return strlen(text) == token->size && memcmp(token->start, text, token->size) == 0;
}

static bool begins_name(char c)
{
    return isalpha((unsigned char)c) || c == '_';
}

/* The end of a name of letters, digits and underscores that begins at `at`. */
static const char *name_end(const char *at)
{
    while (isalnum((unsigned char)*at) || *at == '_')
        at++;
    return at;
}

/* The same of a name that may have modules before it, a::b. */
static const char *path_end(const char *at)
{
    at = name_end(at);
    while (at[0] == ':' && at[1] == ':' && begins_name(at[2]))
        at = name_end(at + 2);
    return at;
}

static const char *number_end(const char *at)
{
    while (isdigit((unsigned char)*at))
        at++;
    if (*at == '.')
        at++;
    while (isdigit((unsigned char)*at))
        at++;
    const char *exponent = at;
    if (*exponent == 'e' || *exponent == 'E') {
        exponent++;
        exponent += *exponent == '+' || *exponent == '-';
        if (isdigit((unsigned char)*exponent))
            for (at = exponent; isdigit((unsigned char)*at); at++)
                ;
    }
    return at;
}

static void step(struct tokens *tokens)
{
    if (*tokens->at == '\n') {
        tokens->line++;
        tokens->line_start = tokens->at + 1;
    }
    tokens->at++;
}

/* White space and comments; false at a comment whose end depends on the version of jq. */
static bool skip_space(struct tokens *tokens)
{
    for (;;) {
        while (*tokens->at && strchr(" \t\r\n", *tokens->at))
            step(tokens);
        if (*tokens->at != '#')
            return true;
        size_t length = strcspn(tokens->at, "\n");
        const char *last = tokens->at + length - 1;
        if (*last == '\r')
            last--;
        if (*last == '\\')
            return false;
        tokens->at += length;
    }
}

/* Goes on behind the part of a text that begins here. */
static enum token_kind skip_text(struct tokens *tokens)
{
    for (; *tokens->at; step(tokens)) {
        if (*tokens->at == '"') {
            tokens->at++;
            return TOKEN_TEXT;
        }
        if (*tokens->at != '\\')
            continue;
        step(tokens);
        if (!*tokens->at)
            break;
        if (*tokens->at == '(') {
            tokens->at++;
            if (tokens->depth < TOKENS_DEPTH_MAX)
                tokens->closing[tokens->depth] = '"';
            tokens->depth++;
            return TOKEN_TEXT;
        }
    }
    return TOKEN_TEXT_WITHOUT_END;
}

/* Whether a name here is an object's member: {name: 1, name} and {name} as a pattern. */
static bool names_member(const struct tokens *tokens)
{
    return tokens->depth && tokens->closing[tokens->depth - 1] == '}' &&
           (tokens->before == '{' || tokens->before == ',');
}

static unsigned column_of(const struct tokens *tokens)
{
    unsigned column = 1;
    for (const char *at = tokens->line_start; at < tokens->at; at++)
        column += (*at & 0xC0) != 0x80; /* the first byte of a character */
    return column;
}

/* Brackets, texts and single characters. */
static enum token_kind take_other(struct tokens *tokens)
{
    const char *closes = strchr("()[]{}", *tokens->at);
    bool open = tokens->depth && *tokens->at == tokens->closing[tokens->depth - 1];
    if (*tokens->at == '"') {
        tokens->at++;
        return skip_text(tokens);
    }
    if (*tokens->at == ')' && tokens->depth && tokens->closing[tokens->depth - 1] == '"') {
        tokens->depth--;
        tokens->at++;
        return skip_text(tokens); /* the text goes on behind what was interpolated */
    }
    if (open) {
        tokens->depth--;
    } else if (closes && strchr("([{", *closes)) {
        if (tokens->depth < TOKENS_DEPTH_MAX)
            tokens->closing[tokens->depth] = closes[1];
        tokens->depth++;
    }
    tokens->at++;
    return TOKEN_OTHER;
}

struct token tokens_next(struct tokens *tokens)
{
    if (!skip_space(tokens))
        return (struct token){TOKEN_COMMENT_GOES_ON, tokens->at, 1, tokens->line,
                              column_of(tokens)};
    const char *start = tokens->at;
    struct token token = {TOKEN_OTHER, start, 0, tokens->line, column_of(tokens)};
    if (!*start)
        return (struct token){TOKEN_END, start, 0, tokens->line, token.column};
    if (begins_name(*start)) {
        token.kind = tokens->before == '$'  ? TOKEN_VARIABLE
                     : names_member(tokens) ? TOKEN_MEMBER
                                            : TOKEN_WORD;
        tokens->at = path_end(start);
    } else if (start[0] == '.' && begins_name(start[1])) {
        token.kind = TOKEN_MEMBER;
        tokens->at = name_end(start + 1);
    } else if (isdigit((unsigned char)start[0]) ||
               (start[0] == '.' && isdigit((unsigned char)start[1]))) {
        tokens->at = number_end(start);
    } else if (*start == '@') {
        tokens->at = name_end(start + 1);
    } else if (start[0] == '.' && start[1] == '.') {
        tokens->at += 2; /* ..name is not .name behind a dot */
    } else if (strchr("<>=!|+-*/%?", *start)) {
        tokens->at += strspn(start, "<>=!|+-*/%?"); /* operators stay whole */
    } else {
        token.kind = take_other(tokens);
    }
    if (tokens->depth > TOKENS_DEPTH_MAX)
        token.kind = TOKEN_TOO_DEEP;
    token.size = (size_t)(tokens->at - start);
    tokens->before = *start == '.' ? '.' : tokens->at[-1];
    return token;
}
