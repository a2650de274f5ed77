/* fileio.c - full reads and writes, atomic replacement and directories, all through one table of
 * calls. */
#include "base/fileio.h"
#include "base/file_fault.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE_BYTES = MIB }; /* of a file that is written behind */

static int real_open(const char *path, int flags, mode_t mode)
{
    return open(path, flags | O_CLOEXEC, mode);
}

static int real_fallocate(int fd, off_t at, off_t len)
{
    return fallocate(fd, 0, at, len);
}

static int real_start_writing(int fd, off_t at, off_t len)
{
    return sync_file_range(fd, at, len, SYNC_FILE_RANGE_WRITE);
}

static const struct file_ops real_ops = {
    .open = real_open,
    .pread = pread,
    .pwrite = pwrite,
    .fdatasync = fdatasync,
    .fsync = fsync,
    .ftruncate = ftruncate,
    .fallocate = real_fallocate,
    .rename = rename,
    .unlink = unlink,
    .close = close,
    .start_writing = real_start_writing,
};

static const struct file_ops *ops = &real_ops;

void file_set_ops(const struct file_ops *table)
{
    ops = table ? table : &real_ops;
}

const struct file_ops *file_real_ops(void)
{
    return &real_ops;
}

/* True, and errno set, when a test wants the call to fail. */
static bool is_faulty(const char *call)
{
    int error = file_fault_at(call);
    if (LIKELY(error == 0))
        return false;
    errno = error;
    return true;
}

/* True when a signal came before the call did anything: it is made again. */
static bool is_interrupted(int result)
{
    return result < 0 && errno == EINTR;
}

static enum status fail_path(struct err *e, const char *what, const char *path)
{
    int error = errno;
    return err_set(e, error == ENOENT ? ST_NOT_FOUND : ST_IO, "cannot %s %.120s: %s", what, path,
                   strerror(error));
}

/* The path behind a descriptor, for messages. */
static enum status fail_fd(struct err *e, const char *what, int fd)
{
    char link[40], path[PATH_MAX];
    int error = errno;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof(path) - 1);
    path[MAX(len, 0)] = '\0';
    return err_set(e, ST_IO, "cannot %s %.120s: %s", what, path, strerror(error));
}

enum status file_open(const char *path, int flags, int *fd, struct err *e)
{
    do
        *fd = is_faulty("open") ? -1 : ops->open(path, flags, 0600);
    while (is_interrupted(*fd));
    return *fd < 0 ? fail_path(e, "open", path) : ST_OK;
}

enum status file_write_at(int fd, struct str bytes, uint64_t at, struct err *e)
{
    while (bytes.len) {
        ssize_t n = is_faulty("write") ? -1 : ops->pwrite(fd, bytes.ptr, bytes.len, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = ENOSPC;
        if (n <= 0)
            return fail_fd(e, "write", fd);
        bytes = str_sub(bytes, (size_t)n, bytes.len);
        at += (uint64_t)n;
    }
    return ST_OK;
}

enum status file_write_behind(int fd, struct str bytes, uint64_t at, struct err *e)
{
    TRY(file_write_at(fd, bytes, at, e));
    /* Only a hint: what goes wrong with it is told by the sync. */
    (void)ops->start_writing(fd, (off_t)at, (off_t)bytes.len);
    return ST_OK;
}

enum status file_read_at(int fd, void *out, size_t len, uint64_t at, struct err *e)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = is_faulty("read")
                        ? -1
                        : ops->pread(fd, (char *)out + done, len - done, (off_t)(at + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_fd(e, "read", fd);
        if (n == 0)
            return err_set(e, ST_CORRUPT, "file ends %zu bytes before its content", len - done);
        done += (size_t)n;
    }
    return ST_OK;
}

enum status file_size(int fd, uint64_t *bytes, struct err *e)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return fail_fd(e, "stat", fd);
    *bytes = (uint64_t)info.st_size;
    return ST_OK;
}

enum status file_sync_data(int fd, struct err *e)
{
    int result;
    do
        result = is_faulty("sync") ? -1 : ops->fdatasync(fd);
    while (is_interrupted(result));
    /* Never again after a failure: the kernel has dropped the dirty pages and would say yes. */
    return result != 0 ? fail_fd(e, "sync", fd) : ST_OK;
}

enum status file_truncate(int fd, uint64_t bytes, struct err *e)
{
    int result;
    do
        result = is_faulty("truncate") ? -1 : ops->ftruncate(fd, (off_t)bytes);
    while (is_interrupted(result));
    return result != 0 ? fail_fd(e, "truncate", fd) : ST_OK;
}

enum status file_preallocate(int fd, uint64_t bytes, struct err *e)
{
    int result;
    do
        result = is_faulty("allocate") ? -1 : ops->fallocate(fd, 0, (off_t)bytes);
    while (is_interrupted(result));
    if (result == 0)
        return ST_OK;
    /* Some file systems cannot reserve; the right size is all they can give. */
    if (errno == EOPNOTSUPP)
        return file_truncate(fd, bytes, e);
    return fail_fd(e, "allocate", fd);
}

