/* catalogue_vfs.c - a VFS that asks file_fault_at() before each call that changes a file, and
 * otherwise is SQLite's own. Version 1 methods: no shared memory and no mapping, which a rollback
 * journal does not need. */
#include "storage/catalogue_vfs.h"
#include "base/compiler.h"
#include "base/file_fault.h"
#include <pthread.h>
#include <sqlite3.h>

/* SQLite allocates it; the real file's object follows it. */
struct vfs_file {
    sqlite3_file base;
    sqlite3_file *real;
};

static sqlite3_file *real_of(sqlite3_file *file)
{
    return CONTAINER_OF(file, struct vfs_file, base)->real;
}

/* --- files: those that change something may fail, the rest pass through --- */

static int vfs_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at)
{
    if (file_fault_at("write"))
        return SQLITE_IOERR_WRITE;
    return real_of(file)->pMethods->xWrite(real_of(file), bytes, len, at);
}

static int vfs_sync(sqlite3_file *file, int flags)
{
    if (file_fault_at("sync"))
        return SQLITE_IOERR_FSYNC;
    return real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int vfs_truncate(sqlite3_file *file, sqlite3_int64 len)
{
    if (file_fault_at("truncate"))
        return SQLITE_IOERR_TRUNCATE;
    return real_of(file)->pMethods->xTruncate(real_of(file), len);
}

static int vfs_close(sqlite3_file *file)
{
    return real_of(file)->pMethods->xClose(real_of(file));
}

static int vfs_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 at)
{
    return real_of(file)->pMethods->xRead(real_of(file), bytes, len, at);
}

static int vfs_file_size(sqlite3_file *file, sqlite3_int64 *len)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), len);
}

static int vfs_lock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int vfs_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int vfs_check_lock(sqlite3_file *file, int *taken)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), taken);
}

static int vfs_control(sqlite3_file *file, int op, void *arg)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), op, arg);
}

static int vfs_sector(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int vfs_traits(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = vfs_close,
    .xRead = vfs_read,
    .xWrite = vfs_write,
    .xTruncate = vfs_truncate,
    .xSync = vfs_sync,
    .xFileSize = vfs_file_size,
    .xLock = vfs_lock,
    .xUnlock = vfs_unlock,
    .xCheckReservedLock = vfs_check_lock,
    .xFileControl = vfs_control,
    .xSectorSize = vfs_sector,
    .xDeviceCharacteristics = vfs_traits,
};

/* --- the file system --- */

static sqlite3_vfs *real_vfs(sqlite3_vfs *vfs)
{
    return vfs->pAppData;
}

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                    int *out_flags)
{
    struct vfs_file *f = CONTAINER_OF(file, struct vfs_file, base);
    f->base.pMethods = NULL; /* so that SQLite does not close what was not opened */
    if (file_fault_at("open"))
        return SQLITE_CANTOPEN;
    f->real = (sqlite3_file *)(f + 1);
    int rc = real_vfs(vfs)->xOpen(real_vfs(vfs), name, f->real, flags, out_flags);
    if (rc == SQLITE_OK)
        f->base.pMethods = &methods;
    else if (f->real->pMethods)
        f->real->pMethods->xClose(f->real);
    return rc;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_directory)
{
    if (file_fault_at("unlink"))
        return SQLITE_IOERR_DELETE;
    /* The worst of both: it is gone, and nobody knows for how long. */
    if (sync_directory && file_fault_at("sync")) {
        (void)real_vfs(vfs)->xDelete(real_vfs(vfs), name, 0);
        return SQLITE_IOERR_DIR_FSYNC;
    }
    return real_vfs(vfs)->xDelete(real_vfs(vfs), name, sync_directory);
}

/* SQLite keeps the address for ever, hence static; written once. */
static sqlite3_vfs weft_vfs;

static void vfs_register(void)
{
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);
    if (!real)
        return;
    weft_vfs = *real;
    weft_vfs.pNext = NULL;
    weft_vfs.zName = "weft";
    weft_vfs.pAppData = real;
    weft_vfs.szOsFile = (int)sizeof(struct vfs_file) + real->szOsFile;
    weft_vfs.xOpen = vfs_open;
    weft_vfs.xDelete = vfs_delete;
    if (sqlite3_vfs_register(&weft_vfs, 0) != SQLITE_OK)
        weft_vfs.zName = NULL;
}

const char *catalogue_vfs_name(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, vfs_register);
    return weft_vfs.zName;
}
