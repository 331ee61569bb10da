#include "store/changes/webhooks.h"

#include "lib/base/timestamp.h"
#include "lib/json/writer.h"
#include "store/changes/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
    /* Events to read again, rather than write that there was nothing; and how old they may be, in
     * seconds, which is long before they are deleted. */
    CURSOR_BEHIND_MAX = 1000,
    CURSOR_AGE_MAX = STORE_EVENT_SECONDS / 4,
    SECONDS_PER_DAY = 24 * 3600,
};

/* --- the lease ------------------------------------------------------------------------------- */

struct hook {
    bool exists, is_free, is_mine;
    int64_t now, collected; /* by the database's clock */
};

/* A lease that ends later than any can is of a clock that was set back since, and free. */
static struct hook read_hook(struct sql *sql, const char *channel, const char *owner, bool lock)
{
    struct sql_statement statement;
    struct sql_rows rows;
    struct hook hook = {0};
    sql_start(&statement, "SELECT collected, lease_owner, lease_until, ");
    sql_add(&statement, sql->driver->now);
    sql_add_text(&statement, " FROM webhooks WHERE channel = ", channel);
    if (lock)
        sql_add(&statement, sql->driver->lock);
    sql_query(sql, &rows, &statement);
    hook.exists = sql_next(&rows);
    if (hook.exists) {
        hook.collected = sql_number(&rows, 0);
        hook.now = sql_number(&rows, 3);
        int64_t left = sql_number(&rows, 2) - hook.now;
        hook.is_free = left <= 0 || left > WEBHOOK_LEASE_MAX;
        hook.is_mine = !hook.is_free && strcmp(sql_text(&rows, 1), owner) == 0;
    }
    sql_end(&rows);
    sql_stop(&statement);
    return hook;
}

struct lease {
    const char *channel, *owner;
    unsigned seconds;
};

/* Where one that is new begins; harmless where there is one. */
static void insert_hook(struct sql *sql, const char *channel)
{
    struct sql_statement statement;
    sql_start(&statement, "INSERT INTO webhooks (channel, collected, lease_owner, lease_until)"
                          " SELECT CAST(");
    sql_add_text(&statement, "", channel);
    sql_add(&statement, " AS text), coalesce(max(number), 0), '', 0 FROM events WHERE true"
                        " ON CONFLICT (channel) DO NOTHING");
    sql_run(sql, &statement);
    sql_stop(&statement);
}

static void delete_old(struct sql *sql, const char *channel, int64_t now)
{
    struct sql_statement statement;
    sql_start(&statement, "DELETE FROM webhook_deliveries WHERE state = 2");
    sql_add_text(&statement, " AND channel = ", channel);
    sql_add_number(&statement, " AND created_at < ",
                   now - (int64_t)WEBHOOK_GIVEN_UP_DAYS * SECONDS_PER_DAY);
    sql_run(sql, &statement);
    sql_stop(&statement);
}

static enum desk_result take_lease(struct sql *sql, void *context)
{
    const struct lease *lease = context;
    struct hook hook = read_hook(sql, lease->channel, lease->owner, true);
    if (!hook.exists) {
        insert_hook(sql, lease->channel);
        hook = read_hook(sql, lease->channel, lease->owner, true);
    }
    if (!hook.is_free && !hook.is_mine)
        return DESK_CHANGED;
    struct sql_statement statement;
    sql_start(&statement, "UPDATE webhooks SET lease_owner = ");
    sql_add_text(&statement, "", lease->owner);
    sql_add_number(&statement, ", lease_until = ", hook.now + lease->seconds);
    sql_add_text(&statement, " WHERE channel = ", lease->channel);
    sql_run(sql, &statement);
    sql_stop(&statement);
    if (!hook.is_mine)
        delete_old(sql, lease->channel, hook.now);
    return DESK_OK;
}

enum desk_result webhook_lease(struct desk *desk, const char *channel, const char *owner,
                               unsigned seconds, struct buffer *error)
{
    struct lease lease = {channel, owner,
                          seconds < WEBHOOK_LEASE_MAX ? seconds : WEBHOOK_LEASE_MAX};
    /* One that waits for another's lease to end writes nothing meanwhile. */
    sql_begin(desk_sql(desk), false);
    struct hook hook = read_hook(desk_sql(desk), channel, owner, false);
    if (!desk_end_reading(desk, error))
        return DESK_FAILED;
    if (hook.exists && !hook.is_free && !hook.is_mine)
        return DESK_CHANGED;
    return desk_write(desk, take_lease, &lease, error);
}