enum status file_rename(const char *from, const char *to, struct err *e)
{
    if (is_faulty("rename") || ops->rename(from, to) != 0)
        return fail_path(e, "rename", from);
    return ST_OK;
}

enum status file_remove(const char *path, struct err *e)
{
    if (is_faulty("unlink") || (ops->unlink(path) != 0 && errno != ENOENT))
        return fail_path(e, "remove", path);
    return ST_OK;
}

void file_close(int fd)
{
    ops->close(fd); /* never again: Linux lets go of it even when a signal comes */
}

enum status dir_sync(const char *path, struct err *e)
{
    int fd;
    TRY(file_open(path, O_RDONLY | O_DIRECTORY, &fd, e));
    int result;
    do
        result = is_faulty("sync") ? -1 : ops->fsync(fd);
    while (is_interrupted(result));
    enum status status = result != 0 ? fail_path(e, "sync", path) : ST_OK;
    file_close(fd);
    return status;
}

/* The folder in which the path's last name stands. */
static enum status parent_sync(const char *path, struct err *e)
{
    char parent[PATH_MAX];
    struct str whole = str_from_c(path);
    while (whole.len > 1 && whole.ptr[whole.len - 1] == '/')
        whole.len--;
    size_t slash = str_find_last(whole, '/');
    if (slash == whole.len)
        return dir_sync(".", e);
    str_to_c(str_sub(whole, 0, MAX(slash, (size_t)1)), parent, sizeof(parent));
    return dir_sync(parent, e);
}

enum status dir_make(const char *path, struct err *e)
{
    char prefix[PATH_MAX];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof(prefix))
        return err_set(e, ST_IO, "make %.60s...: the path is empty or too long", path);
    memcpy(prefix, path, len + 1);
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        prefix[i] = '\0';
        bool is_new = mkdir(prefix, 0700) == 0;
        if (!is_new && errno != EEXIST)
            return fail_path(e, "make", prefix);
        if (is_new)
            TRY(parent_sync(prefix, e));
        prefix[i] = path[i];
    }
    struct stat info;
    if (stat(path, &info) != 0)
        return fail_path(e, "make", path);
    return S_ISDIR(info.st_mode) ? ST_OK : err_set(e, ST_IO, "%.120s is not a directory", path);
}

enum status dir_each(const char *path, bool (*fn)(const char *name, void *user), void *user,
                     struct err *e)
{
    DIR *dir = opendir(path);
    if (!dir)
        return fail_path(e, "open", path);
    struct dirent *entry;
    errno = 0;
    while ((entry = readdir(dir))) {
        bool self = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
        if (!self && !fn(entry->d_name, user))
            break;
        errno = 0;
    }
    enum status status = !entry && errno ? fail_path(e, "read", path) : ST_OK;
    closedir(dir);
    return status;
}

enum status file_write_synced(const char *path, struct str bytes, struct err *e)
{
    int fd;
    TRY(file_open(path, O_WRONLY | O_CREAT | O_TRUNC, &fd, e));
    enum status status = ST_OK;
    for (size_t at = 0; at < bytes.len && status == ST_OK; at += PIECE_BYTES)
        status = file_write_behind(fd, str_sub(bytes, at, at + PIECE_BYTES), at, e);
    if (status == ST_OK)
        status = file_sync_data(fd, e);
    file_close(fd);
    return status;
}

enum status file_replace(const char *path, struct str bytes, struct err *e)
{
    char half[PATH_MAX];
    if (strlen(path) + sizeof(".tmp") > sizeof(half))
        return err_set(e, ST_IO, "write %.60s...: the path is too long", path);
    snprintf(half, sizeof(half), "%s.tmp", path);
    enum status status = file_write_synced(half, bytes, e);
    if (status == ST_OK)
        status = file_rename(half, path, e);
    if (status != ST_OK) {
        file_remove(half, NULL);
        return status;
    }
    return parent_sync(path, e);
}

enum status file_read_all(const char *path, size_t max_bytes, char **out, size_t *len,
                          struct err *e)
{
    int fd;
    uint64_t bytes = 0;
    char *content = NULL;
    TRY(file_open(path, O_RDONLY, &fd, e));
    enum status status = file_size(fd, &bytes, e);
    if (status == ST_OK && bytes > max_bytes)
        status = err_set(e, ST_TOO_BIG, "read %.100s: %llu bytes are more than %zu", path,
                         (unsigned long long)bytes, max_bytes);
    if (status == ST_OK && !(content = mem_alloc(MAX(bytes, (uint64_t)1))))
        status = err_set(e, ST_NO_MEMORY, "read %.100s: no memory", path);
    if (status == ST_OK)
        status = file_read_at(fd, content, bytes, 0, e);
    file_close(fd);
    if (status != ST_OK) {
        mem_free(content);
        return status;
    }
    *out = content;
    *len = bytes;
    return ST_OK;
}
