/* names.c - every table is an intern table of the entry's key, with the decoded entry beside it.
 * The entries' strings point into the keys, which never move; an image is nothing but the keys in
 * their order. */
#include "collector/names_private.h"

#include "collector/cluster_name.h"
#include "model/histogram.h"

enum { KEY_BYTES = 2048, PART_BYTES = 256, OPERATIONS_FACTOR = 4 };
/* Beside its key: its place in the table of keys, and what it means. */
enum { ENTRY_BYTES = 80 };

/* --- keys --- */

struct key {
    char bytes[KEY_BYTES];
    size_t len;
};

/* The bytes stay as they are: clearing them would cost more than a whole lookup. */
static void key_begin(struct key *k)
{
    k->len = 0;
}

static void key_u32(struct key *k, uint32_t v)
{
    memcpy(k->bytes + k->len, &v, sizeof(v));
    k->len += sizeof(v);
}

static void key_u8(struct key *k, unsigned v)
{
    k->bytes[k->len++] = (char)v;
}

/* Length first: two parts can never be mistaken for two others. No key has more than six parts. A
 * long one is never cut inside a character. */
static void key_str(struct key *k, struct str s)
{
    if (UNLIKELY(s.len >= PART_BYTES)) {
        s = str_sub(s, 0, PART_BYTES - 1);
        s.len = str_utf8_prefix(s);
    }
    key_u8(k, (unsigned)s.len);
    if (s.len)
        memcpy(k->bytes + k->len, s.ptr, s.len);
    k->len += s.len;
}

static struct str key_text(const struct key *k)
{
    return (struct str){k->bytes, k->len};
}

static bool is_full(const struct names *n)
{
    return n->bytes >= n->max_bytes;
}

/* Id of a key, or NAMES_OTHER when it is new and the table is full. *added: the entry is still to
 * be made. */
static uint32_t key_id(struct names *n, struct intern *keys, struct str key, uint32_t max,
                       bool *added)
{
    uint32_t before = intern_count(keys);
    bool has_room = before < max && (max == UINT32_MAX || !is_full(n));
    uint32_t id = has_room ? intern_add(keys, key) : intern_find(keys, key);
    *added = id != INTERN_NONE && id == before;
    if (*added)
        n->bytes += ENTRY_BYTES + key.len;
    if (id != INTERN_NONE)
        return id;
    n->overflow_others++;
    return NAMES_OTHER;
}

/* --- adding by key: the way both of observations and of images --- */

static uint32_t add_entity(struct names *n, struct str key)
{
    bool added;
    if (!vec_reserve(&n->entities, 1))
        return NAMES_OTHER;
    uint32_t id = key_id(n, n->entity_keys, key, UINT32_MAX, &added);
    if (!added)
        return id;
    struct cursor c = cursor_of(intern_get(n->entity_keys, id));
    struct entity_entry e = {.entity.kind = (enum entity_kind)cursor_u8(&c)};
    e.entity.cluster = cursor_bytes(&c, cursor_u8(&c));
    e.entity.space = cursor_bytes(&c, cursor_u8(&c));
    e.entity.name = cursor_bytes(&c, cursor_u8(&c));
    n->entities.items[n->entities.len++] = e;
    return id;
}

static uint32_t add_variant(struct names *n, struct str key)
{
    bool added;
    if (!vec_reserve(&n->variants, 1))
        return NAMES_OTHER;
    uint32_t id = key_id(n, n->variant_keys, key, NAMES_MAX, &added);
    if (!added)
        return id;
    struct cursor c = cursor_of(intern_get(n->variant_keys, id));
    struct variant v;
    v.version = cursor_bytes(&c, cursor_u8(&c));
    v.workload = cursor_bytes(&c, cursor_u8(&c));
    n->variants.items[n->variants.len++] = v;
    return id;
}