static enum desk_result release(struct sql *sql, void *context)
{
    const struct lease *lease = context;
    struct sql_statement statement;
    sql_start(&statement, "UPDATE webhooks SET lease_owner = '', lease_until = 0");
    sql_add_text(&statement, " WHERE channel = ", lease->channel);
    sql_add_text(&statement, " AND lease_owner = ", lease->owner);
    sql_run(sql, &statement);
    sql_stop(&statement);
    return DESK_OK;
}

enum desk_result webhook_release(struct desk *desk, const char *channel, const char *owner,
                                 struct buffer *error)
{
    struct lease lease = {channel, owner, 0};
    return desk_write(desk, release, &lease, error);
}

/* --- making deliveries ----------------------------------------------------------------------- */

/* A delivery to be. */
struct made {
    int64_t number;
    const char *type;
    char booking_id[BOOKING_ID_SIZE + 1];
    char message[BOOKING_ID_SIZE + 1];
    char *body;
};

static bool make_message(char message[BOOKING_ID_SIZE + 1])
{
    unsigned char random[BOOKING_ID_SIZE];
    if (getrandom(random, sizeof random, 0) != sizeof random)
        return false;
    booking_id_make(random, message);
    return true;
}

static void insert_delivery(struct sql *sql, const char *channel, const struct made *made,
                            int64_t now)
{
    struct sql_statement statement;
    sql_start(&statement, "INSERT INTO webhook_deliveries (state, attempts, tried_at, last_status,"
                          " last_error, channel, number, message, type, booking_id, body, next_at,"
                          " created_at) VALUES (1, 0, 0, 0, ''");
    sql_add_text(&statement, ", ", channel);
    sql_add_number(&statement, ", ", made->number);
    sql_add_text(&statement, ", ", made->message);
    sql_add_text(&statement, ", ", made->type);
    sql_add_text(&statement, ", ", made->booking_id);
    sql_add_text(&statement, ", ", made->body);
    sql_add_number(&statement, ", ", now);
    sql_add_number(&statement, ", ", now);
    sql_add(&statement, ")");
    sql_run(sql, &statement);
    sql_stop(&statement);
}

struct collecting {
    const char *channel, *owner;
    int64_t now;
    int64_t from, to; /* events, to be written down as collected */
    bool old;         /* these events would be deleted soon */
    unsigned count;
    bool failed; /* out of memory */
    struct made made[WEBHOOK_COLLECT_MAX];
};

static bool make_delivery(void *context, const struct change *change)
{
    struct collecting *collecting = context;
    struct made *made = &collecting->made[collecting->count];
    struct buffer body;
    buffer_init(&body, WEBHOOK_BODY_MAX);
    json_begin(&body);
    json_add_string(&body, "type", change_type(change->what));
    change_json_members(&body, change);
    json_end(&body);
    made->number = change->number;
    made->type = change_type(change->what);
    memcpy(made->booking_id, change->booking.id, sizeof made->booking_id);
    if (body.failed || !make_message(made->message)) {
        buffer_free(&body);
        collecting->failed = true;
        return false;
    }
    made->body = body.data;
    collecting->count++;
    return true;
}

static bool is_old(struct sql *sql, int64_t collected, int64_t now)
{
    struct sql_statement statement;
    struct sql_rows rows;
    sql_start(&statement, "SELECT at FROM events WHERE number > ");
    sql_add_number(&statement, "", collected);
    sql_add(&statement, " ORDER BY number LIMIT 1");
    sql_query(sql, &rows, &statement);
    bool old = sql_next(&rows) && sql_number(&rows, 0) / 1000 < now - CURSOR_AGE_MAX;
    sql_end(&rows);
    sql_stop(&statement);
    return old;
}

/* What there is, reading only: *collected gets what is known then. */
static enum desk_result look_for_changes(struct sql *sql, struct collecting *collecting,
                                         struct webhook_collected *collected)
{
    struct hook hook = read_hook(sql, collecting->channel, collecting->owner, false);
    if (!hook.is_mine)
        return sql_failed(sql) ? DESK_FAILED : DESK_CHANGED;
    struct changes_scan scan = {
        .channel = collecting->channel,
        .after = hook.collected,
        .limit = WEBHOOK_COLLECT_MAX,
        .not_the_partners = true,
        .each = make_delivery,
        .context = collecting,
    };
    struct changes_end end = {0};
    enum desk_result result = changes_scan(sql, &scan, &end);
    if (result == DESK_NOT_FOUND) {
        collected->missed = true;
        scan.after = end.next;
        result = changes_scan(sql, &scan, &end);
    }
    collecting->from = hook.collected;
    collecting->to = end.next;
    collecting->old = is_old(sql, hook.collected, collecting->now);
    collected->caught_up = end.caught_up;
    return result;
}

