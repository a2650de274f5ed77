/* pipeline.h - the deterministic heart: spans in, counted requests out. No threads, no clocks, no
 * files: a function of the records it was given and their order, and for what is counted not even
 * of the order. */
#ifndef WEFT_COLLECTOR_PIPELINE_H
#define WEFT_COLLECTOR_PIPELINE_H

#include "collector/cell_feed.h"
#include "collector/open_table.h"
#include "collector/sightings.h"
#include "model/account.h"
#include "model/batch.h"

struct pipeline_config {
    uint64_t seed;
    struct graph_settings graph;
    uint64_t open_bytes_max;   /* 0 = no limit */
    uint64_t record_spans_max; /* one record looks at nearly so many spans that are due at most;
                                  0 = no limit */
};

/* Told of what a view of open requests must know. */
struct pipeline_watch {
    /* A span is about to be added to the trace. */
    void (*adding)(uint32_t trace, void *user);
    /* Requests of the trace are about to close (`whole`: all of them), or what is remembered of it
     * to be forgotten. True: what is counted now is in the view already, as it is. */
    bool (*closing)(uint32_t trace, bool whole, void *user);
    /* Names have new ids: nothing of the view can be followed. */
    void (*renamed)(void *user);
    /* A request was counted, and was not in the view. */
    void (*counted)(const struct request *q, void *user);
    /* Names of traces that are gone are about to become void. */
    void (*trimming)(void *user);
    void *user;
};

struct pipeline {
    struct pipeline_config config;
    uint32_t trace_spans_max; /* of one trace: open, and remembered */
    struct names *names;
    struct row_caps *caps;
    struct open_table table;
    struct cell_feed *closed;   /* requests closed since the last checkpoint */
    struct sightings sightings; /* and who they showed */
    struct registry *registry;  /* without them */
    struct hop_tree tree;
    struct request_builder builder;
    VEC(uint32_t) owner_ids; /* of the batch at hand */
    uint64_t clock_ns;       /* pipeline clock */
    uint64_t arrival_ns;     /* wall clock of the newest record */
    uint64_t sequence;       /* of the last record */
    uint64_t tidied_ns,
        caps_reset_ns;        /* pipeline clock when names were last looked at, caps last reset */
    uint64_t trimmed_ns;      /* pipeline clock when free heap was last looked for */
    uint32_t wheel_step;      /* the last that was looked at */
    struct account_row delta; /* of the spans' account, since it was last taken */
    uint64_t closed_requests, end_before_start, lost_requests;
    uint64_t closed_early;              /* traces, for want of room */
    const struct pipeline_watch *watch; /* borrowed; NULL = nobody views */
};

/* ST_NO_MEMORY. */
enum status pipeline_init(struct pipeline *p, const struct pipeline_config *config, struct err *e);
void pipeline_deinit(struct pipeline *p);

/* Each record moves the clock first: what is due by then closes before what the record brings is
 * looked at, or is left for the records that follow, see pipeline_is_behind(). */
void pipeline_batch(struct pipeline *p, const struct batch *b);
void pipeline_tick(struct pipeline *p, uint64_t sequence, uint64_t wall_ns, uint64_t clock_ns);
/* Closes everything that is open, as if its wait were over. */
void pipeline_flush(struct pipeline *p, uint64_t sequence, uint64_t clock_ns);
/* More was due than the last record could look at: the next one may come at once. */
bool pipeline_is_behind(const struct pipeline *p);

/* Every request whose spans arrived before this moment is closed. 0 before the first record, when
 * now_ns is: the wall clock of somebody who knows that no record waits, else 0. */
uint64_t pipeline_complete_until(const struct pipeline *p, uint64_t now_ns);
/* Bytes of all state that grows with what is open or remembered. */
size_t pipeline_open_bytes(const struct pipeline *p);
bool pipeline_is_idle(const struct pipeline *p);

/* --- for pipeline_*.c --- */

enum {
    CLOSE_SLACK_STEPS = 60, /* 8 s: a trace whose spans keep coming is looked at this much after its
                               wait */
    REST_STEPS = 22, /* 3 s: after so long without a new span a trace rests, if its wait goes on for
                        as long */
    GATHER_STEPS = 8, /* 1 s: so much after its first look is due a new trace is looked at */
};

static inline uint32_t clock_steps(uint64_t ns)
{
    return (uint32_t)(ns >> CLOCK_SHIFT);
}

/* Steps that are at least as long as ns. */
static inline uint32_t steps_over(uint64_t ns)
{
    return (uint32_t)MIN((ns >> CLOCK_SHIFT) + 1, (uint64_t)INT32_MAX / 4);
}

/* What was closed at or before this step has been remembered long enough. */
static inline uint32_t pipeline_forgotten(const struct pipeline *p)
{
    return clock_steps(p->clock_ns) - steps_over(p->config.graph.remember_ns);
}

/* An empty table of names, which takes no more than its share of open state. */
struct names *pipeline_names_new(const struct pipeline_config *config);
/* pipeline_tidy.c: once an hour of the pipeline clock, forgets names that nothing open uses; once a
 * day, which rows had a place of their own, when there were too many. */
void pipeline_tidy(struct pipeline *p);

enum look {
    LOOK_DUE,   /* closes what has waited long enough */
    LOOK_FLUSH, /* closes everything */
    LOOK_EVICT, /* closes everything and remembers nothing */
    LOOK_BIG,   /* closes everything and remembers no more than a trace may */
};

/* pipeline_close.c: looks at a trace that was taken out of the wheel: closes, forgets what was
 * remembered long enough, and puts it back or removes it. */
void pipeline_look(struct pipeline *p, uint32_t trace, enum look how);
/* pipeline_close.c: whether the new span would have been part of a request that is counted already.
 * Of a gateway's two requests the one that it made may be: that side of *s is then marked as done.
 */
bool pipeline_joins_counted(struct pipeline *p, struct trace *tr, struct open_span *s);

#endif
