/* open_table.h - the spans of requests that are still open, and those remembered after closing, by
 * trace. A span costs 64 bytes while it is open, 38 while its trace rests and 13 when it is
 * remembered packed, a trace 72. Big traces do not rest, are not packed, and have an index. */
#ifndef WEFT_COLLECTOR_OPEN_TABLE_H
#define WEFT_COLLECTOR_OPEN_TABLE_H

#include "base/map64.h"
#include "collector/observation.h"
#include "collector/packed_trace.h"
#include "collector/resting.h"
#include "collector/slab.h"
#include "model/trace_id.h"

/* A closed span: enough to know it again, and what belongs to it. */
struct closed_span {
    uint32_t next;
    uint32_t closed; /* clock steps */
    uint32_t id_halves[2], parent_halves[2];
    uint32_t owner : 24, role : 3, kind : 3;
    uint32_t made_request : 1; /* a gateway whose own request was counted */
    uint32_t mirror : 1;
};
_Static_assert(sizeof(struct closed_span) == 28, "packed");

/* The kind of a remembered client span that named a database or a queue. */
enum { KIND_SYSTEM_CLIENT = SPAN_CONSUMER + 1 };

static inline unsigned remembered_kind(const struct open_span *s)
{
    bool system = s->protocol == PROTOCOL_DATABASE || s->protocol == PROTOCOL_MESSAGING;
    return s->kind == SPAN_CLIENT && system ? KIND_SYSTEM_CLIENT : s->kind;
}

struct trace {
    uint32_t hash_next;
    uint32_t due; /* clock step at which it is looked at next */
    struct trace_id id;
    uint64_t seen; /* two bits a span id: cleared bits prove that a span is new */
    uint32_t first_open, first_closed; /* lists; first_open of a resting trace: a block */
    uint32_t open_count, closed_count;
    uint32_t oldest, newest; /* arrivals of the open spans, in clock steps */
    uint32_t wheel_next;
    uint32_t index;      /* of a big trace */
    bool partly_done;    /* some span of it has in_done or out_done set by a closing */
    bool changed;        /* noted as changed since the last view */
    bool rests;          /* its open spans are a block, not a list */
    uint32_t shown_hops; /* that the last view counts as open */
};

enum { WHEEL_SLOTS = 4096, BIG_TRACE = 64 };
/* What an entry of an index takes: maps are between three and six eighths full. */
enum { INDEX_ENTRY_BYTES = 32 };

struct open_table {
    struct slab spans, closed, traces, indexes;
    struct packed_table packed; /* traces of which nothing is open */
    struct blocks resting;      /* open spans of traces that rest */
    uint32_t resting_spans;
    uint32_t *buckets; /* owned; heads by hash of the trace id */
    size_t bucket_mask;
    uint64_t seed;
    uint32_t wheel[WHEEL_SLOTS];       /* heads by due step modulo WHEEL_SLOTS */
    size_t index_bytes, index_entries; /* of all indexes' maps: of heap, and those in use */
};

/* False when memory is short. All-zero before. */
bool open_table_init(struct open_table *t, uint64_t seed);
void open_table_deinit(struct open_table *t);
/* Bytes of heap it holds, and of them those in use. */
size_t open_table_bytes(const struct open_table *t);
size_t open_table_used(const struct open_table *t);
/* Frees heap of which nothing is in use. Visits all of it that is free, unless all is. */
void open_table_trim(struct open_table *t);
/* Open spans, resting ones too. */
static inline uint32_t open_table_spans(const struct open_table *t)
{
    return t->spans.live + t->resting_spans;
}

static inline struct open_span *open_span_at(const struct open_table *t, uint32_t name)
{
    return slab_at(&t->spans, name);
}

static inline struct closed_span *closed_span_at(const struct open_table *t, uint32_t name)
{
    return slab_at(&t->closed, name);
}

static inline struct trace *trace_at(const struct open_table *t, uint32_t name)
{
    return slab_at(&t->traces, name);
}

static inline uint64_t closed_id(const struct closed_span *s)
{
    return (uint64_t)s->id_halves[0] << 32 | s->id_halves[1];
}

static inline uint64_t closed_parent(const struct closed_span *s)
{
    return (uint64_t)s->parent_halves[0] << 32 | s->parent_halves[1];
}

/* Zipkin's two halves of one request share an id: a span is known by its id and by whether it was
 * called. */
static inline bool kind_is_called(unsigned kind)
{
    return kind == SPAN_SERVER || kind == SPAN_CONSUMER;
}