static uint32_t add_owner(struct names *n, struct str key)
{
    bool added;
    if (!vec_reserve(&n->owners, 1))
        return NAMES_OTHER;
    uint32_t id = key_id(n, n->owner_keys, key, NAMES_MAX, &added);
    if (!added)
        return id;
    struct cursor c = cursor_of(intern_get(n->owner_keys, id));
    struct owner_entry o = {.entity = cursor_u32(&c)};
    o.variant = cursor_u32(&c);
    o.source = cursor_u32(&c);
    o.maker = cursor_u8(&c);
    uint8_t bits = cursor_u8(&c);
    o.weak = bits & 1;
    o.is_pod = bits & 2;
    o.instance = cursor_bytes(&c, cursor_u8(&c));
    n->owners.items[n->owners.len++] = o;
    return id;
}

/* What a destination's words mean is worked out once, when they are first seen. */
static void resolve_dest(struct names *n, struct str cluster, const struct observation *x,
                         struct dest_entry *out)
{
    struct destination d = {.entity.kind = ENTITY_SERVICE};
    bool known = true;
    switch ((enum dest_kind)x->dest_kind) {
    case DEST_CLUSTER:
        known = destination_from_cluster(x->dest, &d);
        break;
    case DEST_HOST:
        destination_from_host(x->dest, x->dest_port, &d);
        break;
    case DEST_SERVICE:
        d.entity.name = x->dest;
        d.entity.space = x->dest_more;
        d.subset = x->dest_host;
        break;
    case DEST_DATABASE:
    case DEST_MESSAGING:
        destination_from_parts(x->dest, x->dest_more, x->dest_host, &d);
        d.entity.kind = x->dest_kind == DEST_DATABASE ? ENTITY_DATABASE : ENTITY_MESSAGING;
        break;
    case DEST_NONE:
        known = false;
        break;
    }
    if (d.entity.kind == ENTITY_SERVICE && d.entity.cluster.len == 0)
        d.entity.cluster = cluster;
    out->subset = d.subset;
    out->own_protocol = d.own_protocol;
    out->is_vague = d.is_vague;
    out->entity = known ? names_entity(n, &d.entity) : ENTITY_ID_UNKNOWN;
}

static uint32_t add_dest(struct names *n, struct str key)
{
    bool added;
    if (!vec_reserve(&n->dests, 1))
        return NAMES_OTHER;
    uint32_t id = key_id(n, n->dest_keys, key, NAMES_MAX, &added);
    if (!added)
        return id;
    struct cursor c = cursor_of(intern_get(n->dest_keys, id));
    struct observation x = {.dest_kind = cursor_u8(&c)};
    x.dest_port = cursor_u32(&c);
    struct str cluster = cursor_bytes(&c, cursor_u8(&c));
    x.dest = cursor_bytes(&c, cursor_u8(&c));
    x.dest_more = cursor_bytes(&c, cursor_u8(&c));
    x.dest_host = cursor_bytes(&c, cursor_u8(&c));
    struct dest_entry d = {.kind = x.dest_kind};
    resolve_dest(n, cluster, &x, &d);
    n->dests.items[n->dests.len++] = d;
    return id;
}

static uint32_t add_operation(struct names *n, struct str key)
{
    bool added;
    if (!vec_reserve(&n->operations, 1))
        return NAMES_OTHER;
    uint32_t id = key_id(n, n->operation_keys, key, 2 * NAMES_MAX, &added);
    if (!added)
        return id;
    struct str kept = intern_get(n->operation_keys, id);
    struct cursor c = cursor_of(kept);
    uint32_t entity = cursor_u32(&c);
    if (entity < n->entities.len)
        n->entities.items[entity].operation_count++;
    n->operations.items[n->operations.len++] = str_sub(kept, sizeof(uint32_t), kept.len);
    return id;
}

/* --- life --- */

