/* fuzz_edge_part.c - arbitrary bytes as an edge part, and as a histogram. The first byte chooses: 0
 * a part as it is, 1 a part whose checksums are made to fit, 3 a run of as many histograms as the
 * second byte says (its highest bit: of form 1), else histograms. No crash, also when an
 * allocation fails; a file says what the same bytes in memory say; whatever is read merges into a
 * part that reads back. */
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/histogram_dense.h"
#include "storage/edge_merge_source.h"
#include "storage/edge_store.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct cell sink;

static struct cell *into_sink(uint32_t row, uint64_t tile_s, void *user)
{
    struct cell_row key;
    (void)tile_s;
    edge_part_row(user, row, &key);
    return &sink;
}

static uint32_t same_name(uint32_t name, void *user)
{
    return name < edge_part_name_count(user) ? name : 0;
}

/* Blocks lost. */
static uint64_t scan_all(struct edge_part *p)
{
    uint64_t lost = 0;
    for (unsigned t = 0; t < TIER_COUNT; t++) {
        struct edge_part_scan scan = {.tier = t,
                                      .end_s = UINT64_MAX / 2,
                                      .sections = SECTION_ALL,
                                      .into = into_sink,
                                      .map_name = same_name,
                                      .user = p};
        if (edge_part_scan(p, &scan, &lost, NULL) == ST_CORRUPT)
            abort(); /* damage is lost blocks */
    }
    cell_deinit(&sink);
    return lost;
}

static uint32_t one_group(const struct cell_row *row, void *user)
{
    (void)row, (void)user;
    return 0;
}

/* Several groups, and rows that are in none. */
static uint32_t by_name(const struct cell_row *row, void *user)
{
    (void)user;
    size_t group = (row->server.name.len + row->code.len) % 4;
    return group == 3 ? UINT32_MAX : (uint32_t)group;
}

static const double quantiles[] = {0, 0.5, 0.99, 1};

struct told {
    double ns[LEN(quantiles)];
    bool is_sound; /* its buckets hold what it weighs: damage may say otherwise */
};

static enum status keep_quantiles(uint32_t group, uint64_t time_s, const struct cell *cell,
                                  void *user, struct err *e)
{
    struct told *told = user;
    const struct histogram *h = &cell->client;
    uint64_t weight = h->zero;
    (void)group, (void)time_s, (void)e;
    for (uint32_t i = 0; i < h->bucket_count; i++)
        weight += h->buckets[i].weight;
    for (size_t i = 0; i < LEN(quantiles); i++)
        told->ns[i] = histogram_quantile_ns(h, quantiles[i]);
    told->is_sound = weight == h->weight;
    return ST_OK;
}

static enum status expect_quantiles(uint32_t group, uint64_t time_s, uint64_t weight,
                                    const double *ns, void *user, struct err *e)
{
    const struct told *told = user;
    (void)group, (void)time_s, (void)weight, (void)e;
    if (told->is_sound && memcmp(ns, told->ns, sizeof(told->ns)) != 0)
        abort();
    return ST_OK;
}

/* Of which buckets a coarse answer tells. */
static const int32_t apart[] = {HISTOGRAM_INDEX_MIN, -1000, -100, -99, 0, 1, 200, INT32_MAX};

static void query(struct edge_part *p, const struct edge_query *q)
{
    struct edge_view view = {.parts = &p, .part_count = 1};
    struct edge_result result;
    if (edge_query_run(&view, q, &result, NULL) == ST_OK)
        edge_result_deinit(&result);
}

/* Quantiles out of sums of slots are those of the list of buckets. */
static void query_quantiles(struct edge_part *p, struct edge_query q)
{
    struct told told = {0};
    q.user = &told;
    q.sections = SECTION_CLIENT;
    q.point = keep_quantiles;
    query(p, &q);
    q.point = NULL;
    q.quantiles = expect_quantiles;
    q.q = quantiles;
    q.q_count = LEN(quantiles);
    query(p, &q);
    q.sections = SECTION_SERVER; /* nothing to hold these against */
    told.is_sound = false;
    query(p, &q);
}

