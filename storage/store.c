/* store.c - the data directory: its lock, what is found in it, and the one thread that changes it.
 */
#include "storage/store.h"
#include "base/clock.h"
#include "base/fileio.h"
#include "base/log.h"
#include "storage/edge_base.h"
#include "storage/store_private.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

/* Also without a checkpoint the clock makes parts too old. */
static const uint64_t maintain_every_ns = 60 * NS_PER_S;

void store_path(const struct store *s, const char *folder, uint64_t id, const char *suffix,
                char *out)
{
    snprintf(out, STORE_PATH_MAX, "%s/%s/%016llx.%s", s->directory, folder, (unsigned long long)id,
             suffix);
}

void store_keep_damaged(const struct store *s, const char *folder, uint64_t id, const char *suffix)
{
    char path[STORE_PATH_MAX], aside[STORE_PATH_MAX + 8];
    store_path(s, folder, id, suffix, path);
    snprintf(aside, sizeof(aside), "%s.damaged", path);
    if (link(path, aside) == 0 || errno == EEXIST)
        log_warn("store: damaged file is kept path=%s", aside);
    else
        log_warn("store: damaged file could not be kept path=%s error=\"%s\"", path,
                 strerror(errno));
}

uint64_t store_new_id(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    uint64_t id = s->next_id++;
    pthread_mutex_unlock(&s->lock);
    return id;
}

/* --- the lock --- */

static enum status lock_refused(int fd, const char *directory, struct err *e)
{
    char pid[24] = "";
    ssize_t len = pread(fd, pid, sizeof(pid) - 1, 0);
    pid[len > 0 ? strcspn(pid, "\n") : 0] = '\0';
    return err_set(e, ST_BUSY, "another weft (pid %s) uses the data directory %.120s", pid,
                   directory);
}

static enum status lock_take(struct store *s, struct err *e)
{
    char path[STORE_PATH_MAX], pid[24];
    snprintf(path, sizeof(path), "%s/lock", s->directory);
    TRY(file_open(path, O_RDWR | O_CREAT | O_NOFOLLOW, &s->lock_fd, e));
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? lock_refused(s->lock_fd, s->directory, e)
                                    : err_set(e, ST_IO, "lock %.120s: %s", path, strerror(errno));
    int len = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
    /* The pid is only for the sentence above: a full disk must not keep weft from starting. */
    if (ftruncate(s->lock_fd, 0) != 0 || pwrite(s->lock_fd, pid, (size_t)len, 0) != len)
        log_warn("store: pid could not be written path=%s", path);
    return ST_OK;
}

/* --- files that do not count --- */

struct sweep {
    struct store *s;
    const char *folder, *suffix;
    size_t files; /* with our kind of name */
};

static bool is_listed(struct store *s, const struct sweep *w, uint64_t id)
{
    if (strcmp(w->folder, "series") == 0)
        return catalogue_series_lists(s->catalogue, w->suffix, id);
    if (strcmp(w->suffix, "image") == 0)
        return catalogue_checkpoint(s->catalogue).image == id || s->older_image == id;
    return catalogue_has_part(s->catalogue,
                              id); /* damaged ones too: they are kept for whoever can repair them */
}

/* The number in "<16 hex digits>.<suffix>"; 0 for any other name. */
static uint64_t name_parse(const char *name, const char *suffix)
{
    enum { DIGITS = 16 };
    if (strspn(name, "0123456789abcdef") != DIGITS || name[DIGITS] != '.' ||
        strcmp(name + DIGITS + 1, suffix) != 0)
        return 0;
    return strtoull(name, NULL, 16);
}

static bool count_file(const char *name, void *user)
{
    struct sweep *w = user;
    w->files += name_parse(name, w->suffix) != 0;
    return true;
}

/* The catalogue knows the last image; the newest before it is kept for when that is damaged. */
static bool find_older_image(const char *name, void *user)
{
    struct sweep *w = user;
    uint64_t id = name_parse(name, w->suffix);
    if (id < catalogue_checkpoint(w->s->catalogue).image)
        w->s->older_image = MAX(w->s->older_image, id);
    return true;
}

static bool remove_unlisted(const char *name, void *user)
{
    struct sweep *w = user;
    char path[STORE_PATH_MAX];
    struct err e;
    uint64_t id = name_parse(name, w->suffix);
    if (id == 0 || is_listed(w->s, w, id))
        return true;
    store_path(w->s, w->folder, id, w->suffix, path);
    if (file_remove(path, &e) != ST_OK)
        log_warn("store: file that does not count could not be removed error=\"%s\"", e.msg);
    return true;
}

static enum status folder_each(struct store *s, const char *folder, const char *suffix,
                               bool (*fn)(const char *name, void *user), size_t *files,
                               struct err *e)
{
    char path[STORE_PATH_MAX];
    struct sweep w = {s, folder, suffix, 0};
    snprintf(path, sizeof(path), "%s/%s", s->directory, folder);
    TRY(dir_make(path, e));
    TRY(dir_each(path, fn, &w, e));
    *files = w.files;
    return ST_OK;
}