static bool add_fixed(struct names *n)
{
    static const struct entity fixed[] = {
        {.kind = ENTITY_OTHER, .name = {"other", 5}},
        {.kind = ENTITY_USER, .name = {"user", 4}},
        {.kind = ENTITY_UNKNOWN, .name = {"unknown", 7}},
    };
    if (!vec_push(&n->entities, (struct entity_entry){0}) ||
        !vec_push(&n->variants, (struct variant){0}) ||
        !vec_push(&n->owners, (struct owner_entry){0}) ||
        !vec_push(&n->dests, (struct dest_entry){0}) || !vec_push(&n->operations, (struct str){0}))
        return false;
    bool ok = names_weight(n, WEIGHT_ONE) == 0;
    for (uint32_t i = 0; i < LEN(fixed); i++)
        ok = ok && names_entity(n, &fixed[i]) == i + 1;
    struct variant variant = {.version = STR("other")};
    struct owner owner = {.entity = fixed[0], .variant = variant};
    ok = ok && names_variant(n, &variant) == NAMES_OTHER && names_owner(n, &owner) == NAMES_OTHER;
    struct observation dest = {.dest_kind = DEST_DATABASE, .dest = STR("other")};
    ok = ok && names_dest(n, NAMES_NONE, &dest) == NAMES_OTHER;
    if (ok)
        n->dests.items[NAMES_OTHER].entity = NAMES_OTHER;
    return ok && names_operation(n, NAMES_OTHER, STR("other")) == NAMES_OTHER &&
           names_flags(n, STR("other")) == NAMES_OTHER;
}

struct names *names_new(uint64_t seed, uint32_t max_operations, uint64_t max_bytes)
{
    struct names *n = mem_calloc(1, sizeof(*n));
    if (!n)
        return NULL;
    n->weight_ids.seed = seed;
    n->max_bytes = max_bytes ? max_bytes : UINT64_MAX;
    n->max_operations = max_operations > UINT32_MAX / OPERATIONS_FACTOR
                            ? UINT32_MAX
                            : max_operations * OPERATIONS_FACTOR;
    n->entity_keys = intern_new(seed);
    n->variant_keys = intern_new(seed);
    n->owner_keys = intern_new(seed);
    n->dest_keys = intern_new(seed);
    n->operation_keys = intern_new(seed);
    n->flags = intern_new(seed);
    if (n->entity_keys && n->variant_keys && n->owner_keys && n->dest_keys && n->operation_keys &&
        n->flags && add_fixed(n))
        return n;
    names_free(n);
    return NULL;
}

void names_free(struct names *n)
{
    if (!n)
        return;
    intern_free(n->entity_keys);
    intern_free(n->variant_keys);
    intern_free(n->owner_keys);
    intern_free(n->dest_keys);
    intern_free(n->operation_keys);
    intern_free(n->flags);
    vec_deinit(&n->entities);
    vec_deinit(&n->variants);
    vec_deinit(&n->owners);
    vec_deinit(&n->dests);
    vec_deinit(&n->operations);
    vec_deinit(&n->weights);
    map64_deinit(&n->weight_ids);
    mem_free(n);
}

/* --- adding --- */

static void entity_key(const struct entity *e, struct key *k)
{
    key_begin(k);
    key_u8(k, e->kind);
    key_str(k, e->cluster);
    key_str(k, e->space);
    key_str(k, e->name);
}

uint32_t names_entity(struct names *n, const struct entity *e)
{
    struct key k;
    entity_key(e, &k);
    return add_entity(n, key_text(&k));
}

static bool variant_key(const struct variant *v, struct key *k)
{
    key_begin(k);
    key_str(k, v->version);
    key_str(k, v->workload);
    return v->version.len + v->workload.len > 0;
}

uint32_t names_variant(struct names *n, const struct variant *v)
{
    struct key k;
    return variant_key(v, &k) ? add_variant(n, key_text(&k)) : NAMES_NONE;
}

static uint32_t variant_of_entity(struct names *n, uint32_t entity, const struct variant *v)
{
    struct key k;
    if (!variant_key(v, &k))
        return NAMES_NONE;
    uint32_t known = intern_find(n->variant_keys, key_text(&k));
    if (known != INTERN_NONE)
        return known;
    if (n->entities.items[entity].variant_count >= NAMES_VARIANTS) {
        n->overflow_others++;
        return NAMES_OTHER;
    }
    n->entities.items[entity].variant_count++;
    return add_variant(n, key_text(&k));
}

