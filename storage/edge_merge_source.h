/* edge_merge_source.h - parts as a source of cells for the writer: rows and symbols united, cells
 * added up. Private to storage/edge_*. */
#ifndef WEFT_STORAGE_EDGE_MERGE_SOURCE_H
#define WEFT_STORAGE_EDGE_MERGE_SOURCE_H

#include "storage/edge_merge_job.h"
#include "storage/edge_part_file.h"
#include "storage/edge_part_write.h"

/* One part that goes into the sum. */
struct merge_input {
    struct edge_part *part; /* reference */
    uint32_t *symbols;      /* owned; the sum's number of each symbol */
    uint32_t *rows;         /* owned; the sum's number of each row, ascending */
    struct block_reader reader;
    const struct block_entry *loaded; /* in reader */
};

struct merge_source {
    struct merge_input *inputs; /* owned */
    size_t input_count;
    struct edge_tables tables;
    struct merge_cut cut;
    struct part_source source;         /* what the writer reads */
    const struct merge_input *current; /* whose names are mapped */
    uint64_t lost;                     /* damaged blocks */
    size_t unreadable;                 /* ST_IO is of reading this input; input_count: of none */
};

/* ST_NO_MEMORY; merge_source_deinit() all the same. The object may not move afterwards. */
enum status merge_source_init(struct merge_source *m, struct edge_part *const *parts, size_t count,
                              const struct merge_cut *cut, struct err *e);
void merge_source_deinit(struct merge_source *m);

#endif
