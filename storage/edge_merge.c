/* edge_merge.c - which parts become one, and what age cuts off them.
 *
 * Parts that end on the same day are merged with each other only; as long as they have 15 s tiles
 * of joint rows, those of the same hour, so that it costs little to cut these off. Small ones
 * first, and only those of like size, so that a byte is rewritten a few times in its life. Joint
 * rows keep 15 s for 6 h and minutes for 7 days; a tier is made of the one that goes, not before.
 * Exemplars of tiles below five minutes go after 6 h too. */
#include "storage/edge_merge.h"

#include "base/clock.h"
#include "base/log.h"
#include "storage/edge_part_file.h"
#include <stdlib.h>

enum {
    HOUR_S = 3600,
    DAY_S = 86400,
    KEEP_15S = 6 * HOUR_S,
    KEEP_MINUTES = 7 * DAY_S,
    GROWING_AT_LEAST = 8, /* parts of a period that still grows */
    AT_MOST = 64,         /* parts in one merge: each has its reader */
    STEP_BLOCKS = 8,
};
static const uint64_t step_ns = 100 * NS_PER_MS; /* a checkpoint waits no longer */

struct merge_cut edge_merge_cut(uint64_t now_ns, uint64_t end_s, const struct retention *r)
{
    uint64_t now = now_ns / NS_PER_S;
    struct merge_cut cut = {.from_s = {[1] = {[TIER_5M] = TIER_ABSENT}}};
    if (r->edges_ns == 0)
        return cut; /* kept for ever, in every tier */
    uint64_t slab = slab_seconds(TIER_15S);
    cut.from_s[1][TIER_15S] = now > KEEP_15S ? (now - KEEP_15S) / slab * slab : 0;
    cut.exemplars_from_s = cut.from_s[1][TIER_15S];
    if (end_s + KEEP_MINUTES <= now) {
        cut.from_s[1][TIER_1M] = TIER_ABSENT;
        cut.from_s[1][TIER_5M] = 0;
    }
    return cut;
}

/* Minutes of joint rows that are gone have left five minutes behind, which no cut takes: see
 * edge_merge_source.c. */
static bool is_needed(const struct edge_part *p, const struct block_entry *b)
{
    return b->joint && b->tier == TIER_5M && p->from_s[1][TIER_15S] > 0 &&
           p->from_s[1][TIER_1M] > 0;
}

uint64_t edge_merge_cut_bytes(const struct edge_part *p, const struct merge_cut *cut)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < p->block_count; i++) {
        const struct block_entry *b = &p->blocks[i];
        uint64_t end_s = (b->slab + 1) * slab_seconds(b->tier);
        if (end_s > cut->from_s[b->joint][b->tier] || is_needed(p, b))
            continue;
        for (unsigned s = 0; s < STORED_SECTIONS; s++)
            bytes += b->bytes[s];
    }
    return bytes;
}

/* Parts of one period are merged with each other only. */
struct period {
    uint64_t start_s;
    uint32_t seconds; /* an hour or a day */
};

static struct period period_of(const struct stored_part *p, uint64_t now_ns, bool compact,
                               const struct retention *r)
{
    uint64_t end_s = edge_part_end_s(p->part), last_s = end_s ? end_s - 1 : 0;
    struct merge_cut cut = edge_merge_cut(now_ns, end_s, r);
    bool is_young = r->edges_ns != 0 && end_s > cut.from_s[1][TIER_15S];
    uint32_t seconds = is_young && !compact ? HOUR_S : DAY_S;
    return (struct period){last_s / seconds * seconds, seconds};
}

static bool same_period(const struct period *a, const struct period *b)
{
    return a->start_s == b->start_s && a->seconds == b->seconds;
}

/* More is expected of it; not so when its hours come one by one, 6 h later. */
static bool still_grows(const struct period *p, uint64_t now_ns, const struct retention *r)
{
    bool is_fed = p->seconds == HOUR_S || r->edges_ns == 0;
    return is_fed && now_ns / NS_PER_S < p->start_s + p->seconds;
}

static int by_number(uint64_t x, uint64_t y)
{
    return (x > y) - (x < y);
}

/* Periods lie one behind the other in this order. */
static int by_end(const void *a, const void *b)
{
    const struct stored_part *x = a, *y = b;
    int order = by_number(edge_part_end_s(x->part), edge_part_end_s(y->part));
    return order ? order : by_number(x->id, y->id);
}

static int by_size(const void *a, const void *b)
{
    const struct stored_part *x = a, *y = b;
    int order = by_number(edge_part_bytes(x->part), edge_part_bytes(y->part));
    return order ? order : by_number(x->id, y->id);
}

/* The longest run of parts, smallest first, of which none is more than twice what lies before it.
 */