static uint32_t put_owner(struct names *n, const struct owner_entry *o)
{
    struct key k;
    key_begin(&k);
    key_u32(&k, o->entity);
    key_u32(&k, o->variant);
    key_u32(&k, o->source);
    key_u8(&k, o->maker);
    key_u8(&k, (unsigned)o->weak | (unsigned)o->is_pod << 1);
    key_str(&k, o->instance);
    return add_owner(n, key_text(&k));
}

uint32_t names_owner(struct names *n, const struct owner *o)
{
    /* A full table of owners must not go on to fill that of entities. */
    if (is_full(n) || (intern_count(n->owner_keys) >= NAMES_MAX &&
                       intern_count(n->entity_keys) >= 2 * NAMES_MAX)) {
        struct key k;
        entity_key(&o->entity, &k);
        if (intern_find(n->entity_keys, key_text(&k)) == INTERN_NONE)
            return NAMES_OTHER;
    }
    struct owner_entry entry = {
        .entity = names_entity(n, &o->entity),
        .source = NAMES_NONE,
        .instance = o->instance,
        .maker = (uint8_t)o->maker,
        .weak = o->weak,
        .is_pod = o->is_pod,
    };
    entry.variant = variant_of_entity(n, entry.entity, &o->variant);
    return put_owner(n, &entry);
}

uint32_t names_owner_with_source(struct names *n, uint32_t owner, uint32_t source)
{
    struct owner_entry entry = *names_owner_at(n, owner);
    entry.source = source;
    return put_owner(n, &entry);
}

uint32_t names_dest(struct names *n, uint32_t owner, const struct observation *x)
{
    if (x->dest_kind == DEST_NONE)
        return NAMES_NONE;
    uint32_t entity = names_owner_at(n, owner)->entity;
    struct key k;
    key_begin(&k);
    key_u8(&k, x->dest_kind);
    key_u32(&k, x->dest_port);
    key_str(&k, n->entities.items[entity].entity.cluster);
    key_str(&k, x->dest);
    key_str(&k, x->dest_more);
    key_str(&k, x->dest_host);
    return add_dest(n, key_text(&k));
}

uint32_t names_operation(struct names *n, uint32_t entity, struct str name)
{
    if (name.len == 0)
        return NAMES_NONE;
    struct key k;
    key_begin(&k);
    key_u32(&k, entity);
    name = str_sub(name, 0, PART_BYTES);
    memcpy(k.bytes + k.len, name.ptr, name.len);
    k.len += name.len;
    if (n->entities.items[entity].operation_count < n->max_operations)
        return add_operation(n, key_text(&k));
    uint32_t id = intern_find(n->operation_keys, key_text(&k));
    if (id != INTERN_NONE)
        return id;
    n->overflow_operations++;
    return NAMES_OTHER;
}

uint32_t names_flags(struct names *n, struct str flags)
{
    bool added;
    return key_id(n, n->flags, str_sub(flags, 0, PART_BYTES), NAMES_FLAGS_MAX, &added);
}

static uint32_t nearest_weight(const struct names *n, uint64_t weight)
{
    uint32_t nearest = 0;
    uint64_t least = UINT64_MAX;
    for (uint32_t i = 0; i < n->weights.len; i++) {
        uint64_t known = n->weights.items[i];
        uint64_t apart = known > weight ? known - weight : weight - known;
        if (apart < least) {
            nearest = i;
            least = apart;
        }
    }
    return nearest;
}

uint32_t names_weight(struct names *n, uint64_t weight)
{
    bool added;
    uint64_t *id = map64_find(&n->weight_ids, weight);
    if (id)
        return (uint32_t)*id;
    if (n->weights.len >= NAMES_WEIGHTS_MAX || !vec_reserve(&n->weights, 1) ||
        !(id = map64_put(&n->weight_ids, weight, &added))) {
        n->overflow_others++;
        return nearest_weight(n, weight);
    }
    *id = n->weights.len;
    n->weights.items[n->weights.len++] = weight;
    return (uint32_t)*id;
}

/* --- moving to a fresh table --- */

