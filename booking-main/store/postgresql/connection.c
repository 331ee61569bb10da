#include "store/postgresql/connection.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A statement that hangs on the server, for a lock say, ends there by itself, so that nothing is
 * carried out that this side has given up long ago. */
#define SETTINGS                                                                                   \
    "SET statement_timeout = %d; SET idle_in_transaction_session_timeout = '30s';"                 \
    "SET client_min_messages = warning; SET default_transaction_isolation = 'read committed';"     \
    "SET TIME ZONE 'UTC'; SET bytea_output = 'hex';"                                               \
    "SELECT set_config('synchronous_commit', 'on', false)"                                         \
    " WHERE current_setting('synchronous_commit') = 'off'"

enum {
    SERVER_VERSION_MIN = 130000,
    STOPPING_LOOK = 100, /* milliseconds between two looks whether all is to stop */
};

/* --- what failed ----------------------------------------------------------------------------- */

/* Keeps the first line of a message, without the word that begins it. */
static void keep_message(struct pg_connection *connection, const char *message)
{
    static const char *const prefixes[] = {"FATAL:  ", "ERROR:  ", "error: "};
    const char *at = message ? message : "";
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        const char *found = strstr(at, prefixes[i]);
        if (found)
            at = found + strlen(prefixes[i]);
    }
    snprintf(connection->error.message, sizeof connection->error.message, "%.*s",
             (int)strcspn(at, "\n"), at);
}

static enum pg_failure fail_connection(struct pg_connection *connection, const char *message)
{
    connection->error.sqlstate[0] = '\0';
    keep_message(connection, message);
    pg_connection_close(connection);
    return PG_AWAY;
}

/* What a statement's error means: its class (https://www.postgresql.org/docs/current/
 * errcodes-appendix.html) decides. */
enum pg_failure pg_failure_of(struct pg_connection *connection, const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    snprintf(connection->error.sqlstate, sizeof connection->error.sqlstate, "%s",
             state ? state : "");
    keep_message(connection, PQresultErrorMessage(result));
    state = connection->error.sqlstate;
    if (!*state || PQstatus(connection->connection) == CONNECTION_BAD)
        return fail_connection(connection, PQresultErrorMessage(result));
    /* Deadlock, serialization, lock timeout; two that wrote the same key at once. Not the
     * statement's timeout: no time is left then, and a second try that is cut short would leave its
     * outcome unknown. */
    if (strcmp(state, "40P01") == 0 || strcmp(state, "40001") == 0 || strcmp(state, "55P03") == 0 ||
        strcmp(state, "23505") == 0)
        return PG_AGAIN;
    if (strncmp(state, "23", 2) == 0)
        return PG_CONFLICT;
    /* The server stops or is only a standby: another connection may find its successor. */
    if (strncmp(state, "57P", 3) == 0 || strcmp(state, "25006") == 0 ||
        strncmp(state, "08", 2) == 0) {
        pg_connection_close(connection);
        return PG_AWAY;
    }
    return PG_REFUSED;
}

/* What a user can do about an error that the server names: by its code, a part of its message, or
 * both. */
static const char *remedy(const struct pg_connection *connection)
{
    static const struct {
        const char *state, *part, *text;
    } remedies[] = {
        {"28P01", "",
         "check the user and the password in the URL, PGPASSWORD or the password file"},
        {"28000", "", "check the user, and what pg_hba.conf allows it"},
        {"3D000", "", "create the database first (createdb), or name one that is there"},
        {"42501", "", "give the user the privilege (GRANT), or make it the database's owner"},
        {"25006", "", "name the primary, or all servers and target_session_attrs=read-write"},
        {"53300", "", "raise max_connections, or run fewer engines"},
        {"53100", "", "free some space on the server's disk"},
        {"0A000", "btree_gist", "install the server's package of extensions (postgresql-contrib)"},
        {"58P01", "", "install the server's package of extensions (postgresql-contrib)"},
        {"", "password authentication failed",
         "check the user and the password in the URL, PGPASSWORD or the password file"},
        {"", "no password supplied",
         "give the password in the URL, in PGPASSWORD or in a password file"},
        {"", "does not exist", "create it first, or name one that is there"},
        {"", "read-only", "name the primary, or all servers and target_session_attrs=read-write"},
        {"", "translate host name", "check the host in the URL"},
        {"", "Connection refused",
         "check host and port in the URL, and that the server runs there"},
        {"", "No such file", "check that the server runs, and where its socket is"},
        {"", "permission denied", "give the user the privilege (GRANT)"},
        {"", "pg_hba.conf", "allow this host and user in the server's pg_hba.conf"},
    };
    for (size_t i = 0; i < sizeof remedies / sizeof remedies[0]; i++) {
        bool any_state = !*remedies[i].state;
        if ((any_state || strcmp(connection->error.sqlstate, remedies[i].state) == 0) &&
            strstr(connection->error.message, remedies[i].part))
            return remedies[i].text;
    }
    return NULL;
}

