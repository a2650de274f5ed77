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
