#include "commands/act.h"

#include "commands/rows.h"
#include "commands/when.h"
#include "lib/base/text.h"
#include "lib/json/writer.h"
#include "store/desk/document.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- who and why ----------------------------------------------------------------------------- */

static bool usable(const char *name)
{
    return name && *name && strlen(name) <= DESK_ACTOR_MAX && text_is_utf8(name) &&
           !text_has_control(name);
}

/* In a container nobody has logged in. */
static void find_actor(char actor[DESK_ACTOR_MAX + 1])
{
    char login[DESK_ACTOR_MAX + 1];
    const char *user = getenv("USER");
    bool logged_in = getlogin_r(login, sizeof login) == 0 && usable(login);
    snprintf(actor, DESK_ACTOR_MAX + 1, "%s",
             logged_in      ? login
             : usable(user) ? user
                            : "command line");
}

int act_begin(struct act *act, const struct options *options, const struct act_options *values,
              bool needs_reason)
{
    *act = (struct act){.values = values};
    find_actor(act->actor);
    if (needs_reason && !values->reason) {
        fprintf(stderr, "%s: it needs --reason; see %s --help\n", options->program,
                options->program);
        return 2;
    }
    if (!session_text(options, "--reason", values->reason, act->reason, sizeof act->reason) ||
        !session_text(options, "--by", values->by, act->actor, sizeof act->actor))
        return 2;
    if (!session_open(&act->session, options, values->database)) {
        session_close(&act->session);
        return 1;
    }
    act->who = (struct desk_act){act->actor, act->reason, 0, act->session.now};
    return -1;
}

/* --- what came of it ------------------------------------------------------------------------- */

/* What keeps the booking from being changed so. */
static void refuse_state(const struct act *act)
{
    const struct desk_booking *row = &act->outcome.booking;
    const struct booking *booking = &row->booking;
    char since[WHEN_SIZE];
    when_format_seconds(row->returned_at, since);
    const char *what = "";
    if (booking->state == BOOKING_BLOCKED && (int64_t)booking->period.return_at * 60 > act->who.now)
        what = "is a block: booking-main unblock gives the car back";
    else if (booking->state == BOOKING_CANCELLED)
        what = "is cancelled already";
    else if (booking->state == BOOKING_EXPIRED ||
             (booking->state == BOOKING_HELD && booking->expires_at <= act->who.now))
        what = "is a hold that ran out";
    else if (row->returned_at)
        what = "is over: the car is back";
    else if ((int64_t)booking->period.return_at * 60 <= act->who.now)
        what = "is over";
    else
        what = "has not been picked up";
    session_refuse(&act->session, "%s %s; nothing was changed", booking->id, what);
}

static void refuse(const struct act *act, enum desk_result result, const char *subject,
                   const char *problem_option)
{
    const struct desk_outcome *outcome = &act->outcome;
    const struct session *session = &act->session;
    const char *error = session->error.data ? session->error.data : "out of memory";
    unsigned listed = outcome->collision_count;
    switch (result) {
    case DESK_NOT_FOUND:
        session_refuse(session, "there is none with the id '%s'", subject);
        break;
    case DESK_UNKNOWN_CAR:
        session_refuse(session, "the fleet has no car '%s', or it was withdrawn", subject);
        break;
    case DESK_WRONG_STATE:
        refuse_state(act);
        break;
    case DESK_IN_THE_WAY:
        session_refuse(session, "the car is not free: %u %s in the way; nothing was changed",
                       listed,
                       listed == 1 ? "booking, hold or block is" : "bookings, holds or blocks are");
        if (act->values->json)
            break;
        listed = listed > DESK_COLLISIONS_MAX ? DESK_COLLISIONS_MAX : listed;
        rows_print_zone(stderr);
        (void)rows_print(stderr, outcome->collisions, listed);
        if (listed < outcome->collision_count)
            fprintf(stderr, "and %u more\n", outcome->collision_count - listed);
        break;
    case DESK_INVALID: /* "return_at: must be ..." */
        session_refuse(session, "%s%s; nothing was changed", problem_option,
                       strchr(error, ':') ? strchr(error, ':') : error);
        break;
    case DESK_CHANGED:
    case DESK_FAILED:
    case DESK_OK:
        session_refuse(session, "%s", error);
    }
}

/* The members of the API's answer; false when it cannot be printed. */
static bool print_json(const struct act *act, enum desk_result result)
{
    struct buffer document;
    buffer_init(&document, 256 * 1024);
    json_begin(&document);
    desk_json_outcome(&document, result, &act->outcome);
    json_end(&document);
    buffer_add_text(&document, "\n");
    bool good = session_print(&document);
    buffer_free(&document);
    return good;
}

int act_end(struct act *act, enum desk_result result, const char *subject, const char *done,
            const char *problem_option)
{
    bool good = true;
    if (act->values->json)
        good = print_json(act, result);
    else if (result == DESK_OK)
        rows_print_done(done, &act->outcome.booking);
    int status = session_printed(&act->session, good);
    if (result != DESK_OK) {
        refuse(act, result, subject, problem_option);
        status = 1;
    }
    session_close(&act->session);
    return status;
}