void pg_describe(const struct pg_connection *connection, enum pg_failure failure,
                 struct buffer *error)
{
    if (failure == PG_MEMORY) {
        buffer_printf(error, "%s: out of memory", connection->name);
        return;
    }
    const char *what =
        *connection->error.message ? connection->error.message : "it does not answer";
    const char *advice = remedy(connection);
    buffer_printf(error, "%s: %s%s%s", connection->name, what, advice ? ": " : "",
                  advice ? advice : "");
}

/* --- waiting --------------------------------------------------------------------------------- */

/* Waits for the socket; false when the time is over. */
static bool wait_for(const struct pg_connection *connection, short events, int64_t deadline)
{
    for (;;) {
        int64_t left = deadline - loop_clock();
        bool stopping = connection->stopping && atomic_load(connection->stopping);
        if (left <= 0 || stopping)
            return false;
        struct pollfd socket = {.fd = PQsocket(connection->connection), .events = events};
        int64_t milliseconds = left / LOOP_MILLISECOND + 1;
        if (connection->stopping && milliseconds > STOPPING_LOOK)
            milliseconds = STOPPING_LOOK;
        int ready = poll(&socket, 1, (int)milliseconds);
        if (ready > 0)
            return true;
        if (ready < 0 && errno != EINTR)
            return false;
    }
}

/* Sends what is waiting to be sent, and takes in what comes meanwhile, so that neither side waits
 * for the other for ever. */
static bool flush(const struct pg_connection *connection, int64_t deadline)
{
    int left;
    while ((left = PQflush(connection->connection)) == 1) {
        if (!wait_for(connection, POLLIN | POLLOUT, deadline) ||
            !PQconsumeInput(connection->connection))
            return false;
    }
    return left == 0;
}

static bool wait_until_not_busy(const struct pg_connection *connection, int64_t deadline)
{
    while (PQisBusy(connection->connection))
        if (!wait_for(connection, POLLIN, deadline) || !PQconsumeInput(connection->connection))
            return false;
    return true;
}

/* --- opening --------------------------------------------------------------------------------- */

static const char *option_value(const PQconninfoOption *options, const char *keyword)
{
    for (; options->keyword; options++)
        if (strcmp(options->keyword, keyword) == 0)
            return options->val && *options->val ? options->val : NULL;
    return NULL;
}

static bool url_failed(struct buffer *error)
{
    buffer_add_text(error, "--database: not a URL that libpq takes: write it like "
                           "postgresql://USER@HOST:5432/DATABASE, with special characters "
                           "percent-encoded");
    return false;
}

bool pg_connection_init(struct pg_connection *connection, const char *url, struct buffer *error)
{
    *connection = (struct pg_connection){.url = url};
    char *reason = NULL;
    PQconninfoOption *options = PQconninfoParse(url, &reason);
    PQfreemem(reason); /* it quotes parts of the URL, which may be those of the password */
    if (!options)
        return url_failed(error);
    const char *host = option_value(options, "host"), *port = option_value(options, "port");
    const char *database = option_value(options, "dbname");
    if ((port && port[strspn(port, "0123456789,")]) || (database && strchr(database, '@'))) {
        PQconninfoFree(options); /* what stands there is a part of the password */
        return url_failed(error);
    }
    const char *user = option_value(options, "user");
    snprintf(connection->name, sizeof connection->name, "database '%s' at %s%s%s%s%s%s",
             database ? database : "", host ? host : "the local socket", port ? ":" : "",
             port ? port : "", user ? " as user '" : "", user ? user : "", user ? "'" : "");
    snprintf(connection->place, sizeof connection->place, "postgresql://%s%s%s/%s",
             host ? host : "", port ? ":" : "", port ? port : "", database ? database : "");
    PQconninfoFree(options);
    return true;
}

