/* image.h - the whole state of a pipeline as a stream of self-contained chunks:
 * docs/formats/image.md. */
#ifndef WEFT_COLLECTOR_IMAGE_H
#define WEFT_COLLECTOR_IMAGE_H

#include "collector/pipeline.h"

enum { IMAGE_VERSION = 4 };

/* Writes the state, without the closed cells and after the sightings were told, in chunks of at
 * most 1 MiB. Errors: what `write` returns, ST_NO_MEMORY. */
enum status image_encode(const struct pipeline *p, const struct account_totals *totals,
                         enum status (*write)(struct str chunk, void *user, struct err *e),
                         void *user, struct err *e);

/* Chunks in their order rebuild the state in a pipeline just made. */
struct image_reader {
    struct pipeline *pipeline; /* borrowed */
    struct account_totals totals;
    bool has_header, has_account, has_end;
    uint64_t version; /* of the image */
    uint64_t spans;   /* read so far */
    struct buf begun; /* content of chunks that go on */
};

/* ST_CORRUPT, ST_UNSUPPORTED (a newer weft's), ST_NO_MEMORY. */
enum status image_read_chunk(struct image_reader *r, struct str chunk, struct err *e);
/* After the last chunk, and after an error: frees what was begun. ST_CORRUPT when chunks are
 * missing. */
enum status image_read_end(struct image_reader *r, struct err *e);

#endif
