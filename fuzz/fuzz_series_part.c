/* fuzz_series_part.c - arbitrary bytes as a series part. The first byte chooses: 0 a part as it is,
 * 1 a part whose checksums are made to fit, else one block of as many series. No crash; whatever is
 * read is written again and reads back bit by bit, fast and sealed, whole and every other series of
 * a part of its time, and so does the merge of both. */
#include "base/hash.h"
#include "base/log.h"
#include "storage/series_part_file.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static uint64_t mix(uint64_t sum, const void *bytes, size_t len)
{
    return hash_bytes(bytes, len, sum);
}

static uint64_t mix_buckets(uint64_t sum, const struct native_buckets *b)
{
    for (uint32_t k = 0; k < b->count; k++) {
        sum = mix(sum, &b->items[k].index, sizeof(b->items[k].index));
        sum = mix(sum, &b->items[k].count, sizeof(b->items[k].count));
    }
    return sum;
}

static uint64_t mix_histogram(uint64_t sum, const struct native_histogram *h)
{
    sum = mix(sum, &h->count, 4 * sizeof(double));
    sum = mix(sum, &h->schema, 2);
    sum = mix(sum, h->bounds, h->bound_count * sizeof(double));
    return mix_buckets(mix_buckets(sum, &h->positive), &h->negative);
}

struct digest {
    uint64_t sum;
    struct series_part_writer *fast, *sealed; /* NULL: only digest */
};

static enum status digest_run(const struct series_run *run, void *user, struct err *e)
{
    struct digest *d = user;
    if (run->key.id == 0 || run->key.family == 0)
        return ST_OK;
    d->sum = mix(d->sum, &run->key.family, 2 * sizeof(uint32_t));
    for (uint32_t i = 0; i < run->sample_count; i++) {
        int64_t start = run->starts_ms ? run->starts_ms[i] : 0;
        d->sum = mix(d->sum, &run->times_ms[i], sizeof(int64_t));
        d->sum = mix(d->sum, &start, sizeof(start));
        d->sum = run->histograms && run->histograms[i]
                     ? mix_histogram(d->sum, run->histograms[i])
                     : mix(d->sum, &run->values[i], sizeof(double));
    }
    if (d->fast && (series_part_writer_add(d->fast, run, e) != ST_OK ||
                    series_part_writer_add(d->sealed, run, e) != ST_OK))
        abort();
    return ST_OK;
}

enum { INPUT, FAST, SEALED, MERGED, FILES };
static int files[FILES]; /* in memory: the input, and what is written again */
static char paths[FILES][32];

static void make_files(void)
{
    for (unsigned i = 0; i < FILES && files[MERGED] == 0; i++) {
        files[i] = memfd_create("part", 0);
        snprintf(paths[i], sizeof(paths[i]), "/proc/self/fd/%d", files[i]);
    }
}

static void begin_copies(struct digest *d)
{
    if (series_part_writer_new(paths[FAST], EFFORT_FAST, &d->fast, NULL) != ST_OK ||
        series_part_writer_new(paths[SEALED], EFFORT_SEALED, &d->sealed, NULL) != ST_OK)
        abort();
}

static void finish_copies(struct digest *d)
{
    if (series_part_writer_finish(d->fast, NULL) != ST_OK ||
        series_part_writer_finish(d->sealed, NULL) != ST_OK)
        abort();
    series_part_writer_free(d->fast);
    series_part_writer_free(d->sealed);
}

static uint64_t read_part(struct series_part *p, struct digest *d, uint64_t *lost)
{
    struct series_part_read read = {
        .start_ms = INT64_MIN, .end_ms = INT64_MAX, .each = digest_run, .user = d};
    *lost = 0;
    if (series_part_read(p, &read, lost, NULL) == ST_CORRUPT)
        abort(); /* damage is lost blocks */
    return d->sum;
}

struct choice {
    int64_t start_ms, end_ms;
    uint32_t seen;
    VEC(struct series_key) keys;
    struct digest digest;
};

