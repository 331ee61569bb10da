#include "tests/unit/unit.h"

#include "lib/json/writer.h"
#include "lib/log/log.h"

#include <jansson.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

/* A temporary file, unlinked, to log to. */
static int scratch(void)
{
    char path[] = "/tmp/unit-log-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    unlink(path);
    return fd;
}

static char *content(int fd)
{
    static char text[1 << 20];
    ssize_t size = pread(fd, text, sizeof text - 1, 0);
    assert_true(size >= 0);
    text[size] = '\0';
    return text;
}

static const char *text_of(const json_t *line, const char *member)
{
    return json_string_value(json_object_get(line, member));
}

static void a_line_is_one_json_object(void **state)
{
    (void)state;
    int fd = scratch();
    struct log *log = log_new(fd, "unit");
    log_error(log, "it \"broke\"\n", "left_out", NULL, "why", "line\nbreak", NULL);
    char *line = content(fd);
    assert_int_equal(strchr(line, '\n') - line, strlen(line) - 1);
    json_t *root = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    assert_string_equal(text_of(root, "level"), "error");
    assert_string_equal(text_of(root, "service"), "unit");
    assert_string_equal(text_of(root, "msg"), "it \"broke\"\n");
    assert_string_equal(text_of(root, "why"), "line\nbreak");
    assert_null(json_object_get(root, "left_out"));
    /* 2026-12-01T10:00:00.123Z */
    const char *time = text_of(root, "time"), form[] = "0000-00-00T00:00:00.000Z";
    assert_int_equal(strlen(time), strlen(form));
    for (size_t i = 0; form[i]; i++)
        if (form[i] == '0')
            assert_true(time[i] >= '0' && time[i] <= '9');
        else
            assert_int_equal(time[i], form[i]);
    json_decref(root);
    log_free(log);
    close(fd);
}

static void gathered_lines_wait_for_the_flush(void **state)
{
    (void)state;
    int fd = scratch();
    struct log *log = log_new(fd, "unit");
    for (int i = 0; i < 3; i++) {
        json_add_integer(log_begin(log, "info", "request"), "n", i);
        log_end(log);
    }
    assert_string_equal(content(fd), "");
    log_flush(log);
    const char *at = content(fd);
    for (int i = 0; i < 3; i++, at = strchr(at, '\n') + 1) {
        char expected[20];
        snprintf(expected, sizeof expected, "\"n\":%d}\n", i);
        const char *found = strstr(at, expected);
        assert_non_null(found);
    }
    assert_string_equal(at, "");
    assert_int_equal(log_dropped(log), 0);
    log_free(log);
    close(fd);
}

static void freeing_writes_what_is_pending(void **state)
{
    (void)state;
    int fd = scratch();
    struct log *log = log_new(fd, "unit");
    log_begin(log, "info", "last words");
    log_end(log);
    log_free(log);
    assert_non_null(strstr(content(fd), "last words"));
    assert_int_equal(fcntl(fd, F_GETFD) >= 0, 1); /* the caller's descriptor stays open */
    close(fd);
    log_free(NULL);
}

static void many_lines_without_a_flush_lose_none(void **state)
{
    (void)state;
    int fd = scratch();
    struct log *log = log_new(fd, "unit");
    char filler[1001];
    memset(filler, 'x', 1000);
    filler[1000] = '\0';
    for (int i = 0; i < 800; i++) {
        json_add_string(log_begin(log, "info", "request"), "filler", filler);
        log_end(log);
    }
    log_flush(log);
    assert_int_equal(log_dropped(log), 0);
    int lines = 0;
    for (const char *at = content(fd); (at = strchr(at, '\n')); at++)
        lines++;
    assert_int_equal(lines, 800);
    log_free(log);
    close(fd);
}

static void a_line_too_long_is_dropped_and_counted_whole(void **state)
{
    (void)state;
    int fd = scratch();
    struct log *log = log_new(fd, "unit");
    char *filler = malloc(300001);
    memset(filler, 'x', 300000);
    filler[300000] = '\0';
    log_begin(log, "info", "before");
    log_end(log);
    json_add_string(log_begin(log, "info", "monster"), "filler", filler);
    log_end(log);
    log_begin(log, "info", "after");
    log_end(log);
    log_flush(log);
    assert_int_equal(log_dropped(log), 1);
    char *text = content(fd);
    assert_non_null(strstr(text, "before"));
    assert_non_null(strstr(text, "after"));
    assert_null(strstr(text, "monster"));
    json_t *first = json_loads(text, JSON_DISABLE_EOF_CHECK, NULL);
    json_t *second = json_loads(strchr(text, '\n') + 1, 0, NULL);
    assert_non_null(first);
    assert_non_null(second);
    json_decref(first);
    json_decref(second);
    free(filler);
    log_free(log);
    close(fd);
}

static void what_cannot_be_written_is_counted(void **state)
{
    (void)state;
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        skip();
    struct log *log = log_new(fd, "unit");
    log_info(log, "one", NULL);
    log_begin(log, "info", "two");
    log_end(log);
    log_begin(log, "info", "three");
    log_end(log);
    log_flush(log);
    assert_int_equal(log_dropped(log), 3);
    log_free(log);
    close(fd);
}

static void a_reader_that_went_away_is_no_trouble(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    close(ends[0]);
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    struct log *log = log_new(ends[1], "unit");
    log_info(log, "to nobody", NULL);
    assert_int_equal(log_dropped(log), 1);
    log_free(log);
    signal(SIGPIPE, before);
    close(ends[1]);
}

