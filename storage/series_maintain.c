/* series_maintain.c - which parts are merged, thinned out or dropped, one step at a time. */
#include "base/clock.h"
#include "base/fileio.h"
#include "base/log.h"
#include "storage/series_cut.h"
#include "storage/series_postings.h"
#include "storage/series_store_private.h"
#include <stdio.h>

enum {
    FAN = 8,               /* so many neighbours of one size become one */
    TIER_BYTES = 64 * KIB, /* the smallest tier's upper end; each next one is FAN times as big */
    TIER_LAST = 6,         /* beyond a merge's size */
    SEALED_TIER = 2,       /* from here on packing costs little of what it saves */
};

static const int64_t day_ms = 86400000, hour_ms = 3600000;
/* Larger parts are left alone: a merge of them would keep a checkpoint waiting for too long. */
static const uint64_t merge_max_bytes = (uint64_t)1 * GIB;

/* What is to be done next. */
struct plan {
    uint32_t first, count; /* parts of the set, neighbours */
    bool drop;             /* they go without a successor */
    const char *why;
    enum series_effort effort;
    int64_t drop_before_ms, step_ms;
};

struct chooser {
    const struct series_store *s;
    const struct series_set *set;
    int64_t now_ms, oldest_ms; /* oldest_ms: INT64_MIN without a retention */
    uint64_t mono_ns;
    bool compact;
};

/* --- choosing --- */

static bool is_aside(const struct chooser *c, uint32_t part)
{
    return set_aside_has(&c->s->aside, c->set->parts[part].id, c->mono_ns);
}

static bool is_hidden_in(const struct tombstone *t, const struct set_part *p)
{
    return tombstone_covers(t, p->id) && t->start_ms <= p->info.max_time_ms &&
           t->end_ms >= p->info.min_time_ms;
}

/* A part that holds deleted samples is written anew, alone: its neighbours may hold newer samples
 * of the same times. */
static bool choose_deleted(const struct chooser *c, struct plan *out)
{
    for (uint32_t i = 0; i < c->set->part_count; i++)
        for (uint32_t t = 0; t < c->set->tombstone_count; t++)
            if (!is_aside(c, i) && is_hidden_in(c->set->tombstones[t], &c->set->parts[i])) {
                *out = (struct plan){i, 1, false, "delete", EFFORT_SEALED, c->oldest_ms, 0};
                return true;
            }
    return false;
}

static uint64_t bytes_of_all(const struct series_set *set)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < set->part_count; i++)
        bytes += set->parts[i].info.bytes;
    return bytes;
}

/* The part whose newest sample is the oldest. */
static bool choose_expired(const struct chooser *c, struct plan *out)
{
    struct store *store = c->s->config.store;
    uint64_t limit = store->retention.disk_bytes, bytes = bytes_of_all(c->set);
    uint64_t edges = parts_disk_bytes(store);
    uint32_t oldest = 0;
    atomic_store(&store->series_bytes, bytes);
    if (c->set->part_count == 0)
        return false;
    for (uint32_t i = 1; i < c->set->part_count; i++)
        if (c->set->parts[i].info.max_time_ms < c->set->parts[oldest].info.max_time_ms)
            oldest = i;
    bool old = c->set->parts[oldest].info.max_time_ms < c->oldest_ms;
    /* Edges and series share the disk: what takes more of it gives way. */
    bool over = limit && bytes + edges > limit && bytes > edges;
    *out = (struct plan){.first = oldest, .count = 1, .drop = true, .why = old ? "age" : "disk"};
    return old || over;
}

static unsigned tier_of(const struct set_part *p)
{
    unsigned tier = 0;
    for (uint64_t end = TIER_BYTES; p->info.bytes > end && tier < TIER_LAST; end *= FAN)
        tier++;
    return tier;
}

/* FAN neighbours of one tier, and the smaller ones between them: parts of two tiers in turn must
 * not pile up. */
static bool choose_of_tier(const struct chooser *c, unsigned tier, struct plan *out)
{
    uint64_t bytes = 0;
    uint32_t first = 0, same = 0;
    for (uint32_t i = 0; i < c->set->part_count && same < FAN; i++) {
        unsigned own = tier_of(&c->set->parts[i]);
        if (own > tier || is_aside(c, i)) {
            first = i + 1;
            same = 0;
            bytes = 0;
            continue;
        }
        same += own == tier;
        bytes += c->set->parts[i].info.bytes;
        out->count = i + 1 - first;
    }
    out->first = first;
    return same == FAN && bytes <= merge_max_bytes;
}

