#include "tests/unit/unit.h"

#include "lib/base/file_watch.h"

#include <unistd.h>

static char folder[] = "/tmp/unit-watch-XXXXXX";
static char path[64], other[64];
static struct loop *loop;
static int told;

static void on_changed(struct file_watch *watch)
{
    assert_string_equal(watch->path, path);
    told++;
}

static void write_file(const char *name, const char *content)
{
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
}

/* A second passes: the watch looks. Returns how often it has told since the last call. */
static int look(struct file_watch *watch)
{
    int before = told;
    assert_true(watch->timer.armed);
    watch->timer.expired(&watch->timer);
    return told - before;
}

static int begin(void **state)
{
    static struct file_watch watch;
    watch = (struct file_watch){.path = path, .changed = on_changed};
    *state = &watch;
    write_file(path, "one");
    file_watch_begin(&watch, loop);
    return 0;
}

static int end(void **state)
{
    file_watch_end(*state);
    unlink(path);
    return 0;
}

static void a_file_that_stays_is_nothing_new(void **state)
{
    for (int i = 0; i < 5; i++)
        assert_int_equal(look(*state), 0);
}

static void a_change_is_told_once_when_it_has_stayed(void **state)
{
    write_file(path, "another");
    assert_int_equal(look(*state), 0); /* it may still be written */
    write_file(path, "another and more");
    assert_int_equal(look(*state), 0);
    assert_int_equal(look(*state), 1);
    assert_int_equal(look(*state), 0);
}

static void another_file_under_the_name_is_a_change(void **state)
{
    write_file(other, "two"); /* of the same size */
    assert_int_equal(rename(other, path), 0);
    assert_int_equal(look(*state) + look(*state), 1);
    unlink(path); /* and so is its end, and its return */
    assert_int_equal(look(*state) + look(*state) + look(*state), 1);
    write_file(path, "three");
    assert_int_equal(look(*state) + look(*state) + look(*state), 1);
}

/* As Kubernetes swaps the files of a Secret. */
static void a_link_that_points_elsewhere_is_a_change(void **state)
{
    write_file(other, "two");
    unlink(path);
    assert_int_equal(symlink(other, path), 0);
    assert_int_equal(look(*state) + look(*state), 1);
    unlink(other);
}

static void who_has_caught_up_is_not_told(void **state)
{
    write_file(path, "another");
    assert_int_equal(look(*state), 0);
    file_watch_catch_up(*state);
    assert_int_equal(look(*state) + look(*state), 0);
    write_file(path, "yet another");
    assert_int_equal(look(*state) + look(*state), 1);
}

static void a_watch_that_was_not_begun_ends(void **state)
{
    (void)state;
    struct file_watch watch = {.path = path};
    file_watch_end(&watch);
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/file", folder);
    snprintf(other, sizeof other, "%s/other", folder);
    loop = loop_new();
#define WATCHED(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        WATCHED(a_file_that_stays_is_nothing_new),
        WATCHED(a_change_is_told_once_when_it_has_stayed),
        WATCHED(another_file_under_the_name_is_a_change),
        WATCHED(a_link_that_points_elsewhere_is_a_change),
        WATCHED(who_has_caught_up_is_not_told),
        cmocka_unit_test(a_watch_that_was_not_begun_ends),
    };
    int failed = cmocka_run_group_tests_name("file_watch", tests, NULL, NULL);
    loop_free(loop);
    rmdir(folder);
    return failed;
}
