/* row_caps.c - counts distinct edges, and distinct operations and variants of each service, up to
 * their limits. */
#include "collector/row_caps.h"
#include "base/hash.h"
#include "base/map64.h"
#include "base/vec.h"
#include "collector/names.h"

/* What one entity has used up. */
struct entity_use {
    bool has_edge;       /* it stands in the graph under its own name */
    uint32_t operations; /* with rows of their own */
    uint64_t refused;    /* requests whose operation had no room */
    uint32_t variants;   /* with rows of their own */
    uint64_t refused_variants;
};

struct row_caps {
    uint64_t seed;
    uint32_t max_edges, max_operations;
    struct map64 edges;              /* client << 32 | server; value unused */
    struct map64 operations;         /* hash of (server, operation); value unused */
    struct map64 variants;           /* entity << 32 | variant; value unused */
    VEC(struct entity_use) entities; /* by entity id */
    uint64_t refused_edges, refused_operations, refused_variants, generation;
    uint64_t refused_before; /* of all, at the last reset */
};

struct row_caps *row_caps_new(uint64_t seed, const struct graph_settings *graph)
{
    struct row_caps *c = mem_calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->seed = c->edges.seed = c->operations.seed = c->variants.seed = seed;
    c->max_edges = graph->max_edges;
    c->max_operations = graph->max_operations;
    return c;
}

void row_caps_free(struct row_caps *c)
{
    if (!c)
        return;
    map64_deinit(&c->edges);
    map64_deinit(&c->operations);
    map64_deinit(&c->variants);
    vec_deinit(&c->entities);
    mem_free(c);
}

static uint64_t refused_in_all(const struct row_caps *c)
{
    return c->refused_edges + c->refused_operations + c->refused_variants;
}

void row_caps_reset(struct row_caps *c)
{
    map64_deinit(&c->edges);
    map64_deinit(&c->operations);
    map64_deinit(&c->variants);
    c->entities.len = 0;
    c->refused_before = refused_in_all(c);
    c->generation++;
}

bool row_caps_were_reached(const struct row_caps *c)
{
    return refused_in_all(c) != c->refused_before;
}

/* NULL when memory is short. */
static struct entity_use *use_of(struct row_caps *c, uint32_t entity)
{
    while (c->entities.len <= entity)
        if (!vec_push(&c->entities, (struct entity_use){0}))
            return NULL;
    return &c->entities.items[entity];
}

static bool has_edge(const struct row_caps *c, uint32_t entity)
{
    return entity < c->entities.len && c->entities.items[entity].has_edge;
}

static bool admit_edge(struct row_caps *c, uint32_t client, uint32_t server, size_t limit,
                       bool decide)
{
    uint64_t key = (uint64_t)client << 32 | server;
    if (map64_find(&c->edges, key))
        return true;
    if (c->edges.count >= limit)
        return false;
    if (!decide)
        return true;
    bool added;
    struct entity_use *a = use_of(c, client), *b = use_of(c, server);
    if (!a || !b || !map64_put(&c->edges, key, &added))
        return false;
    c->entities.items[client].has_edge = c->entities.items[server].has_edge = true;
    c->generation += c->edges.count >= c->max_edges;
    return true;
}

void row_caps_edge(struct row_caps *c, uint32_t *client, uint32_t *server, bool decide)
{
    if (admit_edge(c, *client, *server, c->max_edges, decide))
        return;
    if (decide)
        c->refused_edges++;
    /* The end that has a place in the graph keeps its name as long as there is some room left for
     * such edges; one more is from `other` to `other`. */
    size_t limit = graph_edges_at_most(c->max_edges) - 1;
    if (has_edge(c, *client))
        *server = NAMES_OTHER;
    else if (has_edge(c, *server))
        *client = NAMES_OTHER;
    else
        *client = *server = NAMES_OTHER;
    if (!admit_edge(c, *client, *server, limit, decide))
        *client = *server = NAMES_OTHER;
}

bool row_caps_operation(struct row_caps *c, uint32_t server, struct str operation, bool decide)
{
    uint64_t key = hash_str(operation, c->seed) ^ hash_u64(server + c->seed);
    if (map64_find(&c->operations, key))
        return true;
    struct entity_use *use = server < c->entities.len ? &c->entities.items[server] : NULL;
    uint32_t used = use ? use->operations : 0;
    if (!decide)
        return used < c->max_operations;
    bool added;
    use = use_of(c, server);
    if (use && used < c->max_operations && map64_put(&c->operations, key, &added)) {
        use->operations++;
        c->generation += use->operations == c->max_operations;
        return true;
    }
    if (use)
        use->refused++;
    c->refused_operations++;
    return false;
}

