/* catalogue_series.c - tables of the series store in the catalogue. */
#include "storage/catalogue_series.h"
#include "base/mem.h"
#include "storage/catalogue_private.h"

static const char tables[] =
    "CREATE TABLE series_state(one INTEGER PRIMARY KEY CHECK(one = 1), position INTEGER NOT NULL,"
    " state INTEGER NOT NULL, state_bytes INTEGER NOT NULL, index_log INTEGER NOT NULL,"
    " index_bytes INTEGER NOT NULL, next_id INTEGER NOT NULL) STRICT;"
    "CREATE TABLE series_part(id INTEGER PRIMARY KEY, rank INTEGER NOT NULL, bytes INTEGER NOT "
    "NULL, samples INTEGER NOT NULL, series INTEGER NOT NULL, min_ms INTEGER NOT NULL, max_ms "
    "INTEGER NOT NULL, step_s INTEGER NOT NULL, sealed INTEGER NOT NULL) STRICT;"
    "CREATE TABLE series_tombstone(id INTEGER PRIMARY KEY, part_limit INTEGER NOT NULL, start_ms "
    "INTEGER NOT NULL, end_ms INTEGER NOT NULL, series BLOB NOT NULL) STRICT;"
    "INSERT INTO series_state VALUES(1, 0, 0, 0, 0, 0, 1);";

enum status catalogue_series_create(sqlite3 *db, struct err *e)
{
    return catalogue_run(db, tables, e);
}

/* --- loading --- */

static enum status no_memory(struct err *e)
{
    return err_set(e, ST_NO_MEMORY, "no memory for the catalogue");
}

static enum status load_state(struct catalogue *c, struct err *e)
{
    sqlite3_stmt *stmt = NULL;
    TRY(catalogue_prepare(c->db,
                          "SELECT position, state, state_bytes, index_log, index_bytes, next_id "
                          "FROM series_state",
                          NULL, 0, &stmt, e));
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        c->series = (struct catalogue_series_state){
            catalogue_column(stmt, 0), catalogue_column(stmt, 1), catalogue_column(stmt, 2),
            catalogue_column(stmt, 3), catalogue_column(stmt, 4), catalogue_column(stmt, 5)};
    sqlite3_finalize(stmt);
    return rc == SQLITE_ROW
               ? ST_OK
               : err_set(e, ST_CORRUPT, "catalogue: the state of the series is missing");
}

static enum status load_parts(struct catalogue *c, struct err *e)
{
    sqlite3_stmt *stmt = NULL;
    TRY(catalogue_prepare(
        c->db,
        "SELECT id, rank, bytes, samples, series, min_ms, max_ms, step_s, sealed FROM "
        "series_part ORDER BY rank, id",
        NULL, 0, &stmt, e));
    enum status status = ST_OK;
    int rc = SQLITE_DONE;
    while (status == ST_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct catalogue_series_part part = {
            .id = catalogue_column(stmt, 0),
            .rank = catalogue_column(stmt, 1),
            .bytes = catalogue_column(stmt, 2),
            .samples = catalogue_column(stmt, 3),
            .series = catalogue_column(stmt, 4),
            .min_time_ms = (int64_t)catalogue_column(stmt, 5),
            .max_time_ms = (int64_t)catalogue_column(stmt, 6),
            .step_s = catalogue_column(stmt, 7),
            .is_sealed = catalogue_column(stmt, 8),
        };
        if (!vec_push(&c->series_parts, part))
            status = no_memory(e);
    }
    if (status == ST_OK)
        status = catalogue_stepped(c->db, rc, e);
    sqlite3_finalize(stmt);
    return status;
}

static bool copy_text(struct str from, struct str *out)
{
    char *copy = mem_alloc(from.len + 1);
    if (!copy)
        return false;
    if (from.len)
        memcpy(copy, from.ptr, from.len);
    *out = (struct str){copy, from.len};
    return true;
}

static enum status load_tombstone(struct catalogue *c, sqlite3_stmt *stmt, struct err *e)
{
    struct catalogue_tombstone t = {catalogue_column(stmt, 0),
                                    catalogue_column(stmt, 1),
                                    (int64_t)catalogue_column(stmt, 2),
                                    (int64_t)catalogue_column(stmt, 3),
                                    {0}};
    struct str series = {sqlite3_column_blob(stmt, 4), (size_t)sqlite3_column_bytes(stmt, 4)};
    if (!vec_reserve(&c->tombstones, 1) || !copy_text(series, &t.series))
        return no_memory(e);
    c->tombstones.items[c->tombstones.len++] = t;
    return ST_OK;
}