static bool choose_tier(const struct chooser *c, struct plan *out)
{
    for (unsigned tier = 0; tier <= TIER_LAST; tier++) {
        *out = (struct plan){.why = "size",
                             .effort = tier >= SEALED_TIER ? EFFORT_SEALED : EFFORT_FAST,
                             .drop_before_ms = c->oldest_ms};
        if (choose_of_tier(c, tier, out))
            return true;
    }
    return false;
}

static int64_t day_of(int64_t time_ms)
{
    return time_ms / day_ms - (time_ms % day_ms < 0);
}

/* When compacting: neighbours whose samples lie within the length of a day. Else those of a day
 * that is over, give or take an hour for late ones. */
static uint32_t day_group(const struct chooser *c, uint32_t first, uint64_t *bytes)
{
    const struct set_part *parts = c->set->parts;
    int64_t min = parts[first].info.min_time_ms, max = parts[first].info.max_time_ms;
    uint32_t end = first;
    for (*bytes = 0; end < c->set->part_count; end++) {
        min = MIN(min, parts[end].info.min_time_ms);
        max = MAX(max, parts[end].info.max_time_ms);
        bool within = c->compact ? (uint64_t)max - (uint64_t)min < (uint64_t)day_ms
                                 : day_of(min) == day_of(max) &&
                                       c->now_ms - hour_ms >= (day_of(max) + 1) * day_ms;
        if (!within || is_aside(c, end) || *bytes + parts[end].info.bytes > merge_max_bytes)
            break;
        *bytes += parts[end].info.bytes;
    }
    return MAX(end - first, 1u);
}

/* A day's part is not written anew for each late crumb. */
static bool is_worth_it(const struct chooser *c, uint32_t first, uint32_t count, uint64_t bytes)
{
    uint64_t largest = 0;
    for (uint32_t i = first; i < first + count; i++)
        largest = MAX(largest, c->set->parts[i].info.bytes);
    return c->compact || (bytes - largest) * FAN >= largest;
}

static bool choose_day(const struct chooser *c, struct plan *out)
{
    for (uint32_t first = 0; first < c->set->part_count;) {
        uint64_t bytes;
        uint32_t count = day_group(c, first, &bytes);
        bool sealed = c->set->parts[first].is_sealed || !c->compact || is_aside(c, first);
        if ((count > 1 && is_worth_it(c, first, count, bytes)) || !sealed) {
            *out = (struct plan){first, count, false, "day", EFFORT_SEALED, c->oldest_ms, 0};
            return true;
        }
        first += count;
    }
    return false;
}

static bool choose_coarse(const struct chooser *c, struct plan *out)
{
    const struct series_settings *x = &c->s->config.settings;
    int64_t before_ms = c->now_ms - (int64_t)x->downsample_after_s * 1000;
    if (!x->downsample_after_s || !x->downsample_step_s)
        return false;
    for (uint32_t i = 0; i < c->set->part_count; i++) {
        const struct set_part *p = &c->set->parts[i];
        if (p->info.max_time_ms >= before_ms || p->step_s >= x->downsample_step_s || is_aside(c, i))
            continue;
        *out = (struct plan){i,
                             1,
                             false,
                             "downsample",
                             EFFORT_SEALED,
                             c->oldest_ms,
                             (int64_t)x->downsample_step_s * 1000};
        return true;
    }
    return false;
}

static bool choose(const struct chooser *c, struct plan *out)
{
    return choose_expired(c, out) || choose_deleted(c, out) || choose_tier(c, out) ||
           choose_day(c, out) || choose_coarse(c, out);
}

/* --- doing --- */

static bool ends_with(struct str text, const char *end)
{
    return str_ends_with(text, str_from_c(end));
}

/* What its metadata says, or else its name. */
static bool is_counter(uint32_t id, void *user)
{
    struct series_store *s = user;
    struct series_set *set = series_store_set(s);
    bool counter = false;
    series_index_lock(set->index);
    if (series_index_has(set->index, id)) {
        struct str name = series_index_value(set->index, id, LABEL_METRIC_NAME);
        pthread_mutex_lock(&s->head_lock);
        const struct kept_metadata *m = metadata_find(&s->metadata, name);
        counter = m ? m->type == METRIC_COUNTER
                    : ends_with(name, "_total") || ends_with(name, "_count") ||
                          ends_with(name, "_sum") || ends_with(name, "_bucket");
        pthread_mutex_unlock(&s->head_lock);
    }
    series_index_unlock(set->index);
    series_set_unref(set);
    return counter;
}

