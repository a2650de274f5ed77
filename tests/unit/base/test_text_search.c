/* test_text_search.c - the steps of many bytes find what comparing at every place finds. */
#include "base/text_search.h"
#include "tests/support/random.h"
#include "base/mem.h"
#include "tests/support/leak.h"
#include <criterion/new/assert.h>

enum { TEXT_MAX = 400 };

static size_t search_naively(struct str text, bool nocase, struct str in, size_t from)
{
    for (; from + text.len <= in.len; from++) {
        struct str here = str_sub(in, from, from + text.len);
        if (nocase ? str_eq_nocase(here, text) : str_eq(here, text))
            return from;
    }
    return in.len;
}

/* The bytes are those of an allocation of their own, so that ASan sees a step too far. */
static void expect_same(const char *bytes, size_t len, struct str text, bool nocase)
{
    char *copy = mem_alloc(len + 1);
    struct text_search s = {text, nocase};
    struct str in = {copy + 1, len};
    memcpy(copy + 1, bytes, len);
    for (size_t from = 0; from <= len; from += 1 + from / 3)
        cr_assert(eq(sz, text_search_next(&s, in, from), search_naively(text, nocase, in, from)),
                  "%zu bytes from %zu, text of %zu", len, from, text.len);
    mem_free(copy);
}

Test(text_search, finds_what_comparing_finds, .timeout = 60)
{
    static const char letters[] = "abABk@`[{\xc3\x00z";
    uint64_t state = 7;
    char bytes[TEXT_MAX], text[80];
    for (int round = 0; round < 20000; round++) {
        bool nocase = round % 2;
        size_t len = (state >> 20) % TEXT_MAX, text_len = 1 + (state >> 40) % (round % 5 ? 4 : 80);
        size_t kinds = round % 3 ? 2 : sizeof(letters) - 1;
        for (size_t i = 0; i < sizeof(bytes); i++) {
            (void)random_step(&state);
            bytes[i] = letters[(state >> 33) % kinds];
        }
        for (size_t i = 0; i < text_len; i++) {
            char c = bytes[(len + i) % sizeof(bytes)];
            text[i] = nocase && c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
        }
        expect_same(bytes, len, (struct str){text, text_len}, nocase);
        if (len >= text_len) /* one that is there, at the end */
            expect_same(bytes, len, str_sub((struct str){bytes, len}, len - text_len, len), false);
    }
    EXPECT_NO_LEAK();
}