uint32_t row_caps_variant(struct row_caps *c, uint32_t entity, uint32_t variant, bool decide)
{
    uint64_t key = (uint64_t)entity << 32 | variant;
    if (variant == NAMES_NONE || map64_find(&c->variants, key))
        return variant;
    struct entity_use *use = entity < c->entities.len ? &c->entities.items[entity] : NULL;
    uint32_t used = use ? use->variants : 0;
    if (!decide)
        return used < ROW_CAPS_VARIANTS ? variant : NAMES_OTHER;
    bool added;
    use = use_of(c, entity);
    if (use && used < ROW_CAPS_VARIANTS && variant != NAMES_OTHER &&
        map64_put(&c->variants, key, &added)) {
        use->variants++;
        c->generation += use->variants == ROW_CAPS_VARIANTS;
        return variant;
    }
    if (use)
        use->refused_variants++;
    c->refused_variants++;
    return NAMES_OTHER;
}

uint64_t row_caps_generation(const struct row_caps *c)
{
    return c->generation;
}

/* --- who is to blame --- */

static void offer(struct cap_offender *out, size_t *len, size_t cap, struct cap_offender x)
{
    size_t at = *len;
    while (at > 0 && out[at - 1].refused < x.refused)
        at--;
    if (at >= cap)
        return;
    size_t kept = MIN(*len, cap - 1);
    memmove(&out[at + 1], &out[at], (kept - at) * sizeof(*out));
    out[at] = x;
    *len = kept + 1;
}

size_t row_caps_offenders(const struct row_caps *c, struct cap_offender *out, size_t cap)
{
    size_t len = 0;
    if (cap > 0 && c->refused_edges)
        offer(out, &len, cap,
              (struct cap_offender){CAP_EDGES, NAMES_NONE, c->edges.count, c->refused_edges});
    for (uint32_t i = 0; cap > 0 && i < c->entities.len; i++) {
        const struct entity_use *u = &c->entities.items[i];
        if (u->refused)
            offer(out, &len, cap,
                  (struct cap_offender){CAP_OPERATIONS, i, u->operations, u->refused});
        if (u->refused_variants)
            offer(out, &len, cap,
                  (struct cap_offender){CAP_VARIANTS, i, u->variants, u->refused_variants});
    }
    return len;
}

void row_caps_overflow(const struct row_caps *c, uint64_t *edges, uint64_t *operations,
                       uint64_t *variants)
{
    *variants = c->refused_variants;
    *edges = c->refused_edges;
    *operations = c->refused_operations;
}

/* --- image --- */

static void encode_map(const struct map64 *m, struct buf *out)
{
    size_t at = 0;
    uint64_t key, value;
    buf_append_varint(out, m->count);
    while (map64_next(m, &at, &key, &value))
        buf_append_u64(out, key);
}

void row_caps_encode(const struct row_caps *c, struct buf *out)
{
    encode_map(&c->edges, out);
    encode_map(&c->operations, out);
    buf_append_varint(out, c->entities.len);
    for (size_t i = 0; i < c->entities.len; i++) {
        buf_append_u8(out, c->entities.items[i].has_edge);
        buf_append_varint(out, c->entities.items[i].operations);
        buf_append_varint(out, c->entities.items[i].refused);
    }
    buf_append_varint(out, c->refused_edges);
    buf_append_varint(out, c->refused_operations);
    buf_append_varint(out, c->refused_before);
    encode_map(&c->variants, out);
    for (size_t i = 0; i < c->entities.len; i++) {
        buf_append_varint(out, c->entities.items[i].variants);
        buf_append_varint(out, c->entities.items[i].refused_variants);
    }
    buf_append_varint(out, c->refused_variants);
}

static bool decode_map(struct cursor *in, struct map64 *m)
{
    uint64_t count = cursor_varint(in);
    for (uint64_t i = 0; i < count && !in->failed; i++) {
        bool added;
        if (!map64_put(m, cursor_u64(in), &added))
            return false;
    }
    return true;
}

static bool decode_variants(struct cursor *in, struct row_caps *c)
{
    if (!decode_map(in, &c->variants))
        return false;
    for (size_t i = 0; i < c->entities.len && !in->failed; i++) {
        c->entities.items[i].variants = (uint32_t)cursor_varint(in);
        c->entities.items[i].refused_variants = cursor_varint(in);
    }
    c->refused_variants = cursor_varint(in);
    return true;
}

enum status row_caps_decode(struct cursor *in, struct row_caps *c, bool with_variants,
                            struct err *e)
{
    bool room = decode_map(in, &c->edges) && decode_map(in, &c->operations);
    uint64_t count = cursor_varint(in);
    for (uint64_t i = 0; room && i < count && !in->failed; i++) {
        struct entity_use u = {.has_edge = cursor_u8(in)};
        u.operations = (uint32_t)cursor_varint(in);
        u.refused = cursor_varint(in);
        room = vec_push(&c->entities, u);
    }
    c->refused_edges = cursor_varint(in);
    c->refused_operations = cursor_varint(in);
    c->refused_before = cursor_varint(in);
    room = room && (!with_variants || decode_variants(in, c));
    if (!room)
        return err_set(e, ST_NO_MEMORY, "no memory for the image's caps");
    return in->failed ? err_set(e, ST_CORRUPT, "the image's caps are damaged") : ST_OK;
}
