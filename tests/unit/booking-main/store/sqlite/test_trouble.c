/* The store on an SQLite file: what goes wrong with locks, the disk and the files while it runs. */
#include "tests/unit/booking-main/store/one_engine.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* --- locks ----------------------------------------------------------------------------------- */

/* Until the store says so by itself. */
static void wait_for_recovery(int recoveries)
{
    for (int i = 0; engine.recoveries < recoveries && i < 500; i++)
        unit_run_loop(&engine, 20);
    assert_int_equal(engine.recoveries, recoveries);
    assert_int_equal(engine.troubles, recoveries);
}

static void a_locked_database_is_unavailable_for_a_bounded_time(void **state)
{
    (void)state;
    start_in_file();
    assert_int_equal(book_minute("a", 1000), STORE_OK);
    sqlite3 *db = raw_open(unit_path("booking.db"));
    raw_run(db, "BEGIN IMMEDIATE");
    int64_t begun = loop_clock();
    assert_int_equal(book_minute("b", 2000), STORE_UNAVAILABLE);
    assert_true(loop_clock() - begun >= 1400 * LOOP_MILLISECOND); /* at most: book_minute()'s own */
    assert_int_equal(engine.troubles, 1);
    assert_non_null(strstr(engine.sentence, "locked by another program"));
    assert_non_null(strstr(engine.sentence, "booking.db"));
    struct unit_request show = unit_request(STORE_SHOW, "a"); /* reads go on */
    assert_int_equal(unit_run(&engine, &show), STORE_OK);
    assert_int_equal(book_minute("b", 2000), STORE_UNAVAILABLE); /* and not told again */
    assert_int_equal(engine.troubles, 1);
    assert_int_equal(engine.recoveries, 0);
    raw_run(db, "COMMIT");
    sqlite3_close(db);
    wait_for_recovery(1);
    assert_int_equal(book_minute("b", 2000), STORE_OK);
    check_database("booking.db");
}

static void a_short_lock_is_waited_for(void **state)
{
    (void)state;
    start_in_file();
    sqlite3 *db = raw_open(unit_path("booking.db"));
    raw_run(db, "BEGIN IMMEDIATE");
    struct unit_request request = unit_booking("a", 1, 1000, 2000);
    unit_submit(&engine, &request);
    assert_false(unit_run_loop(&engine, 500));
    raw_run(db, "COMMIT");
    sqlite3_close(db);
    unit_wait(&engine);
    assert_int_equal(request.store.result, STORE_OK);
    assert_int_equal(engine.troubles, 0);
}

static void a_large_import_is_waited_for(void **state)
{
    (void)state;
    start_in_file();
    char sql[96];
    snprintf(sql, sizeof sql, "UPDATE meta SET value = %lld WHERE name = 'import'",
             (long long)time(NULL) + 5);
    sqlite3 *db = raw_open(unit_path("booking.db"));
    raw_run(db, sql);
    raw_run(db, "BEGIN IMMEDIATE; UPDATE meta SET value = 0 WHERE name = 'import'");
    struct unit_request request = unit_booking("a", 1, 1000, 2000);
    unit_submit(&engine, &request);
    assert_false(unit_run_loop(&engine, 2000)); /* longer than for anybody else */
    unit_wait(&engine);
    assert_int_equal(request.store.result, STORE_UNAVAILABLE); /* overdue, and still locked */
    raw_run(db, "COMMIT");
    sqlite3_close(db);
    wait_for_recovery(1);
    assert_int_equal(unit_run(&engine, &request), STORE_OK);
}

static sqlite3 *importing;

static void end_import(void)
{
    raw_run(importing, "COMMIT");
    unit_jumped += 10; /* and its time is over */
}

/* The committer gives up waiting and then sees that there is no import any more. */
static void an_import_that_ends_just_then_refuses_nobody(void **state)
{
    (void)state;
    start_in_file();
    char sql[96];
    snprintf(sql, sizeof sql, "UPDATE meta SET value = %lld WHERE name = 'import'",
             (long long)time(NULL) + 5);
    importing = raw_open(unit_path("booking.db"));
    raw_run(importing, sql);
    raw_run(importing, "BEGIN IMMEDIATE; UPDATE meta SET value = 0 WHERE name = 'import'");
    unit_when_committer_asks = end_import;
    assert_int_equal(book_minute("a", 1000), STORE_OK);
    assert_null(unit_when_committer_asks);
    assert_int_equal(engine.troubles, 0);
    sqlite3_close(importing);
}

