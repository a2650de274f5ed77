/* test_fileio.c - whole reads and writes, replacement, directories, and every fault on the way. */
#include "base/clock.h"
#include "base/fileio.h"
#include "base/mem.h"
#include "tests/support/leak.h"
#include "tests/support/temp_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct temp_dir dir;
static char path[256];

static void make_dir(void)
{
    dir = temp_dir_make();
    temp_dir_file(&dir, "file", path);
}

static void remove_dir(void)
{
    unsetenv("WEFT_FAULT");
    file_faults_init();
    file_set_ops(NULL);
    temp_dir_remove(&dir);
}

TestSuite(fileio, .init = make_dir, .fini = remove_dir);

static void expect_content(const char *want)
{
    char *bytes = NULL;
    size_t len = 0;
    struct err e = {0};
    cr_assert_eq(file_read_all(path, 1000, &bytes, &len, &e), ST_OK, "%s", e.msg);
    cr_expect(str_eq((struct str){bytes, len}, str_from_c(want)), "%.*s", (int)len, bytes);
    mem_free(bytes);
}

Test(fileio, writes_and_reads_at_offsets)
{
    int fd;
    struct err e;
    char out[5];
    uint64_t size;
    cr_assert_eq(file_open(path, O_RDWR | O_CREAT, &fd, &e), ST_OK);
    cr_expect_eq(file_write_at(fd, STR("world"), 5, &e), ST_OK);
    cr_expect_eq(file_write_at(fd, STR("hello"), 0, &e), ST_OK);
    cr_expect_eq(file_sync_data(fd, &e), ST_OK);
    cr_expect_eq(file_read_at(fd, out, 5, 3, &e), ST_OK);
    cr_expect_eq(memcmp(out, "lowor", 5), 0);
    cr_expect_eq(file_read_at(fd, out, 5, 6, &e), ST_CORRUPT, "the file ends before");
    cr_expect_eq(file_truncate(fd, 5, &e), ST_OK);
    cr_expect_eq(file_size(fd, &size, &e), ST_OK);
    cr_expect_eq(size, 5);
    cr_expect_eq(file_preallocate(fd, 10000, &e), ST_OK);
    cr_expect_eq(file_size(fd, &size, &e), ST_OK);
    cr_expect_eq(size, 10000);
    file_close(fd);
    EXPECT_NO_LEAK();
}

Test(fileio, names_what_is_missing)
{
    int fd;
    struct err e;
    char *bytes;
    size_t len;
    cr_expect_eq(file_open(path, O_RDONLY, &fd, &e), ST_NOT_FOUND);
    cr_expect(strncmp(e.msg, "cannot ", 7) == 0, "%s", e.msg);
    cr_expect_not_null(strstr(e.msg, path), "%s", e.msg);
    cr_expect_eq(file_read_all(path, 10, &bytes, &len, &e), ST_NOT_FOUND);
    cr_expect_eq(file_remove(path, &e), ST_OK);
    cr_expect_eq(dir_each(path, NULL, NULL, &e), ST_NOT_FOUND);
    cr_expect_eq(file_open(dir.path, O_WRONLY, &fd, &e), ST_IO);
    cr_expect_not_null(strstr(e.msg, strerror(EISDIR)), "%s", e.msg);
}

Test(fileio, read_all_keeps_to_its_limit)
{
    char *bytes;
    size_t len;
    struct err e;
    cr_assert_eq(file_replace(path, STR("12345"), &e), ST_OK);
    cr_expect_eq(file_read_all(path, 4, &bytes, &len, &e), ST_TOO_BIG);
    cr_assert_eq(file_read_all(path, 5, &bytes, &len, &e), ST_OK);
    mem_free(bytes);
    mem_fail_after(0);
    cr_expect_eq(file_read_all(path, 5, &bytes, &len, &e), ST_NO_MEMORY);
    mem_fail_after(-1);
    cr_assert_eq(file_replace(path, STR(""), &e), ST_OK);
    cr_assert_eq(file_read_all(path, 5, &bytes, &len, &e), ST_OK);
    cr_expect_eq(len, 0);
    mem_free(bytes);
    EXPECT_NO_LEAK();
}

static bool count_entry(const char *name, void *user)
{
    cr_expect(strcmp(name, "one") == 0 || strcmp(name, "two") == 0);
    return ++*(int *)user < 2;
}

Test(fileio, makes_and_walks_directories)
{
    char deep[256], one[256];
    struct err e;
    struct stat info;
    snprintf(deep, sizeof(deep), "%s/a/b//c/", dir.path);
    cr_expect_eq(dir_make(deep, &e), ST_OK, "%s", e.msg);
    cr_expect_eq(dir_make(deep, &e), ST_OK, "again");
    cr_assert_eq(stat(deep, &info), 0);
    cr_expect_eq(info.st_mode & 0777, 0700);
    cr_expect_eq(dir_sync(deep, &e), ST_OK);
    snprintf(one, sizeof(one), "%s/one", deep);
    cr_assert_eq(file_replace(one, STR("x"), &e), ST_OK);
    cr_expect_eq(dir_make(one, &e), ST_IO, "a file is in the way");
    snprintf(one, sizeof(one), "%s/two", deep);
    cr_assert_eq(file_replace(one, STR("x"), &e), ST_OK);
    int seen = 0;
    cr_expect_eq(dir_each(deep, count_entry, &seen, &e), ST_OK);
    cr_expect_eq(seen, 2);
    cr_expect_eq(dir_make("", &e), ST_IO);
}

