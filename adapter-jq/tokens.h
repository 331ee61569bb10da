/* The tokens of a jq program, as far as they must be known to say what it uses and where.
 *
 * libjq tells neither which functions a program calls nor, before 1.8, the column of a mistake. So
 * this reads a program as jq's own lexer does: comments and texts are left out, what is
 * interpolated into a text, "\(...)", is not. It judges nothing: what is no jq at all, libjq says.
 */
#ifndef ADAPTER_JQ_TOKENS_H
#define ADAPTER_JQ_TOKENS_H

#include <stdbool.h>
#include <stddef.h>

enum token_kind {
    TOKEN_END,
    TOKEN_WORD,     /* a keyword, or the name of a function */
    TOKEN_VARIABLE, /* what follows a $; the $ is a token of its own */
    TOKEN_MEMBER,   /* .name, or name where an object's member is named: {name: 1}, {name} */
    TOKEN_TEXT,     /* from its quotation mark to the next \( or to its end */
    TOKEN_TEXT_WITHOUT_END,
    TOKEN_OTHER,
    TOKEN_COMMENT_GOES_ON, /* ends in a backslash: from jq 1.7.1 on the next line belongs to it */
    TOKEN_TOO_DEEP,
};

struct token {
    enum token_kind kind;
    const char *start;
    size_t size;
    unsigned line, column; /* from 1; the column counts characters */
};

enum { TOKENS_DEPTH_MAX = 256 };

struct tokens {
    const char *at;
    unsigned line;
    const char *line_start;
    char before;                    /* the last character of the token before, 0 for none */
    unsigned depth;                 /* brackets that are open, */
    char closing[TOKENS_DEPTH_MAX]; /* and what closes each; '"' for an interpolation */
};

/* Begins to read `program`, which is borrowed. After TOKEN_END there are only such. */
void tokens_begin(struct tokens *tokens, const char *program);
struct token tokens_next(struct tokens *tokens);

bool token_is(const struct token *token, const char *text);

#endif