/* --- the writer thread --- */

/* Merging and retention, one step at a time so that a checkpoint never waits for more than one. */
static enum status maintain(struct store *s, uint64_t now_ns, bool compact, struct err *e)
{
    bool did = true;
    TRY(parts_expire(s, now_ns, e));
    while (did && !s->resting && (compact || mailbox_count(s->inbox) == 0))
        TRY(edge_merge_step(s, now_ns, compact, &did, e));
    return compact && did ? err_set(e, ST_BUSY, "weft is stopping") : ST_OK;
}

uint64_t store_age_ns(struct store *s)
{
    bool leapt;
    uint64_t wall_ns = clock_wall_ns();
    pthread_mutex_lock(&s->lock);
    uint64_t age_ns = age_clock_tell(&s->age, wall_ns, clock_mono_ns(), &leapt);
    pthread_mutex_unlock(&s->lock);
    if (leapt)
        log_warn("store: the clock is %llu hours ahead of what it should be: nothing is dropped or "
                 "thinned out for that until it has stood for a day",
                 (unsigned long long)((wall_ns - age_ns) / NS_PER_S / 3600));
    return age_ns;
}

static void maintain_alone(struct store *s)
{
    struct err e;
    if (maintain(s, store_age_ns(s), false, &e) != ST_OK)
        log_limited(LOG_ERROR, "store: maintenance failed, tried again later error=\"%s\"", e.msg);
}

static void compact_run(struct store *s, struct compact_job *job)
{
    job->status = maintain(s, store_age_ns(s), true, &job->err);
    pthread_mutex_lock(&s->lock);
    job->done = true;
    pthread_cond_broadcast(&s->compacted);
    pthread_mutex_unlock(&s->lock);
}

static void job_run(struct store *s, struct mail *mail)
{
    switch ((enum store_job)mail->kind) {
    case JOB_CHECKPOINT:
        checkpoint_run(s, CONTAINER_OF(mail, struct image_writer, mail));
        break;
    case JOB_MAINTAIN:
        atomic_store(&s->maintain_queued, false);
        break;
    case JOB_COMPACT:
        compact_run(s, CONTAINER_OF(mail, struct compact_job, mail));
        break;
    }
}

static void *writer_thread(void *user)
{
    struct store *s = user;
    struct list jobs;
    list_init(&jobs);
    bool open = true;
    while (open) {
        open =
            mailbox_wait(s->inbox, &jobs, clock_mono_ns() + maintain_every_ns) > 0 || !s->closing;
        for (struct list *node; (node = list_pop(&jobs));)
            job_run(s, CONTAINER_OF(node, struct mail, link));
        if (open && !s->resting)
            maintain_alone(s);
    }
    return NULL;
}

/* --- opening and closing --- */

static enum status directory_take(struct store *s, const struct store_config *config, struct err *e)
{
    if (config->directory.len >= sizeof(s->directory))
        return err_set(e, ST_INVALID, "the path of the data directory is longer than %zu bytes",
                       sizeof(s->directory) - 1);
    str_to_c(config->directory, s->directory, sizeof(s->directory));
    TRY(dir_make(s->directory, e));
    return lock_take(s, e);
}

static enum status catalogue_take(struct store *s, struct err *e)
{
    char path[STORE_PATH_MAX];
    bool created;
    size_t parts, images, series;
    snprintf(path, sizeof(path), "%s/catalogue.db", s->directory);
    TRY(folder_each(s, "edges", "part", count_file, &parts, e));
    TRY(folder_each(s, "image", "image", count_file, &images, e));
    TRY(folder_each(s, "series", "part", count_file, &series, e));
    if (parts + images + series > 0 && access(path, F_OK) != 0)
        return err_set(e, ST_CORRUPT,
                       "%.120s is missing, but there are %zu parts and %zu images: put it back, or "
                       "begin with an empty directory",
                       path, parts + series, images);
    TRY(catalogue_open(path, &s->catalogue, &created, e));
    if (created)
        TRY(dir_sync(s->directory, e));
    s->next_id = catalogue_next_id(s->catalogue);
    return ST_OK;
}

/* Of edges and series; 0: there is none. */
static uint64_t newest_data_ns(struct store *s)
{
    size_t count;
    const struct catalogue_series_part *series = catalogue_series_parts(s->catalogue, &count);
    int64_t newest_ms = 0;
    for (size_t i = 0; i < count; i++)
        newest_ms = MAX(newest_ms, series[i].max_time_ms);
    struct store_stats stats;
    store_stats(s, &stats);
    return MAX(stats.edge_newest_ns, (uint64_t)newest_ms * NS_PER_MS);
}

