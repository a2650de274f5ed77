/* series_states.c - the last state of every series, and who is active. */
#include "storage/series_states.h"
#include "base/hash.h"
#include "storage/series_histogram_image.h"

#define ACTIVE_STEP_NS (600 * NS_PER_S)

enum { ACTIVE_FOR = 6 }; /* steps before this one */

static const struct series_state nothing = {
    .first_ms = INT64_MAX, .last_ms = INT64_MIN, .is_known = true};

void series_states_init(struct series_states *s, uint64_t seed)
{
    *s = (struct series_states){.states.item_bytes = sizeof(struct series_state), .seed = seed};
    s->totals.seed = s->histogram_totals.seed = s->sender_ids.seed = seed;
}

static void total_free(struct histogram_total *t)
{
    if (!t)
        return;
    arena_deinit(&t->arenas[0]);
    arena_deinit(&t->arenas[1]);
    mem_free(t);
}

void series_states_deinit(struct series_states *s)
{
    size_t at = 0;
    uint64_t id, total;
    while (map64_next(&s->histogram_totals, &at, &id, &total))
        total_free((struct histogram_total *)(uintptr_t)total);
    pages_deinit(&s->states);
    map64_deinit(&s->totals);
    map64_deinit(&s->histogram_totals);
    map64_deinit(&s->sender_ids);
    vec_deinit(&s->senders);
}

struct series_state *series_state_put(struct series_states *s, uint32_t id)
{
    struct series_state *state = pages_put(&s->states, id);
    if (state && !state->is_known)
        *state = nothing;
    return state;
}

/* --- delta histograms --- */

/* The entry of a series, made when missing; NULL: no memory. */
static struct histogram_total *total_get(struct series_states *s, uint32_t id)
{
    bool added;
    uint64_t *slot = map64_put(&s->histogram_totals, id, &added);
    if (!slot)
        return NULL;
    if (*slot == 0)
        *slot = (uintptr_t)mem_calloc(1, sizeof(struct histogram_total));
    return (struct histogram_total *)(uintptr_t)*slot;
}

enum status series_histogram_add(struct series_states *s, uint32_t id,
                                 const struct native_histogram *increase,
                                 const struct native_histogram **total, struct err *e)
{
    struct histogram_total *t = total_get(s, id);
    if (!t)
        return err_set(e, ST_NO_MEMORY, "no memory for a running histogram");
    struct arena *next = &t->arenas[!t->at];
    struct native_sum sum = {.arena = next};
    arena_reset(next);
    if (t->sum)
        TRY(native_sum_add(&sum, t->sum, 1));
    TRY(native_sum_add(&sum, increase, 1));
    struct native_histogram *taken = native_sum_take(&sum);
    if (!taken)
        return err_set(e, ST_NO_MEMORY, "no memory for a running histogram");
    /* The sum may borrow its bounds of the increase, which goes away. */
    const struct native_histogram *own = native_histogram_copy(taken, next);
    if (!own)
        return err_set(e, ST_NO_MEMORY, "no memory for a running histogram");
    *total = own;
    return ST_OK;
}

void series_histogram_keep(struct series_states *s, uint32_t id,
                           const struct native_histogram *total)
{
    struct histogram_total *t =
        (struct histogram_total *)(uintptr_t)*map64_find(&s->histogram_totals, id);
    t->sum = total;
    t->at = !t->at;
}

/* --- who is active --- */

uint16_t series_sender_get(struct series_states *s, struct str sender)
{
    bool added;
    sender = str_sub(sender, 0, str_find_last(sender, ':'));
    if (s->senders.len == 0 && !vec_push(&s->senders, (struct series_sender){0}))
        return 0;
    uint64_t *at = map64_find(&s->sender_ids, hash_str(sender, s->seed));
    if (at)
        return (uint16_t)*at;
    if (s->senders.len > SENDERS_MAX || !vec_reserve(&s->senders, 1))
        return 0;
    at = map64_put(&s->sender_ids, hash_str(sender, s->seed), &added);
    if (!at)
        return 0;
    struct series_sender *entry = &s->senders.items[s->senders.len];
    *entry = (struct series_sender){0};
    str_to_c(sender, entry->name, sizeof(entry->name));
    *at = s->senders.len++;
    return (uint16_t)*at;
}

static void forget_steps(struct active_counts *c, uint32_t from, uint32_t to)
{
    for (uint32_t step = from; step != to; step++)
        c->by_step[(step + 1) % ACTIVE_STEPS] = 0;
}

/* The clock was far ahead and is set right: what was counted in its steps would be active until it
 * is there again. Everything that is fed on is counted anew. */
static void begin_anew(struct series_states *s, uint32_t step)
{
    for (size_t page = 0; page < s->states.cap; page++)
        for (uint32_t i = 0; s->states.pages[page] && i < PAGE_ITEMS; i++)
            ((struct series_state *)pages_get(&s->states, (uint32_t)page << PAGE_SHIFT | i))
                ->active_step = 0;
    s->active = (struct active_counts){0};
    for (size_t i = 0; i < s->senders.len; i++)
        s->senders.items[i].active = (struct active_counts){0};
    s->step = step;
}

