#include "store/desk/sql.h"

#include <stdio.h>

/* --- statements ------------------------------------------------------------------------------ */

void sql_start(struct sql_statement *statement, const char *text)
{
    *statement = (struct sql_statement){.count = 0};
    buffer_init(&statement->text, SQL_TEXT_MAX);
    buffer_add_text(&statement->text, text);
}

void sql_add(struct sql_statement *statement, const char *text)
{
    buffer_add_text(&statement->text, text);
}

static void add_value(struct sql_statement *statement, const char *text, struct sql_value value)
{
    if (statement->count == SQL_VALUES_MAX) {
        statement->text.failed = true;
        return;
    }
    statement->values[statement->count++] = value;
    buffer_printf(&statement->text, "%s$%d", text, statement->count);
}

void sql_add_number(struct sql_statement *statement, const char *text, int64_t number)
{
    add_value(statement, text, (struct sql_value){.number = number});
}

void sql_add_text(struct sql_statement *statement, const char *text, const char *value)
{
    add_value(statement, text, (struct sql_value){.text = value});
}

void sql_stop(struct sql_statement *statement)
{
    buffer_free(&statement->text);
}

/* --- transactions ---------------------------------------------------------------------------- */

bool sql_failed(const struct sql *sql)
{
    return sql->failure != SQL_FINE;
}

void sql_fail(struct sql *sql, enum sql_failure failure)
{
    if (!sql_failed(sql))
        sql->failure = failure;
}

void sql_begin(struct sql *sql, bool writes)
{
    buffer_clear(&sql->error);
    sql->failure = SQL_FINE;
    if (atomic_load(&sql->cancelled)) { /* between two transactions of a job, say */
        buffer_add_text(&sql->error, "it took too long and was given up");
        sql_fail(sql, SQL_FAILED);
        return;
    }
    sql->driver->begin(sql, writes);
}

bool sql_commit(struct sql *sql)
{
    if (!sql_failed(sql))
        sql->driver->commit(sql);
    bool committed = !sql_failed(sql);
    sql->driver->rollback(sql);
    return committed;
}

void sql_rollback(struct sql *sql)
{
    sql->driver->rollback(sql);
    sql->failure = SQL_FINE;
}

/* --- rows ------------------------------------------------------------------------------------ */

void sql_query(struct sql *sql, struct sql_rows *rows, const struct sql_statement *statement)
{
    *rows = (struct sql_rows){.sql = sql, .row = -1};
    if (statement->text.failed && !sql_failed(sql)) {
        buffer_add_text(&sql->error, "out of memory for a statement");
        sql_fail(sql, SQL_FAILED);
    }
    if (!sql_failed(sql))
        sql->driver->query(sql, rows, statement->text.data, statement->values, statement->count);
}

bool sql_next(struct sql_rows *rows)
{
    return !sql_failed(rows->sql) && rows->sql->driver->next(rows);
}

void sql_end(struct sql_rows *rows)
{
    rows->sql->driver->end(rows);
}

void sql_run(struct sql *sql, const struct sql_statement *statement)
{
    struct sql_rows rows;
    sql_query(sql, &rows, statement);
    (void)sql_next(&rows);
    sql_end(&rows);
}

int64_t sql_number(const struct sql_rows *rows, int column)
{
    const struct sql_driver *driver = rows->sql->driver;
    return driver->is_null(rows, column) ? -1 : driver->number(rows, column);
}

const char *sql_text(const struct sql_rows *rows, int column)
{
    const struct sql_driver *driver = rows->sql->driver;
    return driver->is_null(rows, column) ? "" : driver->text(rows, column);
}

void sql_copy_text(const struct sql_rows *rows, int column, char *out, size_t size)
{
    snprintf(out, size, "%s", sql_text(rows, column));
}

int64_t sql_one_number(struct sql *sql, const char *text)
{
    struct sql_statement statement;
    struct sql_rows rows;
    sql_start(&statement, text);
    sql_query(sql, &rows, &statement);
    int64_t number = sql_next(&rows) ? sql_number(&rows, 0) : -1;
    sql_end(&rows);
    sql_stop(&statement);
    return number;
}

void sql_add_event(struct sql *sql, const struct store_event *event)
{
    if (!sql_failed(sql))
        sql->driver->add_event(sql, event);
}
