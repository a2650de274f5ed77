/* catalogue_private.h - shared by catalogue.c (edges, image, the file itself) and
 * catalogue_series.c. */
#ifndef WEFT_STORAGE_CATALOGUE_PRIVATE_H
#define WEFT_STORAGE_CATALOGUE_PRIVATE_H

#include "base/vec.h"
#include "storage/catalogue_series.h"
#include <pthread.h>
#include <sqlite3.h>

struct catalogue {
    sqlite3 *db;
    pthread_mutex_t lock; /* one commit at a time. Who commits reads his own lists without */
    uint64_t seed, next_id;
    struct catalogue_checkpoint checkpoint;
    VEC(struct catalogue_part) parts; /* what is listed */
    bool in_doubt; /* the file may say something else: the next commit writes all of it */

    struct catalogue_series_state series;
    VEC(struct catalogue_series_part) series_parts; /* by rank */
    VEC(struct catalogue_tombstone) tombstones;     /* their texts are owned */
};

/* --- catalogue.c; the lock is held, or no other thread runs --- */

/* Runs statements without values or rows. */
enum status catalogue_run(sqlite3 *db, const char *sql, struct err *e);
/* The caller ends *out with sqlite3_finalize(). Integers only. */
enum status catalogue_prepare(sqlite3 *db, const char *sql, const uint64_t *values, int count,
                              sqlite3_stmt **out, struct err *e);
enum status catalogue_execute(sqlite3 *db, const char *sql, const uint64_t *values, int count,
                              struct err *e);
/* Column of the row at hand. */
uint64_t catalogue_column(sqlite3_stmt *stmt, int i);
/* The last step's result: ST_OK when all rows came. */
enum status catalogue_stepped(sqlite3 *db, int rc, struct err *e);
/* One transaction of what write() writes, with next_id. On an error *unknown as in
 * catalogue_commit(). */
enum status catalogue_transact(struct catalogue *c,
                               enum status (*write)(struct catalogue *c, const void *change,
                                                    struct err *e),
                               const void *change, uint64_t next_id, bool *unknown, struct err *e);

/* --- catalogue_series.c --- */

/* Makes its tables: of a new catalogue, or of one that is older than series. In a transaction. */
enum status catalogue_series_create(sqlite3 *db, struct err *e);
enum status catalogue_series_load(struct catalogue *c, struct err *e);
/* The rows as this process knows them, whatever the file says. */
enum status catalogue_series_rewrite(struct catalogue *c, struct err *e);
void catalogue_series_free(struct catalogue *c);

#endif