void series_states_clock(struct series_states *s, uint64_t arrival_ns)
{
    uint32_t step = (uint32_t)(arrival_ns / ACTIVE_STEP_NS);
    if (step < s->step && s->step - step >= ACTIVE_STEPS)
        begin_anew(s, step);
    if (step <= s->step)
        return;
    uint32_t from = step - s->step > ACTIVE_STEPS ? step - ACTIVE_STEPS : s->step;
    forget_steps(&s->active, from, step);
    for (size_t i = 0; i < s->senders.len; i++)
        forget_steps(&s->senders.items[i].active, from, step);
    s->step = step;
}

static struct active_counts *counts_of_sender(struct series_states *s, uint16_t sender)
{
    return sender < s->senders.len ? &s->senders.items[sender].active : NULL;
}

static bool is_counted(const struct series_states *s, uint32_t step)
{
    return step && s->step - step < ACTIVE_STEPS;
}

static void count(struct series_states *s, const struct series_state *state, int change)
{
    if (!is_counted(s, state->active_step))
        return;
    struct active_counts *own = counts_of_sender(s, state->sender);
    s->active.by_step[state->active_step % ACTIVE_STEPS] += (uint32_t)change;
    if (own)
        own->by_step[state->active_step % ACTIVE_STEPS] += (uint32_t)change;
}

void series_state_touch(struct series_states *s, struct series_state *state)
{
    if (LIKELY(state->active_step == s->step))
        return;
    count(s, state, -1);
    state->active_step = s->step;
    count(s, state, 1);
}

void series_state_forget(struct series_states *s, uint32_t id)
{
    struct series_state *state = pages_find(&s->states, id);
    uint64_t *total = map64_find(&s->histogram_totals, id);
    if (total)
        total_free((struct histogram_total *)(uintptr_t)*total);
    map64_remove(&s->histogram_totals, id);
    map64_remove(&s->totals, id);
    if (!state)
        return;
    count(s, state, -1);
    *state = nothing;
}

void series_states_tidy(struct series_states *s, const uint32_t *left, uint32_t count,
                        uint32_t next_id)
{
    uint32_t at = 0;
    for (uint32_t page = 0; page < next_id >> PAGE_SHIFT; page++) {
        while (at < count && left[at] >> PAGE_SHIFT < page)
            at++;
        if (at == count || left[at] >> PAGE_SHIFT > page)
            pages_drop(&s->states, page << PAGE_SHIFT);
    }
}

uint32_t series_active_count(const struct series_states *s, const struct active_counts *c)
{
    uint32_t sum = 0;
    for (uint32_t back = 0; back <= ACTIVE_FOR && back < s->step; back++)
        sum += c->by_step[(s->step - back) % ACTIVE_STEPS];
    return sum;
}

/* --- the image --- */

enum { HAS_SAMPLES = 1, IS_HISTOGRAM = 2, IS_INTEGER = 4 };

static bool is_integer(double v)
{
    return v >= -9007199254740992.0 && v <= 9007199254740992.0 && v == (double)(int64_t)v &&
           !(v == 0 && __builtin_signbit(v));
}

static void encode_state(const struct series_states *s, const struct series_state *state,
                         int64_t *last_ms, struct buf *out)
{
    bool has = state->first_ms <= state->last_ms, integer = is_integer(state->last_value);
    buf_append_u8(out, (uint8_t)((has ? HAS_SAMPLES : 0) |
                                 (state->last_is_histogram ? IS_HISTOGRAM : 0) |
                                 (integer ? IS_INTEGER : 0)));
    buf_append_varint(out, state->sender);
    buf_append_varint(out,
                      is_counted(s, state->active_step) ? s->step - state->active_step + 1 : 0);
    if (!has)
        return;
    buf_append_zigzag(out, (int64_t)((uint64_t)state->last_ms - (uint64_t)*last_ms));
    buf_append_varint(out, (uint64_t)state->last_ms - (uint64_t)state->first_ms);
    *last_ms = state->last_ms;
    uint64_t bits;
    memcpy(&bits, &state->last_value, sizeof(bits));
    if (integer)
        buf_append_zigzag(out, (int64_t)state->last_value);
    else
        buf_append_u64(out, bits);
}

static void encode_senders(const struct series_states *s, struct buf *out)
{
    buf_append_varint(out, s->senders.len);
    for (size_t i = 0; i < s->senders.len; i++)
        buf_append_lenstr(out, str_from_c(s->senders.items[i].name));
}

