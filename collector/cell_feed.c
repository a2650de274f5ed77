/* cell_feed.c - finds the two rows of a request fast, and adds it to their cells. */
#include "collector/cell_feed.h"
#include "base/hash.h"
#include "base/map64.h"
#include "base/vec.h"
#include "collector/cell_take.h"

enum { ROWS_KEPT = 200000, HTTP_CODES = 1000, GRPC_CODES = 32 };

/* The request failed, and its code does not say so. */
#define FAILED_SILENTLY (UINT32_C(1) << 31)

/* What makes a row, in ids; the strings behind them are in the cell set. */
struct row_key {
    uint32_t client, server, client_variant, server_variant;
    uint32_t code; /* FAILED_SILENTLY | kind << 16 | code */
    uint8_t protocol, views, is_total;
    struct str operation;
};

struct row_entry {
    struct row_key key; /* operation: the cell set's copy */
    uint32_t row;
};

struct cell_feed {
    uint64_t seed;
    const struct names *names;
    struct row_caps *caps;
    struct cell_set *cells;
    struct map64 row_by_hash; /* to entries */
    VEC(struct row_entry) entries;
    uint32_t http_names[HTTP_CODES], grpc_names[GRPC_CODES]; /* ids of the tallies' names + 1 */
};

struct cell_feed *cell_feed_new(uint64_t seed, const struct names *names, struct row_caps *caps)
{
    struct cell_feed *f = mem_calloc(1, sizeof(*f));
    if (!f)
        return NULL;
    f->seed = f->row_by_hash.seed = seed;
    f->names = names;
    f->caps = caps;
    f->cells = cell_set_new(seed);
    if (!f->cells) {
        mem_free(f);
        return NULL;
    }
    return f;
}

void cell_feed_free(struct cell_feed *f)
{
    if (!f)
        return;
    cell_set_free(f->cells);
    map64_deinit(&f->row_by_hash);
    vec_deinit(&f->entries);
    mem_free(f);
}

struct cell_set *cell_feed_cells(struct cell_feed *f)
{
    return f->cells;
}

bool cell_feed_clear(struct cell_feed *f)
{
    if (cell_set_row_count(f->cells) < ROWS_KEPT) {
        cell_set_clear(f->cells);
        return true;
    }
    struct cell_set *fresh = cell_set_new(f->seed);
    if (!fresh)
        return false;
    cell_set_free(f->cells);
    f->cells = fresh;
    map64_deinit(&f->row_by_hash);
    f->row_by_hash.seed = f->seed;
    f->entries.len = 0;
    memset(f->http_names, 0, sizeof(f->http_names));
    memset(f->grpc_names, 0, sizeof(f->grpc_names));
    return true;
}

void cell_feed_rename(struct cell_feed *f, const struct names *names)
{
    f->names = names;
    map64_deinit(&f->row_by_hash);
    f->entries.len = 0;
}

/* --- rows --- */

static uint64_t row_hash(const struct cell_feed *f, const struct row_key *k)
{
    uint64_t h = hash_u64(((uint64_t)k->client << 32 | k->server) ^ f->seed);
    h = hash_u64(h ^ ((uint64_t)k->client_variant << 32 | k->server_variant));
    h = hash_u64(h ^ ((uint64_t)k->code << 32 |
                      (uint32_t)(k->protocol << 16 | k->views << 8 | k->is_total)));
    return h ^ (k->operation.len ? hash_str(k->operation, f->seed) : 0);
}

static bool row_key_eq(const struct row_key *a, const struct row_key *b)
{
    return a->client == b->client && a->server == b->server &&
           a->client_variant == b->client_variant && a->server_variant == b->server_variant &&
           a->code == b->code && a->protocol == b->protocol && a->views == b->views &&
           a->is_total == b->is_total && str_eq(a->operation, b->operation);
}