/* Notes every other series, and digests its samples in the range. */
static enum status choose_run(const struct series_run *run, void *user, struct err *e)
{
    struct choice *c = user;
    struct series_run cut = *run;
    uint32_t from = 0, to = run->sample_count;
    if (c->seen++ % 2)
        return ST_OK;
    if (!vec_push(&c->keys, run->key))
        abort();
    while (from < to && run->times_ms[from] < c->start_ms)
        from++;
    while (to > from && run->times_ms[to - 1] > c->end_ms)
        to--;
    cut.sample_count = to - from;
    cut.times_ms += from;
    cut.values += from;
    cut.histograms = run->histograms ? run->histograms + from : NULL;
    cut.starts_ms = run->starts_ms ? run->starts_ms + from : NULL;
    return cut.sample_count ? digest_run(&cut, &c->digest, e) : ST_OK;
}

/* The middle half of every other series is what all of the part has there. */
static void expect_middle(struct series_part *p)
{
    struct series_part_info info = series_part_info(p);
    uint64_t quarter = ((uint64_t)info.max_time_ms - (uint64_t)info.min_time_ms) / 4, lost = 0;
    struct choice c = {.start_ms = (int64_t)((uint64_t)info.min_time_ms + quarter),
                       .end_ms = (int64_t)((uint64_t)info.max_time_ms - quarter)};
    struct series_part_read all = {
        .start_ms = INT64_MIN, .end_ms = INT64_MAX, .each = choose_run, .user = &c};
    struct arena arena = {.limit_bytes = 256 * MIB};
    struct digest d = {0};
    if (series_part_read(p, &all, &lost, NULL) != ST_OK)
        abort();
    struct series_part_read middle = {.keys = c.keys.items,
                                      .key_count = (uint32_t)c.keys.len,
                                      .start_ms = c.start_ms,
                                      .end_ms = c.end_ms,
                                      .arena = &arena,
                                      .each = digest_run,
                                      .user = &d};
    enum status status = c.keys.len ? series_part_read(p, &middle, &lost, NULL) : ST_OK;
    if (lost > 0 || (status == ST_OK && d.sum != c.digest.sum))
        abort();
    vec_deinit(&c.keys);
    arena_deinit(&arena);
}

static void expect_copy(struct series_part *p, uint64_t sum)
{
    struct digest d = {0};
    uint64_t lost;
    if (read_part(p, &d, &lost) != sum || lost > 0)
        abort();
    expect_middle(p);
}

static void keep_all(struct series_run *run, int64_t *times_ms, double *values, void *user)
{
    (void)run, (void)times_ms, (void)values, (void)user;
}

/* What the merge of parts gives is what one of them does. */
static void expect_merged(struct series_part *const *parts, uint32_t count, bool keep, uint64_t sum)
{
    struct series_part *merged;
    struct series_merge merge = {.parts = parts,
                                 .part_count = count,
                                 .path = paths[MERGED],
                                 .effort = EFFORT_SEALED,
                                 .keep = keep ? keep_all : NULL};
    uint64_t lost = 0;
    if (series_part_merge(&merge, &lost, NULL) != ST_OK || lost > 0 ||
        series_part_open(paths[MERGED], &merged, NULL) != ST_OK)
        abort();
    expect_copy(merged, sum);
    series_part_unref(merged);
}

static void expect_copies(uint64_t sum)
{
    struct series_part *p[2];
    if (series_part_open(paths[FAST], &p[0], NULL) != ST_OK ||
        series_part_open(paths[SEALED], &p[1], NULL) != ST_OK)
        abort();
    expect_copy(p[0], sum);
    expect_copy(p[1], sum);
    expect_merged(p, 1, false, sum);
    expect_merged(p, 2, true, sum);
    series_part_unref(p[0]);
    series_part_unref(p[1]);
}

static uint64_t word_at(const char *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof(v));
    return v;
}

