/* image.c - writes and reads the chunks: a tag, then its content; numbers are varints unless said
 * otherwise. */
#include "collector/image.h"
#include "collector/trace_index.h"

enum chunk_tag {
    CHUNK_HEADER = 1,
    CHUNK_NAMES = 2,
    CHUNK_CAPS = 3,
    CHUNK_REGISTRY = 4,
    CHUNK_ACCOUNT = 5,
    CHUNK_TRACES = 6,
    CHUNK_END = 7,
};

/* Of a piece of a trace. Version 1 knows the first only. */
enum { PIECE_PARTLY_DONE = 1, PIECE_INDEXED = 2, PIECE_PACKED = 4, PIECE_RESTS = 8 };

/* A content longer than one chunk goes on in the next: all its chunks but the last have
 * CHUNK_CONTINUES in the tag. */
enum { CHUNK_BYTES = 256 * KIB, CHUNK_CONTINUES = 0x80, SPANS_A_PIECE = 2048 };

struct image_sink {
    enum status (*write)(struct str chunk, void *user, struct err *e);
    void *user;
    struct buf content, chunk;
    VEC(uint32_t) slot; /* traces of one slot of the wheel */
};

/* Writes the content so far under its tag. */
static enum status flush(struct image_sink *s, enum chunk_tag tag, struct err *e)
{
    struct str left = buf_str(&s->content);
    enum status status = ST_OK;
    while (status == ST_OK && left.len > 0 && !s->content.failed) {
        struct str piece = str_sub(left, 0, CHUNK_BYTES);
        left = str_sub(left, piece.len, left.len);
        buf_reset(&s->chunk);
        buf_append_u8(&s->chunk, (uint8_t)(tag | (left.len ? CHUNK_CONTINUES : 0)));
        buf_append_str(&s->chunk, piece);
        if (s->chunk.failed)
            break;
        status = s->write(buf_str(&s->chunk), s->user, e);
    }
    if (s->content.failed || s->chunk.failed)
        return err_set(e, ST_NO_MEMORY, "no memory for a chunk of the image");
    buf_reset(&s->content);
    return status;
}

/* --- writing --- */

static void put_header(const struct pipeline *p, struct buf *out)
{
    buf_append_varint(out, IMAGE_VERSION);
    buf_append_u64(out, p->clock_ns);
    buf_append_u64(out, p->arrival_ns);
    buf_append_u64(out, p->sequence);
    buf_append_varint(out, p->wheel_step);
    buf_append_varint(out, p->closed_requests);
    buf_append_varint(out, p->end_before_start);
    buf_append_varint(out, p->lost_requests);
    buf_append_u64(out, p->tidied_ns);
    buf_append_u64(out, p->caps_reset_ns);
}

/* Most of an image are open spans: room for a whole one is made once, and its fields are written
 * through a pointer. */
enum { OPEN_SPAN_MAX = 2 * 8 + 11 * 10 + 3 };

static char *put_u64(char *at, uint64_t v)
{
    memcpy(at, &v, sizeof(v));
    return at + sizeof(v);
}

static char *put_varint(char *at, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *at++ = (char)(uint8_t)(v | 0x80);
    *at++ = (char)v;
    return at;
}

static void put_open(struct buf *out, const struct open_span *s, uint64_t base_ns)
{
    if (!buf_reserve(out, OPEN_SPAN_MAX))
        return;
    char *at = out->ptr + out->len;
    int64_t end_ns = (int64_t)(s->end_ns - base_ns);
    at = put_u64(at, s->id);
    at = put_u64(at, s->parent);
    at = put_varint(at, (uint64_t)end_ns << 1 ^ (uint64_t)(end_ns >> 63));
    at = put_varint(at, s->duration_ns);
    at = put_varint(at, s->arrival);
    at = put_varint(at, s->owner);
    at = put_varint(at, s->dest);
    at = put_varint(at, s->operation);
    at = put_varint(at, (uint64_t)s->http_code << 5 | s->grpc_code);
    at = put_varint(at, ((uint64_t)s->request_bytes + 1) & UINT32_MAX);
    at = put_varint(at, ((uint64_t)s->response_bytes + 1) & UINT32_MAX);
    at = put_varint(at, s->flags);
    at = put_varint(at, s->weight);
    *at++ = (char)s->retries;
    *at++ = (char)(s->role | s->kind << 3 | s->in_done << 6 | s->out_done << 7);
    *at++ = (char)(s->protocol | s->error << 3 | s->mirror << 4 | s->denied << 5 |
                   s->end_before_start << 6);
    out->len = (size_t)(at - out->ptr);
}

