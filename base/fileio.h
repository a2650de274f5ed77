/* fileio.h - every system call on files, through one table, so that tests can fail or kill at any
 * of them. */
#ifndef WEFT_BASE_FILEIO_H
#define WEFT_BASE_FILEIO_H

#include "base/err.h"
#include "base/str.h"
#include <sys/types.h>

/* The calls behind everything below; each as its namesake in POSIX (result, errno). */
struct file_ops {
    int (*open)(const char *path, int flags, mode_t mode);
    ssize_t (*pread)(int fd, void *bytes, size_t len, off_t at);
    ssize_t (*pwrite)(int fd, const void *bytes, size_t len, off_t at);
    int (*fdatasync)(int fd);
    int (*fsync)(int fd);
    int (*ftruncate)(int fd, off_t len);
    int (*fallocate)(int fd, off_t at, off_t len);
    int (*rename)(const char *from, const char *to);
    int (*unlink)(const char *path);
    int (*close)(int fd);
    int (*start_writing)(int fd, off_t at, off_t len); /* sync_file_range(SYNC_FILE_RANGE_WRITE) */
};

/* Replaces the table (NULL: the real one). Tests only, before threads start. */
void file_set_ops(const struct file_ops *ops);
const struct file_ops *file_real_ops(void);

/* Fault injection for crash tests, read once from WEFT_FAULT before threads start: comma separated
 * ACTION:PLACE:N. "kill:merge_rename:2" ends the process with SIGKILL at the second
 * file_point("merge_rename"); "EIO:write:17" and "ENOSPC:sync:3" fail the n-th write or sync (also:
 * open, read, truncate, allocate, rename, unlink); "ENOSPC:write:3-10" fails eight of them;
 * "slow:checkpoint_image:1-9" makes nine of them take a quarter of a second more. Each one that
 * fires is logged as "file_fault: fired place=write call=17 ...". Aborts on a malformed text. */
void file_faults_init(void);
/* A named place at which a crash test may end the process. Costs one load when no fault is set. Any
 * thread. */
void file_point(const char *name);

/* All return ST_OK or ST_IO (ST_NOT_FOUND for a missing path) with path and strerror in *e. `path`
 * is borrowed for the call; the caller ends *fd with file_close(). Calls that a signal interrupts
 * are made again. Any thread. */
enum status file_open(const char *path, int flags, int *fd, struct err *e);
enum status file_write_at(int fd, struct str bytes, uint64_t at, struct err *e);
/* Likewise, and the disk starts on it at once: for files of many MiB, written piece by piece and
 * synced at their end. When all of it is left to that sync, the disk is busy with nothing else for
 * so long, and the sync of a journal's group, for which senders wait, comes after it. */
enum status file_write_behind(int fd, struct str bytes, uint64_t at, struct err *e);
/* Reads exactly len bytes; ST_CORRUPT when the file ends before. */
enum status file_read_at(int fd, void *out, size_t len, uint64_t at, struct err *e);
enum status file_size(int fd, uint64_t *bytes, struct err *e);
enum status file_sync_data(int fd, struct err *e);
enum status file_truncate(int fd, uint64_t bytes, struct err *e);
enum status file_preallocate(int fd, uint64_t bytes, struct err *e);
enum status file_rename(const char *from, const char *to, struct err *e);
/* A missing file is ST_OK. */
enum status file_remove(const char *path, struct err *e);
void file_close(int fd);
enum status dir_sync(const char *path, struct err *e);
/* mkdir -p, mode 0700. What is new is synced in its parent: files that are synced in it later are
 * found again. */
enum status dir_make(const char *path, struct err *e);
/* Calls fn for each entry but . and .. in no order; stops when fn returns false. */
enum status dir_each(const char *path, bool (*fn)(const char *name, void *user), void *user,
                     struct err *e);
/* Writes the file anew and syncs its data; after an error it may be half written. */
enum status file_write_synced(const char *path, struct str bytes, struct err *e);
/* Writes path.tmp, syncs it, renames it over path, syncs the directory: path is old or new, never
 * half. */
enum status file_replace(const char *path, struct str bytes, struct err *e);
/* Reads a whole file of at most max_bytes into memory; the caller ends *out with mem_free. */
enum status file_read_all(const char *path, size_t max_bytes, char **out, size_t *len,
                          struct err *e);

#endif