static enum desk_result keep_collected(struct sql *sql, void *context)
{
    const struct collecting *collecting = context;
    struct hook hook = read_hook(sql, collecting->channel, collecting->owner, true);
    if (!hook.is_mine || hook.collected != collecting->from)
        return DESK_CHANGED;
    for (unsigned i = 0; i < collecting->count; i++)
        insert_delivery(sql, collecting->channel, &collecting->made[i], collecting->now);
    struct sql_statement statement;
    sql_start(&statement, "UPDATE webhooks SET collected = ");
    sql_add_number(&statement, "", collecting->to);
    sql_add_text(&statement, " WHERE channel = ", collecting->channel);
    sql_run(sql, &statement);
    sql_stop(&statement);
    return DESK_OK;
}

enum desk_result webhook_collect(struct desk *desk, const char *channel, const char *owner,
                                 int64_t now, struct webhook_collected *collected,
                                 struct buffer *error)
{
    struct collecting *collecting = calloc(1, sizeof *collecting);
    *collected = (struct webhook_collected){0};
    if (!collecting) {
        buffer_add_text(error, "out of memory");
        return DESK_FAILED;
    }
    collecting->channel = channel;
    collecting->owner = owner;
    collecting->now = now;
    sql_begin(desk_sql(desk), false);
    enum desk_result result = look_for_changes(desk_sql(desk), collecting, collected);
    if (!desk_end_reading(desk, error)) {
        result = DESK_FAILED;
    } else if (collecting->failed) {
        buffer_add_text(error, "out of memory for a webhook's body");
        result = DESK_FAILED;
    }
    if (result == DESK_OK &&
        (collecting->count || collected->missed || collecting->old ||
         collecting->to - collecting->from > CURSOR_BEHIND_MAX || !collected->caught_up))
        result = desk_write(desk, keep_collected, collecting, error);
    collected->made = result == DESK_OK ? collecting->count : 0;
    for (unsigned i = 0; i < collecting->count; i++)
        free(collecting->made[i].body);
    free(collecting);
    return result;
}

/* --- reading deliveries ---------------------------------------------------------------------- */

#define DELIVERY_COLUMNS(body)                                                                     \
    "SELECT d.id, d.number, d.channel, d.message, d.type, d.booking_id, " body ", d.state,"        \
    " d.attempts, d.next_at, d.tried_at, d.last_status, d.last_error, d.created_at"                \
    " FROM webhook_deliveries d"

static void tell_deliveries(struct sql *sql, const struct sql_statement *statement,
                            webhook_reader *each, void *context)
{
    struct sql_rows rows;
    bool go_on = true;
    sql_query(sql, &rows, statement);
    while (go_on && sql_next(&rows)) {
        int column = 0;
        struct webhook_delivery delivery = {.id = sql_number(&rows, column++)};
        delivery.number = sql_number(&rows, column++);
        delivery.channel = sql_text(&rows, column++);
        delivery.message = sql_text(&rows, column++);
        delivery.type = sql_text(&rows, column++);
        delivery.booking_id = sql_text(&rows, column++);
        delivery.body = sql_text(&rows, column++);
        delivery.state = (enum webhook_state)sql_number(&rows, column++);
        delivery.attempts = (unsigned)sql_number(&rows, column++);
        delivery.next_at = sql_number(&rows, column++);
        delivery.tried_at = sql_number(&rows, column++);
        delivery.last_status = (int)sql_number(&rows, column++);
        delivery.last_error = sql_text(&rows, column++);
        delivery.created_at = sql_number(&rows, column);
        go_on = each(context, &delivery);
    }
    sql_end(&rows);
}

enum desk_result webhook_due(struct desk *desk, const char *channel, int64_t now, unsigned limit,
                             webhook_reader *each, void *context, struct buffer *error)
{
    struct sql_statement statement;
    sql_begin(desk_sql(desk), false);
    sql_start(&statement, DELIVERY_COLUMNS("d.body"));
    sql_add_text(&statement, " WHERE d.state = 1 AND d.channel = ", channel);
    sql_add_number(&statement, " AND d.next_at <= ", now);
    sql_add(&statement, " AND (d.booking_id = '' OR NOT EXISTS (SELECT 1 FROM webhook_deliveries o"
                        " WHERE o.state = 1 AND o.channel = d.channel"
                        " AND o.booking_id = d.booking_id AND o.id < d.id))");
    sql_add_number(&statement, " ORDER BY d.next_at, d.id LIMIT ", limit);
    tell_deliveries(desk_sql(desk), &statement, each, context);
    sql_stop(&statement);
    return desk_end_reading(desk, error) ? DESK_OK : DESK_FAILED;
}

