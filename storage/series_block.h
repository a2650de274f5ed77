/* series_block.h - one block of a series part: runs to bytes, and bytes to runs. Private to
 * storage/series_*. */
#ifndef WEFT_STORAGE_SERIES_BLOCK_H
#define WEFT_STORAGE_SERIES_BLOCK_H

#include "base/vec.h"
#include "storage/sample_values.h"
#include "storage/series_part_format.h"

/* How the key of one series follows from the one before it; the same in writer and reader. */
struct key_state {
    struct series_key last;
    uint32_t le_number; /* of the last bucket, in les */
    VEC(double) les;    /* distinct bounds in order of appearance */
};

/* --- writing --- */

enum { COPY_LOOKBACK = 64 }; /* series among which equal values are looked for */

/* Where in series_block_writer.times a column lies. */
struct time_column {
    size_t at;
    uint32_t count;
};

/* Hash of the values of a series; count 0: nothing may be a copy of it. */
struct seen_values {
    uint64_t low, high;
    uint32_t count;
};

struct series_block_writer {
    struct sample_writer streams;
    struct key_state keys;
    VEC(int64_t) times;                   /* of all columns */
    VEC(struct time_column) time_columns; /* distinct */
    uint32_t *time_slots;                 /* owned; hash table of number + 1 */
    uint32_t last_times;                  /* of the last series */
    struct sample_whole whole[2];         /* of the last series and of the one before */
    unsigned current;
    struct sample_family family; /* the last one, as long as its times are `family_times` */
    uint32_t family_times;
    struct seen_values seen[COPY_LOOKBACK];
    struct series_block_entry entry; /* of what was added since the last flush; series 0: nothing */
    uint32_t weight;                 /* samples, buckets counted as the format has it */
};

/* Frees what the writer owns; it is empty again. */
void series_block_writer_deinit(struct series_block_writer *w);
/* Adds a run of at most PIECE_SAMPLES_MAX samples behind what there is. ST_NO_MEMORY. */
enum status series_block_writer_add(struct series_block_writer *w, const struct series_run *run,
                                    uint32_t weight, struct err *e);
/* Appends the block to *out, gives its entry (`at` is the caller's) and is empty again.
 * ST_NO_MEMORY. */
enum status series_block_writer_flush(struct series_block_writer *w, struct buf *out,
                                      struct series_block_entry *entry, struct err *e);

/* --- reading --- */

struct block_series {
    struct series_key key;
    uint32_t times;        /* number of its column */
    uint32_t copy_of;      /* number of the series whose values it has; own number: none */
    uint32_t family_first; /* number of the first bucket of the last family before it */
    uint32_t family_count; /* of its buckets */
    bool starts, histograms;
    bool wanted; /* the caller's choice; what follows from it: */
    bool needed; /* by itself or by one that is wanted */
    bool stored; /* its values go to the arena */
    bool kept;   /* for the sum of its family */
    enum basis_kind basis;
    struct sample_place place; /* behind key and times */
};

struct block_times {
    uint32_t count;
    struct sample_place place;
    const int64_t *items; /* NULL: not read yet; the arena's */
};

/* Columns of times that were read lately: equal ones get the same pointer. */
struct shared_times {
    const int64_t *items; /* the arena's */
    uint32_t count;
};
enum { SHARED_TIMES = 8 };

struct block_values {
    const double *items; /* the arena's, or scratch */
    uint32_t count;
};

struct series_block_reader {
    struct sample_reader streams;
    struct buf bytes; /* owned; the block as stored */
    VEC(struct block_series) series;
    VEC(struct block_times) times;
    struct key_state keys;
    struct sample_whole whole[2];
    struct sample_family family;     /* of which a sum is wanted */
    VEC(struct block_values) values; /* by series, those that were read */
    VEC(int64_t) scratch;            /* a column of times */
    VEC(double) spare;               /* values that nobody asked for */
    double *slab;                    /* the arena's; where the next values that are stored go */
    struct shared_times shared[SHARED_TIMES];
    uint32_t shared_count; /* ever added; the caller zeroes it when the arena is reset */
};

/* Frees what the reader owns; it is empty again. */
void series_block_reader_deinit(struct series_block_reader *r);
/* Takes r->bytes apart, already checked against the entry's checksum: fills series, none wanted.
 * ST_CORRUPT, ST_NO_MEMORY. */
enum status series_block_reader_parse(struct series_block_reader *r,
                                      const struct series_block_entry *entry, struct err *e);
/* Reads what is wanted and what that needs, in order; each() gets the wanted runs whole, in
 * `arena`. ST_CORRUPT, ST_NO_MEMORY, or what each() gives. */
enum status series_block_reader_run(struct series_block_reader *r, struct arena *arena,
                                    enum status (*each)(const struct series_run *run, void *user,
                                                        struct err *e),
                                    void *user, struct err *e);
/* Instead of parse and run, where all runs are wanted: one pass over r->bytes, each() as it goes.
 * What it got is worth nothing unless this gives ST_OK. */
enum status series_block_reader_all(struct series_block_reader *r,
                                    const struct series_block_entry *entry, struct arena *arena,
                                    enum status (*each)(const struct series_run *run, void *user,
                                                        struct err *e),
                                    void *user, struct err *e);

#endif