/* --- the disk -------------------------------------------------------------------------------- */

/* SQLite's writes and syncs come through here, in place of the system's. The one numbered by
 * fail_at and, if `fail_on` is set, those after it fail with that error. Or so many syncs fail, and
 * no write. */
static atomic_int calls, fail_at, fail_error, fail_syncs;
static atomic_bool fail_on;

/* The keeper's are not counted: nobody waits for them. */
static bool is_keeper(void)
{
    char name[16] = "";
    (void)pthread_getname_np(pthread_self(), name, sizeof name);
    return strcmp(name, "keeper") == 0;
}

static bool fails(void)
{
    if (is_keeper())
        return false;
    int call = atomic_fetch_add(&calls, 1) + 1, at = atomic_load(&fail_at);
    if (!at || call < at || (call > at && !atomic_load(&fail_on)))
        return false;
    errno = atomic_load(&fail_error);
    return true;
}

static ssize_t counted_write(int fd, const void *data, size_t size)
{
    return fails() ? -1 : write(fd, data, size);
}

static ssize_t counted_pwrite(int fd, const void *data, size_t size, off_t offset)
{
    return fails() ? -1 : pwrite(fd, data, size, offset);
}

static bool sync_fails(void)
{
    if (is_keeper() || atomic_load(&fail_syncs) == 0)
        return fails();
    atomic_fetch_sub(&fail_syncs, 1);
    errno = EIO;
    return true;
}

int fdatasync(int fd)
{
    return sync_fails() ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    return sync_fails() ? -1 : (int)syscall(SYS_fsync, fd);
}

static void count_writes(void)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    vfs->xSetSystemCall(vfs, "write", (sqlite3_syscall_ptr)counted_write);
    vfs->xSetSystemCall(vfs, "pwrite", (sqlite3_syscall_ptr)counted_pwrite);
    vfs->xSetSystemCall(vfs, "pwrite64", (sqlite3_syscall_ptr)counted_pwrite);
}

static void fail_from(int call, int error, bool on)
{
    atomic_store(&fail_at, 0);
    atomic_store(&calls, 0);
    atomic_store(&fail_error, error);
    atomic_store(&fail_on, on);
    atomic_store(&fail_at, call);
}

static void a_full_disk_is_unavailable_until_there_is_room(void **state)
{
    (void)state;
    start_in_file();
    assert_int_equal(book_minute("a", 1000), STORE_OK);
    fail_from(1, ENOSPC, true);
    for (int i = 0; i < 5; i++)
        assert_int_equal(book_minute("b", 2000), STORE_UNAVAILABLE);
    assert_int_equal(engine.troubles, 1);
    assert_non_null(strstr(engine.sentence, "the disk is full"));
    struct unit_request show = unit_request(STORE_SHOW, "a"); /* can still be read */
    assert_int_equal(unit_run(&engine, &show), STORE_OK);
    show = unit_request(STORE_SHOW, "b");
    assert_int_equal(unit_run(&engine, &show), STORE_NOT_FOUND);
    unit_run_loop(&engine, 500); /* finds out that nothing has changed */
    assert_int_equal(engine.recoveries, 0);
    assert_int_equal(engine.event_count, 2);
    fail_from(0, 0, false);
    wait_for_recovery(1);
    assert_int_equal(book_minute("b", 2000), STORE_OK);
    assert_int_equal(engine.event_count, 3);
    check_database("booking.db");
}

/* Each write and each sync of a group fails in turn, once and for good. What was answered is
 * there, what was not is not, and afterwards it serves again. */