/* As docs/formats/series_part.md has it, for an index that is not packed. */
static void repair(char *bytes, size_t len)
{
    if (len < SERIES_HEADER_BYTES + SERIES_FOOTER_BYTES)
        return;
    char *footer = bytes + len - SERIES_FOOTER_BYTES;
    uint64_t at = word_at(footer) % (len - SERIES_FOOTER_BYTES),
             stored = len - SERIES_FOOTER_BYTES - at;
    uint32_t version = SERIES_VERSION;
    uint64_t sum = hash_checksum(bytes + at, stored);
    memcpy(bytes, SERIES_MAGIC, 8);
    memcpy(footer, &at, 8);
    memcpy(footer + 8, &stored, 8);
    memcpy(footer + 24, &sum, 8);
    memcpy(footer + 32, &version, 4);
    uint32_t own = (uint32_t)hash_checksum(footer, SERIES_FOOTER_CHECKED);
    memcpy(footer + 36, &own, 4);
    memcpy(footer + 40, SERIES_END_MAGIC, 8);
}

/* Block checksums live in the index: after opening, they are simply made right. */
static void repair_blocks(struct series_part *p, const char *bytes)
{
    for (uint32_t i = 0; i < p->block_count; i++)
        p->blocks[i].checksum =
            (uint32_t)hash_checksum(bytes + p->blocks[i].at, p->blocks[i].bytes);
}

static void try_part(const uint8_t *data, size_t len, bool fix)
{
    struct buf bytes = {0};
    struct series_part *p;
    struct digest d = {0};
    uint64_t lost;
    buf_append(&bytes, data, len);
    if (fix && bytes.ptr)
        repair(bytes.ptr, bytes.len);
    if (ftruncate(files[INPUT], 0) != 0 || pwrite(files[INPUT], bytes.ptr, len, 0) != (ssize_t)len)
        abort();
    if (series_part_open(paths[INPUT], &p, NULL) == ST_OK) {
        if (fix)
            repair_blocks(p, bytes.ptr);
        read_part(p, &d, &lost); /* runs of blocks that turn out damaged are in it as well */
        d = (struct digest){0};
        if (lost == 0) {
            begin_copies(&d);
            read_part(p, &d, &lost);
            finish_copies(&d);
            expect_copies(d.sum);
            expect_merged(&p, 1, false, d.sum);
        }
        series_part_unref(p);
    }
    buf_deinit(&bytes);
}

/* What the index would have said of the block, were it as it is. */
static void believe(const struct series_block_reader *r, struct series_block_entry *entry)
{
    entry->samples = 0;
    for (size_t i = 0; i < r->series.len; i++)
        entry->samples += r->times.items[r->series.items[i].times].count;
    if (r->series.len > 0) {
        entry->first = r->series.items[0].key;
        entry->last = r->series.items[r->series.len - 1].key;
    }
}

static void try_block(const uint8_t *data, size_t len, uint32_t series)
{
    struct series_block_reader r = {0};
    struct series_block_entry entry = {.series = series};
    struct arena arena = {.limit_bytes = 256 * MIB};
    struct digest d = {0};
    buf_append(&r.bytes, data, len);
    if (series_block_reader_parse(&r, &entry, NULL) != ST_OK)
        believe(&r, &entry);
    if (entry.samples <= BLOCK_SAMPLES_MAX &&
        series_block_reader_parse(&r, &entry, NULL) == ST_OK) {
        for (size_t i = 0; i < r.series.len; i++)
            r.series.items[i].wanted = true;
        begin_copies(&d);
        enum status status = series_block_reader_run(&r, &arena, digest_run, &d, NULL);
        finish_copies(&d);
        if (status == ST_OK)
            expect_copies(d.sum);
        struct digest pass = {0};
        if (series_block_reader_all(&r, &entry, &arena, digest_run, &pass, NULL) == ST_OK &&
            status == ST_OK && pass.sum != d.sum)
            abort(); /* one pass gives what two give */
    }
    series_block_reader_deinit(&r);
    arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    log_set_level(LOG_ERROR);
    make_files();
    if (len == 0)
        return 0;
    if (data[0] < 2)
        try_part(data + 1, len - 1, data[0] == 1);
    else
        try_block(data + 1, len - 1, data[0] - 1);
    return 0;
}
