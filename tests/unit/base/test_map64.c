/* test_map64.c - against a model: a plain array indexed by key. */
#include "base/list.h"
#include "tests/support/random.h"
#include "base/map64.h"
#include "base/mem.h"
#include "tests/support/alloc_walk.h"
#include "tests/support/leak.h"

static uint64_t next_random(uint64_t *state)
{
    return random_step(state) >> 33;
}

Test(map64, empty)
{
    struct map64 m = {0};
    size_t at = 0;
    uint64_t k, v;
    cr_expect_null(map64_find(&m, 0));
    cr_expect_not(map64_remove(&m, 0));
    cr_expect_not(map64_next(&m, &at, &k, &v));
    map64_deinit(&m);
}

Test(map64, extreme_keys)
{
    struct map64 m = {.seed = 5};
    static const uint64_t keys[] = {0, 1, UINT64_MAX, (uint64_t)1 << 63, 5};
    bool added;
    for (size_t i = 0; i < LEN(keys); i++) {
        uint64_t *v = map64_put(&m, keys[i], &added);
        cr_expect(added);
        cr_expect_eq(*v, 0);
        *v = i + 1;
    }
    for (size_t i = 0; i < LEN(keys); i++) {
        cr_expect_eq(*map64_put(&m, keys[i], &added), i + 1);
        cr_expect_not(added);
    }
    cr_expect_eq(m.count, LEN(keys));
    map64_deinit(&m);
    cr_expect_eq(m.seed, 5, "the seed outlives the content");
    EXPECT_NO_LEAK();
}

Test(map64, behaves_as_its_model)
{
    enum { KEYS = 2000, STEPS = 200000 };
    static uint64_t model[KEYS]; /* 0 = absent */
    struct map64 m = {0};
    uint64_t state = 1;
    size_t count = 0;
    for (size_t step = 1; step <= STEPS; step++) {
        uint64_t key = next_random(&state) % KEYS;
        bool added;
        if (next_random(&state) % 5 < 2) {
            cr_assert_eq(map64_remove(&m, key), model[key] != 0);
            count -= model[key] != 0;
            model[key] = 0;
        } else {
            *map64_put(&m, key, &added) = step;
            cr_assert_eq(added, model[key] == 0);
            count += added;
            model[key] = step;
        }
    }
    cr_expect_eq(m.count, count);
    for (uint64_t key = 0; key < KEYS; key++) {
        const uint64_t *found = map64_find(&m, key);
        cr_assert_eq(found ? *found : 0, model[key], "key %llu", (unsigned long long)key);
    }
    size_t at = 0, seen = 0;
    for (uint64_t k, v; map64_next(&m, &at, &k, &v); seen++)
        cr_assert_eq(model[k], v);
    cr_expect_eq(seen, count);
    map64_deinit(&m);
    EXPECT_NO_LEAK();
}

Test(map64, clear_forgets_all)
{
    struct map64 m = {.seed = 3};
    bool added;
    map64_clear(&m);
    for (unsigned round = 0; round < 3; round++) {
        for (uint64_t key = 0; key < 1000; key++) {
            uint64_t *value = map64_put(&m, key, &added);
            cr_assert(added && *value == 0, "round %u, key %u", round, (unsigned)key);
            *value = key + 1;
        }
        cr_expect_eq(m.count, 1000);
        cr_expect(map64_bytes(&m) == 2048 * 17, "three quarters of 1024 slots are too few");
        map64_clear(&m);
        cr_expect(m.count == 0 && !map64_find(&m, 7));
    }
    map64_deinit(&m);
    cr_expect(map64_bytes(&m) == 0);
    EXPECT_NO_LEAK();
}

Test(map64, keeps_its_content_when_memory_is_short)
{
    struct alloc_walk walk = {0};
    while (alloc_walk_next(&walk)) {
        struct map64 m = {0};
        size_t stored = 0;
        bool added;
        for (uint64_t i = 0; i < 100; i++) {
            uint64_t *v = map64_put(&m, i, &added);
            if (v)
                *v = i + 1, stored++;
        }
        cr_assert_eq(m.count, stored);
        for (uint64_t i = 0; i < 100; i++) {
            const uint64_t *v = map64_find(&m, i);
            cr_assert(!v || *v == i + 1);
        }
        map64_deinit(&m);
    }
    cr_expect_gt(walk.failures, 2);
    EXPECT_NO_LEAK();
}

struct item {
    struct list link;
    int value;
};

Test(list, keeps_order_and_survives_removal_while_walking)
{
    struct list head;
    struct item items[5];
    list_init(&head);
    cr_expect(list_is_empty(&head));
    cr_expect_null(list_pop(&head));
    for (int i = 0; i < 5; i++) {
        items[i].value = i;
        list_add_tail(&head, &items[i].link);
    }
    int expected = 0;
    LIST_EACH(node, &head)
    {
        struct item *item = CONTAINER_OF(node, struct item, link);
        cr_expect_eq(item->value, expected++);
        if (item->value % 2)
            list_remove(node);
    }
    for (int want = 0; want < 5; want += 2)
        cr_expect_eq(CONTAINER_OF(list_pop(&head), struct item, link)->value, want);
    cr_expect(list_is_empty(&head));
}
