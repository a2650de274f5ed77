/* series_exemplars.h - the newest exemplars of all series: a ring, the oldest gives way. Private to
 * storage/series_*. One thread writes under the store's head lock, others read with it. */
#ifndef WEFT_STORAGE_SERIES_EXEMPLARS_H
#define WEFT_STORAGE_SERIES_EXEMPLARS_H

#include "base/buf.h"
#include "base/cursor.h"
#include "base/map64.h"
#include "model/metric_batch.h"

enum { EXEMPLARS_MAX = 100000, EXEMPLAR_LABEL_BYTES_MAX = 1024 };

struct kept_exemplar {
    char *labels; /* owned; as label_set_encode() writes them */
    double value;
    int64_t time_ms;
    uint32_t id; /* of its series */
    uint32_t labels_len;
};

struct exemplar_ring {
    struct kept_exemplar *items; /* owned; EXEMPLARS_MAX of them once the first came */
    uint32_t count, next;
    struct map64 newest; /* series number -> position of its newest + 1 */
    uint64_t bytes;
};

/* Frees what it keeps; it is empty again. */
void exemplars_deinit(struct exemplar_ring *r);
/* Keeps one; one that is not newer than its series' newest is known already. ST_INVALID: its labels
 * take more than EXEMPLAR_LABEL_BYTES_MAX; ST_NO_MEMORY. */
enum status exemplars_add(struct exemplar_ring *r, uint32_t id, const struct metric_exemplar *x,
                          struct err *e);
/* Oldest first. Stops at the first error, which it returns. */
enum status exemplars_each(const struct exemplar_ring *r,
                           enum status (*each)(const struct kept_exemplar *x, void *user,
                                               struct err *e),
                           void *user, struct err *e);
/* For the image: docs/formats/series_state.md. */
void exemplars_encode(const struct exemplar_ring *r, struct buf *out);
/* Into an empty ring. ST_CORRUPT, ST_NO_MEMORY. */
enum status exemplars_decode(struct exemplar_ring *r, struct cursor *in, struct err *e);

#endif