static void query_all(struct edge_part *p)
{
    for (unsigned joint = 0; joint < 2; joint++) {
        struct edge_query q = {.start_s = edge_part_start_s(p),
                               .end_s = edge_part_end_s(p),
                               .joint = joint,
                               .sections = SECTION_ALL,
                               .group = one_group,
                               .max_points = 10};
        if (q.end_s - q.start_s > 1000000) /* each tile is a step of the loop */
            q.end_s = q.start_s + 1000000;
        query(p, &q);
        query_quantiles(p, q);
        q.group = by_name;
        q.step_s = tier_seconds(TIER_15S);
        query(p, &q);
        q.step_s = tier_seconds(TIER_1H);
        q.apart = apart;
        q.apart_count = LEN(apart);
        q.without_sums = true;
        query(p, &q);
    }
}

/* A hash of the bytes that the sum of p and itself is; 0 when there is none. */
static uint64_t merge_and_read(struct edge_part *p)
{
    struct edge_part *twice[] = {p, p}, *sum;
    struct merge_cut cut = {0};
    struct buf bytes = {0};
    struct err e;
    uint64_t lost;
    if (merge_parts(twice, 2, &cut, &bytes, &lost, &e) != ST_OK) {
        buf_deinit(&bytes);
        return 0;
    }
    uint64_t hash = hash_checksum(bytes.ptr, bytes.len), len = bytes.len;
    enum status status = edge_part_open_memory(&bytes, &sum, &e);
    if (status != ST_OK) {
        if (status != ST_NO_MEMORY || !mem_did_fail())
            abort();
        return 0;
    }
    if (edge_part_bytes(sum) != len)
        abort();
    edge_part_unref(sum);
    return hash;
}

struct refill {
    const struct edge_part *from;
    struct cell_set *cells;
};

static struct cell *into_cells(uint32_t row, uint64_t tile_s, void *user)
{
    struct refill *r = user;
    struct cell_row key;
    edge_part_row(r->from, row, &key);
    uint32_t id = cell_set_row(r->cells, &key);
    return id == UINT32_MAX ? NULL : cell_set_cell(r->cells, id, tile_s);
}

static uint32_t cells_name(uint32_t name, void *user)
{
    struct refill *r = user;
    return name < edge_part_name_count(r->from)
               ? cell_set_name(r->cells, edge_part_name(r->from, name))
               : UINT32_MAX;
}

/* What is written out of the 15 s tiles of p opens. */
static void encode_and_read(struct edge_part *p)
{
    struct refill r = {.from = p, .cells = cell_set_new(1)};
    struct edge_part_scan scan = {.end_s = UINT64_MAX / 2,
                                  .sections = SECTION_ALL,
                                  .into = into_cells,
                                  .map_name = cells_name,
                                  .user = &r};
    struct buf bytes = {0};
    struct edge_part *back;
    uint64_t lost = 0;
    if (r.cells && edge_part_scan(p, &scan, &lost, NULL) == ST_OK &&
        cell_set_cell_count(r.cells) > 0 &&
        edge_part_encode(r.cells, false, &bytes, NULL) == ST_OK) {
        enum status status = edge_part_open_memory(&bytes, &back, NULL);
        if (status != ST_OK && !(status == ST_NO_MEMORY && mem_did_fail()))
            abort();
        if (status == ST_OK)
            edge_part_unref(back);
    }
    buf_deinit(&bytes);
    cell_set_free(r.cells);
}

static uint64_t word_at(const char *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof(v));
    return v;
}

/* As docs/formats/edge_part.md has it, for tables that are not packed; those of blocks stay wrong
 * when they are. */
