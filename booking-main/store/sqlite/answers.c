#include "store/sqlite/answers.h"

#include "store/digest.h"

#include <stdlib.h>
#include <string.h>

void sqlite_answers_init(struct sqlite_answers *answers, struct sqlite_connection *connection)
{
    *answers = (struct sqlite_answers){.connection = connection};
}

int sqlite_answer_exists(struct sqlite_answers *answers, const struct store_request *request,
                         bool *exists)
{
    if (!request->answer.key) {
        *exists = false;
        return SQLITE_OK;
    }
    struct query query = query_begin(answers->connection, &answers->find_key,
                                     "SELECT 1 FROM answers WHERE channel = ? AND key = ?");
    query_text(&query, request->booking.channel);
    query_text(&query, request->answer.key);
    int result = query_step(&query);
    query_end(&query);
    *exists = result == SQLITE_ROW;
    return result == SQLITE_ROW || result == SQLITE_DONE ? SQLITE_OK : result;
}

/* --- finding --------------------------------------------------------------------------------- */

enum { REQUEST, STATUS, LOCATION, CONTENT_TYPE, BODY };

/* Copies a column, with a NUL behind it, to *at and moves that on. */
static const char *keep_column(char **at, sqlite3_stmt *row, int column, size_t *size)
{
    char *copy = *at;
    const void *data = sqlite3_column_blob(row, column);
    *size = (size_t)sqlite3_column_bytes(row, column);
    if (*size)
        memcpy(copy, data, *size);
    copy[*size] = '\0';
    *at += *size + 1;
    return copy;
}

static bool is_for(sqlite3_stmt *row, const struct store_answer *asked)
{
    unsigned char digest[STORE_DIGEST_SIZE];
    store_digest(asked->request, asked->request_size, digest);
    return sqlite3_column_bytes(row, REQUEST) == STORE_DIGEST_SIZE &&
           memcmp(sqlite3_column_blob(row, REQUEST), digest, STORE_DIGEST_SIZE) == 0;
}

static int keep_answer(sqlite3_stmt *row, const struct store_answer *asked,
                       struct store_answer *found, char **memory)
{
    size_t size = 0, text_size;
    for (int column = LOCATION; column <= BODY; column++)
        size += (size_t)sqlite3_column_bytes(row, column) + 1;
    char *at = malloc(size);
    if (!at)
        return SQLITE_NOMEM;
    *memory = at;
    *found = *asked;
    found->other_request = !is_for(row, asked);
    found->status = (unsigned)sqlite3_column_int(row, STATUS);
    found->location = NULL;
    if (sqlite3_column_type(row, LOCATION) != SQLITE_NULL)
        found->location = keep_column(&at, row, LOCATION, &text_size);
    found->content_type = keep_column(&at, row, CONTENT_TYPE, &text_size);
    found->body = keep_column(&at, row, BODY, &found->body_size);
    return SQLITE_OK;
}

int sqlite_answer_find(struct sqlite_answers *answers, const struct store_request *request,
                       struct store_answer *found, char **memory)
{
    struct query query = query_begin(answers->connection, &answers->find,
                                     "SELECT request, status, location, content_type, body FROM"
                                     " answers WHERE channel = ? AND key = ?");
    query_text(&query, request->booking.channel);
    query_text(&query, request->answer.key);
    *memory = NULL;
    int result = query_step(&query);
    if (result == SQLITE_ROW)
        result = keep_answer(query.statement, &request->answer, found, memory);
    else if (result == SQLITE_DONE)
        result = SQLITE_OK;
    query_end(&query);
    return result;
}

/* --- keeping --------------------------------------------------------------------------------- */

int sqlite_answer_insert(struct sqlite_answers *answers, const struct store_request *request,
                         int64_t at)
{
    const struct store_answer *answer = &request->answer;
    unsigned char digest[STORE_DIGEST_SIZE];
    if (!answer->key)
        return SQLITE_OK;
    store_digest(answer->request, answer->request_size, digest);
    struct query query = query_begin(answers->connection, &answers->insert,
                                     "INSERT INTO answers (channel, key, request, status, location,"
                                     " content_type, body, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    query_text(&query, request->booking.channel);
    query_text(&query, answer->key);
    query_blob(&query, digest, sizeof digest);
    query_number(&query, answer->status);
    query_text(&query, answer->location);
    query_text(&query, answer->content_type);
    query_blob(&query, answer->body, answer->body_size);
    query_number(&query, at);
    return query_run(&query);
}
