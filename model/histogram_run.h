/* histogram_run.h - a row of encoded histograms whose small numbers (length, head, count, lowest
 * index, span) stand in a table of equally long entries, as the difference to the lowest of the
 * run. Format: docs/formats/histogram.md. */
#ifndef WEFT_MODEL_HISTOGRAM_RUN_H
#define WEFT_MODEL_HISTOGRAM_RUN_H

#include "model/histogram.h"

enum { HISTOGRAM_RUN_MAX = 64 };

/* An encoded histogram taken apart, not yet checked. */
struct histogram_item {
    uint8_t head; /* flags; 0: an empty histogram */
    int32_t first;
    uint32_t span;
    uint64_t unit, zero, n; /* the latter two in units */
    const uint8_t *bits;    /* borrowed: extremes, sum, payload */
    size_t bits_len;
};

/* Takes the next histogram of the form that histogram_encode() writes apart. False on damage. */
bool histogram_item_read(struct cursor *in, struct histogram_item *out) NODISCARD;
/* Fills *out and appends its bits to `bits`: they start at the old length, out->bits is not set.
 * bits->failed tells of short memory. */
void histogram_item_make(const struct histogram *h, struct buf *bits, struct histogram_item *out);
/* As histogram_decode_add(). */
enum status histogram_item_add(const struct histogram_item *item, struct histogram *into,
                               struct err *e);

/* --- writing --- */

/* What stands in the table. */
struct histogram_entry {
    uint32_t length; /* bytes of the body */
    uint8_t head;
    int32_t first;
    uint32_t span;
    uint64_t n;
};

/* All-zero is a valid start of a run. One thread at a time. */
struct histogram_run_writer {
    struct buf bodies; /* owned */
    struct histogram_entry entries[HISTOGRAM_RUN_MAX];
    unsigned count;
};

/* Frees the bodies; w is empty again. */
void histogram_run_writer_deinit(struct histogram_run_writer *w);
/* Adds one, at most HISTOGRAM_RUN_MAX of them. */
void histogram_run_add(struct histogram_run_writer *w, const struct histogram *h);
void histogram_run_add_item(struct histogram_run_writer *w, const struct histogram_item *item);
/* Appends the run to `out` (out->failed: no memory) and begins the next; true when one of the
 * histograms was not empty. */
bool histogram_run_end(struct histogram_run_writer *w, struct buf *out);

/* --- reading --- */

/* Goes over a run. All bytes are borrowed. */
struct histogram_run {
    const uint8_t *table, *end; /* entries; end of what may be read */
    const uint8_t *body;        /* of the next one; at last where the run ends */
    struct histogram_entry lowest;
    uint8_t length_bits, head_bits, n_bits, first_bits, span_bits, entry_bits;
    uint32_t next_bit; /* of the table: where the next entry begins */
    uint64_t length;   /* of the current body */
};

/* Opens a run of `count` at the cursor. False on damage. */
bool histogram_run_open(struct cursor in, unsigned count, struct histogram_run *out) NODISCARD;
/* Steps to the next one, at most `count` times. False on damage. */
bool histogram_run_next(struct histogram_run *r) NODISCARD;
/* The current one. False on damage. */
bool histogram_run_item(const struct histogram_run *r, struct histogram_item *out) NODISCARD;

#endif
