/* store_parts.c - the list of edge parts: which there are, which show, what takes whose place, what
 * is too old. */
#include "storage/store_parts.h"
#include "base/fileio.h"
#include "base/log.h"
#include "storage/edge_base.h"
#include "storage/edge_merge_job.h"
#include "storage/store_private.h"
#include <fcntl.h>
#include <stdio.h>

/* --- loading --- */

static enum status load_part(struct store *s, const struct catalogue_part *info, struct err *e)
{
    char path[STORE_PATH_MAX];
    struct listed_part listed = {.info = *info, .shows = true};
    store_path(s, "edges", info->id, "part", path);
    enum status st = edge_part_open_file(path, &listed.part, e);
    if (st == ST_CORRUPT || st == ST_NOT_FOUND) {
        log_error("store: part cannot be read and is left out path=%s error=\"%s\"", path, e->msg);
        store_note_lost(s, 1);
        return ST_OK;
    }
    TRY(st);
    if (vec_push(&s->parts, listed))
        return ST_OK;
    edge_part_unref(listed.part);
    return err_set(e, ST_NO_MEMORY, "no memory for the list of parts");
}

enum status parts_load(struct store *s, struct err *e)
{
    size_t count;
    const struct catalogue_part *parts = catalogue_parts(s->catalogue, &count);
    for (size_t i = 0; i < count; i++)
        TRY(load_part(s, &parts[i], e));
    return ST_OK;
}

void parts_unload(struct store *s)
{
    for (size_t i = 0; i < s->parts.len; i++)
        edge_part_unref(s->parts.items[i].part);
    vec_deinit(&s->parts);
}

/* --- files --- */

void part_remove_file(struct store *s, uint64_t id)
{
    char path[STORE_PATH_MAX];
    struct err e;
    store_path(s, "edges", id, "part", path);
    if (file_remove(path, &e) != ST_OK)
        log_warn("store: part could not be removed error=\"%s\"", e.msg);
}

/* Opens the written file `id`; it is removed when it is no part. */
static enum status part_take(struct store *s, uint64_t id, uint64_t position,
                             struct listed_part *out, struct err *e)
{
    char path[STORE_PATH_MAX];
    store_path(s, "edges", id, "part", path);
    enum status st = edge_part_open_file(path, &out->part, e);
    if (st != ST_OK) {
        out->part = NULL;
        part_remove_file(s, id);
        return st == ST_NOT_FOUND ? ST_IO : st;
    }
    out->info = (struct catalogue_part){
        .id = id,
        .bytes = edge_part_bytes(out->part),
        .start_s = edge_part_start_s(out->part),
        .end_s = edge_part_end_s(out->part),
        .position = position,
        .rows = edge_part_row_count(out->part),
    };
    return ST_OK;
}

enum status part_write(struct store *s, struct str bytes, uint64_t position,
                       struct listed_part *out, struct err *e)
{
    char path[STORE_PATH_MAX];
    uint64_t id = store_new_id(s);
    store_path(s, "edges", id, "part", path);
    enum status st = file_write_synced(path, bytes, e);
    if (st != ST_OK) {
        part_remove_file(s, id);
        return st;
    }
    return part_take(s, id, position, out, e);
}

enum status parts_reserve(struct store *s, struct err *e)
{
    pthread_mutex_lock(&s->lock);
    bool room = vec_reserve(&s->parts, 1);
    pthread_mutex_unlock(&s->lock);
    return room ? ST_OK : err_set(e, ST_NO_MEMORY, "no memory for the list of parts");
}

/* --- the list, read --- */

void stored_parts_free(struct stored_part *parts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        edge_part_unref(parts[i].part);
    mem_free(parts);
}

enum status store_parts_snapshot(struct store *s, uint64_t checkpointed, struct stored_part **out,
                                 size_t *count, struct err *e)
{
    *count = 0;
    pthread_mutex_lock(&s->lock);
    *out = mem_calloc(MAX(s->parts.len, (size_t)1), sizeof(**out));
    for (size_t i = 0; *out && i < s->parts.len; i++) {
        struct listed_part *p = &s->parts.items[i];
        p->shows |= checkpointed != UINT64_MAX && p->info.position <= checkpointed;
        if (p->shows)
            (*out)[(*count)++] = (struct stored_part){p->info.id, edge_part_ref(p->part)};
    }
    pthread_mutex_unlock(&s->lock);
    return *out ? ST_OK : err_set(e, ST_NO_MEMORY, "no memory for the list of parts");
}

/* --- the list, changed --- */

static bool is_among(uint64_t id, const uint64_t *ids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (ids[i] == id)
            return true;
    }
    return false;
}

