#include "store/changes/webhooks_document.h"

#include "lib/base/timestamp.h"
#include "lib/json/writer.h"

#include <stdlib.h>
#include <string.h>

static void add_time(struct buffer *out, const char *name, int64_t seconds)
{
    char text[TIMESTAMP_SIZE];
    if (!seconds)
        return;
    timestamp_format_seconds(seconds, text);
    json_add_string(out, name, text);
}

const char *webhook_state_name(enum webhook_state state)
{
    return state == WEBHOOK_GIVEN_UP ? "given_up" : "waiting";
}

enum webhook_state webhook_state_of(const char *name)
{
    for (enum webhook_state state = WEBHOOK_WAITING; state <= WEBHOOK_GIVEN_UP; state++)
        if (strcmp(name, webhook_state_name(state)) == 0)
            return state;
    return 0;
}

int64_t webhook_read_id(const char *text)
{
    size_t size = strlen(text);
    if (!size || size > 18 || strspn(text, "0123456789") != size)
        return 0;
    return strtoll(text, NULL, 10);
}

void webhook_json_delivery(struct buffer *out, const struct webhook_delivery *delivery)
{
    json_open_object(out, NULL);
    json_add_integer(out, "id", delivery->id);
    json_add_string(out, "channel", delivery->channel);
    json_add_string(out, "type", delivery->type);
    if (*delivery->booking_id)
        json_add_string(out, "booking_id", delivery->booking_id);
    if (delivery->number)
        json_add_integer(out, "number", delivery->number);
    json_add_string(out, "state", webhook_state_name(delivery->state));
    json_add_integer(out, "attempts", delivery->attempts);
    add_time(out, "created_at", delivery->created_at);
    add_time(out, "tried_at", delivery->tried_at);
    if (delivery->state == WEBHOOK_WAITING)
        add_time(out, "next_at", delivery->next_at);
    if (delivery->last_status)
        json_add_integer(out, "last_status", delivery->last_status);
    json_add_string(out, "last_error", *delivery->last_error ? delivery->last_error : NULL);
    json_close_object(out);
}

void webhook_json_summary(struct buffer *out, const struct webhook_summary *summary, bool stopped)
{
    json_open_object(out, NULL);
    json_add_string(out, "channel", summary->channel);
    json_add_string(out, "sender", *summary->owner ? summary->owner : NULL);
    json_add_integer(out, "waiting", summary->waiting);
    json_add_integer(out, "given_up", summary->given_up);
    add_time(out, "waiting_since", summary->waiting_since);
    json_add_boolean(out, "stopped", stopped);
    json_close_object(out);
}
