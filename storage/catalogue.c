/* catalogue.c - the SQLite file that says what of the data directory counts. */
#include "storage/catalogue.h"
#include "base/vec.h"
#include "storage/catalogue_vfs.h"
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

enum { CATALOGUE_VERSION = 1, APPLICATION_ID = 0x77656674 /* "weft" */ };

struct catalogue {
    sqlite3 *db;
    uint64_t seed, next_id;
    struct catalogue_checkpoint checkpoint;
    VEC(struct catalogue_part) parts; /* what is listed */
    bool in_doubt; /* the file may say something else: the next commit writes all of it */
};

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

static enum status run(sqlite3 *db, const char *sql, struct err *e)
{
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        return ST_OK;
    return fail(db, is_damage(rc) ? ST_CORRUPT : ST_IO, "cannot be read or written", e);
}

/* --- statements with integers only --- */

static enum status prepare(sqlite3 *db, const char *sql, const uint64_t *values, int count,
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

static enum status execute(sqlite3 *db, const char *sql, const uint64_t *values, int count,
                           struct err *e)
{
    sqlite3_stmt *stmt = NULL;
    TRY(prepare(db, sql, values, count, &stmt, e));
    int rc = sqlite3_step(stmt);
    enum status st =
        rc == SQLITE_DONE || rc == SQLITE_ROW ? ST_OK : fail(db, ST_IO, "statement failed", e);
    sqlite3_finalize(stmt);
    return st;
}

static uint64_t column(sqlite3_stmt *stmt, int i)
{
    return (uint64_t)sqlite3_column_int64(stmt, i);
}

/* The integers of the only row; ST_CORRUPT when there is none. */
static enum status query_row(sqlite3 *db, const char *sql, uint64_t *values, int count,
                             struct err *e)
{
    sqlite3_stmt *stmt = NULL;
    TRY(prepare(db, sql, NULL, 0, &stmt, e));
    enum status st = ST_OK;
    if (sqlite3_step(stmt) != SQLITE_ROW)
        st = err_set(e, ST_CORRUPT, "catalogue: its state is missing");
    for (int i = 0; st == ST_OK && i < count; i++)
        values[i] = column(stmt, i);
    sqlite3_finalize(stmt);
    return st;
}

/* --- opening --- */

static enum status check_whole(sqlite3 *db, struct err *e)
{
    sqlite3_stmt *stmt = NULL;
    TRY(prepare(db, "PRAGMA quick_check(1)", NULL, 0, &stmt, e));
    bool whole = sqlite3_step(stmt) == SQLITE_ROW &&
                 strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") == 0;
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
    TRY(run(c->db, schema, e));
    TRY(execute(c->db, "INSERT INTO state VALUES(1, ?1, 1, 0, 0, 0)", &c->seed, 1, e));
    return run(c->db, tail, e);
}

static enum status load_parts(struct catalogue *c, struct err *e)
{
    sqlite3_stmt *stmt = NULL;
    TRY(prepare(c->db,
                "SELECT id, bytes, start_s, end_s, position, row_count FROM part WHERE kind='edge' "
                "ORDER BY id",
                NULL, 0, &stmt, e));
    enum status st = ST_OK;
    int rc = SQLITE_ROW;
    while (st == ST_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct catalogue_part part = {column(stmt, 0), column(stmt, 1), column(stmt, 2),
                                      column(stmt, 3), column(stmt, 4), (uint32_t)column(stmt, 5)};
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
    TRY(run(c->db, settings, e));
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
    TRY(query_row(c->db, "SELECT seed, next_id, position, image, image_bytes FROM state", v, 5, e));
    c->seed = v[0];
    c->next_id = v[1];
    c->checkpoint = (struct catalogue_checkpoint){v[2], v[3], v[4]};
    return load_parts(c, e);
}

enum status catalogue_open(const char *path, struct catalogue **out, bool *created, struct err *e)
{
    struct catalogue *c = mem_calloc(1, sizeof(*c));
    if (!c)
        return err_set(e, ST_NO_MEMORY, "no memory for the catalogue");
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
    return execute(db, "INSERT INTO part VALUES(?1, 'edge', ?2, ?3, ?4, ?5, ?6)", v, 6, e);
}

/* The list as this process knows it, whatever the file says. */
static enum status rewrite_parts(struct catalogue *c, struct err *e)
{
    TRY(run(c->db, "DELETE FROM part", e));
    for (size_t i = 0; i < c->parts.len; i++)
        TRY(insert_part(c->db, &c->parts.items[i], e));
    return ST_OK;
}

static enum status change_rows(struct catalogue *c, const struct catalogue_change *change,
                               const struct catalogue_checkpoint *checkpoint, uint64_t next_id,
                               struct err *e)
{
    if (c->in_doubt)
        TRY(rewrite_parts(c, e));
    for (size_t i = 0; i < change->removed_count; i++)
        TRY(execute(c->db, "DELETE FROM part WHERE id=?1", &change->removed[i], 1, e));
    if (change->added)
        TRY(insert_part(c->db, change->added, e));
    uint64_t v[] = {next_id, checkpoint->position, checkpoint->image, checkpoint->image_bytes};
    return execute(c->db, "UPDATE state SET next_id=?1, position=?2, image=?3, image_bytes=?4", v,
                   4, e);
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

enum status catalogue_commit(struct catalogue *c, const struct catalogue_change *change,
                             bool *unknown, struct err *e)
{
    struct catalogue_checkpoint checkpoint =
        change->checkpoint ? *change->checkpoint : c->checkpoint;
    uint64_t next_id = MAX(c->next_id + 1, checkpoint.image + 1);
    *unknown = false;
    if (change->added)
        next_id = MAX(next_id, change->added->id + 1);
    if (!vec_reserve(&c->parts, 1))
        return err_set(e, ST_NO_MEMORY, "no memory for the catalogue");
    TRY(run(c->db, "BEGIN IMMEDIATE", e));
    enum status st = change_rows(c, change, &checkpoint, next_id, e);
    bool committing = st == ST_OK;
    if (committing)
        st = run(c->db, "COMMIT", e);
    if (st != ST_OK) {
        sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
        *unknown = committing && !is_as_before(c);
        c->in_doubt |= *unknown;
        return ST_IO;
    }
    c->in_doubt = false;
    c->checkpoint = checkpoint;
    c->next_id = next_id;
    change_list(c, change);
    return ST_OK;
}