static void repair(char *bytes, size_t len)
{
    if (len < PART_HEADER_BYTES + PART_FOOTER_BYTES)
        return;
    char *footer = bytes + len - PART_FOOTER_BYTES;
    uint64_t at = word_at(footer) % (len - PART_FOOTER_BYTES),
             stored = len - PART_FOOTER_BYTES - at;
    uint32_t version = ((uint8_t)footer[32] + PART_VERSION - 1u) % PART_VERSION + 1;
    uint64_t sum = hash_checksum(bytes + at, stored);
    memcpy(bytes, PART_MAGIC, 8);
    memcpy(footer, &at, 8);
    memcpy(footer + 8, &stored, 8);
    memcpy(footer + 24, &sum, 8);
    memcpy(footer + 32, &version, 4);
    uint32_t own = (uint32_t)hash_checksum(footer, PART_FOOTER_CHECKED);
    memcpy(footer + 36, &own, 4);
    memcpy(footer + 40, PART_END_MAGIC, 8);
}

/* Block checksums live in the tables: after opening, they are simply made right. */
static void repair_blocks(struct edge_part *p)
{
    for (uint32_t i = 0; i < p->block_count; i++) {
        uint64_t at = p->blocks[i].at;
        for (unsigned s = 0; s < STORED_SECTIONS; at += p->blocks[i].bytes[s], s++)
            p->blocks[i].checksum[s] =
                (uint32_t)hash_checksum(p->memory + at, p->blocks[i].bytes[s]);
    }
}

/* The same bytes as a file in memory: the same part. */
static enum status open_file(struct str bytes, struct edge_part **out)
{
    static int fd;
    static char path[32];
    if (!fd) {
        fd = memfd_create("part", 0);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    }
    if (ftruncate(fd, 0) != 0 || pwrite(fd, bytes.ptr, bytes.len, 0) != (ssize_t)bytes.len)
        abort();
    return edge_part_open_file(path, out, NULL);
}

static uint64_t use_part(struct edge_part *p, uint64_t *lost)
{
    *lost = scan_all(p);
    query_all(p);
    if (edge_part_end_s(p) - edge_part_start_s(p) >= 1000000)
        return 0;
    encode_and_read(p);
    return merge_and_read(p);
}

static void expect_same(struct edge_part *memory, struct edge_part *file)
{
    uint64_t lost, lost_of_file;
    if (edge_part_row_count(memory) != edge_part_row_count(file))
        abort();
    uint64_t sum = use_part(memory, &lost), sum_of_file = use_part(file, &lost_of_file);
    if (sum != sum_of_file || lost != lost_of_file)
        abort();
}

static void try_part(struct str bytes, bool fix)
{
    struct buf copy = {0};
    struct edge_part *memory, *file;
    buf_append_str(&copy, bytes);
    enum status status = edge_part_open_memory(&copy, &memory, NULL);
    if (open_file(bytes, &file) != status)
        abort();
    if (status != ST_OK)
        return;
    if (fix) {
        repair_blocks(memory);
        memcpy(file->blocks, memory->blocks, memory->block_count * sizeof(*memory->blocks));
    }
    expect_same(memory, file);
    edge_part_unref(memory);
    edge_part_unref(file);
}

/* An allocation fails, which one depends on the bytes. */
static void try_part_short_of_memory(struct str bytes, bool fix)
{
    struct buf copy = {0};
    struct edge_part *p;
    uint64_t lost;
    buf_append_str(&copy, bytes);
    mem_fail_after((long)(hash_checksum(bytes.ptr, bytes.len) % 512));
    if (edge_part_open_memory(&copy, &p, NULL) == ST_OK) {
        if (fix)
            repair_blocks(p);
        (void)use_part(p, &lost);
        edge_part_unref(p);
    }
    mem_fail_after(-1);
}

static void try_parts(struct str in, bool fix)
{
    struct buf bytes = {0};
    buf_append_str(&bytes, in);
    if (fix && bytes.ptr)
        repair(bytes.ptr, bytes.len);
    try_part(buf_str(&bytes), fix);
    try_part_short_of_memory(buf_str(&bytes), fix);
    buf_deinit(&bytes);
}