static void put_closed(struct buf *out, const struct packed_span *s, uint32_t closed)
{
    buf_append_u64(out, s->id);
    buf_append_u64(out, s->parent);
    buf_append_varint(out, closed);
    buf_append_varint(out, s->bits & NAME_BITS);
    buf_append_u8(out, (uint8_t)(s->bits >> 24));
}

static void put_trace_head(struct buf *out, struct trace_id id, uint32_t due, unsigned flags,
                           uint64_t base_ns)
{
    buf_append_u64(out, id.hi);
    buf_append_u64(out, id.lo);
    buf_append_varint(out, due);
    buf_append_u8(out, (uint8_t)flags);
    buf_append_u64(out, base_ns);
}

static unsigned piece_flags(const struct trace *tr)
{
    return (tr->partly_done ? PIECE_PARTLY_DONE : 0) | (tr->index ? PIECE_INDEXED : 0) |
           (tr->rests ? PIECE_RESTS : 0);
}

static void put_listed(struct buf *out, const struct pipeline *p, const struct trace *tr,
                       uint32_t *open)
{
    uint64_t base_ns = *open ? open_span_at(&p->table, *open)->end_ns : 0;
    put_trace_head(out, tr->id, tr->due, piece_flags(tr), base_ns);
    uint32_t count = 0;
    for (uint32_t s = *open; s && count < SPANS_A_PIECE; s = open_span_at(&p->table, s)->next)
        count++;
    buf_append_varint(out, count);
    for (; count > 0; count--) {
        const struct open_span *s = open_span_at(&p->table, *open);
        put_open(out, s, base_ns);
        *open = s->next;
    }
}

/* From the end, as reading puts each span in front of the one before: it rests as it did. */
static void put_rested(struct buf *out, const struct pipeline *p, const struct trace *tr)
{
    struct open_span spans[RESTING_SPANS];
    uint32_t count = resting_get(&p->table.resting, tr->first_open, spans);
    put_trace_head(out, tr->id, tr->due, piece_flags(tr), spans[0].end_ns);
    buf_append_varint(out, count);
    for (uint32_t i = count; i-- > 0;)
        put_open(out, &spans[i], spans[0].end_ns);
}

/* One piece of a trace: at most SPANS_A_PIECE of its spans. Lists are written from their heads on.
 */
static void put_piece(struct buf *b, const struct pipeline *p, const struct trace *tr,
                      uint32_t *open, uint32_t *closed)
{
    uint32_t count = 0;
    if (tr->rests && *open) {
        put_rested(b, p, tr);
        *open = 0;
    } else {
        put_listed(b, p, tr, open);
    }
    for (uint32_t s = *closed; s && count < SPANS_A_PIECE; s = closed_span_at(&p->table, s)->next)
        count++;
    buf_append_varint(b, count);
    for (; count > 0; count--) {
        const struct closed_span *s = closed_span_at(&p->table, *closed);
        struct packed_span x = {
            closed_id(s), closed_parent(s),
            packed_bits(s->owner, s->role, s->kind, s->made_request, s->mirror)};
        put_closed(b, &x, s->closed);
        *closed = s->next;
    }
}

static enum status put_trace(struct image_sink *s, const struct pipeline *p, const struct trace *tr,
                             struct err *e)
{
    uint32_t open = tr->first_open, closed = tr->first_closed;
    do {
        put_piece(&s->content, p, tr, &open, &closed);
        if (s->content.len >= CHUNK_BYTES - 128 * KIB)
            TRY(flush(s, CHUNK_TRACES, e));
    } while (open || closed);
    return ST_OK;
}

/* Packed traces in the order of packing, and the blocks between them that wait for their turn: what
 * is over the limit of memory is so after a restart too. */
