/* histogram_run.h - a row of encoded histograms whose small numbers (length, head, count, lowest
 * index, span) stand in a table of equally long entries, as the difference to the lowest of the
 * run. Format: docs/formats/histogram.md. */
#ifndef WEFT_MODEL_HISTOGRAM_RUN_H
#define WEFT_MODEL_HISTOGRAM_RUN_H

#include "model/histogram.h"

enum { HISTOGRAM_RUN_MAX = 64 };

/* How the bits of a histogram are written. Form 1: alone, and in runs of edge parts of version 2;
 * form 2: in runs from version 3 on. */
enum histogram_form { HISTOGRAM_FORM_1, HISTOGRAM_FORM_2 };

/* An encoded histogram taken apart, not yet checked. */
struct histogram_item {
    enum histogram_form form;
    uint8_t head; /* flags; 0: an empty histogram */
    int32_t first;
    uint32_t span;
    uint64_t unit, zero, n; /* the latter two in units */
    const uint8_t *bits;    /* borrowed: extremes, sum, payload */
    unsigned skip;          /* bits of the first byte before them */
    uint64_t bit_count;
};

/* Bytes from item->bits on that hold some of its bits. */
static inline size_t histogram_item_bytes(const struct histogram_item *item)
{
    return (size_t)((item->skip + item->bit_count + 7) / 8);
}

/* Takes the next histogram that histogram_encode() has written apart. False on damage. */
bool histogram_item_read(struct cursor *in, struct histogram_item *out) NODISCARD;
/* As histogram_decode_add(). */
enum status histogram_item_add(const struct histogram_item *item, struct histogram *into,
                               struct err *e);

/* --- writing --- */

/* What stands in the table. */
struct histogram_entry {
    uint32_t length; /* bits of the body that do not follow from the rest; form 1: its bytes */
    uint8_t head;
    int32_t first;
    uint32_t span;
    uint64_t n;
};

/* All-zero is a valid start of a run. One thread at a time. */
struct histogram_run_writer {
    struct buf bodies; /* owned; whole bytes, the rest is in */
    uint64_t bits;     /* bit_count of them */
    unsigned bit_count;
    struct histogram_entry entries[HISTOGRAM_RUN_MAX];
    unsigned count;
};

/* Frees the bodies; w is empty again. */
void histogram_run_writer_deinit(struct histogram_run_writer *w);
/* Adds one, at most HISTOGRAM_RUN_MAX of them. */
void histogram_run_add(struct histogram_run_writer *w, const struct histogram *h);
/* `item` has form 2. */
void histogram_run_add_item(struct histogram_run_writer *w, const struct histogram_item *item);
/* Appends the run to `out` (out->failed: no memory) and begins the next; true when one of the
 * histograms was not empty. */
bool histogram_run_end(struct histogram_run_writer *w, struct buf *out);

/* --- reading --- */

/* Goes over a run. All bytes are borrowed. */
struct histogram_run {
    enum histogram_form form;
    const uint8_t *table, *end; /* entries; end of what may be read */
    const uint8_t *bodies;
    struct histogram_entry lowest;
    uint8_t length_bits, head_bits, n_bits, first_bits, span_bits, entry_bits;
    uint32_t next_bit;           /* of the table: where the next entry begins */
    struct histogram_entry now;  /* the current one */
    uint64_t body_at, body_bits; /* its body: first bit, counted from `bodies`; bits */
};

/* Opens a run of `count` at the cursor. False on damage. */
bool histogram_run_open(struct cursor in, unsigned count, enum histogram_form form,
                        struct histogram_run *out) NODISCARD;
/* Steps to the next one, at most `count` times. False on damage. */
bool histogram_run_next(struct histogram_run *r) NODISCARD;
/* Behind the current one; behind the last, where the run ends. */
static inline const uint8_t *histogram_run_at(const struct histogram_run *r)
{
    return r->bodies + (r->body_at + r->body_bits + 7) / 8;
}
/* The current one. False on damage. */
bool histogram_run_item(const struct histogram_run *r, struct histogram_item *out) NODISCARD;

#endif