static struct str code_text(uint32_t code, char text[16])
{
    unsigned kind = (code & ~FAILED_SILENTLY) >> 16, n = code & 0xffff;
    size_t len = 0, digits = 0;
    char reversed[8];
    if (kind == CODE_IS_GRPC) {
        memcpy(text, "grpc:", 5);
        len = 5;
    }
    do {
        reversed[digits++] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    while (kind != CODE_IS_NONE && digits > 0)
        text[len++] = reversed[--digits];
    if (code & FAILED_SILENTLY) {
        memcpy(text + len, ROW_CODE_FAILED.ptr, ROW_CODE_FAILED.len);
        len += ROW_CODE_FAILED.len;
    }
    return (struct str){text, len};
}

static uint32_t make_row(struct cell_feed *f, const struct row_key *k)
{
    char text[16];
    struct cell_row row = {
        .client = names_entity_at(f->names, k->client)->entity,
        .server = names_entity_at(f->names, k->server)->entity,
        .protocol = (enum protocol)k->protocol,
        .views = (enum cell_view)k->views,
        .is_total = k->is_total,
        .client_variant = *names_variant_at(f->names, k->client_variant),
        .server_variant = *names_variant_at(f->names, k->server_variant),
        .operation = k->operation,
        .code = code_text(k->code, text),
    };
    return cell_set_row(f->cells, &row);
}

/* UINT32_MAX when memory is short. */
static uint32_t find_row(struct cell_feed *f, const struct row_key *k)
{
    uint64_t hash = row_hash(f, k);
    bool added;
    for (;; hash++) {
        uint64_t *at = map64_put(&f->row_by_hash, hash, &added);
        if (!at)
            return UINT32_MAX;
        if (added)
            break;
        if (row_key_eq(&f->entries.items[*at].key, k))
            return f->entries.items[*at].row;
    }
    uint32_t row = vec_reserve(&f->entries, 1) ? make_row(f, k) : UINT32_MAX;
    if (row == UINT32_MAX) {
        (void)map64_remove(&f->row_by_hash, hash);
        return UINT32_MAX;
    }
    struct row_entry entry = {.key = *k, .row = row};
    entry.key.operation = cell_set_row_at(f->cells, row)->operation;
    *map64_find(&f->row_by_hash, hash) = f->entries.len;
    f->entries.items[f->entries.len++] = entry;
    return row;
}

/* --- cells --- */

static uint64_t weighted(uint64_t weight, uint64_t count)
{
    u128 product = (u128)weight * count;
    return product > UINT64_MAX ? UINT64_MAX : (uint64_t)product;
}

/* Bytes times weight, in whole bytes. */
static uint64_t weighted_bytes(uint64_t weight, uint32_t bytes)
{
    return (uint64_t)((u128)weight * bytes >> WEIGHT_SHIFT);
}

static bool add_times(struct cell *c, const struct request *q)
{
    bool ok = true;
    if (q->has_client_ns)
        ok = histogram_add(&c->client, q->client_ns, q->weight);
    for (size_t i = 0; i < q->server_count; i++)
        ok = ok && histogram_add(&c->server, q->server_ns[i], q->weight);
    if (q->has_transit)
        ok = ok && histogram_add(&c->transit, q->transit_ns, q->weight);
    return ok;
}

static void add_plain(struct cell *c, const struct request *q)
{
    uint64_t w = q->weight;
    c->observed++;
    c->weight += w;
    c->variance += (u128)w * (w - WEIGHT_ONE);
    c->attempts += weighted(w, q->attempts);
    c->errors += q->error ? w : 0;
    c->retried += q->attempts > 1 ? w : 0;
    c->denied += q->denied ? w : 0;
    c->transit_skipped += q->transit_skipped ? w : 0;
    c->end_before_start += q->end_before_start ? w : 0;
    if (q->request_bytes != SIZE_NONE) {
        c->request_bytes += weighted_bytes(w, q->request_bytes);
        c->request_sized += w;
    }
    if (q->response_bytes != SIZE_NONE) {
        c->response_bytes += weighted_bytes(w, q->response_bytes);
        c->response_sized += w;
    }
}

static bool add_counts(struct cell *c, const struct request *q)
{
    add_plain(c, q);
    return add_times(c, q);
}

static uint32_t code_name(struct cell_feed *f, const struct request *q)
{
    bool grpc = q->code_kind == CODE_IS_GRPC;
    uint32_t *known =
        grpc ? &f->grpc_names[q->code % GRPC_CODES] : &f->http_names[q->code % HTTP_CODES];
    if (*known)
        return *known - 1;
    char text[16];
    uint32_t name =
        cell_set_name(f->cells, code_text((uint32_t)CODE_IS_HTTP << 16 | q->code, text));
    if (name != UINT32_MAX)
        *known = name + 1;
    return name;
}

static bool add_flag(struct cell_feed *f, struct cell *c, struct str flag, uint64_t weight)
{
    uint32_t name = cell_set_name(f->cells, flag);
    return name != UINT32_MAX && cell_tally_add(&c->flags, name, weight);
}

/* True when an earlier set of the request's holds the flag: each counts once a request. */
static bool said_before(const struct cell_feed *f, const struct request *q, uint32_t set,
                        struct str flag)
{
    for (uint32_t i = 0; i < set; i++) {
        struct str other, rest = names_flags_at(f->names, q->flags[i]);
        while (rest.len > 0) {
            str_cut(rest, ',', &other, &rest);
            if (str_eq(other, flag))
                return true;
        }
    }
    return false;
}

static bool add_flags(struct cell_feed *f, struct cell *c, const struct request *q)
{
    bool ok = !q->mirror || add_flag(f, c, STR("mirror"), q->weight);
    for (uint32_t i = 0; i < q->flag_count; i++) {
        struct str flag, rest = names_flags_at(f->names, q->flags[i]);
        while (rest.len > 0) {
            str_cut(rest, ',', &flag, &rest);
            if (flag.len > 0 && !said_before(f, q, i, flag))
                ok = ok && add_flag(f, c, flag, q->weight);
        }
    }
    return ok;
}

/* Codes, flags, evidence, exemplar: what only totals have. */
static bool add_marks(struct cell_feed *f, struct cell *c, const struct request *q)
{
    bool ok = add_flags(f, c, q);
    c->evidence |= q->evidence;
    if (ok && q->code_kind != CODE_IS_NONE) {
        uint32_t name = code_name(f, q);
        struct cell_tallies *codes = q->code_kind == CODE_IS_GRPC ? &c->grpc_codes : &c->codes;
        ok = name != UINT32_MAX && cell_tally_add(codes, name, q->weight);
    }
    struct exemplar x = {.trace = q->trace, .time_ns = q->time_ns, .error = q->error};
    if (q->has_client_ns)
        x.latency_ns = q->client_ns;
    else if (q->server_count)
        x.latency_ns = q->server_ns[q->server_count - 1];
    cell_offer_exemplar(c, &x);
    return ok;
}

static bool add_total(struct cell_feed *f, struct cell *c, const struct request *q)
{
    return add_counts(c, q) && add_marks(f, c, q);
}

/* A joint row holds requests of one outcome: what a cell of it says does not depend on how long its
 * tile is. */
static uint32_t joint_code(const struct request *q)
{
    bool told = (q->code_kind == CODE_IS_HTTP && http_code_is_error(q->code)) ||
                (q->code_kind == CODE_IS_GRPC && grpc_code_is_error(q->code));
    return (q->error && !told ? FAILED_SILENTLY : 0) | (uint32_t)q->code_kind << 16 |
           (q->code & 0xffff);
}

/* The keys of the two rows that a request is counted in. */
static void keys_of(struct cell_feed *f, const struct request *q, bool decide,
                    struct row_key *total, struct row_key *joint)
{
    *total = (struct row_key){
        .client = q->client,
        .server = q->server,
        .protocol = (uint8_t)q->protocol,
        .views = (uint8_t)q->views,
        .is_total = true,
    };
    row_caps_edge(f->caps, &total->client, &total->server, decide);
    *joint = *total;
    joint->is_total = false;
    if (total->client == q->client)
        joint->client_variant = row_caps_variant(f->caps, q->client, q->client_variant, decide);
    if (total->server == q->server)
        joint->server_variant = row_caps_variant(f->caps, q->server, q->server_variant, decide);
    joint->code = joint_code(q);
    joint->operation = q->operation;
    if (q->operation.len && (total->server != q->server ||
                             !row_caps_operation(f->caps, q->server, q->operation, decide)))
        joint->operation = STR("other");
}

static struct cell *cell_of(struct cell_feed *f, const struct row_key *k, const struct request *q)
{
    uint32_t row = find_row(f, k);
    return row == UINT32_MAX ? NULL : cell_set_cell(f->cells, row, q->time_ns / NS_PER_S);
}

bool cell_feed_add(struct cell_feed *f, const struct request *q, bool decide)
{
    struct row_key total, joint;
    keys_of(f, q, decide, &total, &joint);
    struct cell *c = cell_of(f, &total, q);
    if (!c || !add_total(f, c, q))
        return false;
    c = cell_of(f, &joint, q);
    return c && add_counts(c, q);
}

/* --- taking out --- */

static void take_counts(struct cell *c, const struct request *q, bool *stale)
{
    struct cell one = {0};
    add_plain(&one, q);
    cell_take(c, &one, NULL, NULL, stale);
    if (q->has_client_ns)
        histogram_take(&c->client, q->client_ns, q->weight, stale);
    for (size_t i = 0; i < q->server_count; i++)
        histogram_take(&c->server, q->server_ns[i], q->weight, stale);
    if (q->has_transit)
        histogram_take(&c->transit, q->transit_ns, q->weight, stale);
}

void cell_feed_take(struct cell_feed *f, const struct request *q, bool *stale)
{
    struct row_key total, joint;
    keys_of(f, q, false, &total, &joint);
    struct cell *c = cell_of(f, &total, q), marks = {0};
    if (c && c->observed) {
        take_counts(c, q, stale);
        /* Codes, flags and exemplar as they were added, in a cell of their own. */
        if (add_marks(f, &marks, q))
            cell_take(c, &marks, NULL, NULL, stale);
        cell_deinit(&marks);
    }
    c = cell_of(f, &joint, q);
    if (c && c->observed)
        take_counts(c, q, stale);
}

struct taking {
    struct cell_feed *feed;
    const struct cell_set *from;
    bool *stale;
};

static uint32_t translate(uint32_t name, void *user)
{
    const struct taking *t = user;
    return cell_set_name(t->feed->cells, cell_set_name_at(t->from, name));
}

static enum status take_cell(const struct cell_row *row, uint64_t tile_s, const struct cell *cell,
                             void *user, struct err *e)
{
    struct taking *t = user;
    uint32_t id = cell_set_row(t->feed->cells, row);
    struct cell *c = id == UINT32_MAX ? NULL : cell_set_cell(t->feed->cells, id, tile_s);
    if (!c)
        return err_set(e, ST_NO_MEMORY, "no memory to take saved cells out of the view");
    cell_take(c, cell, translate, t, t->stale);
    return ST_OK;
}

enum status cell_feed_take_cells(struct cell_feed *f, const struct cell_set *cells, bool *stale,
                                 struct err *e)
{
    struct taking t = {f, cells, stale};
    return cell_set_each(cells, take_cell, &t, e);
}