static enum status put_packed(struct image_sink *s, const struct pipeline *p, struct err *e)
{
    struct packed_span spans[PACKED_SPANS];
    struct trace_id id;
    uint32_t at = 0, closed, bytes, count;
    while (packed_next(&p->table.packed, &at, &id, &closed, &bytes, spans, &count)) {
        put_trace_head(&s->content, id, 0, PIECE_PACKED, 0);
        buf_append_varint(&s->content, 0);
        buf_append_varint(&s->content, count);
        for (uint32_t i = 0; i < count; i++)
            put_closed(&s->content, &spans[i], closed);
        if (count == 0) {
            buf_append_varint(&s->content, closed);
            buf_append_varint(&s->content, bytes);
        }
        if (s->content.len >= CHUNK_BYTES - 128 * KIB)
            TRY(flush(s, CHUNK_TRACES, e));
    }
    return flush(s, CHUNK_TRACES, e);
}

/* The listed traces from the last to the first, a handful at a time brought near before they are
 * written. */
static enum status put_slot(struct image_sink *s, const struct pipeline *p, struct err *e)
{
    for (size_t end = s->slot.len, begin; end > 0; end = begin) {
        begin = end - MIN(end, (size_t)PREFETCH_TRACES);
        open_table_prefetch(&p->table, &s->slot.items[begin], end - begin);
        for (size_t t = end; t-- > begin;)
            TRY(put_trace(s, p, trace_at(&p->table, s->slot.items[t]), e));
    }
    return ST_OK;
}

/* Slot by slot of the wheel, each from its end: reading puts every trace in front of the one
 * before. */
static enum status put_traces(struct image_sink *s, const struct pipeline *p, struct err *e)
{
    for (uint32_t i = 0; i < WHEEL_SLOTS; i++) {
        s->slot.len = 0;
        for (uint32_t t = p->table.wheel[i]; t; t = trace_at(&p->table, t)->wheel_next)
            if (!vec_push(&s->slot, t))
                return err_set(e, ST_NO_MEMORY, "no memory to list the traces of a second");
        TRY(put_slot(s, p, e));
    }
    return flush(s, CHUNK_TRACES, e);
}

static enum status put_all(struct image_sink *s, const struct pipeline *p,
                           const struct account_totals *totals, struct err *e)
{
    put_header(p, &s->content);
    TRY(flush(s, CHUNK_HEADER, e));
    names_encode(p->names, &s->content);
    TRY(flush(s, CHUNK_NAMES, e));
    row_caps_encode(p->caps, &s->content);
    TRY(flush(s, CHUNK_CAPS, e));
    registry_encode(p->registry, &s->content);
    TRY(flush(s, CHUNK_REGISTRY, e));
    account_encode(totals, &s->content);
    TRY(flush(s, CHUNK_ACCOUNT, e));
    TRY(put_packed(s, p, e));
    TRY(put_traces(s, p, e));
    buf_append_varint(&s->content, open_table_spans(&p->table));
    return flush(s, CHUNK_END, e);
}

enum status image_encode(const struct pipeline *p, const struct account_totals *totals,
                         enum status (*write)(struct str chunk, void *user, struct err *e),
                         void *user, struct err *e)
{
    struct image_sink s = {.write = write, .user = user};
    enum status status = put_all(&s, p, totals, e);
    buf_deinit(&s.content);
    buf_deinit(&s.chunk);
    vec_deinit(&s.slot);
    return status;
}

/* --- reading --- */

/* Before version 3 the wheel was one of seconds. */
static uint32_t get_step(const struct image_reader *r, struct cursor *c)
{
    uint64_t at = cursor_varint(c);
    return r->version < 3 ? clock_steps(MIN(at, (uint64_t)UINT32_MAX) * NS_PER_S) : (uint32_t)at;
}

static enum status read_header(struct image_reader *r, struct cursor *c, struct err *e)
{
    struct pipeline *p = r->pipeline;
    r->version = cursor_varint(c);
    if (!c->failed && r->version > IMAGE_VERSION)
        return err_set(e, ST_UNSUPPORTED, "the image has version %llu, this weft reads up to %d",
                       (unsigned long long)r->version, IMAGE_VERSION);
    p->clock_ns = cursor_u64(c);
    p->arrival_ns = cursor_u64(c);
    p->sequence = cursor_u64(c);
    p->wheel_step = get_step(r, c);
    p->closed_requests = cursor_varint(c);
    p->end_before_start = cursor_varint(c);
    p->lost_requests = cursor_varint(c);
    p->tidied_ns = cursor_u64(c);
    p->caps_reset_ns = cursor_u64(c);
    r->has_header = true;
    return ST_OK;
}