static enum pg_failure prepare_connection(struct pg_connection *connection, int64_t deadline)
{
    if (PQserverVersion(connection->connection) < SERVER_VERSION_MIN) {
        const char *version = PQparameterStatus(connection->connection, "server_version");
        snprintf(connection->error.message, sizeof connection->error.message,
                 "the server is PostgreSQL %s: 13 or later is needed",
                 version ? version : "of no version");
        pg_connection_close(connection);
        return PG_REFUSED;
    }
    char settings[sizeof SETTINGS + 16];
    snprintf(settings, sizeof settings, SETTINGS, connection->statement_timeout);
    PQsetnonblocking(connection->connection, 1);
    if (!PQsendQuery(connection->connection, settings) || !flush(connection, deadline))
        return fail_connection(connection, PQerrorMessage(connection->connection));
    enum pg_failure failure = PG_OK;
    for (;;) {
        if (!wait_until_not_busy(connection, deadline))
            return fail_connection(connection, "it does not answer in time");
        PGresult *result = PQgetResult(connection->connection);
        if (!result)
            break;
        ExecStatusType status = PQresultStatus(result);
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
            failure = pg_failure_of(connection, result);
        PQclear(result);
        if (!connection->connection)
            return PG_AWAY;
    }
    return failure;
}

enum pg_failure pg_connection_open(struct pg_connection *connection, int64_t deadline)
{
    if (connection->connection)
        return PG_OK;
    /* What the URL says comes after these, and counts more. */
    const char *const keywords[] = {"target_session_attrs", "application_name", "tcp_user_timeout",
                                    "keepalives_idle",      "dbname",           NULL};
    const char *const values[] = {"read-write", "booking-main",  "5000",
                                  "10",         connection->url, NULL};
    connection->error = (struct pg_error){0};
    connection->connection = PQconnectStartParams(keywords, values, 1);
    if (!connection->connection)
        return PG_MEMORY;
    PostgresPollingStatusType status = PGRES_POLLING_WRITING;
    while (PQstatus(connection->connection) != CONNECTION_BAD && status != PGRES_POLLING_OK &&
           status != PGRES_POLLING_FAILED) {
        short events = status == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        if (!wait_for(connection, events, deadline))
            return fail_connection(connection, "it does not answer in time");
        status = PQconnectPoll(connection->connection);
    }
    if (PQstatus(connection->connection) != CONNECTION_OK)
        return fail_connection(connection, PQerrorMessage(connection->connection));
    return prepare_connection(connection, deadline);
}

void pg_connection_close(struct pg_connection *connection)
{
    PQfinish(connection->connection);
    connection->connection = NULL;
}

/* --- running --------------------------------------------------------------------------------- */

void pg_add_text(struct pg_parameters *parameters, const char *text)
{
    parameters->values[parameters->count++] = text;
}

void pg_add_number(struct pg_parameters *parameters, int64_t number)
{
    char *text = parameters->numbers[parameters->count];
    snprintf(text, sizeof parameters->numbers[0], "%" PRId64, number);
    parameters->values[parameters->count++] = text;
}

static bool send_one(PGconn *connection, const char *sql, const struct pg_parameters *parameters)
{
    return PQsendQueryParams(connection, sql, parameters ? parameters->count : 0, NULL,
                             parameters ? parameters->values : NULL, NULL, NULL, 0) == 1;
}

/* Takes in one statement's result. */
static enum pg_failure take_result(struct pg_connection *connection, int64_t deadline,
                                   PGresult **result)
{
    PGresult *taken = NULL;
    for (;;) {
        if (!wait_until_not_busy(connection, deadline)) {
            PQclear(taken);
            return fail_connection(connection, PQstatus(connection->connection) == CONNECTION_BAD
                                                   ? PQerrorMessage(connection->connection)
                                                   : "it does not answer in time");
        }
        PGresult *next = PQgetResult(connection->connection);
        if (!next)
            break;
        PQclear(taken);
        taken = next;
        if (PQresultStatus(next) == PGRES_PIPELINE_SYNC)
            break;
    }
    ExecStatusType status = PQresultStatus(taken);
    enum pg_failure failure = PG_OK;
    if (status == PGRES_PIPELINE_ABORTED)
        failure = PG_REFUSED; /* because of one before it */
    else if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK &&
             status != PGRES_PIPELINE_SYNC)
        failure = taken ? pg_failure_of(connection, taken)
                        : fail_connection(connection, "it sent no result");
    if (failure == PG_OK && result)
        *result = taken;
    else
        PQclear(taken);
    return failure;
}

