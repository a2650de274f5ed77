/* series_rig.c - runs of samples of every kind, and parts made of them. */
#include "tests/unit/storage/series_rig.h"

#include "model/stale.h"
#include <criterion/criterion.h>
#include <math.h>

struct series_rig series_rig_new(uint64_t seed)
{
    return (struct series_rig){.random = seed * 2654435761u + 88172645463325252u};
}

void series_rig_free(struct series_rig *r)
{
    arena_deinit(&r->arena);
    vec_deinit(&r->runs);
}

uint64_t series_rig_random(struct series_rig *r)
{
    r->random ^= r->random << 13;
    r->random ^= r->random >> 7;
    r->random ^= r->random << 17;
    return r->random;
}

int64_t *series_rig_times(struct series_rig *r, uint32_t count, int64_t start_ms, int64_t step_ms)
{
    int64_t *times = arena_alloc(&r->arena, count * sizeof(*times));
    for (uint32_t i = 0; i < count; i++)
        times[i] = start_ms + i * step_ms;
    return times;
}

struct series_run *series_rig_add(struct series_rig *r, const int64_t *times_ms, uint32_t count)
{
    uint32_t id = r->runs.len > 0 ? r->runs.items[r->runs.len - 1].key.id + 1 : 1;
    struct series_run run = {.key = {id, id, NAN},
                             .sample_count = count,
                             .times_ms = times_ms,
                             .values = arena_calloc(&r->arena, count, sizeof(double))};
    cr_assert(vec_push(&r->runs, run));
    return &r->runs.items[r->runs.len - 1];
}

static double *values_of(const struct series_run *run)
{
    return (double *)run->values;
}

void series_rig_add_classic(struct series_rig *r, const int64_t *times_ms, uint32_t count,
                            const double *bounds, uint32_t bound_count)
{
    size_t first = r->runs.len;
    for (uint32_t b = 0; b < bound_count + 3; b++) {
        struct series_run *run = series_rig_add(r, times_ms, count);
        if (b > bound_count)
            continue;
        run->key.family = r->runs.items[first].key.id;
        run->key.le = b < bound_count ? bounds[b] : INFINITY;
    }
    double sum = 0, held[64] = {0};
    for (uint32_t i = 0; i < count; i++) {
        unsigned requests = series_rig_random(r) % 40;
        for (unsigned k = 0; k < requests; k++) {
            held[series_rig_random(r) % (bound_count + 1) * (series_rig_random(r) % 2)]++;
            sum += (double)(series_rig_random(r) % 1000000);
        }
        double all = 0;
        for (uint32_t b = 0; b <= bound_count; b++)
            values_of(&r->runs.items[first + b])[i] = all += held[b];
        values_of(&r->runs.items[first + bound_count + 1])[i] = sum / 1e6;
        values_of(&r->runs.items[first + bound_count + 2])[i] = all;
    }
}

static double noise(struct series_rig *r)
{
    return (double)(series_rig_random(r) >> 11) / (double)(UINT64_C(1) << 53);
}

static double any_bits(struct series_rig *r)
{
    uint64_t bits = series_rig_random(r);
    double v;
    memcpy(&v, &bits, sizeof(v));
    return v;
}

static double odd_value(struct series_rig *r)
{
    const double odd[] = {NAN, INFINITY, -INFINITY, -0.0, value_stale(), 5e-324, 1e308, 0};
    return odd[series_rig_random(r) % LEN(odd)];
}

/* Value number i of a kind, after `last`. */
static double value_of_kind(struct series_rig *r, unsigned kind, uint32_t i, double last)
{
    switch (kind) {
    case 0:
        return 42;
    case 1:
        return i * 15;
    case 2:
        return last + (double)(series_rig_random(r) % 3);
    case 3:
        return last + (double)(series_rig_random(r) % 100000);
    case 4:
        return i % 300 == 299 ? 0 : last + (double)(series_rig_random(r) % 50);
    case 5:
        return (double)(series_rig_random(r) % 2000) / 100;
    case 6:
        return (double)(series_rig_random(r) % 1000003) / 1000 - 500;
    case 7:
        return noise(r);
    case 8:
        return last + noise(r) * 30;
    case 9:
        return any_bits(r);
    case 10:
        return odd_value(r);
    case 11:
        return i % 40 == 7 ? odd_value(r) : last + 1;
    case 12:
        return i % 100 == 99 ? 1 : 0;
    case 13:
        return i % 97 == 3 ? any_bits(r) : floor(noise(r) * 7);
    case 14:
        return (double)((int64_t)series_rig_random(r) >> 11);
    case 15:
        return ldexp(1 + noise(r), (int)(series_rig_random(r) % 60) - 30);
    case 16:
        return value_stale();
    case 17:
        return i < 10 ? 1e15 : 1e15 + 0.5;
    case 18:
        return last * 0.999 + 0.37;
    default:
        return 0.1 * (double)(series_rig_random(r) % 10);
    }
}