/* No part that holds a row of an unknown protocol can be opened. */
static bool is_sound(const struct open_span *s, unsigned last_kind)
{
    return s->role <= ROLE_WAYPOINT && s->kind <= last_kind && s->protocol <= PROTOCOL_GRPC;
}

static void get_open(struct cursor *c, struct open_span *s, uint64_t base_ns)
{
    *s = (struct open_span){.id = cursor_u64(c), .is_new = true};
    s->parent = cursor_u64(c);
    s->end_ns = base_ns + (uint64_t)cursor_zigzag(c);
    s->duration_ns = cursor_varint(c) & DURATION_MAX;
    s->arrival = (uint32_t)cursor_varint(c);
    s->owner = cursor_varint(c) & NAME_BITS;
    s->dest = cursor_varint(c) & NAME_BITS;
    s->operation = cursor_varint(c) & NAME_BITS;
    uint64_t codes = cursor_varint(c);
    s->http_code = codes >> 5 & 0x3ff;
    s->grpc_code = codes & 0x1f;
    s->request_bytes = (uint32_t)(cursor_varint(c) - 1);
    s->response_bytes = (uint32_t)(cursor_varint(c) - 1);
    s->flags = (uint16_t)cursor_varint(c);
    s->weight = (uint16_t)cursor_varint(c);
    s->retries = cursor_u8(c);
    unsigned a = cursor_u8(c), b = cursor_u8(c);
    s->role = a & 7u;
    s->kind = a >> 3 & 7u;
    s->in_done = a >> 6 & 1u;
    s->out_done = a >> 7 & 1u;
    s->protocol = b & 7u;
    s->error = b >> 3 & 1u;
    s->mirror = b >> 4 & 1u;
    s->denied = b >> 5 & 1u;
    s->end_before_start = b >> 6 & 1u;
    c->failed |= !is_sound(s, SPAN_CONSUMER);
}

static void get_closed(struct cursor *c, struct open_span *s, uint32_t *closed)
{
    *s = (struct open_span){.id = cursor_u64(c)};
    s->parent = cursor_u64(c);
    *closed = (uint32_t)cursor_varint(c);
    s->owner = cursor_varint(c) & NAME_BITS;
    unsigned a = cursor_u8(c);
    s->role = a & 7u;
    s->kind = a >> 3 & 7u;
    s->out_done = a >> 6 & 1u;
    s->mirror = a >> 7 & 1u;
    c->failed |= !is_sound(s, KIND_SYSTEM_CLIENT);
}

static enum status no_memory(struct err *e)
{
    return err_set(e, ST_NO_MEMORY, "no memory for the open spans of the image");
}

/* A trace of which nothing is open: its place among the packed ones is kept. */
static enum status read_packed(struct open_table *t, struct trace_id id, struct cursor *c,
                               struct err *e)
{
    struct packed_span spans[PACKED_SPANS];
    uint32_t closed = 0;
    uint64_t open_count = cursor_varint(c), count = cursor_varint(c);
    if (open_count > 0 || count > PACKED_SPANS || trace_id_is_zero(id) != (count == 0))
        c->failed = true;
    if (!c->failed && count == 0) {
        closed = (uint32_t)cursor_varint(c);
        uint32_t bytes = (uint32_t)cursor_varint(c);
        if (!packed_block_fits(bytes))
            c->failed = true;
        return c->failed || packed_add_waiting(&t->packed, closed, bytes) ? ST_OK : no_memory(e);
    }
    for (uint64_t i = 0; i < count && !c->failed; i++) {
        struct open_span s;
        get_closed(c, &s, &closed);
        spans[i] = (struct packed_span){s.id, s.parent,
                                        packed_bits(s.owner, s.role, s.kind, s.out_done, s.mirror)};
    }
    if (!c->failed && !packed_add(&t->packed, id, closed, spans, (uint32_t)count))
        return no_memory(e);
    return ST_OK;
}

