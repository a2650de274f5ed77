/* span_line.h - a pipeline, its clock, and plain spans for it: for tests of time and of limits. */
#ifndef WEFT_TESTS_UNIT_COLLECTOR_SPAN_LINE_H
#define WEFT_TESTS_UNIT_COLLECTOR_SPAN_LINE_H

#include "collector/pipeline.h"

/* Wall time of all records, and when every span starts. */
#define SPAN_LINE_START_NS (UINT64_C(1700000000) * NS_PER_S)

struct span_line {
    struct pipeline p; /* the caller ends it with pipeline_deinit() */
    uint64_t clock_ns, sequence;
};

/* One span of an application; `name` may be unique. */
struct line_span {
    uint64_t trace, id, parent;
    enum span_kind kind;
    const char *service, *name;
    bool failed;
};

void span_line_init(struct span_line *l, uint64_t open_bytes_max, uint32_t max_operations);
/* A tick a second. */
void span_line_wait(struct span_line *l, unsigned seconds);
/* A batch at the present clock; the caller ends it with batch_free(). */
struct batch *span_line_batch(struct span_line *l, const struct line_span *spans, uint32_t count);
void span_line_send(struct span_line *l, const struct line_span *spans, uint32_t count);
void span_line_send_one(struct span_line *l, uint64_t trace, uint64_t id, uint64_t parent,
                        enum span_kind kind, const char *service);

/* Requests in rows of totals and in joint rows, cells, and requests under the operation `other`. */
struct line_sums {
    uint64_t totals, joints, rows, other;
};

struct line_sums line_sums_of(const struct cell_set *cells);
/* Of what is closed. */
struct line_sums span_line_sums(const struct span_line *l);

#endif