static size_t like_sizes(const struct stored_part *parts, size_t count)
{
    uint64_t before = 0;
    size_t n = 0;
    for (; n < MIN(count, (size_t)AT_MOST); n++) {
        uint64_t bytes = edge_part_bytes(parts[n].part);
        if (n > 0 && bytes / 2 > before)
            break;
        before += bytes;
    }
    return n;
}

/* True when rewriting the part alone is worth it: it frees a sixteenth, or what is left of tiles
 * that no longer grow. */
static bool worth_cutting(const struct edge_part *p, uint64_t now_ns, bool compact,
                          const struct retention *r)
{
    struct merge_cut cut = edge_merge_cut(now_ns, edge_part_end_s(p), r);
    uint64_t freed = edge_merge_cut_bytes(p, &cut);
    bool is_last = cut.from_s[1][TIER_15S] >= edge_part_end_s(p);
    uint64_t least = compact ? 1 : edge_part_bytes(p) / (is_last ? 32 : 16);
    return freed > 0 && freed >= least;
}

/* How many of the parts of one period, smallest first, are to become one. */
static size_t choose_of_period(const struct stored_part *parts, size_t count, bool grows,
                               uint64_t now_ns, bool compact, const struct retention *r)
{
    size_t n = compact ? MIN(count, (size_t)AT_MOST) : like_sizes(parts, count);
    if (n >= (grows && !compact ? GROWING_AT_LEAST : 2))
        return n;
    return worth_cutting(parts->part, now_ns, compact, r) ? 1 : 0;
}

/* Brings parts [at, at + count) to the front. */
static void to_front(struct stored_part *parts, size_t at, size_t count)
{
    for (size_t i = 0; i < count && at > 0; i++) {
        struct stored_part moved = parts[i];
        parts[i] = parts[at + i];
        parts[at + i] = moved;
    }
}

void edge_merge_choose(struct stored_part *parts, size_t count, uint64_t now_ns, bool compact,
                       const struct retention *r, size_t *chosen)
{
    *chosen = 0;
    if (count == 0)
        return;
    qsort(parts, count, sizeof(*parts), by_end);
    for (size_t first = 0, next; first < count && *chosen == 0; first = next) {
        struct period period = period_of(&parts[first], now_ns, compact, r), other = period;
        for (next = first + 1; next < count; next++) {
            other = period_of(&parts[next], now_ns, compact, r);
            if (!same_period(&period, &other))
                break;
        }
        qsort(parts + first, next - first, sizeof(*parts), by_size);
        bool grows = still_grows(&period, now_ns, r);
        for (size_t at = first; at < next && *chosen == 0; at++) {
            *chosen = choose_of_period(&parts[at], next - at, grows, now_ns, compact, r);
            to_front(parts, at, *chosen);
        }
    }
}

/* Moves the parts that are set aside behind the others; how many others there are. */
static size_t without_aside(struct stored_part *parts, size_t count, const struct set_aside *aside)
{
    uint64_t now = clock_mono_ns();
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        struct stored_part part = parts[i];
        if (set_aside_has(aside, part.id, now))
            continue;
        parts[i] = parts[n];
        parts[n++] = part;
    }
    return n;
}

static enum status start_job(struct store *s, uint64_t now_ns, bool compact,
                             struct merge_work *work, struct err *e)
{
    struct stored_part *parts;
    size_t count, chosen;
    TRY(store_parts_snapshot(s, UINT64_MAX, &parts, &count, e));
    edge_merge_choose(parts, without_aside(parts, count, &work->aside), now_ns, compact,
                      store_retention(s), &chosen);
    uint64_t end_s = 0;
    for (size_t i = 0; i < chosen; i++)
        end_s = MAX(end_s, edge_part_end_s(parts[i].part));
    struct merge_cut cut = edge_merge_cut(now_ns, end_s, store_retention(s));
    enum status status = chosen ? merge_job_new(s, parts, chosen, &cut, &work->job, e) : ST_OK;
    stored_parts_free(parts, count);
    return status;
}

enum status edge_merge_step(struct store *s, uint64_t now_ns, bool compact, bool *did,
                            struct err *e)
{
    struct merge_work *work = edge_store_merge_work(store_edges(s));
    uint64_t until = clock_mono_ns() + step_ns;
    enum status status = ST_OK;
    bool done = false;
    if (!work->job)
        TRY(start_job(s, now_ns, compact, work, e));
    *did = work->job != NULL;
    while (work->job && status == ST_OK && !done && clock_mono_ns() < until)
        status = merge_job_step(work->job, STEP_BLOCKS, &done, e);
    if (work->job && status != ST_OK)
        merge_job_set_aside(work->job, &work->aside);
    if (done || status != ST_OK) {
        merge_job_free(work->job);
        work->job = NULL;
    }
    return status;
}