enum pg_failure pg_run(struct pg_connection *connection, int64_t deadline, const char *sql,
                       const struct pg_parameters *parameters, PGresult **result)
{
    if (result)
        *result = NULL;
    if (!connection->connection)
        return PG_AWAY;
    if (!send_one(connection->connection, sql, parameters) || !flush(connection, deadline))
        return fail_connection(connection, PQerrorMessage(connection->connection));
    return take_result(connection, deadline, result);
}

enum pg_failure pg_run_together(struct pg_connection *connection, int64_t deadline,
                                struct pg_statement *statements, int count)
{
    PGconn *own = connection->connection;
    enum pg_failure failure = PG_OK;
    for (int i = 0; i < count; i++)
        statements[i].result = NULL;
    if (!own)
        return PG_AWAY;
    bool sent = PQenterPipelineMode(own) == 1;
    for (int i = 0; i < count && sent; i++)
        sent = send_one(own, statements[i].sql, statements[i].parameters);
    if (!sent || PQpipelineSync(own) != 1 || !flush(connection, deadline))
        return fail_connection(connection, PQerrorMessage(own));
    /* One more is the mark of the pipeline's end. */
    for (int i = 0; i <= count; i++) {
        struct pg_error first = connection->error;
        enum pg_failure next =
            take_result(connection, deadline, i < count ? &statements[i].result : NULL);
        if (failure == PG_OK)
            failure = next;
        else
            connection->error = first; /* its words count */
        if (!connection->connection)
            return PG_AWAY;
    }
    PQexitPipelineMode(own);
    return failure;
}

/* --- copying --------------------------------------------------------------------------------- */

enum pg_failure pg_copy_begin(struct pg_connection *connection, int64_t deadline, const char *sql)
{
    PGconn *own = connection->connection;
    if (!own)
        return PG_AWAY;
    if (!PQsendQuery(own, sql) || !flush(connection, deadline) ||
        !wait_until_not_busy(connection, deadline))
        return fail_connection(connection, PQerrorMessage(own));
    PGresult *result = PQgetResult(own);
    enum pg_failure failure =
        PQresultStatus(result) == PGRES_COPY_IN ? PG_OK : pg_failure_of(connection, result);
    PQclear(result);
    return failure;
}

enum pg_failure pg_copy_add(struct pg_connection *connection, int64_t deadline,
                            const struct buffer *rows)
{
    PGconn *own = connection->connection;
    int sent = own ? PQputCopyData(own, rows->data, (int)rows->size) : -1;
    while (sent == 0 && flush(connection, deadline))
        sent = PQputCopyData(own, rows->data, (int)rows->size);
    if (sent == 1)
        return PG_OK;
    return own ? fail_connection(connection, PQerrorMessage(own)) : PG_AWAY;
}

enum pg_failure pg_copy_end(struct pg_connection *connection, int64_t deadline)
{
    PGconn *own = connection->connection;
    int sent = own ? PQputCopyEnd(own, NULL) : -1;
    while (sent == 0 && flush(connection, deadline))
        sent = PQputCopyEnd(own, NULL);
    if (sent != 1 || !flush(connection, deadline))
        return own ? fail_connection(connection, PQerrorMessage(own)) : PG_AWAY;
    return take_result(connection, deadline, NULL);
}

/* --- ending ---------------------------------------------------------------------------------- */

void pg_rollback(struct pg_connection *connection, int64_t deadline)
{
    if (connection->connection && PQtransactionStatus(connection->connection) != PQTRANS_IDLE) {
        struct pg_error before = connection->error;
        (void)pg_run(connection, deadline, "ROLLBACK", NULL, NULL);
        connection->error = before;
    }
}

/* --- rows ------------------------------------------------------------------------------------ */

int64_t pg_number(const PGresult *result, int row, int column)
{
    return PQgetisnull(result, row, column) ? -1
                                            : strtoll(PQgetvalue(result, row, column), NULL, 10);
}

const char *pg_text(const PGresult *result, int row, int column)
{
    return PQgetisnull(result, row, column) ? "" : PQgetvalue(result, row, column);
}

void pg_copy_text(const PGresult *result, int row, int column, char *out, size_t size)
{
    snprintf(out, size, "%s", pg_text(result, row, column));
}