/* The tombstones that hide something in the parts of the plan; arena's. */
static bool list_tombstones(const struct series_set *set, const struct plan *plan,
                            struct arena *arena, struct series_cut *cut)
{
    struct tombstone **list = arena_alloc(arena, set->tombstone_count * sizeof(*list));
    for (uint32_t t = 0; list && t < set->tombstone_count; t++)
        if (is_hidden_in(set->tombstones[t], &set->parts[plan->first]))
            list[cut->tombstone_count++] = set->tombstones[t];
    cut->tombstones = list;
    return list;
}

static bool is_cut(const struct series_set *set, const struct plan *plan,
                   const struct series_cut *cut)
{
    bool too_old = false;
    for (uint32_t i = 0; i < plan->count; i++)
        too_old |= set->parts[plan->first + i].info.min_time_ms < plan->drop_before_ms;
    return too_old || cut->tombstone_count || cut->step_ms;
}

struct exchange {
    struct set_part part; /* NULL inside: nothing takes their place */
    uint64_t *ids;        /* arena */
    uint32_t count;
    uint64_t dead_tombstone;
    uint64_t lost_blocks; /* while they were merged */
    uint32_t unreadable;  /* of the parts; count: none */
};

/* A merge is as fine as the finest part in it, so that it is thinned out once more. */
static uint32_t step_of_merge(const struct series_set *set, const struct plan *plan)
{
    uint32_t step_s = set->parts[plan->first].step_s;
    for (uint32_t i = 1; i < plan->count; i++)
        step_s = MIN(step_s, set->parts[plan->first + i].step_s);
    return MAX(step_s, (uint32_t)(plan->step_ms / 1000));
}

/* Writes the merge to a new file and opens it. */
static enum status merge(struct series_store *s, const struct series_set *set,
                         const struct plan *plan, struct exchange *x, struct arena *arena,
                         struct err *e)
{
    char path[STORE_PATH_MAX];
    struct series_part **parts = arena_alloc(arena, plan->count * sizeof(*parts));
    struct series_cut cut = {.drop_before_ms = plan->drop_before_ms,
                             .step_ms = plan->step_ms,
                             .is_counter = is_counter,
                             .user = s};
    if (!parts || !list_tombstones(set, plan, arena, &cut))
        return err_set(e, ST_NO_MEMORY, "no memory to merge series");
    for (uint32_t i = 0; i < plan->count; i++)
        parts[i] = set->parts[plan->first + i].part;
    x->part.id = store_new_id(s->config.store);
    series_path(s, x->part.id, "part", path);
    struct series_merge m = {.parts = parts,
                             .part_count = plan->count,
                             .path = path,
                             .effort = plan->effort,
                             .keep = is_cut(set, plan, &cut) ? series_cut_run : NULL,
                             .user = &cut,
                             .stop = &s->resting,
                             .unreadable = &x->unreadable};
    TRY(series_part_merge(&m, &x->lost_blocks, e));
    TRY(series_part_open(path, &x->part.part, e));
    x->part.info = series_part_info(x->part.part);
    x->part.is_sealed = plan->effort == EFFORT_SEALED;
    x->part.step_s = step_of_merge(set, plan);
    return ST_OK;
}

static void show_exchange(struct series_set *fresh, void *user)
{
    struct exchange *x = user;
    if (x->part.part)
        series_set_replace_parts(fresh, x->ids, x->count, &x->part);
    for (uint32_t i = 0; !x->part.part && i < x->count; i++)
        series_set_remove_part(fresh, x->ids[i]);
    for (uint32_t i = 0; i < fresh->tombstone_count; i++) {
        if (fresh->tombstones[i]->id != x->dead_tombstone)
            continue;
        tombstone_unref(fresh->tombstones[i]);
        fresh->tombstones[i] = fresh->tombstones[--fresh->tombstone_count];
        break;
    }
}

static uint64_t rank_of(const struct series_store *s, uint64_t id)
{
    size_t count;
    const struct catalogue_series_part *rows =
        catalogue_series_parts(s->config.store->catalogue, &count);
    for (size_t i = 0; i < count; i++)
        if (rows[i].id == id)
            return rows[i].rank;
    return 0;
}

/* The exchange in the catalogue, then in the set, then on disk. */
static enum status commit(struct series_store *s, struct exchange *x, struct series_set *fresh,
                          bool *unknown, struct err *e)
{
    char path[STORE_PATH_MAX];
    struct catalogue_series_part row;
    struct catalogue_series_change change = {
        .removed = x->ids, .removed_count = x->count, .dead_tombstone = x->dead_tombstone};
    if (x->part.part) {
        row = series_part_row(&x->part, rank_of(s, x->ids[x->count - 1]));
        change.added = &row;
        snprintf(path, sizeof(path), "%s/series", store_directory(s->config.store));
        TRY(dir_sync(path, e));
    }
    file_point("series_merged");
    TRY(catalogue_series_commit(s->config.store->catalogue, &change, unknown, e));
    file_point("series_exchanged");
    (void)series_set_show(s, fresh, show_exchange, x);
    for (uint32_t i = 0; i < x->count; i++)
        series_remove_file(s, x->ids[i], "part");
    return ST_OK;
}

