/* test_resting.c - open spans come out of a block as they went in, and objects of slabs are what
 * was given back last. */
#include "collector/resting.h"
#include "tests/support/random.h"
#include "support/leak.h"
#include <criterion/criterion.h>
#include <string.h>

static uint64_t next_random(uint64_t *state)
{
    (void)random_step(state);
    return *state ^ *state >> 29;
}

/* A number of at most `bits` bits, of any length. */
static uint64_t some(uint64_t *state, unsigned bits)
{
    return next_random(state) >> (64 - bits) >> next_random(state) % bits;
}

static uint32_t make(struct open_span *spans, uint64_t seed)
{
    uint64_t state = seed;
    uint32_t count = 1 + (uint32_t)(seed % RESTING_SPANS);
    bool plain = seed % 2;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t inside = i ? spans[next_random(&state) % i].id : 0;
        uint64_t parents[] = {0, inside, next_random(&state), seed * 7919};
        spans[i] = (struct open_span){
            .arrival = (uint32_t)(plain ? 1000 + i : next_random(&state)),
            .id = next_random(&state) | 1,
            .parent = parents[next_random(&state) % LEN(parents)],
            .end_ns = plain ? UINT64_C(1700000000000000000) + some(&state, 30) : some(&state, 63),
            .duration_ns = some(&state, plain ? 30 : DURATION_BITS) & DURATION_MAX,
            .request_bytes = plain ? UINT32_MAX : (uint32_t)some(&state, 32),
            .response_bytes = (uint32_t)some(&state, 32),
            .flags = plain ? 0 : (uint16_t)some(&state, 16),
            .weight = plain ? 0 : (uint16_t)some(&state, 16),
        };
        spans[i].outcome |= some(&state, 15) << DURATION_BITS;
        for (size_t k = 0; k < LEN(spans[i].what); k++)
            spans[i].what[k] = (uint32_t)next_random(&state);
    }
    return count;
}

static bool same(const struct open_span *a, const struct open_span *b, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (memcmp(&a[i], &b[i], sizeof(a[i])) != 0)
            return false;
    return true;
}

Test(resting, round_trip)
{
    enum { TRACES = 20000 };
    static uint32_t names[TRACES];
    struct blocks b = {0};
    struct open_span in[RESTING_SPANS], out[RESTING_SPANS];
    uint32_t too_large = 0;
    for (uint64_t i = 0; i < TRACES; i++) {
        names[i] = resting_put(&b, in, make(in, i));
        too_large += names[i] == 0;
    }
    /* Only many spans that have nothing in common do not fit. */
    cr_expect(0 < too_large && too_large < TRACES / 5, "%u do not fit", too_large);
    for (uint64_t i = 0; i < TRACES; i++) {
        uint32_t count = make(in, i);
        cr_assert(names[i] || count > 20, "%u spans of trace %llu", count, (unsigned long long)i);
        if (!names[i])
            continue;
        cr_expect(resting_get(&b, names[i], out) == count && same(in, out, count), "trace %llu",
                  (unsigned long long)i);
        block_give(&b, names[i]);
    }
    cr_expect(b.used_bytes == 0);
    blocks_deinit(&b);
    EXPECT_NO_LEAK();
}

Test(resting, a_span_is_much_smaller)
{
    struct blocks b = {0};
    struct open_span in[RESTING_SPANS];
    for (uint32_t i = 0; i < 10; i++)
        in[i] = (struct open_span){
            .id = 100 + i,
            .parent = i ? 99 + i : 0,
            .end_ns = UINT64_C(1700000000000000000) + i * 1000000,
            .duration_ns = 5000000 + i,
            .arrival = 77 + i % 3,
            .owner = 70000,
            .response_bytes = 900 + i,
        };
    cr_assert(resting_put(&b, in, 10) != 0);
    cr_expect(b.used_bytes <= 40 * 10, "%zu bytes", b.used_bytes);
    blocks_deinit(&b);
}

Test(resting, names_and_marks_change_in_place)
{
    struct blocks b = {0};
    struct open_span spans[RESTING_SPANS], out[RESTING_SPANS];
    uint32_t count = make(spans, 19), first = make(out, 18);
    uint32_t before = resting_put(&b, out, first), name = resting_put(&b, spans, count);
    cr_assert(before && name);
    for (uint32_t i = 0; i < count; i++) {
        spans[i].owner = NAME_BITS - i;
        spans[i].dest = i;
        spans[i].operation = 3 * i;
        spans[i].is_new = false;
    }
    resting_rename(&b, name, spans);
    resting_mark(&b, name, false);
    cr_expect(resting_get(&b, name, out) == count && same(spans, out, count));
    cr_expect(resting_any_viewed(&b, name));
    resting_mark(&b, name, true);
    cr_expect(!resting_any_viewed(&b, name));
    (void)resting_get(&b, name, out);
    cr_expect(out[0].is_new && out[count - 1].is_new);
    cr_expect(resting_get(&b, before, out) == make(spans, 18) && same(spans, out, first));
    blocks_deinit(&b);
    EXPECT_NO_LEAK();
}