static bool add_all(struct str bytes, struct histogram_dense *to)
{
    struct cursor c = cursor_of(bytes);
    bool ok = true;
    while (ok && c.at < c.end)
        ok = histogram_dense_add(&c, to, NULL) == ST_OK;
    return ok;
}

static uint64_t weight_of(const struct histogram *h, int32_t index)
{
    for (uint32_t i = 0; i < h->bucket_count; i++)
        if (h->buckets[i].index == index)
            return h->buckets[i].weight;
    return 0;
}

/* Of histograms that can be read: buckets that are to stay apart weigh what they do in `all`. */
static void expect_coarse(struct str bytes, const struct histogram *all)
{
    struct histogram_dense dense = {0};
    struct histogram coarse = {0};
    if (!add_all(bytes, &dense) ||
        !histogram_dense_take_coarse(&dense, apart, LEN(apart), &coarse) ||
        coarse.weight != all->weight || coarse.zero != all->zero)
        abort();
    for (size_t i = 0; i < LEN(apart); i++)
        if (weight_of(&coarse, apart[i]) != weight_of(all, apart[i]))
            abort();
    histogram_deinit(&coarse);
    histogram_dense_deinit(&dense);
}

/* Sparse and dense readers agree, and what was read is written and read again without a change. */
static void try_histograms(struct str bytes)
{
    struct cursor a = cursor_of(bytes), b = a;
    struct histogram sparse = {0}, taken = {0}, back = {0};
    struct histogram_dense dense = {0};
    struct buf again = {0};
    bool ok = true;
    while (ok && a.at < a.end) {
        ok = histogram_decode_add(&a, &sparse, NULL) == ST_OK;
        if (ok != (histogram_dense_add(&b, &dense, NULL) == ST_OK))
            abort();
    }
    if (ok && histogram_dense_take(&dense, &taken)) {
        if (taken.weight != sparse.weight)
            abort();
        expect_coarse(bytes, &taken);
    }
    histogram_quantile_ns(&sparse, 0.99);
    histogram_encode(&sparse, &again);
    a = cursor_of(buf_str(&again));
    (void)histogram_decode_add(&a, &back, NULL); /* sums of hostile weights may not fit any more */
    histogram_deinit(&sparse);
    histogram_deinit(&taken);
    histogram_deinit(&back);
    histogram_dense_deinit(&dense);
    buf_deinit(&again);
}

/* Sparse and dense readers agree on a run, too. */
static void try_run(struct str bytes, unsigned count, enum histogram_form form)
{
    struct histogram_run run;
    struct histogram_item item;
    struct histogram sparse = {0};
    struct histogram_dense dense = {0};
    bool ok = histogram_run_open(cursor_of(bytes), count, form, &run);
    for (unsigned i = 0; i < count && ok; i++) {
        ok = histogram_run_next(&run) && histogram_run_item(&run, &item);
        if (!ok)
            break;
        ok = histogram_item_add(&item, &sparse, NULL) == ST_OK;
        if (ok != (histogram_dense_add_item(&item, &dense, NULL) == ST_OK))
            abort();
    }
    histogram_deinit(&sparse);
    histogram_dense_deinit(&dense);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    log_set_level(LOG_ERROR);
    if (len == 0)
        return 0;
    if (data[0] < 2)
        try_parts((struct str){(const char *)data + 1, len - 1}, data[0] == 1);
    else if (data[0] == 3 && len > 1)
        try_run((struct str){(const char *)data + 2, len - 2}, 1 + data[1] % HISTOGRAM_RUN_MAX,
                data[1] & 128 ? HISTOGRAM_FORM_1 : HISTOGRAM_FORM_2);
    else
        try_histograms((struct str){(const char *)data + 1, len - 1});
    return 0;
}