static enum status read_piece(struct image_reader *r, struct cursor *c, struct err *e)
{
    struct open_table *t = &r->pipeline->table;
    struct trace_id id = {.hi = cursor_u64(c)};
    id.lo = cursor_u64(c);
    uint32_t due = get_step(r, c);
    unsigned flags = cursor_u8(c);
    uint64_t base_ns = cursor_u64(c), hash = trace_hash(t, id);
    if (flags & PIECE_PACKED)
        return read_packed(t, id, c, e);
    uint32_t name = c->failed ? 0 : trace_find(t, id, hash);
    if (!name && !c->failed)
        name = trace_add(t, id, hash, due);
    if (!name)
        return c->failed ? ST_OK : no_memory(e);
    struct trace *tr = trace_at(t, name);
    if (!trace_wake(t, tr))
        return no_memory(e);
    tr->partly_done = flags & PIECE_PARTLY_DONE;
    struct open_span s;
    for (uint64_t n = cursor_varint(c); n > 0 && !c->failed; n--) {
        get_open(c, &s, base_ns);
        if (!c->failed && !trace_add_span(t, tr, &s))
            return no_memory(e);
        r->spans++;
    }
    for (uint64_t n = cursor_varint(c); n > 0 && !c->failed; n--) {
        uint32_t closed;
        get_closed(c, &s, &closed);
        if (!c->failed && !trace_add_closed(t, tr, &s, closed))
            return no_memory(e);
    }
    if (flags & PIECE_INDEXED)
        trace_index_make(t, tr);
    if (flags & PIECE_RESTS)
        (void)trace_rest(t, tr);
    return ST_OK;
}

static enum status read_traces(struct image_reader *r, struct cursor *c, struct err *e)
{
    while (c->at < c->end && !c->failed)
        TRY(read_piece(r, c, e));
    return ST_OK;
}

static enum status read_tagged(struct image_reader *r, uint8_t tag, struct cursor *c, struct err *e)
{
    struct pipeline *p = r->pipeline;
    switch (tag) {
    case CHUNK_HEADER:
        return read_header(r, c, e);
    case CHUNK_NAMES:
        return names_decode(c, p->names, e);
    case CHUNK_CAPS:
        return row_caps_decode(c, p->caps, r->version >= 4, e);
    case CHUNK_REGISTRY:
        return registry_decode(c, p->registry, e);
    case CHUNK_ACCOUNT:
        TRY(account_decode(c, &r->totals, e));
        r->has_account = true;
        return ST_OK;
    case CHUNK_TRACES:
        return read_traces(r, c, e);
    case CHUNK_END:
        r->has_end = cursor_varint(c) == r->spans;
        return ST_OK;
    default:
        return err_set(e, ST_UNSUPPORTED, "the image has a chunk of an unknown kind, %u", tag);
    }
}

enum status image_read_chunk(struct image_reader *r, struct str chunk, struct err *e)
{
    struct cursor c = cursor_of(chunk);
    uint8_t tag = cursor_u8(&c);
    struct str content = str_sub(chunk, 1, chunk.len);
    if ((tag & CHUNK_CONTINUES) || r->begun.len > 0) {
        buf_append_str(&r->begun, content);
        if (r->begun.failed)
            return no_memory(e);
        if (tag & CHUNK_CONTINUES)
            return ST_OK;
        content = buf_str(&r->begun);
    }
    if (tag != CHUNK_HEADER && !r->has_header)
        return err_set(e, ST_CORRUPT, "the image does not begin with its header");
    c = cursor_of(content);
    enum status status = read_tagged(r, tag, &c, e);
    buf_deinit(&r->begun);
    if (status == ST_OK && c.failed)
        return err_set(e, ST_CORRUPT, "the image's chunk of kind %u is cut short", tag);
    return status;
}

enum status image_read_end(struct image_reader *r, struct err *e)
{
    buf_deinit(&r->begun);
    if (r->has_header && !r->has_end)
        return err_set(e, ST_CORRUPT, "the image ends too early");
    return ST_OK;
}