static enum status load_tombstones(struct catalogue *c, struct err *e)
{
    sqlite3_stmt *stmt = NULL;
    TRY(catalogue_prepare(c->db,
                          "SELECT id, part_limit, start_ms, end_ms, series FROM series_tombstone "
                          "ORDER BY id",
                          NULL, 0, &stmt, e));
    enum status status = ST_OK;
    int rc = SQLITE_DONE;
    while (status == ST_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
        status = load_tombstone(c, stmt, e);
    if (status == ST_OK)
        status = catalogue_stepped(c->db, rc, e);
    sqlite3_finalize(stmt);
    return status;
}

enum status catalogue_series_load(struct catalogue *c, struct err *e)
{
    TRY(load_state(c, e));
    TRY(load_parts(c, e));
    return load_tombstones(c, e);
}

void catalogue_series_free(struct catalogue *c)
{
    for (size_t i = 0; i < c->tombstones.len; i++)
        mem_free((char *)c->tombstones.items[i].series.ptr);
    vec_deinit(&c->tombstones);
    vec_deinit(&c->series_parts);
}

/* --- reading --- */

struct catalogue_series_state catalogue_series_state(const struct catalogue *c)
{
    return c->series;
}

const struct catalogue_series_part *catalogue_series_parts(const struct catalogue *c, size_t *count)
{
    *count = c->series_parts.len;
    return c->series_parts.items;
}

const struct catalogue_tombstone *catalogue_tombstones(const struct catalogue *c, size_t *count)
{
    *count = c->tombstones.len;
    return c->tombstones.items;
}

bool catalogue_series_lists(const struct catalogue *c, const char *suffix, uint64_t id)
{
    if (strcmp(suffix, "index") == 0)
        return c->series.index_log == id;
    if (strcmp(suffix, "state") == 0)
        return c->series.state == id;
    for (size_t i = 0; i < c->series_parts.len; i++)
        if (c->series_parts.items[i].id == id)
            return true;
    return false;
}

/* --- a copy --- */

static enum status copy_to(sqlite3 *db, const char *path, struct err *e)
{
    sqlite3_stmt *stmt = NULL;
    TRY(catalogue_prepare(db, "VACUUM INTO ?1", NULL, 0, &stmt, e));
    int rc = sqlite3_bind_text(stmt, 1, path, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    enum status status = catalogue_stepped(db, rc, e);
    sqlite3_finalize(stmt);
    return status;
}

static enum status write_nothing(struct catalogue *c, const void *change, struct err *e)
{
    (void)c, (void)change, (void)e;
    return ST_OK;
}

/* After a commit in doubt the file may list what this process does not: one more, of nothing, makes
 * them agree. */
static enum status settle(struct catalogue *c, struct err *e)
{
    bool unknown;
    return c->in_doubt ? catalogue_transact(c, write_nothing, NULL, c->next_id + 1, &unknown, e)
                       : ST_OK;
}

static enum status link_all(const struct catalogue *c,
                            enum status (*link)(const char *, const char *, uint64_t, void *,
                                                struct err *),
                            void *user, struct err *e)
{
    for (size_t i = 0; i < c->parts.len; i++)
        TRY(link("edges", "part", c->parts.items[i].id, user, e));
    for (size_t i = 0; i < c->series_parts.len; i++)
        TRY(link("series", "part", c->series_parts.items[i].id, user, e));
    if (c->checkpoint.image)
        TRY(link("image", "image", c->checkpoint.image, user, e));
    if (c->series.state)
        TRY(link("series", "state", c->series.state, user, e));
    return c->series.index_log ? link("series", "index", c->series.index_log, user, e) : ST_OK;
}

enum status catalogue_snapshot(struct catalogue *c, const char *path,
                               enum status (*link)(const char *folder, const char *suffix,
                                                   uint64_t id, void *user, struct err *e),
                               void *user, struct err *e)
{
    pthread_mutex_lock(&c->lock);
    enum status status = settle(c, e);
    if (status == ST_OK)
        status = copy_to(c->db, path, e);
    if (status == ST_OK)
        status = link_all(c, link, user, e);
    pthread_mutex_unlock(&c->lock);
    return status;
}

/* --- writing --- */

static enum status write_part(sqlite3 *db, const struct catalogue_series_part *p, struct err *e)
{
    uint64_t v[] = {p->id,
                    p->rank,
                    p->bytes,
                    p->samples,
                    p->series,
                    (uint64_t)p->min_time_ms,
                    (uint64_t)p->max_time_ms,
                    p->step_s,
                    p->is_sealed};
    return catalogue_execute(
        db, "INSERT INTO series_part VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)", v, LEN(v), e);
}

static enum status write_state(sqlite3 *db, const struct catalogue_series_state *s, struct err *e)
{
    uint64_t v[] = {s->position,  s->state,       s->state_bytes,
                    s->index_log, s->index_bytes, s->next_id};
    return catalogue_execute(db,
                             "UPDATE series_state SET position=?1, state=?2, state_bytes=?3, "
                             "index_log=?4, index_bytes=?5, next_id=?6",
                             v, LEN(v), e);
}

static enum status write_tombstone(sqlite3 *db, const struct catalogue_tombstone *t, struct err *e)
{
    uint64_t v[] = {t->id, t->part_limit, (uint64_t)t->start_ms, (uint64_t)t->end_ms};
    sqlite3_stmt *stmt = NULL;
    TRY(catalogue_prepare(db, "INSERT INTO series_tombstone VALUES(?1, ?2, ?3, ?4, ?5)", v, LEN(v),
                          &stmt, e));
    int rc = sqlite3_bind_blob64(stmt, LEN(v) + 1, t->series.ptr, t->series.len, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    enum status status = catalogue_stepped(db, rc, e);
    sqlite3_finalize(stmt);
    return status;
}

enum status catalogue_series_rewrite(struct catalogue *c, struct err *e)
{
    TRY(catalogue_run(c->db, "DELETE FROM series_part; DELETE FROM series_tombstone", e));
    for (size_t i = 0; i < c->series_parts.len; i++)
        TRY(write_part(c->db, &c->series_parts.items[i], e));
    for (size_t i = 0; i < c->tombstones.len; i++)
        TRY(write_tombstone(c->db, &c->tombstones.items[i], e));
    return write_state(c->db, &c->series, e);
}

static enum status write_change(struct catalogue *c, const void *what, struct err *e)
{
    const struct catalogue_series_change *change = what;
    for (size_t i = 0; i < change->removed_count; i++)
        TRY(catalogue_execute(c->db, "DELETE FROM series_part WHERE id=?1", &change->removed[i], 1,
                              e));
    if (change->dead_tombstone)
        TRY(catalogue_execute(c->db, "DELETE FROM series_tombstone WHERE id=?1",
                              &change->dead_tombstone, 1, e));
    if (change->added)
        TRY(write_part(c->db, change->added, e));
    if (change->tombstone)
        TRY(write_tombstone(c->db, change->tombstone, e));
    return change->state ? write_state(c->db, change->state, e) : ST_OK;
}

static bool is_removed(const struct catalogue_series_change *change, uint64_t id)
{
    for (size_t i = 0; i < change->removed_count; i++)
        if (change->removed[i] == id)
            return true;
    return false;
}

/* By rank; there is room. */
static void insert_part(struct catalogue *c, const struct catalogue_series_part *p)
{
    size_t at = c->series_parts.len++;
    for (; at > 0 && c->series_parts.items[at - 1].rank > p->rank; at--)
        c->series_parts.items[at] = c->series_parts.items[at - 1];
    c->series_parts.items[at] = *p;
}

static void change_tombstones(struct catalogue *c, const struct catalogue_series_change *change,
                              struct str series)
{
    size_t kept = 0;
    for (size_t i = 0; i < c->tombstones.len; i++) {
        struct catalogue_tombstone *t = &c->tombstones.items[i];
        if (t->id == change->dead_tombstone)
            mem_free((char *)t->series.ptr);
        else
            c->tombstones.items[kept++] = *t;
    }
    c->tombstones.len = kept;
    if (!change->tombstone)
        return;
    c->tombstones.items[kept] = *change->tombstone;
    c->tombstones.items[kept].series = series;
    c->tombstones.len++;
}

/* The same change in memory. */
static void change_lists(struct catalogue *c, const struct catalogue_series_change *change,
                         struct str series)
{
    size_t kept = 0;
    for (size_t i = 0; i < c->series_parts.len; i++)
        if (!is_removed(change, c->series_parts.items[i].id))
            c->series_parts.items[kept++] = c->series_parts.items[i];
    c->series_parts.len = kept;
    if (change->added)
        insert_part(c, change->added);
    if (change->state)
        c->series = *change->state;
    change_tombstones(c, change, series);
}

static uint64_t newest_file(const struct catalogue_series_change *change)
{
    uint64_t newest = change->added ? change->added->id : 0;
    if (change->state)
        newest = MAX(newest, MAX(change->state->state, change->state->index_log));
    if (change->tombstone)
        newest = MAX(newest, MAX(change->tombstone->id, change->tombstone->part_limit));
    return newest;
}

/* The lock is held. On ST_OK `series`, the tombstone's text, is the catalogue's. */
static enum status commit(struct catalogue *c, const struct catalogue_series_change *change,
                          struct str series, bool *unknown, struct err *e)
{
    if (!vec_reserve(&c->series_parts, 1) || !vec_reserve(&c->tombstones, 1))
        return no_memory(e);
    uint64_t next_id = MAX(c->next_id + 1, newest_file(change) + 1);
    TRY(catalogue_transact(c, write_change, change, next_id, unknown, e));
    change_lists(c, change, series);
    return ST_OK;
}

enum status catalogue_series_commit(struct catalogue *c,
                                    const struct catalogue_series_change *change, bool *unknown,
                                    struct err *e)
{
    struct str series = {0};
    *unknown = false;
    if (change->tombstone && !copy_text(change->tombstone->series, &series))
        return no_memory(e);
    pthread_mutex_lock(&c->lock);
    enum status status = commit(c, change, series, unknown, e);
    pthread_mutex_unlock(&c->lock);
    if (status != ST_OK)
        mem_free((char *)series.ptr);
    return status;
}
