/* catalogue.c - the SQLite file that says what of the data directory counts. */
#include "storage/catalogue.h"
#include "storage/catalogue_private.h"
#include "storage/catalogue_vfs.h"
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

enum { CATALOGUE_VERSION = 2, APPLICATION_ID = 0x77656674 /* "weft" */ };

/* DELETE journal with EXTRA: a committed transaction survives a power cut, and at rest there is one
 * file. */
static const char settings[] =
    "PRAGMA trusted_schema=OFF; PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=DELETE;"
    "PRAGMA synchronous=EXTRA; PRAGMA cell_size_check=ON;";

static const char schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE state(one INTEGER PRIMARY KEY CHECK(one = 1), seed INTEGER NOT NULL, next_id "
    "INTEGER NOT NULL,"
    " position INTEGER NOT NULL, image INTEGER NOT NULL, image_bytes INTEGER NOT NULL) STRICT;"
    "CREATE TABLE part(id INTEGER PRIMARY KEY, kind TEXT NOT NULL, bytes INTEGER NOT NULL, start_s "
    "INTEGER NOT NULL,"
    " end_s INTEGER NOT NULL, row_count INTEGER NOT NULL, position INTEGER NOT NULL) STRICT;";

static enum status fail(sqlite3 *db, enum status status, const char *what, struct err *e)
{
    return err_set(e, status, "catalogue: %s: %.120s", what, db ? sqlite3_errmsg(db) : "no memory");
}

static bool is_damage(int rc)
{
    return (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB;
}

enum status catalogue_run(sqlite3 *db, const char *sql, struct err *e)
{
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        return ST_OK;
    return fail(db, is_damage(rc) ? ST_CORRUPT : ST_IO, "cannot be read or written", e);
}

/* --- statements with integers only --- */

enum status catalogue_prepare(sqlite3 *db, const char *sql, const uint64_t *values, int count,
                              sqlite3_stmt **out, struct err *e)
{
    int rc = sqlite3_prepare_v2(db, sql, -1, out, NULL);
    for (int i = 0; rc == SQLITE_OK && i < count; i++)
        rc = sqlite3_bind_int64(*out, i + 1, (sqlite3_int64)values[i]);
    if (rc == SQLITE_OK)
        return ST_OK;
    enum status st = fail(db, is_damage(rc) ? ST_CORRUPT : ST_IO, "statement failed", e);
    sqlite3_finalize(*out);
    return st;
}

enum status catalogue_execute(sqlite3 *db, const char *sql, const uint64_t *values, int count,
                              struct err *e)
{
    sqlite3_stmt *stmt = NULL;
    TRY(catalogue_prepare(db, sql, values, count, &stmt, e));
    int rc = sqlite3_step(stmt);
    enum status st =
        rc == SQLITE_DONE || rc == SQLITE_ROW ? ST_OK : fail(db, ST_IO, "statement failed", e);
    sqlite3_finalize(stmt);
    return st;
}

uint64_t catalogue_column(sqlite3_stmt *stmt, int i)
{
    return (uint64_t)sqlite3_column_int64(stmt, i);
}

enum status catalogue_stepped(sqlite3 *db, int rc, struct err *e)
{
    return rc == SQLITE_DONE ? ST_OK
                             : fail(db, is_damage(rc) ? ST_CORRUPT : ST_IO, "statement failed", e);
}

/* The integers of the only row; ST_CORRUPT when there is none. */
static enum status query_row(sqlite3 *db, const char *sql, uint64_t *values, int count,
                             struct err *e)
{
    sqlite3_stmt *stmt = NULL;
    TRY(catalogue_prepare(db, sql, NULL, 0, &stmt, e));
    enum status st = ST_OK;
    if (sqlite3_step(stmt) != SQLITE_ROW)
        st = err_set(e, ST_CORRUPT, "catalogue: its state is missing");
    for (int i = 0; st == ST_OK && i < count; i++)
        values[i] = catalogue_column(stmt, i);
    sqlite3_finalize(stmt);
    return st;
}

/* --- opening --- */

static enum status check_whole(sqlite3 *db, struct err *e)
{
    sqlite3_stmt *stmt = NULL;
    TRY(catalogue_prepare(db, "PRAGMA quick_check(1)", NULL, 0, &stmt, e));
    const char *said =
        sqlite3_step(stmt) == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    bool whole = said && strcmp(said, "ok") == 0; /* NULL: damaged as well, or no memory */
    sqlite3_finalize(stmt);
    return whole ? ST_OK
                 : err_set(e, ST_CORRUPT,
                           "the catalogue (catalogue.db) is damaged; restore it from a backup");
}

static enum status create(struct catalogue *c, struct err *e)
{
    char tail[120];
    if (getrandom(&c->seed, sizeof(c->seed), 0) != (ssize_t)sizeof(c->seed))
        return err_set(e, ST_IO, "the system gives no random numbers");
    snprintf(tail, sizeof(tail), "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT;",
             APPLICATION_ID, CATALOGUE_VERSION);
    TRY(catalogue_run(c->db, schema, e));
    TRY(catalogue_execute(c->db, "INSERT INTO state VALUES(1, ?1, 1, 0, 0, 0)", &c->seed, 1, e));
    TRY(catalogue_series_create(c->db, e));
    return catalogue_run(c->db, tail, e);
}

/* Version 1 knew no series. */
static enum status upgrade(struct catalogue *c, struct err *e)
{
    char tail[60];
    snprintf(tail, sizeof(tail), "PRAGMA user_version=%d; COMMIT;", CATALOGUE_VERSION);
    TRY(catalogue_run(c->db, "BEGIN IMMEDIATE", e));
    TRY(catalogue_series_create(c->db, e));
    return catalogue_run(c->db, tail, e);
}

static enum status load_parts(struct catalogue *c, struct err *e)
{
    sqlite3_stmt *stmt = NULL;
    TRY(catalogue_prepare(
        c->db,
        "SELECT id, bytes, start_s, end_s, position, row_count FROM part WHERE kind='edge' "
        "ORDER BY id",
        NULL, 0, &stmt, e));
    enum status st = ST_OK;
    int rc = SQLITE_ROW;
    while (st == ST_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct catalogue_part part = {
            catalogue_column(stmt, 0), catalogue_column(stmt, 1),
            catalogue_column(stmt, 2), catalogue_column(stmt, 3),
            catalogue_column(stmt, 4), (uint32_t)catalogue_column(stmt, 5)};
        if (!vec_push(&c->parts, part))
            st = err_set(e, ST_NO_MEMORY, "no memory for the catalogue");
    }
    if (st == ST_OK && rc != SQLITE_DONE)
        st = fail(c->db, is_damage(rc) ? ST_CORRUPT : ST_IO, "cannot be read", e);
    sqlite3_finalize(stmt);
    return st;
}

static enum status load(struct catalogue *c, bool *created, struct err *e)
{
    uint64_t version, application, tables, v[5];
    TRY(catalogue_run(c->db, settings, e));
    TRY(query_row(c->db, "PRAGMA user_version", &version, 1, e));
    TRY(query_row(c->db, "PRAGMA application_id", &application, 1, e));
    TRY(query_row(c->db, "SELECT count(*) FROM sqlite_schema", &tables, 1, e));
    *created = version == 0 && application == 0 && tables == 0;
    if (*created)
        TRY(create(c, e));
    else if (application != APPLICATION_ID)
        return err_set(e, ST_CORRUPT, "catalogue.db is not a catalogue of weft");
    else if (version > CATALOGUE_VERSION)
        return err_set(
            e, ST_UNSUPPORTED,
            "a newer weft wrote the data directory (catalogue version %llu, this one knows %d)",
            (unsigned long long)version, CATALOGUE_VERSION);
    TRY(check_whole(c->db, e));
    if (!*created && version < CATALOGUE_VERSION)
        TRY(upgrade(c, e));
    TRY(query_row(c->db, "SELECT seed, next_id, position, image, image_bytes FROM state", v, 5, e));
    c->seed = v[0];
    c->next_id = v[1];
    c->checkpoint = (struct catalogue_checkpoint){v[2], v[3], v[4]};
    TRY(load_parts(c, e));
    return catalogue_series_load(c, e);
}

enum status catalogue_open(const char *path, struct catalogue **out, bool *created, struct err *e)
{
    struct catalogue *c = mem_calloc(1, sizeof(*c));
    if (!c)
        return err_set(e, ST_NO_MEMORY, "no memory for the catalogue");
    pthread_mutex_init(&c->lock, NULL);
    int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
    enum status st = ST_OK;
    if (sqlite3_open_v2(path, &c->db, flags, catalogue_vfs_name()) != SQLITE_OK)
        st = fail(c->db, ST_IO, "cannot be opened", e);
    if (st == ST_OK) {
        sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        st = load(c, created, e);
    }
    if (st != ST_OK) {
        catalogue_close(c);
        return st;
    }
    *out = c;
    return ST_OK;
}

void catalogue_close(struct catalogue *c)
{
    if (!c)
        return;
    sqlite3_close(c->db);
    vec_deinit(&c->parts);
    catalogue_series_free(c);
    pthread_mutex_destroy(&c->lock);
    mem_free(c);
}

/* --- reading --- */

uint64_t catalogue_seed(const struct catalogue *c)
{
    return c->seed;
}

uint64_t catalogue_next_id(const struct catalogue *c)
{
    return c->next_id;
}

struct catalogue_checkpoint catalogue_checkpoint(const struct catalogue *c)
{
    return c->checkpoint;
}

const struct catalogue_part *catalogue_parts(const struct catalogue *c, size_t *count)
{
    *count = c->parts.len;
    return c->parts.items;
}

bool catalogue_has_part(const struct catalogue *c, uint64_t id)
{
    for (size_t i = 0; i < c->parts.len; i++) {
        if (c->parts.items[i].id == id)
            return true;
    }
    return false;
}

/* --- changing --- */

static enum status insert_part(sqlite3 *db, const struct catalogue_part *p, struct err *e)
{
    uint64_t v[] = {p->id, p->bytes, p->start_s, p->end_s, p->rows, p->position};
    return catalogue_execute(db, "INSERT INTO part VALUES(?1, 'edge', ?2, ?3, ?4, ?5, ?6)", v, 6,
                             e);
}

/* Everything as this process knows it, whatever the file says. */
static enum status rewrite_all(struct catalogue *c, struct err *e)
{
    uint64_t v[] = {c->checkpoint.position, c->checkpoint.image, c->checkpoint.image_bytes};
    TRY(catalogue_run(c->db, "DELETE FROM part", e));
    for (size_t i = 0; i < c->parts.len; i++)
        TRY(insert_part(c->db, &c->parts.items[i], e));
    TRY(catalogue_execute(c->db, "UPDATE state SET position=?1, image=?2, image_bytes=?3", v, 3,
                          e));
    return catalogue_series_rewrite(c, e);
}

static enum status change_rows(struct catalogue *c, const void *what, struct err *e)
{
    const struct catalogue_change *change = what;
    for (size_t i = 0; i < change->removed_count; i++)
        TRY(catalogue_execute(c->db, "DELETE FROM part WHERE id=?1", &change->removed[i], 1, e));
    if (change->added)
        TRY(insert_part(c->db, change->added, e));
    if (!change->checkpoint)
        return ST_OK;
    uint64_t v[] = {change->checkpoint->position, change->checkpoint->image,
                    change->checkpoint->image_bytes};
    return catalogue_execute(c->db, "UPDATE state SET position=?1, image=?2, image_bytes=?3", v, 3,
                             e);
}

/* The same change in memory; parts has room for one more. */
static void change_list(struct catalogue *c, const struct catalogue_change *change)
{
    size_t kept = 0;
    for (size_t i = 0; i < c->parts.len; i++) {
        bool removed = false;
        for (size_t r = 0; r < change->removed_count; r++)
            removed |= change->removed[r] == c->parts.items[i].id;
        if (!removed)
            c->parts.items[kept++] = c->parts.items[i];
    }
    c->parts.len = kept;
    if (change->added)
        c->parts.items[c->parts.len++] = *change->added;
}

/* After a failed COMMIT: true when the file certainly says what it said before. Every commit moves
 * next_id. */
static bool is_as_before(struct catalogue *c)
{
    uint64_t next_id;
    return query_row(c->db, "SELECT next_id FROM state", &next_id, 1, NULL) == ST_OK &&
           next_id == c->next_id;
}

static enum status write_all(struct catalogue *c,
                             enum status (*write)(struct catalogue *, const void *, struct err *),
                             const void *change, uint64_t next_id, struct err *e)
{
    if (c->in_doubt)
        TRY(rewrite_all(c, e));
    TRY(write(c, change, e));
    return catalogue_execute(c->db, "UPDATE state SET next_id=?1", &next_id, 1, e);
}

enum status catalogue_transact(struct catalogue *c,
                               enum status (*write)(struct catalogue *c, const void *change,
                                                    struct err *e),
                               const void *change, uint64_t next_id, bool *unknown, struct err *e)
{
    TRY(catalogue_run(c->db, "BEGIN IMMEDIATE", e));
    enum status st = write_all(c, write, change, next_id, e);
    bool committing = st == ST_OK;
    if (committing)
        st = catalogue_run(c->db, "COMMIT", e);
    if (st != ST_OK) {
        sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
        *unknown = committing && !is_as_before(c);
        c->in_doubt |= *unknown;
        return ST_IO;
    }
    c->in_doubt = false;
    c->next_id = next_id;
    return ST_OK;
}

/* The lock is held: a snapshot, or the other store's commit, may read the list. */
static enum status commit(struct catalogue *c, const struct catalogue_change *change, bool *unknown,
                          struct err *e)
{
    if (!vec_reserve(&c->parts, 1))
        return err_set(e, ST_NO_MEMORY, "no memory for the catalogue");
    uint64_t next_id = c->next_id + 1;
    if (change->checkpoint)
        next_id = MAX(next_id, change->checkpoint->image + 1);
    if (change->added)
        next_id = MAX(next_id, change->added->id + 1);
    TRY(catalogue_transact(c, change_rows, change, next_id, unknown, e));
    if (change->checkpoint)
        c->checkpoint = *change->checkpoint;
    change_list(c, change);
    return ST_OK;
}

enum status catalogue_commit(struct catalogue *c, const struct catalogue_change *change,
                             bool *unknown, struct err *e)
{
    *unknown = false;
    pthread_mutex_lock(&c->lock);
    enum status st = commit(c, change, unknown, e);
    pthread_mutex_unlock(&c->lock);
    return st;
}