void series_rig_add_floats(struct series_rig *r, const int64_t *times_ms, uint32_t count)
{
    for (unsigned kind = 0; kind < 20; kind++) {
        struct series_run *run = series_rig_add(r, times_ms, count);
        double last = 1000;
        for (uint32_t i = 0; i < count; i++) {
            values_of(run)[i] = value_of_kind(r, kind, i, last);
            last = isfinite(values_of(run)[i]) ? values_of(run)[i] : last;
        }
        if (kind % 5 == 2) {
            int64_t *starts = arena_calloc(&r->arena, count, sizeof(*starts));
            for (uint32_t i = 0; i < count; i++)
                starts[i] = kind == 7 ? (int64_t)series_rig_random(r) : times_ms[0] - kind;
            run->starts_ms = starts;
        }
    }
}

static struct native_buckets make_side(struct series_rig *r, double *held, unsigned size,
                                       int32_t first, bool grow, double fraction)
{
    struct native_buckets b = {.items = arena_alloc(&r->arena, size * sizeof(*b.items))};
    for (unsigned k = 0; k < size; k++) {
        if (grow && series_rig_random(r) % 4 == 0)
            held[k] += (double)(1 + series_rig_random(r) % 3) + fraction;
        if (held[k] > 0)
            b.items[b.count++] = (struct native_bucket){first + (int32_t)k, held[k]};
    }
    return b;
}

enum { SIDE = 24 };

static struct native_histogram *make_histogram(struct series_rig *r, double held[2][SIDE],
                                               double fraction)
{
    struct native_histogram *h = arena_calloc(&r->arena, 1, sizeof(*h));
    h->schema = 3;
    h->zero_threshold = 1e-128;
    h->positive = make_side(r, held[0], SIDE, -10, true, fraction);
    h->negative = make_side(r, held[1], SIDE / 8, 1000000, fraction > 0, fraction);
    h->zero_count = floor(held[0][0] / 2);
    h->count = h->zero_count;
    for (uint32_t k = 0; k < h->positive.count; k++)
        h->count += h->positive.items[k].count;
    for (uint32_t k = 0; k < h->negative.count; k++)
        h->count += h->negative.items[k].count;
    h->sum = h->count * 0.25 + noise(r);
    h->hint = RESET_NO;
    return h;
}

static void make_wild(struct series_rig *r, struct native_histogram *h)
{
    static const double bounds[] = {0.1, 0.5, 2.5};
    switch (series_rig_random(r) % 12) {
    case 0:
        *h = (struct native_histogram){.sum = value_stale(), .schema = (int8_t)(noise(r) * 8)};
        break;
    case 1:
        h->schema = -4;
        break;
    case 2:
        h->hint = RESET_GAUGE;
        break;
    case 3:
        h->schema = NATIVE_SCHEMA_CUSTOM;
        h->bounds = bounds;
        h->bound_count = 1 + (uint32_t)(series_rig_random(r) % 3);
        break;
    case 4:
        h->sum = odd_value(r);
        break;
    case 5:
        h->zero_threshold = noise(r);
        break;
    case 6:
        h->count = odd_value(r);
        break;
    default:
        break;
    }
}

void series_rig_add_native(struct series_rig *r, const int64_t *times_ms, uint32_t count, bool wild)
{
    struct series_run *run = series_rig_add(r, times_ms, count);
    const struct native_histogram **slots = arena_calloc(&r->arena, count, sizeof(*slots));
    double held[2][SIDE] = {{0}};
    for (uint32_t i = 0; i < count; i++) {
        if (wild && series_rig_random(r) % 16 == 0)
            memset(held, 0, sizeof(held));
        struct native_histogram *h = make_histogram(r, held, wild && i > count / 2 ? 0.3 : 0);
        if (wild)
            make_wild(r, h);
        if (wild && series_rig_random(r) % 8 == 0)
            values_of(run)[i] = noise(r);
        else
            slots[i] = h;
    }
    run->histograms = slots;
}

enum status series_rig_write(const struct series_rig *r, const char *path,
                             enum series_effort effort, struct err *e)
{
    struct series_part_writer *w = NULL;
    enum status status = series_part_writer_new(path, effort, &w, e);
    for (size_t i = 0; status == ST_OK && i < r->runs.len; i++)
        status = series_part_writer_add(w, &r->runs.items[i], e);
    if (status == ST_OK)
        status = series_part_writer_finish(w, e);
    series_part_writer_free(w);
    return status;
}

