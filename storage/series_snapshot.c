/* series_snapshot.c - a second data directory of one moment, made of links to the first. It gets
 * its name once it is whole. */
#include "base/clock.h"
#include "base/fileio.h"
#include "base/log.h"
#include "storage/series_store_private.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNFINISHED ".tmp"

struct snapshot {
    const struct store *store;
    char parent[STORE_PATH_MAX - 2 * STORE_NAME_MAX];
    char path[STORE_PATH_MAX - STORE_NAME_MAX];                           /* once it is whole */
    char directory[STORE_PATH_MAX - STORE_NAME_MAX + sizeof(UNFINISHED)]; /* until then */
};

static enum status copy_file(const char *from, const char *to, struct err *e)
{
    char *bytes;
    size_t len;
    int fd;
    TRY(file_read_all(from, SIZE_MAX, &bytes, &len, e));
    enum status status = file_open(to, O_RDWR | O_CREAT | O_TRUNC, &fd, e);
    if (status == ST_OK) {
        status = file_write_at(fd, (struct str){bytes, len}, 0, e);
        if (status == ST_OK)
            status = file_sync_data(fd, e);
        file_close(fd);
    }
    mem_free(bytes);
    return status;
}

/* All but the log of the index are never written again, images as long as the snapshot has them
 * (store_image.c); that one grows, so it is copied. A damaged part that is gone from the disk is no
 * reason to have no snapshot. */
static enum status take_file(const char *folder, const char *suffix, uint64_t id, void *user,
                             struct err *e)
{
    struct snapshot *x = user;
    char from[STORE_PATH_MAX], to[STORE_PATH_MAX + STORE_NAME_MAX];
    file_point("snapshot_file");
    store_path(x->store, folder, id, suffix, from);
    snprintf(to, sizeof(to), "%s/%s/%016llx.%s", x->directory, folder, (unsigned long long)id,
             suffix);
    if (strcmp(suffix, "index") == 0)
        return copy_file(from, to, e);
    if (link(from, to) == 0 || errno == ENOENT)
        return ST_OK;
    return err_set(e, ST_IO, "link %.80s to %.80s: %s", from, to, strerror(errno));
}

static enum status make_folders(const struct snapshot *x, struct err *e)
{
    static const char *const folders[] = {"edges", "image", "series"};
    char path[STORE_PATH_MAX];
    for (size_t i = 0; i < LEN(folders); i++) {
        snprintf(path, sizeof(path), "%s/%s", x->directory, folders[i]);
        TRY(dir_make(path, e));
    }
    return ST_OK;
}

static enum status sync_folders(const struct snapshot *x, struct err *e)
{
    static const char *const folders[] = {"edges", "image", "series", "."};
    char path[STORE_PATH_MAX];
    for (size_t i = 0; i < LEN(folders); i++) {
        snprintf(path, sizeof(path), "%s/%s", x->directory, folders[i]);
        TRY(dir_sync(path, e));
    }
    return ST_OK;
}

static enum status take_all(struct series_store *s, struct snapshot *x, struct err *e)
{
    char path[STORE_PATH_MAX];
    TRY(make_folders(x, e));
    snprintf(path, sizeof(path), "%s/catalogue.db", x->directory);
    TRY(catalogue_snapshot(s->config.store->catalogue, path, take_file, x, e));
    return sync_folders(x, e);
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where)
{
    struct err e;
    (void)info, (void)where;
    if (type == FTW_DP ? rmdir(path) != 0 : file_remove(path, &e) != ST_OK)
        log_warn("series: part of a failed snapshot stays path=%s", path);
    return 0;
}

/* A part of a snapshot is none, and its links would keep on the disk what goes elsewhere. */
static void remove_all(const char *directory)
{
    enum { OPEN_FOLDERS = 4 };
    nftw(directory, remove_entry, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
}

/* Worker: the index's log does not grow meanwhile. */
static enum status take(struct series_store *s, void *user, struct err *e)
{
    struct snapshot *x = user;
    enum status status = take_all(s, x, e);
    if (status == ST_OK)
        status = file_rename(x->directory, x->path, e);
    if (status != ST_OK) {
        remove_all(x->directory);
        return status;
    }
    status = dir_sync(x->parent, e);
    if (status != ST_OK)
        remove_all(x->path);
    return status;
}

static void set_parent(struct snapshot *x, const struct store *store)
{
    x->store = store;
    snprintf(x->parent, sizeof(x->parent), "%s/snapshots", store_directory(store));
}

static enum status set_name(struct snapshot *x, const char *name, struct err *e)
{
    int len = snprintf(x->path, sizeof(x->path), "%s/%s", x->parent, name);
    if (len < 0 || (size_t)len >= sizeof(x->path))
        return err_set(e, ST_INVALID, "the path of the snapshot is too long");
    snprintf(x->directory, sizeof(x->directory), "%s" UNFINISHED, x->path);
    return ST_OK;
}

enum status series_store_snapshot(struct series_store *s, char *name, size_t cap, struct err *e)
{
    uint64_t now_ns = clock_wall_ns();
    struct snapshot x;
    TRY(series_store_checkpoint(s, e));
    char digits[40], when[32];
    clock_format_rfc3339(now_ns / NS_PER_S * NS_PER_S, when, sizeof(when));
    size_t len = 0;
    for (const char *c = when; *c && len < 15; c++)
        if (*c != '-' && *c != ':')
            digits[len++] = *c;
    digits[len] = '\0';
    snprintf(name, cap, "%sZ-%016llx", digits, (unsigned long long)store_new_id(s->config.store));
    set_parent(&x, s->config.store);
    TRY(set_name(&x, name, e));
    return series_store_call(s, take, &x, e);
}

static bool remove_unfinished(const char *name, void *user)
{
    const struct snapshot *x = user;
    char path[STORE_PATH_MAX];
    if (str_ends_with(str_from_c(name), str_from_c(UNFINISHED))) {
        snprintf(path, sizeof(path), "%s/%s", x->parent, name);
        log_info("series: snapshot that was not finished removed path=%s", path);
        remove_all(path);
    }
    return true;
}

void series_snapshots_tidy(const struct store *store)
{
    struct snapshot x;
    struct err e;
    set_parent(&x, store);
    (void)dir_each(x.parent, remove_unfinished, &x, &e); /* there may be none */
}
