/* What the commands that change something share: who does it and why, and what came of it. */
#ifndef BOOKING_COMMANDS_ACT_H
#define BOOKING_COMMANDS_ACT_H

#include "commands/session.h"

/* The values of their options. */
struct act_options {
    const char *database, *reason, *by;
    bool json;
};

#define ACT_REASON(values)                                                                         \
    {                                                                                              \
        "reason", NULL, OPTION_TEXT, offsetof(struct values, act.reason), "TEXT", NULL,            \
            "why, for the history: 1 to 200 bytes"                                                 \
    }
#define ACT_COMMON(values)                                                                         \
    {"by",                                                                                         \
     NULL,                                                                                         \
     OPTION_TEXT,                                                                                  \
     offsetof(struct values, act.by),                                                              \
     "NAME",                                                                                       \
     NULL,                                                                                         \
     "who does it, for the history; without it, the login name"},                                  \
        {"json",                                                                                   \
         NULL,                                                                                     \
         OPTION_FLAG,                                                                              \
         offsetof(struct values, act.json),                                                        \
         NULL,                                                                                     \
         NULL,                                                                                     \
         "the answer, or the refusal, as JSON"},                                                   \
    {                                                                                              \
        "database", "BOOKING_DATABASE", OPTION_URL, offsetof(struct values, act.database), "URL",  \
            "sqlite:booking.db", "the engines' database"                                           \
    }

/* One change under way. */
struct act {
    struct session session;
    const struct act_options *values;
    char actor[DESK_ACTOR_MAX + 1], reason[DESK_REASON_MAX + 1];
    struct desk_act who;
    struct desk_outcome outcome;
};

/* Checks reason and name, then opens the database. -1 to go on, else the exit status; act_end() is
 * to be called only after -1. */
int act_begin(struct act *act, const struct options *options, const struct act_options *values,
              bool needs_reason);

/* Says what came of it and closes the database; the exit status. `subject` is the id or car that
 * was named, `done` what is said of a change that was made, `problem_option` the option that
 * DESK_INVALID is about. */
int act_end(struct act *act, enum desk_result result, const char *subject, const char *done,
            const char *problem_option);

#endif