static char synced[8][256];
static unsigned sync_count;

static int note_synced(int fd)
{
    char link[40];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, synced[sync_count % 8], sizeof(synced[0]) - 1);
    synced[sync_count++ % 8][MAX(len, 0)] = '\0';
    return file_real_ops()->fsync(fd);
}

/* Else a power cut may take the folder, and with it whatever was synced inside. */
Test(fileio, a_new_directory_is_synced_in_its_parent)
{
    struct file_ops ops = *file_real_ops();
    char deep[256], parent[256];
    struct err e;
    ops.fsync = note_synced;
    file_set_ops(&ops);
    snprintf(deep, sizeof(deep), "%s/a//b/", dir.path);
    cr_assert_eq(dir_make(deep, &e), ST_OK, "%s", e.msg);
    cr_assert_eq(sync_count, 2);
    cr_expect_str_eq(synced[0], dir.path);
    snprintf(parent, sizeof(parent), "%s/a", dir.path);
    cr_expect_str_eq(synced[1], parent);
    cr_assert_eq(dir_make(deep, &e), ST_OK);
    cr_expect_eq(sync_count, 2, "nothing is new");
    setenv("WEFT_FAULT", "EIO:sync:1", 1);
    file_faults_init();
    snprintf(deep, sizeof(deep), "%s/c", dir.path);
    cr_expect_eq(dir_make(deep, &e), ST_IO);
}

Test(fileio, replace_is_all_or_nothing_under_every_fault)
{
    static const char *const faults[] = {"EIO:open:1", "EIO:write:1",   "ENOSPC:write:1",
                                         "EIO:sync:1", "ENOSPC:sync:1", "EIO:rename:1"};
    struct err e;
    for (size_t i = 0; i < LEN(faults); i++) {
        unsetenv("WEFT_FAULT");
        file_faults_init();
        cr_assert_eq(file_replace(path, STR("old"), &e), ST_OK);
        setenv("WEFT_FAULT", faults[i], 1);
        file_faults_init();
        cr_expect_eq(file_replace(path, STR("new"), &e), ST_IO, "%s", faults[i]);
        expect_content("old");
        cr_expect_eq(file_replace(path, STR("new"), &e), ST_OK, "%s fails once", faults[i]);
        expect_content("new");
    }
    char half[256];
    snprintf(half, sizeof(half), "%s.tmp", path);
    cr_expect_neq(access(half, F_OK), 0, "nothing is left behind");
}

Test(fileio, faults_come_in_ranges)
{
    struct err e;
    int fd;
    setenv("WEFT_FAULT", "ENOSPC:write:2-3,EIO:write:5", 1);
    file_faults_init();
    cr_assert_eq(file_open(path, O_RDWR | O_CREAT, &fd, &e), ST_OK);
    static const enum status want[] = {ST_OK, ST_IO, ST_IO, ST_OK, ST_IO, ST_OK};
    for (size_t i = 0; i < LEN(want); i++)
        cr_expect_eq(file_write_at(fd, STR("x"), i, &e), want[i], "write %zu", i + 1);
    file_close(fd);
}

Test(fileio, a_slow_call_takes_long_and_does_not_fail)
{
    struct err e;
    int fd;
    setenv("WEFT_FAULT", "slow:write:2", 1);
    file_faults_init();
    cr_assert_eq(file_open(path, O_RDWR | O_CREAT, &fd, &e), ST_OK);
    for (size_t i = 1; i <= 2; i++) {
        uint64_t begun = clock_mono_ns();
        cr_expect_eq(file_write_at(fd, STR("x"), i, &e), ST_OK);
        uint64_t took = clock_mono_ns() - begun;
        cr_expect(i == 1 || took >= 200 * NS_PER_MS, "%llu ns", (unsigned long long)took);
    }
    file_close(fd);
}

Test(fileio, kills_at_a_named_point)
{
    setenv("WEFT_FAULT", "kill:half_way:2", 1);
    pid_t child = fork();
    if (child == 0) {
        file_faults_init();
        file_point("half_way");
        file_point("elsewhere");
        file_point("half_way");
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

Test(fileio, a_malformed_fault_aborts)
{
    static const char *const rows[] = {"EIO",
                                       "EIO:write",
                                       "EIO:write:0",
                                       "EPERM:write:1",
                                       "EIO:write:3-2",
                                       "EIO:write:x",
                                       "EIO::1",
                                       "kill:a:1,"
                                       "x"};
    for (size_t i = 0; i < LEN(rows); i++) {
        setenv("WEFT_FAULT", rows[i], 1);
        pid_t child = fork();
        if (child == 0) {
            fclose(stderr);
            signal(SIGABRT, SIG_DFL);
            file_faults_init();
            _exit(0);
        }
        int status;
        waitpid(child, &status, 0);
        cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "row %s", rows[i]);
    }
}

static ssize_t slow_pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    static unsigned calls;
    if (++calls % 3 == 0) {
        errno = EINTR;
        return -1;
    }
    return pwrite(fd, bytes, len > 2 ? 2 : len, at);
}