static int fail_each_call(int error, bool on)
{
    int failed_groups = 0, bookings = 0;
    const char *path = unit_path("booking.db");
    char name[160];
    snprintf(name, sizeof name, "%s", path);
    for (int call = 1; call < 60; call++) {
        struct unit_request group[6];
        int troubles = engine.troubles, recoveries = engine.recoveries, failed = 0;
        for (int i = 0; i < 6; i++) {
            char id[BOOKING_ID_SIZE + 1];
            snprintf(id, sizeof id, "%d-%d-%d-%d", error, on, call, i);
            group[i] = unit_booking(id, 1 + i % 2, call * 100 + i, call * 100 + i + 1);
        }
        size_t events = engine.event_count;
        fail_from(call, error, on);
        for (int i = 0; i < 6; i++)
            unit_submit(&engine, &group[i]);
        unit_wait(&engine);
        bool reached = atomic_load(&calls) >= call;
        fail_from(0, 0, false);
        for (int i = 0; i < 6; i++) {
            bool unknown = group[i].store.result == STORE_UNKNOWN;
            failed += group[i].store.result == STORE_UNAVAILABLE || unknown;
            assert_true(group[i].store.result == STORE_OK || (unknown && on) ||
                        group[i].store.result == STORE_UNAVAILABLE);
        }
        assert_int_equal(engine.event_count - events, 6 - failed);
        failed_groups += failed > 0;
        bookings += 6 - failed;
        assert_int_equal(raw_number(name, "SELECT count(*) FROM bookings WHERE state = 2"),
                         bookings);
        for (int i = 0; i < 6; i++) /* and now all are booked, if they are not yet */
            if (group[i].store.result != STORE_OK) {
                assert_int_equal(unit_run(&engine, &group[i]), STORE_OK);
                bookings++;
            }
        for (int i = 0; engine.troubles > engine.recoveries && i < 500; i++)
            unit_run_loop(&engine, 10);
        assert_int_equal(engine.troubles - troubles, engine.recoveries - recoveries);
        assert_true(failed == 0 || engine.troubles > troubles);
        if (!reached)
            break;
    }
    check_database("booking.db");
    sqlite3 *db = raw_open(name);
    raw_run(db, "DELETE FROM bookings");
    sqlite3_close(db);
    return failed_groups;
}

static void a_commit_that_fails_is_nowhere_half(void **state)
{
    (void)state;
    start_in_file();
    assert_true(fail_each_call(ENOSPC, false) >= 3);
    assert_true(fail_each_call(EIO, false) >= 3);
    assert_true(fail_each_call(ENOSPC, true) >= 3);
    assert_true(fail_each_call(EIO, true) >= 3);
    assert_true(fail_each_call(EROFS, true) >= 3);
    unit_engine_stop(&engine);
    start_in_file();
    sqlite3 *db = raw_open(unit_path("booking.db"));
    sqlite3_stmt *check;
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &check, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(check), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(check, 0), "ok");
    sqlite3_finalize(check);
    sqlite3_close(db);
}

static void copy_file(const char *from, const char *to)
{
    size_t size = 0;
    char name[160];
    snprintf(name, sizeof name, "%s", unit_path(to));
    char *bytes = unit_read(unit_path(from), &size);
    int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0640); /* over what is there, as cp does */
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(write(fd, bytes, size), (ssize_t)size);
    close(fd);
    free(bytes);
}

/* What a crash at this moment would leave. */
static void copy_as_in_a_crash(struct unit_request *request)
{
    (void)request;
    copy_file("booking.db", "crash.db");
    copy_file("booking.db-wal", "crash.db-wal");
}

static void a_commit_whose_sync_fails_is_undone_before_the_answer(void **state)
{
    (void)state;
    start_in_file();
    assert_int_equal(book_minute("a", 1000), STORE_OK);
    struct unit_request request = unit_booking("b", 1, 2000, 3000);
    request.then = copy_as_in_a_crash;
    atomic_store(&fail_syncs, 1);
    assert_int_equal(unit_run(&engine, &request), STORE_UNAVAILABLE);
    assert_int_equal(raw_number(unit_path("crash.db"), "SELECT count(*) FROM bookings"), 1);
    assert_int_equal(engine.troubles, 1);
    assert_non_null(strstr(engine.sentence, "the disk fails"));
    wait_for_recovery(1);
    request.then = NULL;
    assert_int_equal(unit_run(&engine, &request), STORE_OK);
    check_database("booking.db");
}