static enum status content_take(struct store *s, struct err *e)
{
    size_t ignored;
    TRY(catalogue_take(s, e));
    TRY(parts_load(s, e));
    age_clock_saw(&s->age, newest_data_ns(s), clock_mono_ns());
    TRY(folder_each(s, "edges", "part", remove_unlisted, &ignored, e));
    TRY(folder_each(s, "image", "image", find_older_image, &ignored, e));
    TRY(folder_each(s, "image", "image", remove_unlisted, &ignored, e));
    TRY(folder_each(s, "series", "part", remove_unlisted, &ignored, e));
    TRY(folder_each(s, "series", "index", remove_unlisted, &ignored, e));
    TRY(folder_each(s, "series", "state", remove_unlisted, &ignored, e));
    s->edges = edge_store_new();
    return s->edges ? ST_OK : err_set(e, ST_NO_MEMORY, "no memory for the edge store");
}

enum status store_open(const struct store_config *config, struct store **out, struct err *e)
{
    struct store *s = mem_calloc(1, sizeof(*s));
    if (!s)
        return err_set(e, ST_NO_MEMORY, "no memory to open the store");
    s->lock_fd = -1;
    s->retention = config->retention;
    s->maintain.kind = JOB_MAINTAIN;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->compacted, NULL);
    s->inbox = mailbox_new(0, NULL, NULL);
    enum status st = s->inbox ? ST_OK : err_set(e, ST_NO_MEMORY, "no memory to open the store");
    if (st == ST_OK)
        st = directory_take(s, config, e);
    if (st == ST_OK)
        st = content_take(s, e);
    if (st == ST_OK && pthread_create(&s->thread, NULL, writer_thread, s) != 0)
        st = err_set(e, ST_NO_MEMORY, "no thread for the store");
    s->running = st == ST_OK;
    if (st != ST_OK) {
        store_close(s);
        return st;
    }
    *out = s;
    return ST_OK;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    store_rest(s);
    atomic_store(&s->closing, true);
    if (s->inbox)
        mailbox_close(s->inbox);
    if (s->running)
        pthread_join(s->thread, NULL);
    if (s->spare_image != 0)
        image_remove(s, s->spare_image);
    if (s->edges)
        edge_store_free(s->edges);
    parts_unload(s);
    catalogue_close(s->catalogue);
    mailbox_free(s->inbox);
    pthread_cond_destroy(&s->compacted);
    pthread_mutex_destroy(&s->lock);
    if (s->lock_fd >= 0)
        file_close(
            s->lock_fd); /* ends the flock; the file stays, so that nobody locks one that is gone */
    mem_free(s);
}

/* --- what other threads ask --- */

uint64_t store_seed(const struct store *s)
{
    return catalogue_seed(s->catalogue);
}

const char *store_directory(const struct store *s)
{
    return s->directory;
}

const struct retention *store_retention(const struct store *s)
{
    return &s->retention;
}

struct edge_store *store_edges(const struct store *s)
{
    return s->edges;
}

void store_note_lost(struct store *s, uint64_t blocks)
{
    pthread_mutex_lock(&s->lock);
    s->stats.lost_blocks += blocks;
    pthread_mutex_unlock(&s->lock);
}

void store_maintain(struct store *s)
{
    if (!atomic_exchange(&s->maintain_queued, true) && !mailbox_post(s->inbox, &s->maintain))
        atomic_store(&s->maintain_queued, false);
}

void store_rest(struct store *s)
{
    atomic_store(&s->resting, true);
}

enum status store_compact(struct store *s, struct err *e)
{
    struct compact_job job = {.mail = {.kind = JOB_COMPACT}};
    if (!mailbox_post(s->inbox, &job.mail))
        return err_set(e, ST_BUSY, "weft is stopping");
    pthread_mutex_lock(&s->lock);
    while (!job.done)
        pthread_cond_wait(&s->compacted, &s->lock);
    pthread_mutex_unlock(&s->lock);
    return job.status == ST_OK ? ST_OK : err_set(e, job.status, "%s", job.err.msg);
}

void store_stats(struct store *s, struct store_stats *out)
{
    pthread_mutex_lock(&s->lock);
    *out = s->stats;
    out->edge_files = s->parts.len;
    for (size_t i = 0; i < s->parts.len; i++) {
        const struct catalogue_part *p = &s->parts.items[i].info;
        uint64_t start_ns = p->start_s * NS_PER_S, end_ns = p->end_s * NS_PER_S;
        out->edge_bytes += p->bytes;
        if (s->retention.edges_ns + s->retention.disk_bytes != 0 && p->end_s <= BASE_END_S)
            continue; /* sums of what was dropped: of no time that could be asked for */
        out->edge_oldest_ns =
            out->edge_oldest_ns == 0 ? start_ns : MIN(out->edge_oldest_ns, start_ns);
        out->edge_newest_ns = MAX(out->edge_newest_ns, end_ns);
    }
    pthread_mutex_unlock(&s->lock);
}