/* A collector that stopped reading must not stop the service. */
static void a_full_pipe_does_not_block(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    struct log *log = log_new(ends[1], "unit");
    char filler[1001];
    memset(filler, 'x', 1000);
    filler[1000] = '\0';
    alarm(5);                     /* ends the program where it blocks */
    for (int i = 0; i < 600; i++) /* more than the pipe and the log hold */
        log_info(log, "unread", "filler", filler, NULL);
    alarm(0);
    assert_true(log_dropped(log) > 0);
    close(ends[0]);
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    log_free(log);
    signal(SIGPIPE, before);
    close(ends[1]);
}

static void a_file_is_appended_to(void **state)
{
    (void)state;
    char folder[] = "/tmp/unit-log-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/access.log", folder);
    mode_t mask = umask(0);
    for (int i = 0; i < 2; i++) {
        struct log *log = log_open(path, "unit");
        assert_non_null(log);
        log_info(log, i ? "second" : "first", NULL);
        log_free(log);
    }
    umask(mask);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0640);
    size_t size = 0;
    char *text = unit_read(path, &size);
    assert_true(strstr(text, "first") < strstr(text, "second"));
    free(text);
    unlink(path);
    rmdir(folder);
    assert_null(log_open(path, "unit"));
    assert_int_equal(errno, ENOENT);
}

/* As a tool that rotates logs does it: rename, tell, go on. */
static void a_file_is_opened_again_under_its_name(void **state)
{
    (void)state;
    char folder[] = "/tmp/unit-log-XXXXXX", path[64], old[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/access.log", folder);
    snprintf(old, sizeof old, "%s/access.log.1", folder);
    struct log *log = log_open(path, "unit");
    assert_non_null(log);
    log_begin(log, "info", "before");
    log_end(log);
    assert_int_equal(rename(path, old), 0);
    mode_t mask = umask(0);
    assert_true(log_reopen(log, path));
    umask(mask);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0640);
    log_info(log, "after", NULL);
    /* Where it cannot be opened, the log goes on as it was; a pipe without a reader is waited for
     * neither. */
    assert_false(log_reopen(log, "/nonexistent/access.log"));
    assert_int_equal(errno, ENOENT);
    char pipe_path[64];
    snprintf(pipe_path, sizeof pipe_path, "%s/pipe", folder);
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    assert_false(log_reopen(log, pipe_path));
    log_info(log, "still there", NULL);
    log_free(log);
    char *first = unit_read(old, NULL), *second = unit_read(path, NULL);
    assert_non_null(strstr(first, "before"));
    assert_null(strstr(first, "after"));
    assert_null(strstr(second, "before"));
    assert_non_null(strstr(second, "after"));
    assert_non_null(strstr(second, "still there"));
    free(first);
    free(second);
    unlink(pipe_path);
    unlink(path);
    unlink(old);
    rmdir(folder);
}

static void a_level_keeps_back_what_is_below_it(void **state)
{
    (void)state;
    static const char *const messages[] = {"a debug line", "an info line", "an error line"};
    for (enum log_level level = LOG_LEVEL_DEBUG; level <= LOG_LEVEL_ERROR; level++) {
        int fd = scratch();
        struct log *log = log_new(fd, "unit");
        assert_false(log_is_debugging(log));
        log_set_level(log, level);
        assert_int_equal(log_is_debugging(log), level == LOG_LEVEL_DEBUG);
        log_debug(log, messages[0], NULL);
        log_info(log, messages[1], NULL);
        log_error(log, messages[2], NULL);
        log_begin(log, "info", "whatever the level");
        log_end(log);
        log_free(log);
        const char *text = content(fd);
        for (enum log_level of = LOG_LEVEL_DEBUG; of <= LOG_LEVEL_ERROR; of++)
            assert_int_equal(strstr(text, messages[of]) != NULL, of >= level);
        assert_non_null(strstr(text, "whatever the level"));
        close(fd);
    }
}

static struct loop *loop;
static struct log *loop_log;
static int loop_fd;
static int rounds;

static void on_round(struct loop_timer *timer)
{
    if (rounds++) {
        assert_non_null(strstr(content(loop_fd), "of the first round"));
        loop_stop(loop);
        return;
    }
    log_begin(loop_log, "info", "of the first round");
    log_end(loop_log);
    loop_arm(loop, timer, loop_now(loop) + LOOP_MILLISECOND);
}

static void the_loop_flushes_each_round(void **state)
{
    (void)state;
    loop = loop_new();
    loop_fd = scratch();
    loop_log = log_new(loop_fd, "unit");
    log_flush_each_round(loop_log, loop);
    struct loop_timer timer = {.expired = on_round};
    rounds = 0;
    loop_arm(loop, &timer, loop_now(loop));
    assert_int_equal(loop_run(loop), 0);
    assert_int_equal(rounds, 2);
    loop_free(loop);
    log_free(loop_log);
    close(loop_fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_one_json_object),
        cmocka_unit_test(gathered_lines_wait_for_the_flush),
        cmocka_unit_test(freeing_writes_what_is_pending),
        cmocka_unit_test(many_lines_without_a_flush_lose_none),
        cmocka_unit_test(a_line_too_long_is_dropped_and_counted_whole),
        cmocka_unit_test(what_cannot_be_written_is_counted),
        cmocka_unit_test(a_reader_that_went_away_is_no_trouble),
        cmocka_unit_test(a_file_is_appended_to),
        cmocka_unit_test(a_file_is_opened_again_under_its_name),
        cmocka_unit_test(a_level_keeps_back_what_is_below_it),
        cmocka_unit_test(the_loop_flushes_each_round),
        cmocka_unit_test(a_full_pipe_does_not_block),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