static enum status exchange(struct series_store *s, struct exchange *x, struct err *e)
{
    struct series_set *fresh = series_set_room(s, 1, 0);
    bool unknown = false;
    enum status status = fresh ? commit(s, x, fresh, &unknown, e)
                               : err_set(e, ST_NO_MEMORY, "no memory to merge series");
    if (status == ST_OK)
        return ST_OK;
    series_set_unref(fresh);
    series_part_unref(x->part.part);
    if (x->part.id && !unknown)
        series_remove_file(s, x->part.id, "part");
    return status;
}

static enum status run_plan(struct series_store *s, const struct series_set *set,
                            const struct plan *plan, struct arena *arena, struct err *e)
{
    struct exchange x = {.ids = arena_alloc(arena, plan->count * sizeof(*x.ids)),
                         .count = plan->count,
                         .unreadable = plan->count};
    if (!x.ids)
        return err_set(e, ST_NO_MEMORY, "no memory to merge series");
    for (uint32_t i = 0; i < plan->count; i++)
        x.ids[i] = set->parts[plan->first + i].id;
    enum status status = plan->drop ? ST_OK : merge(s, set, plan, &x, arena, e);
    if (status != ST_OK) {
        series_remove_file(s, x.part.id, "part");
        if (x.unreadable < x.count) /* it would be chosen again, before all others */
            set_aside_add(&s->aside, x.ids[x.unreadable], clock_mono_ns());
        return status;
    }
    if (x.part.part && x.part.info.samples == 0) { /* nothing of them is left */
        series_part_unref(x.part.part);
        series_remove_file(s, x.part.id, "part");
        x.part = (struct set_part){0};
    }
    TRY(exchange(s, &x, e));
    if (plan->drop)
        log_info("series: part dropped id=%llu reason=%s", (unsigned long long)x.ids[0], plan->why);
    pthread_mutex_lock(&s->set_lock);
    s->counters.merges += !plan->drop;
    s->counters.lost_blocks += x.lost_blocks;
    pthread_mutex_unlock(&s->set_lock);
    return ST_OK;
}

/* A tombstone that hides nothing any more. */
static uint64_t dead_tombstone(const struct series_set *set)
{
    for (uint32_t t = 0; t < set->tombstone_count; t++) {
        bool hides = false;
        for (uint32_t i = 0; i < set->part_count; i++)
            hides |= is_hidden_in(set->tombstones[t], &set->parts[i]);
        if (!hides)
            return set->tombstones[t]->id;
    }
    return 0;
}

/* A part that could not be opened and is too old to be repaired; 0: there is none. */
static uint64_t expired_damage(const struct series_store *s, const struct chooser *c)
{
    size_t count;
    const struct catalogue_series_part *rows =
        catalogue_series_parts(s->config.store->catalogue, &count);
    for (size_t i = 0; i < count; i++) {
        uint32_t at = 0;
        while (at < c->set->part_count && c->set->parts[at].id != rows[i].id)
            at++;
        if (at == c->set->part_count && rows[i].max_time_ms < c->oldest_ms)
            return rows[i].id;
    }
    return 0;
}

static enum status step(struct series_store *s, const struct chooser *c, bool *did, struct err *e)
{
    struct arena arena = {0};
    struct plan plan;
    uint64_t damaged = expired_damage(s, c);
    struct exchange burial = {
        .ids = &damaged, .count = damaged != 0, .dead_tombstone = dead_tombstone(c->set)};
    *did = true;
    if (burial.count || burial.dead_tombstone)
        return exchange(s, &burial, e);
    *did = choose(c, &plan);
    if (!*did)
        return ST_OK;
    enum status status = run_plan(s, c->set, &plan, &arena, e);
    arena_deinit(&arena);
    return status;
}

enum status series_maintain_step(struct series_store *s, uint64_t now_ns, bool compact, bool *did,
                                 struct err *e)
{
    int64_t keep_ms = (int64_t)(s->config.retention_ns / NS_PER_MS);
    struct chooser c = {
        .s = s, .set = series_store_set(s), .mono_ns = clock_mono_ns(), .compact = compact};
    c.now_ms = (int64_t)(now_ns / NS_PER_MS);
    c.oldest_ms = keep_ms ? c.now_ms - keep_ms : INT64_MIN;
    enum status status = step(s, &c, did, e);
    series_set_unref((struct series_set *)c.set);
    return status;
}
