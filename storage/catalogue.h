/* catalogue.h - DIR/catalogue.db: which parts there are, which image and journal position a restart
 * begins from. SQLite, schema in docs/formats/catalogue.md. Private to storage/. One thread at a
 * time, but for what catalogue_series.h says. */
#ifndef WEFT_STORAGE_CATALOGUE_H
#define WEFT_STORAGE_CATALOGUE_H

#include "base/err.h"

struct catalogue;

struct catalogue_part {
    uint64_t id; /* names the file */
    uint64_t bytes, start_s, end_s;
    uint64_t position; /* of the checkpoint that brought its newest cells */
    uint32_t rows;
};

struct catalogue_checkpoint {
    uint64_t position; /* journal sequence; 0 = there was none yet */
    uint64_t image;    /* names the file; 0 = none */
    uint64_t image_bytes;
};

/* Opens or creates (*created). The caller owns *out. Errors: ST_CORRUPT, ST_UNSUPPORTED (a newer
 * weft wrote it), ST_IO. */
enum status catalogue_open(const char *path, struct catalogue **out, bool *created, struct err *e);
void catalogue_close(struct catalogue *c); /* NULL is allowed */

/* The random number of the data directory; see store_seed(). */
uint64_t catalogue_seed(const struct catalogue *c);
/* The next number for a part or image file: 1 + every one that was ever committed. */
uint64_t catalogue_next_id(const struct catalogue *c);
/* As of the last catalogue_commit(). */
struct catalogue_checkpoint catalogue_checkpoint(const struct catalogue *c);
/* What is listed; borrowed until the next catalogue_commit(). */
const struct catalogue_part *catalogue_parts(const struct catalogue *c, size_t *count);
bool catalogue_has_part(const struct catalogue *c, uint64_t id);

struct catalogue_change {
    const uint64_t *removed; /* ids */
    size_t removed_count;
    const struct catalogue_part *added;            /* NULL = none */
    const struct catalogue_checkpoint *checkpoint; /* NULL = as it was */
};
/* All of it or nothing, on disk when it returns ST_OK. On ST_IO or ST_NO_MEMORY nothing has changed
 * as far as this process is concerned, and the next commit makes it so on disk. *unknown is then
 * true when a restart may find the change done: the files that it adds must stay until the next
 * start, which removes what is not listed. */
enum status catalogue_commit(struct catalogue *c, const struct catalogue_change *change,
                             bool *unknown, struct err *e);

#endif
