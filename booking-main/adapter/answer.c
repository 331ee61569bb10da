#include "adapter/answer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What every answer begins with. */
static const char protocol[] = "HTTP/1.";
enum { PROTOCOL_SIZE = sizeof protocol - 1 };

void adapter_answer_begin(struct adapter_answer *answer)
{
    memset(answer, 0, offsetof(struct adapter_answer, input));
}

char *adapter_answer_room(struct adapter_answer *answer, size_t *room)
{
    *room = sizeof answer->input - 1 - answer->size;
    return answer->input + answer->size;
}

/* --- lines ----------------------------------------------------------------------------------- */

enum line { LINE_MORE, LINE_READ, LINE_USELESS };

/* Takes a line, without its end and ended by NUL. It is useless when it is too long, or holds a NUL
 * or a CR, behind which something could hide (RFC 9112, section 2.2). */
static enum line take_line(struct adapter_answer *answer, char **line)
{
    char *start = answer->input + answer->read;
    size_t available = answer->size - answer->read;
    char *end = memchr(start + answer->searched, '\n', available - answer->searched);
    size_t size = end ? (size_t)(end - start) : available;
    if (size > ADAPTER_HEAD_MAX)
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
static bool find_head(struct adapter_answer *answer, size_t *size)
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
static bool read_status_line(struct adapter_answer *answer, const char *line)
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

static bool read_length(struct adapter_answer *answer, const char *value)
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

static bool read_field(struct adapter_answer *answer, char *line)
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
static bool begin_body(struct adapter_answer *answer)
{
    answer->body_start = answer->read;
    if (answer->status == 204 || answer->status == 304) {
        /* A 204 that announces a body all the same may send it, too. */
        answer->keep &= answer->status == 304 || (!answer->chunked && answer->left == 0);
        answer->state = ANSWER_IN_BODY;
        answer->left = 0;
    } else if (answer->chunked) {
        answer->state = ANSWER_AT_CHUNK_SIZE;
        answer->keep &= !answer->has_length; /* which of the two is right cannot be known */
    } else if (answer->has_length) {
        answer->state = ANSWER_IN_BODY;
    } else {
        answer->state = ANSWER_IN_ENDLESS_BODY;
        answer->keep = false;
    }
    return answer->chunked || answer->left <= ADAPTER_ANSWER_MAX;
}

/* Forgets an interim answer: the one that counts comes next. */
static enum adapter_outcome pass_over(struct adapter_answer *answer, size_t head_size)
{
    size_t size = answer->size, read = answer->read, framing = answer->framing + head_size;
    adapter_answer_begin(answer);
    answer->size = size;
    answer->read = read;
    answer->framing = framing;
    return framing > ADAPTER_FRAMING_MAX ? ADAPTER_UNUSABLE : ADAPTER_PENDING;
}

/* All of it has come. */
static enum adapter_outcome read_head(struct adapter_answer *answer, size_t size)
{
    char *line = NULL;
    answer->searched = 0;
    if (take_line(answer, &line) != LINE_READ || !read_status_line(answer, line))
        return ADAPTER_UNUSABLE;
    do
        if (take_line(answer, &line) != LINE_READ || (*line && !read_field(answer, line)))
            return ADAPTER_UNUSABLE;
    while (*line);
    if (answer->status == 101) /* nobody asked for another protocol */
        return ADAPTER_UNUSABLE;
    if (answer->status > 199)
        return begin_body(answer) ? ADAPTER_PENDING : ADAPTER_UNUSABLE;
    return pass_over(answer, size);
}

/* --- the body -------------------------------------------------------------------------------- */

/* Moves what has come of this piece of the body behind the pieces that came before. False when the
 * body is too long. */
static bool take_body(struct adapter_answer *answer)
{
    size_t size = answer->size - answer->read;
    if (answer->state != ANSWER_IN_ENDLESS_BODY && size > answer->left)
        size = (size_t)answer->left;
    if (answer->body_size + size > ADAPTER_ANSWER_MAX)
        return false;
    char *target = answer->input + answer->body_start + answer->body_size;
    char *source = answer->input + answer->read;
    if (target != source)
        memmove(target, source, size);
    answer->body_size += size;
    answer->read += size;
    answer->left -= answer->state == ANSWER_IN_ENDLESS_BODY ? 0 : size;
    return true;
}

/* What was left before the next piece of the body, or the head, is no longer needed: makes room. */
static void close_gap(struct adapter_answer *answer)
{
    size_t end = answer->body_start + answer->body_size;
    size_t rest = answer->size - answer->read;
    memmove(answer->input + end, answer->input + answer->read, rest);
    answer->read = end;
    answer->size = end + rest;
}

/* Hexadecimal digits, and extensions that nobody needs. */
static bool read_chunk_size(struct adapter_answer *answer, const char *line)
{
    size_t digits = strspn(line, "0123456789abcdefABCDEF");
    const char *next = line + digits + strspn(line + digits, " \t");
    if (digits == 0 || digits > 15 || (*next && *next != ';'))
        return false;
    answer->left = strtoull(line, NULL, 16);
    answer->state = answer->left ? ANSWER_IN_CHUNK : ANSWER_IN_TRAILER;
    return answer->left <= ADAPTER_ANSWER_MAX;
}

/* A line between chunks or behind the last. */
static enum adapter_outcome read_chunk_line(struct adapter_answer *answer)
{
    char *line = NULL;
    size_t start = answer->read;
    switch (take_line(answer, &line)) {
    case LINE_MORE:
        close_gap(answer);
        return ADAPTER_PENDING;
    case LINE_USELESS:
        return ADAPTER_UNUSABLE;
    case LINE_READ:
        break;
    }
    answer->framing += answer->read - start;
    if (answer->framing > ADAPTER_FRAMING_MAX)
        return ADAPTER_UNUSABLE;
    if (answer->state == ANSWER_AT_CHUNK_SIZE)
        return read_chunk_size(answer, line) ? ADAPTER_PENDING : ADAPTER_UNUSABLE;
    if (answer->state == ANSWER_AFTER_CHUNK) {
        answer->state = ANSWER_AT_CHUNK_SIZE;
        return *line ? ADAPTER_UNUSABLE : ADAPTER_PENDING;
    }
    answer->trailer += answer->read - start;
    if (answer->trailer > ADAPTER_HEAD_MAX)
        return ADAPTER_UNUSABLE;
    return *line ? ADAPTER_PENDING : ADAPTER_ANSWERED;
}

/* --- the whole ------------------------------------------------------------------------------- */

static enum adapter_outcome end_answer(struct adapter_answer *answer)
{
    answer->body = answer->input + answer->body_start;
    answer->keep &= answer->read == answer->size; /* nothing may follow that was not asked for */
    answer->input[answer->body_start + answer->body_size] = '\0';
    return ADAPTER_ANSWERED;
}

/* Reads a head once it is whole; refuses what cannot become one. */
static enum adapter_outcome await_head(struct adapter_answer *answer)
{
    size_t available = answer->size - answer->read, size;
    size_t known = available < PROTOCOL_SIZE ? available : PROTOCOL_SIZE;
    if (memcmp(answer->input + answer->read, protocol, known) != 0)
        return ADAPTER_UNUSABLE;
    if (find_head(answer, &size))
        return size > ADAPTER_HEAD_MAX ? ADAPTER_UNUSABLE : read_head(answer, size);
    close_gap(answer); /* left by interim answers */
    return available > ADAPTER_HEAD_MAX ? ADAPTER_UNUSABLE : ADAPTER_PENDING;
}

/* Goes on to the next part, if what has come allows it. */
static enum adapter_outcome answer_step(struct adapter_answer *answer)
{
    switch (answer->state) {
    case ANSWER_IN_HEAD:
        return await_head(answer);
    case ANSWER_IN_BODY:
        if (!take_body(answer))
            return ADAPTER_UNUSABLE;
        return answer->left ? ADAPTER_PENDING : ADAPTER_ANSWERED;
    case ANSWER_IN_ENDLESS_BODY:
        return take_body(answer) ? ADAPTER_PENDING : ADAPTER_UNUSABLE;
    case ANSWER_IN_CHUNK:
        if (!take_body(answer))
            return ADAPTER_UNUSABLE;
        if (answer->left == 0)
            answer->state = ANSWER_AFTER_CHUNK;
        else
            close_gap(answer);
        return ADAPTER_PENDING;
    case ANSWER_AT_CHUNK_SIZE:
    case ANSWER_AFTER_CHUNK:
    case ANSWER_IN_TRAILER:
        return read_chunk_line(answer);
    }
    return ADAPTER_UNUSABLE;
}

enum adapter_outcome adapter_answer_received(struct adapter_answer *answer, size_t size)
{
    answer->size += size;
    for (;;) {
        int state = (int)answer->state;
        size_t read = answer->read, there = answer->size;
        enum adapter_outcome progress = answer_step(answer);
        if (progress == ADAPTER_ANSWERED)
            return end_answer(answer);
        bool moved = (int)answer->state != state || answer->read != read || answer->size != there;
        if (progress != ADAPTER_PENDING || !moved)
            return progress;
    }
}

enum adapter_outcome adapter_answer_closed(struct adapter_answer *answer)
{
    if (answer->state != ANSWER_IN_ENDLESS_BODY)
        return ADAPTER_BROKE_OFF;
    return end_answer(answer);
}