static void what_cannot_be_undone_is_not_known(void **state)
{
    (void)state;
    start_in_file();
    struct unit_request request = unit_booking("b", 1, 2000, 3000);
    request.store.answer = unit_answer("key");
    request.then = copy_as_in_a_crash;
    atomic_store(&fail_syncs, 1000000);
    assert_int_equal(unit_run(&engine, &request), STORE_UNKNOWN);
    assert_int_equal(raw_number(unit_path("booking.db"), "SELECT count(*) FROM bookings"), 0);
    atomic_store(&fail_syncs, 0);
    wait_for_recovery(1);
    request.then = NULL;
    assert_int_equal(unit_run(&engine, &request), STORE_OK); /* with the same key */
    assert_int_equal(unit_run(&engine, &request), STORE_KEY_EXISTS);
}

/* --- files ----------------------------------------------------------------------------------- */

static void a_file_that_is_moved_away_is_noticed(void **state)
{
    (void)state;
    char from[160], to[160];
    start_in_file();
    snprintf(from, sizeof from, "%s", unit_path("booking.db"));
    snprintf(to, sizeof to, "%s", unit_path("away.db"));
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(book_minute("a", 1000), STORE_UNAVAILABLE);
    assert_int_equal(engine.troubles, 1);
    assert_non_null(strstr(engine.sentence, "moved or deleted"));
    assert_int_equal(rename(to, from), 0);
    wait_for_recovery(1);
    assert_int_equal(book_minute("a", 1000), STORE_OK);
}

static void a_log_that_is_moved_away_is_noticed(void **state)
{
    (void)state;
    static const char *const names[] = {"booking.db-wal", "booking.db-shm"};
    start_in_file();
    for (int i = 0; i < 2; i++) {
        char from[160], to[160], id[BOOKING_ID_SIZE + 1];
        snprintf(from, sizeof from, "%s", unit_path(names[i]));
        snprintf(to, sizeof to, "%s", unit_path("away"));
        snprintf(id, sizeof id, "a%d", i);
        assert_int_equal(rename(from, to), 0);
        assert_int_equal(book_minute(id, 1000 + i), STORE_UNAVAILABLE);
        assert_int_equal(engine.troubles, i + 1);
        assert_non_null(strstr(engine.sentence, names[i]));
        assert_non_null(strstr(engine.sentence, "stop all engines"));
        copy_file("away", names[i]); /* another file, be it the same byte for byte */
        assert_int_equal(book_minute(id, 1000 + i), STORE_UNAVAILABLE);
        assert_int_equal(rename(to, from), 0);
        wait_for_recovery(i + 1);
        assert_int_equal(book_minute(id, 1000 + i), STORE_OK);
    }
}

/* Another process, from before the engine's start, that tries to open the database when it is told
 * to. Exits with 0 when it is refused for that reason. */
static pid_t fork_opener(int *go_on, const char *reason)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child != 0) {
        close(ends[0]);
        *go_on = ends[1];
        return child;
    }
    char byte;
    struct buffer error;
    buffer_init(&error, 4096);
    bool told = read(ends[0], &byte, 1) == 1;
    struct store *store = told ? store_open(unit_url("booking.db"), &error) : NULL;
    bool as_expected = told && !store && error.data && strstr(error.data, reason);
    if (!as_expected)
        fprintf(stderr, "%s\n", store ? "was opened" : error.data);
    _exit(!as_expected);
}

/* The first engine refuses from now on; nor may another one begin without what the first knows. */
static void nobody_sells_cars_again_without_the_log(void **state)
{
    (void)state;
    int go_on, status;
    pid_t child = fork_opener(&go_on, "another engine runs on it");
    start_in_file();
    assert_int_equal(book_minute("a", 1000), STORE_OK);
    assert_int_equal(unlink(unit_path("booking.db-wal")), 0);
    assert_int_equal(unlink(unit_path("booking.db-shm")), 0);
    assert_int_equal(write(go_on, "", 1), 1);
    close(go_on);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(book_minute("b", 1000), STORE_UNAVAILABLE);
    unit_engine_stop(&engine);
    start_in_file(); /* and now nobody runs on it */
    assert_int_equal(engine.troubles, 0);
}