/* What was given back last is taken first, whatever was taken and given between. */
Test(resting, slabs_are_stacks)
{
    enum { OBJECTS = 5000 };
    static uint32_t stack[OBJECTS];
    struct slab s = {.item_bytes = 8, .chunk_shift = 6};
    uint32_t given = 0;
    uint64_t state = 7;
    for (uint32_t i = 0; i < OBJECTS; i++)
        stack[i] = slab_take(&s);
    for (uint32_t round = 0; round < 1000; round++) {
        for (uint64_t n = next_random(&state) % 40; n > 0 && given < OBJECTS; n--)
            slab_give(&s, stack[given++]);
        for (uint64_t n = next_random(&state) % 35; n > 0 && given > 0; n--)
            cr_assert(slab_take(&s) == stack[--given], "round %u", round);
    }
    cr_expect(given > 0 && s.live == OBJECTS - given);
    slab_deinit(&s);
    EXPECT_NO_LEAK();
}

/* Free chunks go, names that are taken keep what they hold, and what stays free is taken in the
 * order that it had. */
Test(resting, slabs_give_back)
{
    enum { ROUNDS = 400, MOST = 3000, ITEM_BYTES = 16 };
    struct slab s = {.item_bytes = ITEM_BYTES, .chunk_shift = 5};
    static uint32_t taken[MOST];
    uint32_t count = 0;
    uint64_t state = 11;
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint32_t want = (uint32_t)(next_random(&state) % (round % 8 == 7 ? 3 : MOST));
        for (; count < want; count++) {
            taken[count] = slab_take(&s);
            for (unsigned k = 0; k < ITEM_BYTES / 4; k++)
                ((uint32_t *)slab_at(&s, taken[count]))[k] = taken[count];
        }
        while (count > want) {
            uint32_t at = round % 2 ? count - 1 : (uint32_t)(next_random(&state) % count);
            slab_give(&s, taken[at]);
            taken[at] = taken[--count];
        }
        size_t held = slab_bytes(&s);
        slab_trim(&s);
        cr_assert(slab_bytes(&s) <= held && s.live == count, "round %u", round);
        cr_assert(slab_bytes(&s) <= (count + 1) * (ITEM_BYTES << s.chunk_shift), "round %u", round);
        for (uint32_t i = 0; i < count; i++)
            for (unsigned k = 0; k < ITEM_BYTES / 4; k++)
                cr_assert(((uint32_t *)slab_at(&s, taken[i]))[k] == taken[i], "round %u", round);
    }
    slab_deinit(&s);
    EXPECT_NO_LEAK();
}

/* What a trim leaves of the list is what was given back last, first, 8 names ahead known. */
Test(resting, what_stays_free_is_a_stack)
{
    enum { COUNT = 640 };
    struct slab s = {.item_bytes = 8, .chunk_shift = 6};
    uint32_t given[COUNT], left = 0;
    for (unsigned i = 0; i < COUNT; i++)
        (void)slab_take(&s);
    for (uint32_t name = 1; name < COUNT; name++) /* all but one name of each odd chunk */
        if (name % 128 != 64)
            slab_give(&s, name);
    for (uint32_t name = 1; name < COUNT; name++)
        if (name / 64 % 2 && name % 128 != 64)
            given[left++] = name;
    slab_trim(&s);
    cr_assert(slab_bytes(&s) == 6 * 64 * 8, "five odd chunks and the last");
    for (uint32_t ahead = 0; ahead < SLAB_AHEAD; ahead++)
        cr_expect(s.top[SLAB_AHEAD - 1 - ahead] == given[left - 1 - ahead]);
    while (left > 0) {
        cr_assert(slab_take_dirty(&s) == given[--left]);
        uint32_t next = left > SLAB_AHEAD - 1 ? given[left - SLAB_AHEAD] : 0;
        cr_assert(s.top[s.given] == next, "%u left", left);
    }
    cr_expect(slab_take_dirty(&s) > COUNT, "then of the chunk at hand");
    cr_expect(slab_bytes(&s) == 6 * 64 * 8);
    slab_deinit(&s);
    EXPECT_NO_LEAK();
}