bool names_are_many(const struct names *n)
{
    const uint32_t half = NAMES_MAX / 2;
    return intern_count(n->owner_keys) > half || intern_count(n->dest_keys) > half ||
           intern_count(n->variant_keys) > half || intern_count(n->operation_keys) > 2 * half ||
           intern_count(n->flags) > NAMES_FLAGS_MAX / 2 || n->bytes > n->max_bytes / 2 ||
           n->weights.len > NAMES_WEIGHTS_MAX / 2;
}

uint32_t names_move_owner(struct names *to, const struct names *from, uint32_t id)
{
    if (id <= NAMES_OTHER)
        return id;
    struct owner_entry o = *names_owner_at(from, id);
    o.entity = names_entity(to, &names_entity_at(from, o.entity)->entity);
    o.variant = names_variant(to, names_variant_at(from, o.variant));
    o.source = names_move_owner(to, from, o.source); /* a source has none itself */
    return put_owner(to, &o);
}

uint32_t names_move_dest(struct names *to, const struct names *from, uint32_t id)
{
    return id <= NAMES_OTHER ? id : add_dest(to, intern_get(from->dest_keys, id));
}

uint32_t names_move_operation(struct names *to, const struct names *from, uint32_t id)
{
    if (id <= NAMES_OTHER)
        return id;
    struct str key = intern_get(from->operation_keys, id);
    struct cursor c = cursor_of(key);
    const struct entity_entry *serves = names_entity_at(from, cursor_u32(&c));
    return names_operation(to, names_entity(to, &serves->entity), names_operation_at(from, id));
}

/* --- image --- */

static void encode_keys(const struct intern *keys, struct buf *out)
{
    buf_append_varint(out, intern_count(keys));
    for (uint32_t i = 0; i < intern_count(keys); i++)
        buf_append_lenstr(out, intern_get(keys, i));
}

void names_encode(const struct names *n, struct buf *out)
{
    encode_keys(n->entity_keys, out);
    encode_keys(n->variant_keys, out);
    encode_keys(n->owner_keys, out);
    encode_keys(n->dest_keys, out);
    encode_keys(n->operation_keys, out);
    encode_keys(n->flags, out);
    buf_append_varint(out, n->weights.len);
    for (size_t i = 0; i < n->weights.len; i++)
        buf_append_u64(out, n->weights.items[i]);
}

static uint32_t add_flags(struct names *n, struct str key)
{
    return names_flags(n, key);
}

static void decode_weights(struct names *n, struct cursor *in)
{
    uint64_t count = cursor_varint(in);
    for (uint64_t i = 0; i < count && !in->failed; i++) {
        uint64_t w = cursor_u64(in);
        if (i > 0)
            (void)names_weight(n, w);
    }
}

/* Whatever an owner refers to is there. */
static bool owners_hold(const struct names *n)
{
    for (size_t i = 0; i < n->owners.len; i++) {
        const struct owner_entry *o = &n->owners.items[i];
        if (o->entity >= n->entities.len || o->variant >= n->variants.len ||
            o->source >= n->owners.len)
            return false;
    }
    return true;
}

enum status names_decode(struct cursor *in, struct names *n, struct err *e)
{
    uint32_t (*const adders[])(struct names *, struct str) = {add_entity, add_variant,   add_owner,
                                                              add_dest,   add_operation, add_flags};
    uint64_t max_bytes = n->max_bytes; /* there was room for them, perhaps under another limit */
    n->max_bytes = UINT64_MAX;
    for (size_t t = 0; t < LEN(adders); t++) {
        uint64_t count = cursor_varint(in);
        for (uint64_t i = 0; i < count && !in->failed; i++) {
            struct str key = cursor_lenstr(in);
            /* Ids are positions: a key that lands elsewhere means a damaged image or too little
             * memory. */
            if (!in->failed && i > 0 && adders[t](n, key) != i)
                return err_set(e, ST_CORRUPT, "the image's table of names %zu is damaged at %llu",
                               t, (unsigned long long)i);
        }
    }
    n->max_bytes = max_bytes;
    if (!owners_hold(n))
        return err_set(e, ST_CORRUPT, "an owner in the image has no name");
    decode_weights(n, in);
    return in->failed ? err_set(e, ST_CORRUPT, "the image's tables of names are cut short") : ST_OK;
}