static ssize_t slow_pread(int fd, void *bytes, size_t len, off_t at)
{
    static unsigned calls;
    if (++calls % 3 == 0) {
        errno = EINTR;
        return -1;
    }
    return pread(fd, bytes, len > 2 ? 2 : len, at);
}

static int cannot_allocate(int fd, off_t at, off_t len)
{
    (void)fd, (void)at, (void)len;
    errno = EOPNOTSUPP;
    return -1;
}

Test(fileio, goes_on_after_short_calls_and_signals)
{
    struct file_ops ops = *file_real_ops();
    ops.pwrite = slow_pwrite;
    ops.pread = slow_pread;
    ops.fallocate = cannot_allocate;
    file_set_ops(&ops);
    struct err e;
    int fd;
    uint64_t size;
    cr_assert_eq(file_replace(path, STR("a longer content"), &e), ST_OK);
    expect_content("a longer content");
    cr_assert_eq(file_open(path, O_RDWR, &fd, &e), ST_OK);
    cr_expect_eq(file_preallocate(fd, 4096, &e), ST_OK, "a file system that cannot reserve");
    cr_expect_eq(file_size(fd, &size, &e), ST_OK);
    cr_expect_eq(size, 4096);
    file_close(fd);
}

/* Every other call of these is interrupted before it does anything. */
static bool interrupted(void)
{
    static unsigned calls;
    errno = EINTR;
    return ++calls % 2 == 1;
}

static int signalled_open(const char *name, int flags, mode_t mode)
{
    return interrupted() ? -1 : open(name, flags, mode);
}

static int signalled_fdatasync(int fd)
{
    return interrupted() ? -1 : fdatasync(fd);
}

static int signalled_fsync(int fd)
{
    return interrupted() ? -1 : fsync(fd);
}

static int signalled_ftruncate(int fd, off_t len)
{
    return interrupted() ? -1 : ftruncate(fd, len);
}

static int signalled_fallocate(int fd, off_t at, off_t len)
{
    return interrupted() ? -1 : fallocate(fd, 0, at, len);
}

static unsigned closes;

static int signalled_close(int fd)
{
    closes++;
    close(fd);
    errno = EINTR;
    return -1;
}

Test(fileio, an_interrupted_call_is_made_again_but_close)
{
    struct file_ops ops = *file_real_ops();
    ops.open = signalled_open;
    ops.fdatasync = signalled_fdatasync;
    ops.fsync = signalled_fsync;
    ops.ftruncate = signalled_ftruncate;
    ops.fallocate = signalled_fallocate;
    ops.close = signalled_close;
    file_set_ops(&ops);
    struct err e = {0};
    int fd;
    cr_assert_eq(file_open(path, O_RDWR | O_CREAT, &fd, &e), ST_OK, "%s", e.msg);
    cr_expect_eq(file_preallocate(fd, 4096, &e), ST_OK, "%s", e.msg);
    cr_expect_eq(file_truncate(fd, 10, &e), ST_OK, "%s", e.msg);
    cr_expect_eq(file_sync_data(fd, &e), ST_OK, "%s", e.msg);
    file_close(fd);
    cr_expect_eq(closes, 1, "the descriptor may be another file's by then");
    cr_expect_eq(dir_sync(dir.path, &e), ST_OK, "%s", e.msg);
}

static uint64_t started_bytes, started_at_sync;

static int count_started(int fd, off_t at, off_t len)
{
    (void)fd;
    cr_expect_eq((uint64_t)at, started_bytes, "in order, without a gap");
    started_bytes += (uint64_t)len;
    errno = ENOSYS;
    return -1; /* it is only a hint */
}

static int note_started(int fd)
{
    started_at_sync = started_bytes;
    return file_real_ops()->fdatasync(fd);
}

Test(fileio, a_large_file_is_on_its_way_to_the_disk_before_it_is_synced)
{
    struct file_ops ops = *file_real_ops();
    ops.start_writing = count_started;
    ops.fdatasync = note_started;
    file_set_ops(&ops);
    struct err e;
    static char many[5 * MIB / 2];
    memset(many, 'x', sizeof(many));
    cr_assert_eq(file_write_synced(path, (struct str){many, sizeof(many)}, &e), ST_OK);
    cr_expect_eq(started_at_sync, sizeof(many));
    char *read;
    size_t len;
    cr_assert_eq(file_read_all(path, sizeof(many), &read, &len, &e), ST_OK);
    cr_expect(len == sizeof(many) && memcmp(read, many, len) == 0);
    mem_free(read);
}
