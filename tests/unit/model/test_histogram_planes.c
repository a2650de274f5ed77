/* test_histogram_planes.c - bit planes become the same counts by every way of turning them. */
#include "model/histogram_codec.h"
#include "tests/support/random.h"

#include "base/mem.h"
#include <criterion/criterion.h>

enum { GROUPS = 16, ROUNDS = 2000, CODES = 16 };

static uint64_t state;

static uint32_t next_random(void)
{
    return (uint32_t)(random_step(&state) >> 33);
}

typedef bool add_fn(const struct histogram_head *head, uint32_t scale, uint32_t *slots);

struct planes {
    uint8_t *bytes; /* owned, of exactly that length: reading behind it is an error under asan */
    size_t len;
    uint32_t counts[GROUPS * PLANE_GROUP];
};

/* Random counts, written plane by plane as docs/formats/histogram.md says. */
static struct planes draw(unsigned most_code)
{
    struct planes p = {.len = GROUPS / 2};
    uint8_t codes[GROUPS];
    for (unsigned g = 0; g < GROUPS; g++) {
        codes[g] = (uint8_t)(next_random() % (most_code + 1));
        p.len += 2 * (size_t)histogram_code_planes[codes[g]];
    }
    p.bytes = mem_calloc(p.len, 1);
    cr_assert(p.bytes != NULL);
    uint8_t *at = p.bytes + GROUPS / 2;
    for (unsigned g = 0; g < GROUPS; g++) {
        p.bytes[g / 2] |= (uint8_t)(codes[g] << (4 * (g & 1)));
        for (unsigned plane = 0; plane < histogram_code_planes[codes[g]]; plane++, at += 2) {
            at[0] = (uint8_t)next_random();
            at[1] = (uint8_t)next_random();
            for (unsigned j = 0; j < PLANE_GROUP; j++)
                p.counts[g * PLANE_GROUP + j] += (uint32_t)(at[j / 8] >> j % 8 & 1) << plane;
        }
    }
    return p;
}

static void expect_counts(const struct planes *p, add_fn *add, uint32_t scale)
{
    uint32_t slots[GROUPS * PLANE_GROUP];
    struct histogram_head head = {.mode = MODE_PLANES,
                                  .span = GROUPS * PLANE_GROUP - 1,
                                  .payload = {p->bytes, p->bytes + p->len, false}};
    for (size_t i = 0; i < LEN(slots); i++)
        slots[i] = (uint32_t)i;
    cr_assert(add(&head, scale, slots));
    for (size_t i = 0; i < LEN(slots); i++)
        cr_assert_eq(slots[i], p->counts[i] * scale + (uint32_t)i, "bucket %zu", i);
    head.payload.end--;
    cr_assert(!add(&head, scale, slots), "cut off");
}

static void expect_all_counts(add_fn *add)
{
    state = 1;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct planes p = draw(1 + round % (CODES - 1));
        expect_counts(&p, add, 1);
        expect_counts(&p, add, 3);
        mem_free(p.bytes);
    }
}

Test(histogram_planes, plain_vectors_give_the_counts)
{
    expect_all_counts(histogram_planes_add_plain);
}

Test(histogram_planes, wide_vectors_give_the_counts)
{
    if (!histogram_planes_is_wide())
        cr_skip_test("this processor lacks AVX-512 or GFNI");
    expect_all_counts(histogram_planes_add_wide);
}

Test(histogram_planes, this_processor_gives_the_counts)
{
    expect_all_counts(histogram_planes_add);
}