/* Hash of a trace id; prefetch ahead of trace_find. */
uint64_t trace_hash(const struct open_table *t, struct trace_id id);
static inline void trace_prefetch(const struct open_table *t, uint64_t hash)
{
    __builtin_prefetch(&t->buckets[hash & t->bucket_mask]);
    packed_prefetch(&t->packed, hash);
}
/* A little later: the first trace of the bucket, or of that of the packed ones. */
static inline void trace_prefetch_first(const struct open_table *t, uint64_t hash)
{
    uint32_t name = t->buckets[hash & t->bucket_mask];
    if (name)
        __builtin_prefetch(trace_at(t, name));
    else
        packed_prefetch_first(&t->packed, hash);
}
/* Name of the trace, 0 when it is not there. */
uint32_t trace_find(const struct open_table *t, struct trace_id id, uint64_t hash);
/* A new trace that is to be looked at in clock step `due`; 0 when memory is short. */
uint32_t trace_add(struct open_table *t, struct trace_id id, uint64_t hash, uint32_t due);
/* Packs a trace of which nothing is open (it is out of the wheel already); false when it stays as
 * it is. */
bool trace_pack(struct open_table *t, uint32_t trace);
/* As trace_find() among the packed ones: it is a trace again, to be looked at in step `due`. One
 * that was closed at or before `before` is forgotten instead. */
uint32_t trace_unpack(struct open_table *t, struct trace_id id, uint64_t hash, uint32_t due,
                      uint32_t before);
/* Takes the trace out of the table (it is out of the wheel already) and gives its spans back. */
void trace_remove(struct open_table *t, uint32_t trace);

/* Packs the open spans until somebody wakes the trace; false when it stays as it is. */
bool trace_rest(struct open_table *t, struct trace *tr);
/* They are a list again; false when memory is short and the trace still rests. A trace that does
 * not rest is awake. */
bool trace_wake(struct open_table *t, struct trace *tr);
/* Gives the open spans back, a list or a block; the trace still names them. */
void trace_give_open(struct open_table *t, const struct trace *tr);
/* is_new of all open spans, and whether the view has any. */
void trace_mark_new(struct open_table *t, struct trace *tr, bool is_new);
bool trace_any_viewed(const struct open_table *t, const struct trace *tr);

/* --- of traces that are awake --- */

/* True when the trace holds this span, open or closed. */
bool trace_has_span(struct open_table *t, struct trace *tr, uint64_t id, bool called);
/* Adds *s, a filled copy; 0 when memory is short. */
uint32_t trace_add_span(struct open_table *t, struct trace *tr, const struct open_span *s);
/* Turns an open span into a remembered one; the caller unlinks it from the trace's open list.
 * False: memory is short, the span is just forgotten. */
bool trace_close_span(struct open_table *t, struct trace *tr, uint32_t span, uint32_t now);
/* Adds a remembered span, as an image has it: id, parent, owner, role, kind, mirror and out_done of
 * *s. False when memory is short. */
bool trace_add_closed(struct open_table *t, struct trace *tr, const struct open_span *s,
                      uint32_t closed);
/* Forgets the remembered spans that were closed at or before `before`. */
void trace_forget(struct open_table *t, struct trace *tr, uint32_t before);

/* Called with exactly one of the two set. True: it has seen enough. */
typedef bool trace_span_fn(const struct open_span *o, const struct closed_span *c, void *user);
/* Calls fn for each span of the trace with this id (parent = false) or this parent id (true), open
 * ones first, until it returns true; the result says whether one did. */
bool trace_each_named(struct open_table *t, struct trace *tr, uint64_t id, bool parent,
                      trace_span_fn *fn, void *user);

/* --- all traces together --- */

enum { PREFETCH_TRACES = 12 };
/* Brings the spans of at most PREFETCH_TRACES traces near. */
void open_table_prefetch(const struct open_table *t, const uint32_t *traces, size_t count);

/* The wheel: a list of traces per clock step, linked by wheel_next. Some of a slot may be due
 * rounds later. */
static inline uint32_t *wheel_slot(struct open_table *t, uint32_t step)
{
    return &t->wheel[step % WHEEL_SLOTS];
}
void wheel_add(struct open_table *t, uint32_t trace, uint32_t due);
/* Takes one out of its slot, which is walked. */
void wheel_remove(struct open_table *t, uint32_t trace);
/* Takes the whole list of a step's slot. */
uint32_t wheel_take(struct open_table *t, uint32_t step);

#endif
