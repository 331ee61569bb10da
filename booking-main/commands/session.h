/* What the desk's commands share: their arguments, the way to the database, what they say.
 *
 * The exit status of a command is 0 when it is done, 1 when it was refused or failed, with a
 * sentence on standard error, and 2 when it was called wrongly.
 */
#ifndef BOOKING_COMMANDS_SESSION_H
#define BOOKING_COMMANDS_SESSION_H

#include "lib/base/buffer.h"
#include "lib/base/options.h"
#include "store/desk/desk.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Entries of the options table that several commands have; `values` is the command's struct. */
#define SESSION_DATABASE(values)                                                                   \
    {                                                                                              \
        "database", "BOOKING_DATABASE", OPTION_URL, offsetof(struct values, database), "URL",      \
            "sqlite:booking.db", "the engines' database"                                           \
    }
#define SESSION_LIMIT(values)                                                                      \
    {                                                                                              \
        "limit", NULL, OPTION_COUNT, offsetof(struct values, limit), "N", NULL,                    \
            "so many; 0 for all. Without it a table has 50, CSV and JSON all"                      \
    }
#define SESSION_JSON(values)                                                                       \
    {                                                                                              \
        "json", NULL, OPTION_FLAG, offsetof(struct values, json), NULL, NULL,                      \
            "as JSON, with the members of the desk's API"                                          \
    }

/* What stands behind the options. */
struct session_words {
    int count;
    const char *words[2];
};

/* Parses the command's arguments, of which `least` to `most` (at most 2) are no options. -1 to go
 * on, else the exit status. A booking's id may begin with a dash. */
int session_parse(const struct options *options, int argc, char **argv, void *values, int least,
                  int most, struct session_words *words);

/* Says on standard error that the value of an option, or of an argument, is wrong; the exit
 * status. `problem` is the end of a sentence. */
int session_usage(const struct options *options, const char *what, const char *value,
                  const char *problem);

/* Copies an option's text if it was given. False, and said, when it is longer than `size` allows
 * or no plain UTF-8. */
bool session_text(const struct options *options, const char *flag, const char *value, char *copy,
                  size_t size);

/* Reads the period of --from and --to, both of which must be given. -1, or said, the exit status.
 */
int session_period(const struct options *options, const char *from, const char *to,
                   int32_t *from_minute, int32_t *to_minute);

struct session {
    const struct options *options;
    struct store *store;
    struct desk *desk;
    struct buffer error; /* why something failed */
    int64_t now;         /* seconds since 1970 */
};

/* Opens the database, which must exist. False, and said, when it cannot; session_close() is to be
 * called in either case. */
bool session_open(struct session *session, const struct options *options, const char *database);
void session_close(struct session *session);

/* Says on standard error what is in `error`; the exit status. */
int session_failed(struct session *session);

/* Says on standard error why it was refused. */
__attribute__((format(printf, 2, 3))) void session_refuse(const struct session *session,
                                                          const char *format, ...);

/* Prints the text and empties it; false when it cannot be printed, or was not complete. */
bool session_print(struct buffer *text);

/* The same for a piece of a document. With `json` the comma behind its last element stays for the
 * next piece, since behind the last element of all there is none. session_end_array() puts the end
 * of array and document there. */
bool session_print_piece(struct buffer *piece, bool json);
void session_end_array(struct buffer *piece);

/* The exit status of what was printed, which may still fail. */
int session_printed(const struct session *session, bool good);

#endif