enum desk_result webhook_list(struct desk *desk, const char *channel, enum webhook_state state,
                              int64_t after, unsigned limit, webhook_reader *each, void *context,
                              struct buffer *error)
{
    struct sql_statement statement;
    sql_begin(desk_sql(desk), false);
    sql_start(&statement, DELIVERY_COLUMNS("''"));
    sql_add_number(&statement, " WHERE d.id > ", after);
    if (*channel)
        sql_add_text(&statement, " AND d.channel = ", channel);
    if (state)
        sql_add_number(&statement, " AND d.state = ", state);
    sql_add_number(&statement, " ORDER BY d.id LIMIT ", limit);
    tell_deliveries(desk_sql(desk), &statement, each, context);
    sql_stop(&statement);
    return desk_end_reading(desk, error) ? DESK_OK : DESK_FAILED;
}

/* --- what became of them --------------------------------------------------------------------- */

struct settling {
    const char *channel, *owner;
    const struct webhook_outcome *outcomes;
    unsigned count;
    int64_t now;
};

static void settle_one(struct sql *sql, const struct settling *settling,
                       const struct webhook_outcome *outcome)
{
    struct sql_statement statement;
    if (outcome->kind == WEBHOOK_DELIVERED) {
        sql_start(&statement, "DELETE FROM webhook_deliveries");
    } else {
        sql_start(&statement, "UPDATE webhook_deliveries SET attempts = attempts + 1");
        sql_add_number(&statement, ", tried_at = ", settling->now);
        sql_add_number(&statement, ", last_status = ", outcome->status);
        sql_add_text(&statement, ", last_error = ", outcome->error);
        if (outcome->kind == WEBHOOK_ENDED)
            sql_add(&statement, ", state = 2");
        else
            sql_add_number(&statement, ", next_at = ", outcome->next_at);
    }
    sql_add_number(&statement, " WHERE id = ", outcome->id);
    sql_add_text(&statement, " AND channel = ", settling->channel);
    sql_run(sql, &statement);
    sql_stop(&statement);
}

static enum desk_result settle(struct sql *sql, void *context)
{
    const struct settling *settling = context;
    if (!read_hook(sql, settling->channel, settling->owner, true).is_mine)
        return DESK_CHANGED;
    for (unsigned i = 0; i < settling->count; i++)
        settle_one(sql, settling, &settling->outcomes[i]);
    return DESK_OK;
}

enum desk_result webhook_settle(struct desk *desk, const char *channel, const char *owner,
                                const struct webhook_outcome *outcomes, unsigned count, int64_t now,
                                struct buffer *error)
{
    struct settling settling = {channel, owner, outcomes, count, now};
    return desk_write(desk, settle, &settling, error);
}

/* --- the operator's -------------------------------------------------------------------------- */

struct resending {
    const char *channel;
    int64_t id, now;
};

/* Those that it is about, as conditions. */
static void add_which(struct sql_statement *statement, const struct resending *resending)
{
    if (resending->id)
        sql_add_number(statement, " WHERE id = ", resending->id);
    else
        sql_add(statement, " WHERE state = 2");
    if (*resending->channel)
        sql_add_text(statement, " AND channel = ", resending->channel);
}

static enum desk_result send_again(struct sql *sql, void *context)
{
    const struct resending *resending = context;
    struct sql_statement statement;
    struct sql_rows rows;
    sql_start(&statement, "SELECT id FROM webhook_deliveries");
    add_which(&statement, resending);
    sql_add(&statement, " LIMIT 1");
    sql_query(sql, &rows, &statement);
    bool found = sql_next(&rows);
    sql_end(&rows);
    sql_stop(&statement);
    if (!found)
        return DESK_NOT_FOUND;
    sql_start(&statement, "UPDATE webhook_deliveries SET state = 1, attempts = 0");
    sql_add_number(&statement, ", next_at = ", resending->now);
    add_which(&statement, resending);
    sql_run(sql, &statement);
    sql_stop(&statement);
    return DESK_OK;
}

enum desk_result webhook_again(struct desk *desk, const char *channel, int64_t id, int64_t now,
                               struct buffer *error)
{
    struct resending resending = {channel, id, now};
    return desk_write(desk, send_again, &resending, error);
}

struct testing {
    const char *channel;
    struct made made;
    int64_t now, id;
};