struct series_part *series_rig_part(const struct series_rig *r, const char *path,
                                    enum series_effort effort)
{
    struct series_part *p;
    struct err e = {0};
    cr_assert_eq(series_rig_write(r, path, effort, &e), ST_OK, "%s", e.msg);
    cr_assert_eq(series_part_open(path, &p, &e), ST_OK, "%s", e.msg);
    return p;
}

static void expect_buckets(const struct native_buckets *want, const struct native_buckets *got,
                           uint32_t id, uint32_t i)
{
    cr_assert_eq(want->count, got->count, "series %u sample %u", id, i);
    for (uint32_t k = 0; k < want->count; k++)
        cr_assert(want->items[k].index == got->items[k].index &&
                      memcmp(&want->items[k].count, &got->items[k].count, sizeof(double)) == 0,
                  "series %u sample %u bucket %u", id, i, k);
}

static void expect_histogram(const struct native_histogram *want,
                             const struct native_histogram *got, uint32_t id, uint32_t i)
{
    cr_assert_eq(!want, !got, "series %u sample %u", id, i);
    if (!want)
        return;
    cr_assert_eq(memcmp(&want->count, &got->count, 4 * sizeof(double)), 0, "series %u sample %u",
                 id, i);
    cr_assert(want->schema == got->schema && want->hint == got->hint, "series %u sample %u", id, i);
    cr_assert_eq(want->bound_count, got->bound_count);
    if (want->bound_count > 0)
        cr_assert_eq(memcmp(want->bounds, got->bounds, want->bound_count * sizeof(*want->bounds)),
                     0);
    expect_buckets(&want->positive, &got->positive, id, i);
    expect_buckets(&want->negative, &got->negative, id, i);
}

void series_rig_expect_run(const struct series_run *want, const struct series_run *got,
                           int64_t start_ms, int64_t end_ms)
{
    uint32_t id = want->key.id, k = 0;
    cr_assert_eq(series_key_cmp(want->key, got->key), 0, "wanted %u, got %u", id, got->key.id);
    for (uint32_t i = 0; i < want->sample_count; i++) {
        if (want->times_ms[i] < start_ms || want->times_ms[i] > end_ms)
            continue;
        const struct native_histogram *h = want->histograms ? want->histograms[i] : NULL;
        cr_assert(k < got->sample_count && got->times_ms[k] == want->times_ms[i],
                  "series %u sample %u", id, i);
        if (want->histograms || got->histograms)
            expect_histogram(h, got->histograms ? got->histograms[k] : NULL, id, i);
        if (!h)
            cr_assert_eq(memcmp(&want->values[i], &got->values[k], sizeof(double)), 0,
                         "series %u sample %u: wanted %a, got %a", id, i, want->values[i],
                         got->values[k]);
        cr_assert_eq(want->starts_ms ? want->starts_ms[i] : 0,
                     got->starts_ms ? got->starts_ms[k] : 0, "series %u sample %u", id, i);
        k++;
    }
    cr_assert_eq(k, got->sample_count, "series %u", id);
}

struct expectation {
    const struct series_rig *rig;
    int64_t start_ms, end_ms;
    size_t next;
};

static size_t samples_inside(const struct series_run *run, int64_t start_ms, int64_t end_ms)
{
    size_t count = 0;
    for (uint32_t i = 0; i < run->sample_count; i++)
        count += run->times_ms[i] >= start_ms && run->times_ms[i] <= end_ms;
    return count;
}

static enum status expect_next(const struct series_run *got, void *user, struct err *e)
{
    struct expectation *x = user;
    (void)e;
    while (x->next < x->rig->runs.len &&
           samples_inside(&x->rig->runs.items[x->next], x->start_ms, x->end_ms) == 0)
        x->next++;
    cr_assert_lt(x->next, x->rig->runs.len);
    series_rig_expect_run(&x->rig->runs.items[x->next++], got, x->start_ms, x->end_ms);
    return ST_OK;
}

void series_rig_expect(const struct series_rig *r, const struct series_part *p, int64_t start_ms,
                       int64_t end_ms)
{
    struct expectation x = {r, start_ms, end_ms, 0};
    struct arena arena = {0};
    struct err e = {0};
    uint64_t lost = 0;
    for (unsigned round = 0; round < 2; round++) {
        struct series_part_read read = {.start_ms = start_ms,
                                        .end_ms = end_ms,
                                        .arena = round ? &arena : NULL,
                                        .each = expect_next,
                                        .user = &x};
        x.next = 0;
        cr_assert_eq(series_part_read(p, &read, &lost, &e), ST_OK, "%s", e.msg);
        cr_assert_eq(lost, 0);
        while (x.next < r->runs.len)
            cr_assert_eq(samples_inside(&r->runs.items[x.next++], start_ms, end_ms), 0,
                         "series %zu is missing", x.next);
    }
    arena_deinit(&arena);
}
