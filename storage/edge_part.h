/* edge_part.h - an immutable, checksummed set of cells with its whole pyramid: 15 s, 1 min, 5 min,
 * 1 h and 1 d tiles of exactly the same requests, so that parts simply add up. Format:
 * docs/formats/edge_part.md. */
#ifndef WEFT_STORAGE_EDGE_PART_H
#define WEFT_STORAGE_EDGE_PART_H

#include "storage/cell_set.h"

enum tier { TIER_15S, TIER_1M, TIER_5M, TIER_1H, TIER_1D, TIER_COUNT };
/* Length of one tile of the tier. */
uint32_t tier_seconds(enum tier t);

/* What a scan decodes. */
enum section {
    SECTION_COUNTS = 1, /* everything that is not below */
    SECTION_CLIENT = 2, /* histograms */
    SECTION_SERVER = 4,
    SECTION_TRANSIT = 8,
    SECTION_TALLIES = 16, /* codes, grpc_codes, flags */
    SECTION_EXEMPLARS = 32,
    SECTION_ALL = 63,
};

struct edge_part; /* immutable, counted by reference; any thread */

/* The bytes of a part; `sealed` compresses harder (files), otherwise fast (the head). Same cells
 * give the same bytes. */
enum status edge_part_encode(const struct cell_set *cells, bool sealed, struct buf *out,
                             struct err *e);
/* Takes the bytes over (also on error). */
enum status edge_part_open_memory(struct buf *bytes, struct edge_part **out, struct err *e);
enum status edge_part_open_file(const char *path, struct edge_part **out, struct err *e);
struct edge_part *edge_part_ref(struct edge_part *p);
void edge_part_unref(struct edge_part *p); /* NULL is allowed */

/* Rows are numbered from 0 in the order of the part. */
uint32_t edge_part_row_count(const struct edge_part *p);
/* Fills *out; its strings live as long as the part. */
void edge_part_row(const struct edge_part *p, uint32_t row, struct cell_row *out);
/* Tallies name what they count by such a number, below edge_part_name_count(). */
struct str edge_part_name(const struct edge_part *p, uint32_t name);
uint32_t edge_part_name_count(const struct edge_part *p);
/* Seconds of the first 15 s tile's start and the last one's end; bytes of the part. */
uint64_t edge_part_start_s(const struct edge_part *p);
uint64_t edge_part_end_s(const struct edge_part *p);
uint64_t edge_part_bytes(const struct edge_part *p);
/* From which second on the part keeps this tier for totals (joint rows): 0 = all of it, UINT64_MAX
 * = none (retention cuts fine tiers when merging; the head has only the finest). What is not kept
 * is in a coarser tier or a finer. */
uint64_t edge_part_tier_from(const struct edge_part *p, enum tier t, bool joint);
/* Before which second it keeps the tier: UINT64_MAX but for minutes of joint rows, which end where
 * the 15 s tiles serve as well. */
uint64_t edge_part_tier_end(const struct edge_part *p, enum tier t, bool joint);

struct edge_part_scan {
    enum tier tier;
    uint64_t start_s, end_s; /* tiles that lie wholly inside [start, end) */
    unsigned sections;       /* enum section bits */
    const uint8_t *wanted;   /* one byte a row, 0 = skip; borrowed; NULL = all */
    /* Where a cell goes: the cell it is added to, or NULL to skip it. */
    struct cell *(*into)(uint32_t row, uint64_t tile_s, void *user);
    uint32_t (*map_name)(uint32_t name, void *user); /* part's name id -> the target's */
    void *user;
};
/* Adds every wanted cell into its target. A damaged block is named in the log, counted in *lost and
 * skipped. */
enum status edge_part_scan(const struct edge_part *p, const struct edge_part_scan *scan,
                           uint64_t *lost, struct err *e);

#endif