static void encode_totals(const struct series_states *s, struct buf *out)
{
    size_t at = 0;
    uint64_t id, total;
    buf_append_varint(out, s->totals.count);
    while (map64_next(&s->totals, &at, &id, &total)) {
        buf_append_varint(out, id);
        buf_append_u64(out, total);
    }
    at = 0;
    while (map64_next(&s->histogram_totals, &at, &id, &total)) {
        const struct histogram_total *t = (struct histogram_total *)(uintptr_t)total;
        if (!t || !t->sum)
            continue;
        buf_append_varint(out, id);
        series_histogram_encode(t->sum, out);
    }
    buf_append_varint(out, 0);
}

void series_states_encode(const struct series_states *s, const uint32_t *ids, uint32_t count,
                          struct buf *out)
{
    int64_t last_ms = 0;
    uint32_t last_id = 0;
    buf_append_u32(out, s->step);
    encode_senders(s, out);
    buf_append_varint(out, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct series_state *state = series_state_find(s, ids[i]);
        buf_append_varint(out, ids[i] - last_id);
        encode_state(s, state ? state : &nothing, &last_ms, out);
        last_id = ids[i];
    }
    encode_totals(s, out);
}

static enum status corrupt(struct err *e)
{
    return err_set(e, ST_CORRUPT, "the state of series is damaged");
}

static enum status decode_senders(struct series_states *s, struct cursor *in, struct err *e)
{
    uint64_t senders = cursor_varint(in);
    for (uint64_t i = 0; i < senders && !in->failed; i++) {
        struct series_sender entry = {0};
        bool added;
        struct str name = cursor_lenstr(in);
        if (name.len >= sizeof(entry.name) || i > SENDERS_MAX)
            return corrupt(e);
        str_to_c(name, entry.name, sizeof(entry.name));
        uint64_t *at = i ? map64_put(&s->sender_ids, hash_str(name, s->seed), &added) : NULL;
        if ((i && !at) || !vec_push(&s->senders, entry))
            return err_set(e, ST_NO_MEMORY, "no memory for the senders of series");
        if (at)
            *at = i;
    }
    return in->failed ? corrupt(e) : ST_OK;
}

static void decode_state(struct series_states *s, struct cursor *in, struct series_state *out,
                         int64_t *last_ms)
{
    uint8_t flags = cursor_u8(in);
    *out = nothing;
    out->sender = (uint16_t)cursor_varint(in);
    uint64_t back = cursor_varint(in);
    out->active_step = back && back <= ACTIVE_STEPS ? s->step - (uint32_t)back + 1 : 0;
    out->last_is_histogram = flags & IS_HISTOGRAM;
    if (!(flags & HAS_SAMPLES))
        return;
    *last_ms = (int64_t)((uint64_t)*last_ms + (uint64_t)cursor_zigzag(in));
    out->last_ms = *last_ms;
    out->first_ms = (int64_t)((uint64_t)*last_ms - cursor_varint(in));
    uint64_t bits = 0;
    if (flags & IS_INTEGER)
        out->last_value = (double)cursor_zigzag(in);
    else
        bits = cursor_u64(in);
    if (!(flags & IS_INTEGER))
        memcpy(&out->last_value, &bits, sizeof(bits));
}

static enum status decode_totals(struct series_states *s, struct cursor *in, struct err *e)
{
    bool added;
    uint64_t totals = cursor_varint(in);
    for (uint64_t i = 0; i < totals && !in->failed; i++) {
        uint64_t id = cursor_varint(in), bits = cursor_u64(in), *slot;
        slot = id && id <= UINT32_MAX ? map64_put(&s->totals, id, &added) : NULL;
        if (!slot)
            return corrupt(e);
        *slot = bits;
    }
    for (uint64_t id; (id = cursor_varint(in)) != 0;) {
        struct histogram_total *t = id <= UINT32_MAX ? total_get(s, (uint32_t)id) : NULL;
        if (!t || t->sum)
            return corrupt(e);
        TRY(series_histogram_decode(in, &t->arenas[t->at], &t->sum, e));
    }
    return in->failed ? corrupt(e) : ST_OK;
}

enum status series_states_decode(struct series_states *s, struct cursor *in,
                                 bool (*has)(uint32_t id, void *user), void *user, struct err *e)
{
    int64_t last_ms = 0;
    uint64_t id = 0;
    s->step = cursor_u32(in);
    TRY(decode_senders(s, in, e));
    uint64_t states = cursor_varint(in);
    for (uint64_t i = 0; i < states && !in->failed; i++) {
        struct series_state decoded;
        uint64_t gap = cursor_varint(in);
        id += gap;
        decode_state(s, in, &decoded, &last_ms);
        if (gap == 0 || gap > UINT32_MAX || id > UINT32_MAX)
            return corrupt(e);
        if (!has((uint32_t)id, user))
            continue;
        struct series_state *state = series_state_put(s, (uint32_t)id);
        if (!state)
            return err_set(e, ST_NO_MEMORY, "no memory for the state of series");
        *state = decoded;
        count(s, state, 1);
    }
    return decode_totals(s, in, e);
}