/* Takes `ids` out of the list and puts `added` in, in one step for every reader. The lock is not
 * held. */
static void list_change(struct store *s, const uint64_t *ids, size_t count,
                        const struct listed_part *added)
{
    pthread_mutex_lock(&s->lock);
    size_t kept = 0;
    for (size_t i = 0; i < s->parts.len; i++) {
        if (is_among(s->parts.items[i].info.id, ids, count))
            edge_part_unref(s->parts.items[i].part);
        else
            s->parts.items[kept++] = s->parts.items[i];
    }
    s->parts.len = kept;
    if (added->part)
        s->parts.items[s->parts.len++] = *added;
    pthread_mutex_unlock(&s->lock);
}

/* The newest checkpoint among the parts: the sum must not show before any of them did. */
static uint64_t newest_position(struct store *s, const uint64_t *ids, size_t count)
{
    uint64_t position = 0;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->parts.len; i++) {
        if (is_among(s->parts.items[i].info.id, ids, count))
            position = MAX(position, s->parts.items[i].info.position);
    }
    pthread_mutex_unlock(&s->lock);
    return position;
}

/* Where the sum comes from: bytes, a file that is written already, or nowhere. */
struct replacement {
    struct str bytes;
    uint64_t file; /* 0 = none */
};

/* *unknown as of catalogue_commit(). */
static enum status replacement_write(struct store *s, const uint64_t *ids, size_t count,
                                     const struct replacement *by, struct listed_part *added,
                                     bool *unknown, struct err *e)
{
    char folder[STORE_PATH_MAX];
    TRY(parts_reserve(s, e));
    file_point("merge_begin");
    if (by->file)
        TRY(part_take(s, by->file, newest_position(s, ids, count), added, e));
    else if (by->bytes.len > 0)
        TRY(part_write(s, by->bytes, newest_position(s, ids, count), added, e));
    if (added->part) {
        file_point("merge_part");
        snprintf(folder, sizeof(folder), "%s/edges", s->directory);
        TRY(dir_sync(folder, e));
    }
    file_point("merge_synced");
    struct catalogue_change change = {
        .removed = ids, .removed_count = count, .added = added->part ? &added->info : NULL};
    TRY(catalogue_commit(s->catalogue, &change, unknown, e));
    file_point("merge_committed");
    return ST_OK;
}

static enum status parts_replace(struct store *s, const uint64_t *ids, size_t count,
                                 const struct replacement *by, struct err *e)
{
    struct listed_part added = {.shows = true};
    bool unknown = false;
    enum status st = replacement_write(s, ids, count, by, &added, &unknown, e);
    if (st != ST_OK) {
        edge_part_unref(added.part);
        if (!unknown && (added.part || by->file))
            part_remove_file(s, by->file ? by->file : added.info.id);
        return st;
    }
    list_change(s, ids, count, &added);
    for (size_t i = 0; i < count; i++) {
        file_point("merge_remove");
        part_remove_file(s, ids[i]);
    }
    return ST_OK;
}

static enum status merged(struct store *s, enum status st)
{
    if (st != ST_OK)
        return st;
    pthread_mutex_lock(&s->lock);
    s->stats.merges++;
    pthread_mutex_unlock(&s->lock);
    return ST_OK;
}

enum status store_parts_replace(struct store *s, const uint64_t *ids, size_t count,
                                struct buf *bytes, struct err *e)
{
    struct replacement by = {.bytes = buf_str(bytes)};
    enum status st = parts_replace(s, ids, count, &by, e);
    buf_deinit(bytes);
    *bytes = (struct buf){0};
    return merged(s, st);
}

uint64_t store_parts_new_file(struct store *s, char *path, size_t cap)
{
    uint64_t id = store_new_id(s);
    snprintf(path, cap, "%s/edges/%016llx.part", s->directory, (unsigned long long)id);
    return id;
}

enum status store_parts_replace_by_file(struct store *s, const uint64_t *ids, size_t count,
                                        uint64_t file, struct err *e)
{
    struct replacement by = {.file = file};
    return merged(s, parts_replace(s, ids, count, &by, e));
}

/* --- retention --- */

static bool is_base(const struct catalogue_part *p)
{
    return p->end_s <= BASE_END_S;
}

static bool is_expired(const struct catalogue_part *p, uint64_t keep_ns, uint64_t now_ns)
{
    return keep_ns != 0 && now_ns > keep_ns && p->end_s <= (now_ns - keep_ns) / NS_PER_S;
}

/* What could be dropped. */
static uint64_t parts_bytes(const struct store *s)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < s->parts.len; i++)
        bytes += is_base(&s->parts.items[i].info) ? 0 : s->parts.items[i].info.bytes;
    return bytes;
}

