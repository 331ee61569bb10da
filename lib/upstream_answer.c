#include "upstream_answer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What every answer begins with. */
static const char protocol[] = "HTTP/1.";
enum { PROTOCOL_SIZE = sizeof protocol - 1 };

void upstream_answer_begin(struct upstream_answer *answer)
{
    memset(answer, 0, offsetof(struct upstream_answer, input));
}

char *upstream_answer_room(struct upstream_answer *answer, size_t *room)
{
    *room = sizeof answer->input - 1 - answer->size;
    return answer->input + answer->size;
}

/* --- lines ----------------------------------------------------------------------------------- */

enum line { LINE_MORE, LINE_READ, LINE_USELESS };

/* Takes a line, without its end and ended by NUL. It is useless when it is too long, or holds a NUL
 * or a CR, behind which something could hide (RFC 9112, section 2.2). */
static enum line take_line(struct upstream_answer *answer, char **line)
{
    char *start = answer->input + answer->read;
    size_t available = answer->size - answer->read;
    char *end = memchr(start + answer->searched, '\n', available - answer->searched);
    size_t size = end ? (size_t)(end - start) : available;
    if (size > UPSTREAM_HEAD_MAX)
        return LINE_USELESS;
    if (!end) {
        answer->searched = available;
        return LINE_MORE;
    }
    answer->read += size + 1;
    answer->searched = 0;
    if (end > start && end[-1] == '\r')
        end--;
    size = (size_t)(end - start);
    if (memchr(start, '\0', size) || memchr(start, '\r', size))
        return LINE_USELESS;
    *end = '\0';
    *line = start;
    return LINE_READ;
}

/* Whether all of a head of `size` bytes is there; else how far that is known, in `searched`. */
static bool find_head(struct upstream_answer *answer, size_t *size)
{
    const char *start = answer->input + answer->read;
    size_t available = answer->size - answer->read;
    size_t at = answer->searched;
    for (const char *end; (end = memchr(start + at, '\n', available - at)); at++) {
        at = (size_t)(end - start);
        size_t next = at + 1;
        if (next < available && start[next] == '\r')
            next++;
        if (next >= available)
            break; /* look at this line's end again when there is more */
        if (start[next] == '\n') {
            *size = next + 1;
            return true;
        }
        answer->searched = at + 1;
    }
    return false;
}

/* --- the head -------------------------------------------------------------------------------- */

/* HTTP/1.1 200 and a reason that nobody needs; that it is HTTP/1 was seen when it began. */
static bool read_status_line(struct upstream_answer *answer, const char *line)
{
    const char *version = line + PROTOCOL_SIZE;
    if (version[0] < '0' || version[0] > '9' || version[1] != ' ')
        return false;
    const char *status = version + 2;
    if (strspn(status, "0123456789") != 3 || (status[3] != ' ' && status[3] != '\0'))
        return false;
    answer->status = (unsigned)strtoul(status, NULL, 10);
    answer->keep = version[0] != '0'; /* a higher one is to be taken for 1.1 (RFC 9110, 2.5) */
    return answer->status >= 100;
}

/* The value of a field line, without white space around it, its name ended by NUL; NULL when the
 * line is none. */
static char *split_field(char *line)
{
    char *colon = strchr(line, ':');
    /* White space before the colon is an error by RFC 9112, section 5.1. So is, for us, a line that
     * goes on with the one before: section 5.2 would have it joined, but nobody sends that. */
    if (!colon || colon == line || strcspn(line, " \t") < (size_t)(colon - line))
        return NULL;
    *colon = '\0';
    char *value = colon + 1 + strspn(colon + 1, " \t");
    size_t size = strlen(value);
    while (size && (value[size - 1] == ' ' || value[size - 1] == '\t'))
        size--;
    value[size] = '\0';
    return value;
}

static bool read_length(struct upstream_answer *answer, const char *value)
{
    /* More digits than any size that is taken has. */
    size_t digits = strspn(value, "0123456789");
    if (digits == 0 || digits > 18 || value[digits])
        return false;
    uint64_t length = strtoull(value, NULL, 10);
    if (answer->has_length && length != answer->left)
        return false;
    answer->has_length = true;
    answer->left = length;
    return true;
}

/* Whether a comma-separated list has this word, whatever the case. */
static bool has_word(const char *list, const char *word)
{
    size_t size = strlen(word);
    while (*list) {
        list += strspn(list, ", \t");
        size_t end = strcspn(list, ", \t");
        if (end == size && strncasecmp(list, word, size) == 0)
            return true;
        list += end;
    }
    return false;
}