/* Until the keeper has copied the log. What is booked behind that stays in the log until the keeper
 * has seen a quiet moment, so the file itself is not written to for a while. */
static void wait_for_checkpoint(void)
{
    for (int i = 0; !store_stats(engine.store).checkpointed && i < UNIT_PATIENCE * 50; i++)
        unit_run_loop(&engine, 20);
    assert_true(store_stats(engine.store).checkpointed);
}

/* Put there with cp, by somebody who did not stop the engine. */
static void a_restored_file_is_left_alone(void **state)
{
    (void)state;
    start_in_file();
    unit_engine_stop(&engine);
    copy_file("booking.db", "backup.db");
    start_in_file();
    wait_for_checkpoint();
    assert_int_equal(book_minute("a", 1000), STORE_OK);
    assert_int_equal(unlink(unit_path("booking.db-wal")), 0);
    assert_int_equal(unlink(unit_path("booking.db-shm")), 0);
    copy_file("backup.db", "booking.db");
    assert_int_equal(book_minute("b", 1000), STORE_UNAVAILABLE);
    unit_engine_stop(&engine);
    size_t size, expected_size;
    char *expected = unit_read(unit_path("backup.db"), &expected_size);
    char *is = unit_read(unit_path("booking.db"), &size);
    assert_int_equal(size, expected_size);
    assert_memory_equal(is, expected, size);
    free(expected);
    free(is);
}

/* As `sqlite3 booking.db '.restore backup.db'` does it. */
static void copy_database(const char *from, const char *to)
{
    sqlite3 *source = raw_open(from), *target = raw_open(to);
    sqlite3_backup *backup = sqlite3_backup_init(target, "main", source, "main");
    assert_non_null(backup);
    assert_int_equal(sqlite3_backup_step(backup, -1), SQLITE_DONE);
    assert_int_equal(sqlite3_backup_finish(backup), SQLITE_OK);
    sqlite3_close(source);
    sqlite3_close(target);
}

static void a_backup_restored_meanwhile_is_started_from_anew(void **state)
{
    (void)state;
    char path[160], copy[160];
    start_in_file();
    snprintf(path, sizeof path, "%s", unit_path("booking.db"));
    snprintf(copy, sizeof copy, "%s", unit_path("backup.db"));
    assert_int_equal(book_minute("a", 1000), STORE_OK);
    copy_database(path, copy); /* while the engine runs */
    for (int i = 0; i < 5; i++) {
        char id[BOOKING_ID_SIZE + 1];
        snprintf(id, sizeof id, "b%d", i);
        assert_int_equal(book_minute(id, 2000 + i), STORE_OK);
    }
    copy_database(copy, path);
    unit_run_until_events(&engine, 8);
    assert_int_equal(engine.events[7].kind, EVENT_FLEET);
    assert_int_equal(engine.events[7].number, 2);
    assert_true(engine.out_of_order); /* as store.h says of this case */
    engine.out_of_order = false;
    assert_int_equal(unit_snapshot(&engine, 0).taken_count, 1);
    assert_int_equal(book_minute("c", 2000), STORE_OK);
    assert_int_equal(engine.events[8].number, 3);
    assert_int_equal(engine.troubles, 0);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin_in_folder, end)
    const struct CMUnitTest tests[] = {
        TEST(a_locked_database_is_unavailable_for_a_bounded_time),
        TEST(a_short_lock_is_waited_for),
        TEST(a_large_import_is_waited_for),
        TEST(an_import_that_ends_just_then_refuses_nobody),
        TEST(a_full_disk_is_unavailable_until_there_is_room),
        TEST(a_commit_that_fails_is_nowhere_half),
        TEST(a_commit_whose_sync_fails_is_undone_before_the_answer),
        TEST(what_cannot_be_undone_is_not_known),
        TEST(a_file_that_is_moved_away_is_noticed),
        TEST(a_log_that_is_moved_away_is_noticed),
        TEST(nobody_sells_cars_again_without_the_log),
        TEST(a_restored_file_is_left_alone),
        TEST(a_backup_restored_meanwhile_is_started_from_anew),
    };
    count_writes();
    return cmocka_run_group_tests_name("store in trouble", tests, NULL, NULL);
}
