/* edge_format.h - the numbers of docs/formats/edge_part.md. Private to storage/edge_*. */
#ifndef WEFT_STORAGE_EDGE_FORMAT_H
#define WEFT_STORAGE_EDGE_FORMAT_H

#include "storage/cell_row.h"
#include "storage/edge_part.h"

#define PART_MAGIC     "weftedge"
#define PART_END_MAGIC "weft.end"

enum {
    PART_VERSION = 3, /* written; older ones are read */
    PART_HEADER_BYTES = 16,
    PART_FOOTER_BYTES = 48,
    PART_FOOTER_CHECKED = 36, /* its bytes before its own checksum */
    SLAB_TILES = 16,          /* tiles of a block: all in one slab of 16 neighbours */
    BLOCK_ROWS = 64,          /* rows of a block: one word of presence bits a tile */
    BLOCK_CELLS = SLAB_TILES * BLOCK_ROWS,
    UNPACKED_MAX = 16 * MIB, /* of one section */
    META_MAX = 1 * GIB,      /* of tables and index, unpacked */
};
#define TIER_ABSENT UINT64_MAX

/* Sections of a block, in the order of the file. */
enum stored_section {
    STORED_PRESENCE,
    STORED_COUNTS,
    STORED_CLIENT,
    STORED_SERVER,
    STORED_TRANSIT,
    STORED_TALLIES,
    STORED_EXEMPLARS,
    STORED_SECTIONS,
};
static inline unsigned section_bit(enum stored_section s)
{
    return s == STORED_PRESENCE ? 0 : 1u << (s - STORED_COUNTS);
}

/* One block: up to 64 rows of a kind in up to 16 tiles of a tier. Ordered by (tier, joint, slab,
 * row_block). */
struct block_entry {
    uint64_t at;   /* offset of its first section */
    uint64_t slab; /* unix_s / (16 * tier_seconds) */
    uint32_t row_block;
    uint8_t tier;
    bool joint;
    uint8_t packed;                     /* bit of each section that zstd made smaller */
    uint32_t bytes[STORED_SECTIONS];    /* as stored */
    uint32_t checksum[STORED_SECTIONS]; /* low half of xxh3 over the stored bytes */
};

/* A row as it is stored and ordered: joint, 12 symbols, word. Symbols are ordered as their strings.
 */
enum { ROW_KEY_JOINT = 0, ROW_KEY_STRINGS = 1, ROW_KEY_WORD = 13, ROW_KEY_LEN = 14 };
struct row_key {
    uint32_t v[ROW_KEY_LEN];
};

static inline uint64_t slab_seconds(enum tier t)
{
    return (uint64_t)SLAB_TILES * tier_seconds(t);
}

/* Before which second minutes of joint rows are stored, when their 15 s tiles are whole from
 * `from_15s` on: later minutes are four of those. TIER_ABSENT: all minutes are. */
static inline uint64_t joint_minutes_end(uint64_t from_15s)
{
    uint64_t slab = slab_seconds(TIER_1M);
    return from_15s == TIER_ABSENT ? TIER_ABSENT : (from_15s + slab - 1) / slab * slab;
}

/* Minutes of totals have no exemplars of their own from version 3 on: they are those of their 15 s
 * tiles, which totals keep. */
static inline bool has_exemplars(uint32_t version, enum tier t, bool joint)
{
    return version < 3 || joint || t != TIER_1M;
}

/* A part of few hours has no tiles of a day: they would cost as much as one of these, and save the
 * reader little. */
static inline bool needs_no_day(uint64_t start_s, uint64_t end_s)
{
    enum { FEW = 16 };
    uint64_t hour = tier_seconds(TIER_1H);
    return start_s < end_s && (end_s - 1) / hour - start_s / hour < FEW;
}

#endif