/* Makes a value fit for another head; libmicrohttpd takes no tabs. False when it is not. */
static bool clean_value(char *value)
{
    for (; *value; value++) {
        if (*value == '\t')
            *value = ' ';
        if ((unsigned char)*value < ' ' || *value == 0x7f)
            return false;
    }
    return true;
}

static bool read_field(struct upstream_answer *answer, char *line)
{
    char *value = split_field(line);
    if (!value)
        return false;
    if (strcasecmp(line, "Content-Length") == 0)
        return read_length(answer, value);
    if (strcasecmp(line, "Transfer-Encoding") == 0) {
        bool again = answer->chunked;
        answer->chunked = strcasecmp(value, "chunked") == 0;
        return answer->chunked && !again;
    }
    if (strcasecmp(line, "Connection") == 0 && has_word(value, "close"))
        answer->keep = false;
    if (strcasecmp(line, "X-Request-Id") == 0)
        answer->request_id = value;
    if (strcasecmp(line, "Content-Type") == 0 && *value && !answer->content_type) {
        answer->content_type = value;
        return clean_value(value);
    }
    return true;
}

/* What the body will be like, as RFC 9112, section 6.3 has it. */
static bool begin_body(struct upstream_answer *answer)
{
    answer->body_start = answer->read;
    if (answer->status == 204 || answer->status == 304) {
        /* A 204 that announces a body all the same may send it, too. */
        answer->keep &= answer->status == 304 || (!answer->chunked && answer->left == 0);
        answer->state = UPSTREAM_IN_BODY;
        answer->left = 0;
    } else if (answer->chunked) {
        answer->state = UPSTREAM_AT_CHUNK_SIZE;
        answer->keep &= !answer->has_length; /* which of the two is right cannot be known */
    } else if (answer->has_length) {
        answer->state = UPSTREAM_IN_BODY;
    } else {
        answer->state = UPSTREAM_IN_ENDLESS_BODY;
        answer->keep = false;
    }
    return answer->chunked || answer->left <= UPSTREAM_ANSWER_MAX;
}

/* Forgets an interim answer: the one that counts comes next. */
static enum upstream_progress pass_over(struct upstream_answer *answer, size_t head_size)
{
    size_t size = answer->size, read = answer->read, framing = answer->framing + head_size;
    upstream_answer_begin(answer);
    answer->size = size;
    answer->read = read;
    answer->framing = framing;
    return framing > UPSTREAM_FRAMING_MAX ? UPSTREAM_USELESS : UPSTREAM_MORE;
}

/* All of it has come. */
static enum upstream_progress read_head(struct upstream_answer *answer, size_t size)
{
    char *line = NULL;
    answer->searched = 0;
    if (take_line(answer, &line) != LINE_READ || !read_status_line(answer, line))
        return UPSTREAM_USELESS;
    do
        if (take_line(answer, &line) != LINE_READ || (*line && !read_field(answer, line)))
            return UPSTREAM_USELESS;
    while (*line);
    if (answer->status == 101) /* nobody asked for another protocol */
        return UPSTREAM_USELESS;
    if (answer->status > 199)
        return begin_body(answer) ? UPSTREAM_MORE : UPSTREAM_USELESS;
    return pass_over(answer, size);
}

/* --- the body -------------------------------------------------------------------------------- */

/* Adds what has come of the body's piece to the body, beside what is there of it. False when that
 * is too long. */
static bool take_body(struct upstream_answer *answer)
{
    size_t size = answer->size - answer->read;
    if (answer->state != UPSTREAM_IN_ENDLESS_BODY && size > answer->left)
        size = (size_t)answer->left;
    if (answer->body_size + size > UPSTREAM_ANSWER_MAX)
        return false;
    char *target = answer->input + answer->body_start + answer->body_size;
    char *source = answer->input + answer->read;
    if (target != source)
        memmove(target, source, size);
    answer->body_size += size;
    answer->read += size;
    answer->left -= answer->state == UPSTREAM_IN_ENDLESS_BODY ? 0 : size;
    return true;
}

/* What was left before the next piece of the body, or the head, is no longer needed: makes room. */
static void close_gap(struct upstream_answer *answer)
{
    size_t end = answer->body_start + answer->body_size;
    size_t rest = answer->size - answer->read;
    memmove(answer->input + end, answer->input + answer->read, rest);
    answer->read = end;
    answer->size = end + rest;
}

