#include "commands/session.h"

#include "commands/when.h"
#include "lib/base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* --- arguments ------------------------------------------------------------------------------- */

/* Whether the argument is an option that takes the next one for its value. */
static bool takes_next(const struct options *options, const char *argument)
{
    if (strncmp(argument, "--", 2) != 0)
        return false;
    for (size_t i = 0; i < options->count; i++)
        if (strcmp(options->entries[i].flag, argument + 2) == 0)
            return options->entries[i].type != OPTION_FLAG;
    return false;
}

/* An id is random, and one in 64 begins with a dash. Takes such a one out of the arguments before
 * it is taken for an option; NULL for none. */
static const char *take_dashed_id(const struct options *options, int *argc, char **argv)
{
    for (int i = 1; i < *argc && strcmp(argv[i], "--") != 0; i++) {
        const char *argument = argv[i];
        if (takes_next(options, argument)) {
            i++;
        } else if (argument[0] == '-' && booking_id_valid(argument)) {
            memmove(&argv[i], &argv[i + 1], (size_t)(*argc - i) * sizeof argv[0]);
            (*argc)--;
            return argument;
        }
    }
    return NULL;
}

int session_parse(const struct options *options, int argc, char **argv, void *values, int least,
                  int most, struct session_words *words)
{
    int rest, most_words = (int)(sizeof words->words / sizeof words->words[0]);
    const char *dashed = take_dashed_id(options, &argc, argv);
    switch (options_parse(options, argc, argv, values, &rest)) {
    case OPTIONS_EXIT_OK:
        return 0;
    case OPTIONS_EXIT_USAGE:
    case OPTIONS_HEALTHCHECK:
        return 2;
    case OPTIONS_RUN:
        break;
    }
    *words = (struct session_words){0};
    if (dashed)
        words->words[words->count++] = dashed;
    for (; rest < argc && words->count < most_words; rest++)
        words->words[words->count++] = argv[rest];
    if (rest < argc || words->count < least || words->count > most) {
        fprintf(stderr, "%s: it is called as: %s %s; see %s --help\n", options->program,
                options->program, options->usage, options->program);
        return 2;
    }
    const char *problem = when_zone_problem();
    return problem ? session_usage(options, "TZ", getenv("TZ"), problem) : -1;
}

int session_usage(const struct options *options, const char *what, const char *value,
                  const char *problem)
{
    struct buffer shown;
    buffer_init(&shown, 4096);
    text_add_quoted(&shown, value);
    fprintf(stderr, "%s: %s %s %s; see %s --help\n", options->program, what,
            shown.data ? shown.data : "", problem, options->program);
    buffer_free(&shown);
    return 2;
}

bool session_text(const struct options *options, const char *flag, const char *value, char *copy,
                  size_t size)
{
    char problem[64];
    if (!value)
        return true;
    snprintf(problem, sizeof problem, "must be 1 to %zu bytes of text without control characters",
             size - 1);
    if (!*value || strlen(value) >= size || !text_is_utf8(value) || text_has_control(value)) {
        (void)session_usage(options, flag, value, problem);
        return false;
    }
    memcpy(copy, value, strlen(value) + 1);
    return true;
}

int session_period(const struct options *options, const char *from, const char *to,
                   int32_t *from_minute, int32_t *to_minute)
{
    if (!from || !to) {
        fprintf(stderr, "%s: it needs %s; see %s --help\n", options->program,
                from ? "--to" : "--from", options->program);
        return 2;
    }
    const char *problem = when_read_from(from, from_minute);
    if (problem)
        return session_usage(options, "--from", from, problem);
    problem = when_read_to(to, to_minute);
    if (!problem && *to_minute <= *from_minute)
        problem = "must be later than --from";
    return problem ? session_usage(options, "--to", to, problem) : -1;
}

/* --- the database ---------------------------------------------------------------------------- */

/* Another database's name is more likely a slip than a wish for an empty one. */
static struct store *open_store(const char *database, struct buffer *error)
{
    bool exists;
    if (!store_exists(database, &exists, error))
        return NULL;
    if (exists)
        return store_open(database, error);
    buffer_printf(error, "database '%.*s': there is none: name the engines' with --database",
                  (int)text_url_shown(database), database);
    return NULL;
}

bool session_open(struct session *session, const struct options *options, const char *database)
{
    *session = (struct session){.options = options, .now = time(NULL)};
    buffer_init(&session->error, 4096);
    session->store = open_store(database, &session->error);
    if (session->store)
        session->desk = desk_open(session->store, &session->error);
    if (!session->desk)
        (void)session_failed(session);
    return session->desk;
}

void session_close(struct session *session)
{
    desk_close(session->desk);
    store_close(session->store);
    buffer_free(&session->error);
}

/* --- what is said ---------------------------------------------------------------------------- */

int session_failed(struct session *session)
{
    session_refuse(session, "%s", session->error.data ? session->error.data : "out of memory");
    return 1;
}

void session_refuse(const struct session *session, const char *format, ...)
{
    struct buffer sentence;
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    buffer_init(&sentence, 8192);
    text_add_shown(&sentence, text);
    fprintf(stderr, "%s: %s\n", session->options->program, sentence.data ? sentence.data : "");
    buffer_free(&sentence);
}

bool session_print(struct buffer *text)
{
    bool good =
        !text->failed && (!text->size || fwrite(text->data, 1, text->size, stdout) == text->size);
    buffer_clear(text);
    return good;
}

static bool take_comma(struct buffer *piece)
{
    bool comma = !piece->failed && piece->size && piece->data[piece->size - 1] == ',';
    piece->size -= comma;
    return comma;
}

bool session_print_piece(struct buffer *piece, bool json)
{
    bool comma = json && take_comma(piece);
    bool good = session_print(piece);
    if (comma)
        buffer_add(piece, ",", 1);
    return good;
}

void session_end_array(struct buffer *piece)
{
    (void)take_comma(piece);
    buffer_add_text(piece, "]}\n");
}

int session_printed(const struct session *session, bool good)
{
    if (good && fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    session_refuse(session, "standard output: %s", errno ? strerror(errno) : "not all was written");
    return 1;
}