uint64_t parts_disk_bytes(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    uint64_t bytes = parts_bytes(s);
    pthread_mutex_unlock(&s->lock);
    return bytes;
}

enum { EXPIRED_MAX = 2 }; /* the part that must go, and what such parts left before it */

/* The oldest part that must go, and the sums of those before it: *count is 0 when none must. A part
 * that does not show yet stays: its cells may still be in the head. The caller ends each reference.
 */
static void expired_parts(struct store *s, uint64_t now_ns, struct stored_part *out, size_t *count,
                          const char **why)
{
    const struct listed_part *oldest = NULL;
    *count = 0;
    pthread_mutex_lock(&s->lock);
    uint64_t bytes = parts_bytes(s), series = atomic_load(&s->series_bytes);
    /* Edges and series share the disk: what takes more of it gives way. */
    bool over =
        s->retention.disk_bytes != 0 && bytes + series > s->retention.disk_bytes && bytes >= series;
    for (size_t i = 0; i < s->parts.len; i++) {
        const struct listed_part *p = &s->parts.items[i];
        bool old = is_expired(&p->info, s->retention.edges_ns, now_ns);
        if (!p->shows || is_base(&p->info) || !(old || over) ||
            (oldest && p->info.end_s >= oldest->info.end_s))
            continue;
        oldest = p;
        *why = old ? "age" : "disk";
    }
    for (size_t i = 0; oldest && i < s->parts.len && *count < EXPIRED_MAX - 1; i++)
        if (is_base(&s->parts.items[i].info))
            out[(*count)++] = (struct stored_part){s->parts.items[i].info.id,
                                                   edge_part_ref(s->parts.items[i].part)};
    if (oldest)
        out[(*count)++] = (struct stored_part){oldest->info.id, edge_part_ref(oldest->part)};
    pthread_mutex_unlock(&s->lock);
}

/* Their sums take the place of the parts. */
static enum status parts_fold(struct store *s, const struct stored_part *old, size_t count,
                              struct err *e)
{
    struct edge_part *parts[EXPIRED_MAX];
    uint64_t ids[EXPIRED_MAX], lost;
    struct buf sums = {0};
    for (size_t i = 0; i < count; i++) {
        parts[i] = old[i].part;
        ids[i] = old[i].id;
    }
    enum status st = edge_base_encode(parts, count, &sums, &lost, e);
    if (st == ST_OK)
        st = parts_replace(s, ids, count, &(struct replacement){.bytes = buf_str(&sums)}, e);
    if (st == ST_OK && lost > 0)
        store_note_lost(s, lost);
    buf_deinit(&sums);
    return st;
}

/* The number of a part that could not be opened and is too old to be repaired; 0: there is none. */
static uint64_t find_expired_damage(struct store *s, uint64_t now_ns)
{
    size_t count;
    const struct catalogue_part *parts = catalogue_parts(s->catalogue, &count);
    for (size_t i = 0; i < count; i++) {
        if (is_base(&parts[i]) || !is_expired(&parts[i], s->retention.edges_ns, now_ns))
            continue;
        size_t at = 0;
        while (at < s->parts.len && s->parts.items[at].info.id != parts[i].id)
            at++;
        if (at == s->parts.len)
            return parts[i].id;
    }
    return 0;
}

static enum status expire_damaged(struct store *s, uint64_t now_ns, struct err *e)
{
    for (uint64_t id; (id = find_expired_damage(s, now_ns)) != 0;) {
        struct catalogue_change change = {.removed = &id, .removed_count = 1};
        bool unknown;
        TRY(catalogue_commit(s->catalogue, &change, &unknown, e));
        part_remove_file(s, id);
        log_info("store: damaged part dropped id=%llu reason=age", (unsigned long long)id);
    }
    return ST_OK;
}

enum status parts_expire(struct store *s, uint64_t now_ns, struct err *e)
{
    struct stored_part old[EXPIRED_MAX];
    const char *why = "";
    size_t count;
    TRY(expire_damaged(s, now_ns, e));
    /* A merge under way would bring back what goes here. */
    if (edge_store_merge_work(s->edges)->job)
        return ST_OK;
    for (expired_parts(s, now_ns, old, &count, &why); count > 0;
         expired_parts(s, now_ns, old, &count, &why)) {
        enum status st = parts_fold(s, old, count, e);
        for (size_t i = 0; i < count; i++)
            edge_part_unref(old[i].part);
        TRY(st);
        log_info("store: part dropped, its sums are kept id=%llu reason=%s",
                 (unsigned long long)old[count - 1].id, why);
    }
    return ST_OK;
}