/* Hexadecimal digits, and extensions that nobody needs. */
static bool read_chunk_size(struct upstream_answer *answer, const char *line)
{
    size_t digits = strspn(line, "0123456789abcdefABCDEF");
    const char *next = line + digits + strspn(line + digits, " \t");
    if (digits == 0 || digits > 15 || (*next && *next != ';'))
        return false;
    answer->left = strtoull(line, NULL, 16);
    answer->state = answer->left ? UPSTREAM_IN_CHUNK : UPSTREAM_IN_TRAILER;
    return answer->left <= UPSTREAM_ANSWER_MAX;
}

/* A line between chunks or behind the last. */
static enum upstream_progress read_chunk_line(struct upstream_answer *answer)
{
    char *line = NULL;
    size_t start = answer->read;
    switch (take_line(answer, &line)) {
    case LINE_MORE:
        close_gap(answer);
        return UPSTREAM_MORE;
    case LINE_USELESS:
        return UPSTREAM_USELESS;
    case LINE_READ:
        break;
    }
    answer->framing += answer->read - start;
    if (answer->framing > UPSTREAM_FRAMING_MAX)
        return UPSTREAM_USELESS;
    if (answer->state == UPSTREAM_AT_CHUNK_SIZE)
        return read_chunk_size(answer, line) ? UPSTREAM_MORE : UPSTREAM_USELESS;
    if (answer->state == UPSTREAM_AFTER_CHUNK) {
        answer->state = UPSTREAM_AT_CHUNK_SIZE;
        return *line ? UPSTREAM_USELESS : UPSTREAM_MORE;
    }
    answer->trailer += answer->read - start;
    if (answer->trailer > UPSTREAM_HEAD_MAX)
        return UPSTREAM_USELESS;
    return *line ? UPSTREAM_MORE : UPSTREAM_WHOLE;
}

/* --- the whole ------------------------------------------------------------------------------- */

static enum upstream_progress end_answer(struct upstream_answer *answer)
{
    answer->body = answer->input + answer->body_start;
    answer->keep &= answer->read == answer->size; /* nothing may follow that was not asked for */
    answer->input[answer->body_start + answer->body_size] = '\0';
    return UPSTREAM_WHOLE;
}

/* Reads a head once it is whole; refuses what cannot become one. */
static enum upstream_progress await_head(struct upstream_answer *answer)
{
    size_t available = answer->size - answer->read, size;
    size_t known = available < PROTOCOL_SIZE ? available : PROTOCOL_SIZE;
    if (memcmp(answer->input + answer->read, protocol, known) != 0)
        return UPSTREAM_USELESS;
    if (find_head(answer, &size))
        return size > UPSTREAM_HEAD_MAX ? UPSTREAM_USELESS : read_head(answer, size);
    close_gap(answer); /* left by interim answers */
    return available > UPSTREAM_HEAD_MAX ? UPSTREAM_USELESS : UPSTREAM_MORE;
}

/* Goes on to the next part, if what has come allows it. */
static enum upstream_progress step(struct upstream_answer *answer)
{
    switch (answer->state) {
    case UPSTREAM_IN_HEAD:
        return await_head(answer);
    case UPSTREAM_IN_BODY:
        if (!take_body(answer))
            return UPSTREAM_USELESS;
        return answer->left ? UPSTREAM_MORE : UPSTREAM_WHOLE;
    case UPSTREAM_IN_ENDLESS_BODY:
        return take_body(answer) ? UPSTREAM_MORE : UPSTREAM_USELESS;
    case UPSTREAM_IN_CHUNK:
        if (!take_body(answer))
            return UPSTREAM_USELESS;
        if (answer->left == 0)
            answer->state = UPSTREAM_AFTER_CHUNK;
        else
            close_gap(answer);
        return UPSTREAM_MORE;
    case UPSTREAM_AT_CHUNK_SIZE:
    case UPSTREAM_AFTER_CHUNK:
    case UPSTREAM_IN_TRAILER:
        return read_chunk_line(answer);
    }
    return UPSTREAM_USELESS;
}

enum upstream_progress upstream_answer_received(struct upstream_answer *answer, size_t size)
{
    answer->size += size;
    for (;;) {
        int state = (int)answer->state;
        size_t read = answer->read, there = answer->size;
        enum upstream_progress progress = step(answer);
        if (progress == UPSTREAM_WHOLE)
            return end_answer(answer);
        bool moved = (int)answer->state != state || answer->read != read || answer->size != there;
        if (progress != UPSTREAM_MORE || !moved)
            return progress;
    }
}

enum upstream_progress upstream_answer_closed(struct upstream_answer *answer)
{
    if (answer->state != UPSTREAM_IN_ENDLESS_BODY)
        return UPSTREAM_CUT_OFF;
    return end_answer(answer);
}