static enum desk_result insert_test(struct sql *sql, void *context)
{
    struct testing *testing = context;
    struct sql_statement statement;
    struct sql_rows rows;
    if (!read_hook(sql, testing->channel, "", false).exists)
        return DESK_NOT_FOUND;
    insert_delivery(sql, testing->channel, &testing->made, testing->now);
    sql_start(&statement, "SELECT id FROM webhook_deliveries WHERE state = 1 AND booking_id = ''");
    sql_add_text(&statement, " AND channel = ", testing->channel);
    sql_add_text(&statement, " AND message = ", testing->made.message);
    sql_query(sql, &rows, &statement);
    testing->id = sql_next(&rows) ? sql_number(&rows, 0) : -1;
    sql_end(&rows);
    sql_stop(&statement);
    return DESK_OK;
}

enum desk_result webhook_test(struct desk *desk, const char *channel, int64_t now, int64_t *id,
                              struct buffer *error)
{
    struct testing testing = {.channel = channel, .made.type = "webhook.test", .now = now};
    struct buffer body;
    char at[TIMESTAMP_SIZE];
    timestamp_format_seconds(now, at);
    buffer_init(&body, WEBHOOK_BODY_MAX);
    json_begin(&body);
    json_add_string(&body, "type", testing.made.type);
    json_add_string(&body, "at", at);
    json_end(&body);
    enum desk_result result = DESK_FAILED;
    testing.made.body = body.data;
    if (body.failed || !make_message(testing.made.message))
        buffer_add_text(error, "out of memory, or the system gives no random numbers");
    else
        result = desk_write(desk, insert_test, &testing, error);
    buffer_free(&body);
    if (result == DESK_OK)
        *id = testing.id;
    return result;
}

/* --- summaries ------------------------------------------------------------------------------- */

enum desk_result webhook_count(struct desk *desk, const char *channel, int64_t *waiting,
                               int64_t *given_up, struct buffer *error)
{
    struct sql *sql = desk_sql(desk);
    struct sql_statement statement;
    struct sql_rows rows;
    *waiting = *given_up = 0;
    sql_start(&statement, "SELECT state, count(*) FROM webhook_deliveries");
    sql_add_text(&statement, " WHERE channel = ", channel);
    sql_add(&statement, " GROUP BY state");
    sql_begin(sql, false);
    sql_query(sql, &rows, &statement);
    while (sql_next(&rows))
        *(sql_number(&rows, 0) == WEBHOOK_WAITING ? waiting : given_up) = sql_number(&rows, 1);
    sql_end(&rows);
    sql_stop(&statement);
    return desk_end_reading(desk, error) ? DESK_OK : DESK_FAILED;
}

enum desk_result webhook_summaries(struct desk *desk, const char *channel,
                                   bool (*each)(void *context,
                                                const struct webhook_summary *summary),
                                   void *context, struct buffer *error)
{
    struct sql *sql = desk_sql(desk);
    struct sql_statement statement;
    struct sql_rows rows;
    bool go_on = true;
    sql_start(&statement, "SELECT w.channel, CASE WHEN w.lease_until > ");
    sql_add(&statement, sql->driver->now);
    sql_add(&statement, " THEN w.lease_owner ELSE '' END,"
                        " (SELECT coalesce(max(number), w.collected) FROM events) - w.collected,"
                        " (SELECT count(*) FROM webhook_deliveries d WHERE d.channel = w.channel"
                        " AND d.state = 1),"
                        " (SELECT count(*) FROM webhook_deliveries d WHERE d.channel = w.channel"
                        " AND d.state = 2),"
                        " (SELECT coalesce(min(d.created_at), 0) FROM webhook_deliveries d"
                        " WHERE d.channel = w.channel AND d.state = 1) FROM webhooks w");
    if (*channel)
        sql_add_text(&statement, " WHERE w.channel = ", channel);
    sql_add(&statement, " ORDER BY w.channel");
    sql_add(&statement, sql->driver->binary);
    sql_begin(sql, false);
    sql_query(sql, &rows, &statement);
    while (go_on && sql_next(&rows)) {
        struct webhook_summary summary = {
            .channel = sql_text(&rows, 0),
            .owner = sql_text(&rows, 1),
            .uncollected = sql_number(&rows, 2),
            .waiting = sql_number(&rows, 3),
            .given_up = sql_number(&rows, 4),
            .waiting_since = sql_number(&rows, 5),
        };
        go_on = each(context, &summary);
    }
    sql_end(&rows);
    sql_stop(&statement);
    return desk_end_reading(desk, error) ? DESK_OK : DESK_FAILED;
}
